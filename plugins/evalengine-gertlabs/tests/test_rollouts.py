"""Episodes driven by the published client: played out, stepped, repeated, fed to its adapters."""

import contextlib
import json
import random

import pytest
from gertlabs import ConflictError, GertError, NotFoundError, ValidationError, rollouts
from gertlabs.openenv_env import GertEnv
from model_server import ModelServer


@pytest.fixture
def run_id(client):
    return client.rollout_runs.open(max_episodes=2_000)["run_id"]


@pytest.fixture
def another(served):
    """Return what makes clients of keys of their own."""
    with contextlib.ExitStack() as open_ones:
        yield lambda *scopes: open_ones.enter_context(served.client(*scopes))


def first(observation, _seat=None):
    return [{"action": observation["_action_space"][0]}]


def drawn(seed=0):
    luck = random.Random(seed)
    return lambda observation, _seat=None: [{"action": luck.choice(observation["_action_space"])}]


def stepped(client, run_id, position, act=first):
    """Step an episode by what it shows of itself; return what it shows then."""
    actions = {seat: act(position["observations"][seat]) for seat in position["on_turn_seats"]}
    found = client.rollout_runs.step(run_id, position["episode_id"], actions=actions, expected_tick=position["tick"])
    return found | {"episode_id": position["episode_id"]}


# ------------------------------------------------------------------------------- whole episodes


def test_self_play_ends_with_scores_that_the_rewards_add_up_to(client, run_id):
    found = rollouts.run_episode(client, run_id, game="tictactoe", act_fn=drawn(), seed=7)
    assert found["policy_seats"] == ["p0", "p1"]
    assert found["completion_reason"] == "game_complete"
    rewards = {seat: sum(step["rewards"][seat] for step in found["steps"]) for seat in ("p0", "p1")}
    assert rewards == found["scores"]
    assert found["total_reward"] == found["score"] == found["scores"]["p0"]
    assert sorted(found["outcomes"].values()) in (["loss", "win"], ["draw", "draw"])


def test_an_episode_against_the_league_solicits_the_policy_alone(client, run_id):
    seats = set()
    for seed in range(8):
        position = client.rollout_runs.reset(run_id, game="connect4", opponent_seats=1, seed=seed, min_percentile=0.9)
        (seat,) = position["policy_seats"]
        seats.add(seat)
        assert position["tick"] == (seat == "p1"), "the opponent has opened where it is first"
        (opponent,) = position["opponents"]
        assert opponent["name"].startswith("mcts")
        assert opponent["seat"] != seat
        client.rollout_runs.close_episode(run_id, position["episode_id"])
    assert seats == {"p0", "p1"}
    found = rollouts.run_episode(client, run_id, game="tictactoe", act_fn=first, opponent_seats=1, max_percentile=0.1)
    assert found["outcome"] in {"win", "loss", "draw"}
    assert found["rank"] in {1, 2}
    assert "scores" not in found, "one seat is driven: the client shows no maps"


def test_seats_of_a_simultaneous_game_act_at_once_and_an_empty_list_does_nothing(client, run_id):
    position = client.rollout_runs.reset(run_id, game="market_simulator", player_count=3, max_ticks=5, seed=3)
    assert position["on_turn_seats"] == ["p0", "p1", "p2"]
    assert position["turn_based"] is False
    before, rewards = position["initial_scores"], dict.fromkeys(position["policy_seats"], 0.0)
    while not position["done"]:
        act = {seat: [] for seat in position["on_turn_seats"]}
        act["p1"] = {"good": "grain", "side": "buy", "quantity": 1, "price": 1}
        position = client.rollout_runs.step(run_id, position.get("episode_id"), actions=act)
        for seat, reward in position["rewards"].items():
            rewards[seat] += reward
    assert (position["tick"], position["completion_reason"]) == (5, "max_ticks")
    assert {seat: before[seat] + rewards[seat] for seat in before} == pytest.approx(position["scores"])
    assert position["failed_seats"] == []


def test_a_seed_makes_an_episode_again(client, run_id):
    def values(seed):
        position = client.rollout_runs.reset(run_id, game="market_simulator", seed=seed, max_ticks=9)
        shown = []
        while not position["done"]:
            position = stepped(client, run_id, position, lambda _: [])
            shown.append(position["observations"]["p0"]["values"])
        return shown

    assert values(5) == values(5)
    assert values(5) != values(6)


def test_tags_choose_a_game_and_a_wrong_difficulty_is_told(client, run_id):
    games = {client.rollout_runs.reset(run_id, tags=["matrix", "simultaneous"])["game"] for _ in range(20)}
    assert games == {"rps", "prisoners_dilemma"}
    with pytest.raises(NotFoundError, match="tags"):
        client.rollout_runs.reset(run_id, tags=["matrix", "no such tag"])
    with pytest.raises(ValidationError) as told:
        client.rollout_runs.reset(run_id, game="tictactoe", difficulty=0.5)
    assert told.value.code == "DIFFICULTY_UNSUPPORTED"


# -------------------------------------------------------------------------------- bad output


@pytest.mark.parametrize("action", ["I resign", [{"action": 99}], [{"cell": 1}], [1, 2], {"action": None}, [[]], True])
def test_what_is_no_action_takes_the_seat_out(client, run_id, action):
    position = client.rollout_runs.reset(run_id, game="tictactoe")
    found = client.rollout_runs.step(run_id, position["episode_id"], action)
    assert (found["done"], found["completion_reason"]) == (True, "policy_failed")
    assert (found["failed_seats"], found["eliminated_seats"]) == (["p0"], [])
    assert found["rewards"] == {"p0": -1.0, "p1": 1.0}
    assert found["outcomes"] == {"p0": "loss", "p1": "win"}


@pytest.mark.parametrize("action", [4, [4], {"action": 4}, [{"action": 4}], "4", "[4]"])
def test_an_action_may_be_written_in_several_ways(client, run_id, action):
    position = client.rollout_runs.reset(run_id, game="tictactoe")
    found = client.rollout_runs.step(
        run_id, position["episode_id"], rollouts.parse_action(action) if isinstance(action, str) else action
    )
    assert found["observations"]["p1"]["board"][4] == 1


def test_who_crashes_is_eliminated_and_the_others_play_on(client, run_id):
    seen = set()
    for seed in range(6):
        position, act = client.rollout_runs.reset(run_id, game="tron", player_count=4, seed=seed), drawn(seed)
        while not position["done"]:
            assert position["failed_seats"] == position["eliminated_seats"]
            assert not set(position["on_turn_seats"]) & set(position["failed_seats"])
            seen.add(len(position["eliminated_seats"]))
            position = stepped(client, run_id, position, act)
        assert position["completion_reason"] == "game_complete"
    assert {0, 1} <= seen


def test_a_seat_that_gives_no_action_fails_and_one_that_is_not_asked_is_left_alone(client, run_id):
    position = client.rollout_runs.reset(run_id, game="market_simulator", player_count=3)
    found = client.rollout_runs.step(run_id, position["episode_id"], actions={"p0": [], "p2": []})
    assert (found["failed_seats"], found["done"], found["on_turn_seats"]) == (["p1"], False, ["p0", "p2"])
    assert found["rewards"]["p1"] == -position["initial_scores"]["p1"]
    with pytest.raises(ValidationError, match="on turn: p0, p2"):
        client.rollout_runs.step(run_id, position["episode_id"], actions={"p1": []})
    with pytest.raises(ValidationError, match="act at once"):
        client.rollout_runs.step(run_id, position["episode_id"], [])


# ------------------------------------------------------------------------------ once and again


def test_a_step_is_done_once_however_often_it_is_sent(client, run_id):
    position = client.rollout_runs.reset(run_id, game="market_simulator", max_ticks=3)
    episode, actions = position["episode_id"], {"p0": [], "p1": []}
    once = client.rollout_runs.step(run_id, episode, actions=actions, expected_tick=0)
    assert client.rollout_runs.step(run_id, episode, actions=actions, expected_tick=0) == once
    for other, tick in (({"p0": [], "p1": [{}]}, 0), (actions, 2), (actions, 7)):
        with pytest.raises(ConflictError) as told:
            client.rollout_runs.step(run_id, episode, actions=other, expected_tick=tick)
        assert told.value.code == "STEP_CONFLICT"
    client.rollout_runs.step(run_id, episode, actions=actions, expected_tick=1)
    last = client.rollout_runs.step(run_id, episode, actions=actions, expected_tick=2)
    assert last["done"]
    assert client.rollout_runs.step(run_id, episode, actions=actions, expected_tick=2) == last
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.step(run_id, episode, actions=actions, expected_tick=3)
    assert told.value.code == "EPISODE_COMPLETE"
    with pytest.raises(NotFoundError):
        client.rollout_runs.get_episode(run_id, episode)
    with pytest.raises(NotFoundError):
        client.rollout_runs.close_episode(run_id, episode)


def test_a_batch_steps_each_for_itself(client, run_id):
    positions = [client.rollout_runs.reset(run_id, game="connect4") for _ in range(20)]
    over = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    client.rollout_runs.step(run_id, over, "nonsense", expected_tick=0)
    steps = [{"episode_id": one["episode_id"], "action": 3, "expected_tick": 0} for one in positions]
    steps += [
        {"episode_id": over, "action": "nonsense", "expected_tick": 0},
        {"episode_id": "ep_unknown", "action": 3},
        {"episode_id": over, "action": 3, "expected_tick": 5},
    ]
    with pytest.raises(ValidationError, match="different episodes"):
        client.rollout_runs.step_batch(run_id, steps)
    found = client.rollout_runs.step_batch(run_id, steps[:-1])
    assert found == client.rollout_runs.step_batch(run_id, steps[:-1])
    assert [one["episode_id"] for one in found] == [one["episode_id"] for one in steps[:-1]]
    assert [one["ok"] for one in found] == [True] * 21 + [False]
    assert {one["tick"] for one in found[:20]} == {1}
    assert found[20]["completion_reason"] == "policy_failed"
    assert found[21]["error"]["code"] == "EPISODE_NOT_FOUND"
    (late,) = client.rollout_runs.step_batch(run_id, [steps[-1]])
    assert late["error"]["code"] == "STEP_CONFLICT"


# ------------------------------------------------------------------------------------ budgets


def test_a_run_has_so_many_episodes_and_can_be_given_more(client):
    run = client.rollout_runs.open(max_episodes=1, max_ticks_per_episode=50)
    run_id = run["run_id"]
    assert run["estimated_credits"] == pytest.approx(50 * 0.0004)
    rollouts.run_episode(client, run_id, game="tictactoe", act_fn=first)
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.reset(run_id, game="tictactoe")
    assert told.value.code == "RUN_EXHAUSTED"
    assert client.rollout_runs.extend(run_id, additional_episodes=1)["max_episodes"] == 2
    live = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    (listed,) = [one for one in client.rollout_runs.list(status="active") if one["run_id"] == run_id]
    assert (listed["episodes_used"], listed["ticks_used"]) == (2, 7)
    client.rollout_runs.step(run_id, live, 0)
    closed = client.rollout_runs.close(run_id)
    assert (closed["status"], closed["ticks_used"]) == ("closed", 8)
    assert closed["credits_used"] == pytest.approx(8 * 0.0004)
    assert client.rollout_runs.close(run_id) == closed
    with pytest.raises(NotFoundError):
        client.rollout_runs.step(run_id, live, 1)
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.reset(run_id, game="tictactoe")
    assert told.value.code == "RUN_CLOSED"
    assert run_id not in {one["run_id"] for one in client.rollout_runs.list(status="active")}


def test_runs_are_listed_by_pages_the_newest_first(another):
    client = another()
    made = [client.rollout_runs.open(max_episodes=1)["run_id"] for _ in range(5)]
    assert [run["run_id"] for run in client.rollout_runs.list(page_size=2)] == made[::-1]
    assert len(client.rollout_runs.list(max_items=3)) == 3


def test_the_band_follows_who_wins(client):
    run_id = client.rollout_runs.open(max_episodes=9, auto_curriculum=True, curriculum_ewma_alpha=0.5)["run_id"]
    bands = []
    for _ in range(3):
        position = client.rollout_runs.reset(run_id, game="tictactoe", opponent_seats=1)
        bands.append((position["min_percentile"], position["max_percentile"]))
        found = client.rollout_runs.step(run_id, position["episode_id"], "I resign")
        assert found["outcome"] == "loss"
    assert bands == [pytest.approx(band) for band in ((0.35, 0.65), (0.1, 0.4), (0.0, 0.275))]


# ----------------------------------------------------------------------------------- adapters


def test_openenv_trains_one_seat_against_a_callable(client):
    env = GertEnv(game="connect4", client=client, max_episodes=2, opponent_fn=first, seat="p1", auto_extend=3)
    for _ in range(3):
        shown = env.reset()
        assert shown.metadata["seat"] == "p1"
        assert "connect" in env.rules
        total = 0.0
        while not shown.done:
            assert env.format(shown.observation).startswith("Last observation:")
            shown = env.step(drawn()(shown.observation))
            total += shown.reward
        assert total == shown.metadata["score"]
    assert env.close()["episodes_used"] == 3


def test_openenv_refuses_several_seats_and_plays_against_the_league(client):
    with pytest.raises(RuntimeError, match="opponent_seats"):
        GertEnv(game="connect4", client=client, max_episodes=1).reset()
    env = GertEnv(game="tictactoe", client=client, max_episodes=1, opponent_seats=1, max_percentile=0.2, parse=True)
    shown = env.reset(seed=4)
    assert "Observation" in env.rules
    while not shown.done:
        shown = env.step(f'I think ```json\n[{{"action": {shown.observation["_action_space"][0]}}}]\n```')
    assert shown.metadata["outcome"] in {"win", "loss", "draw"}
    assert shown.metadata["failed"] is False
    env.close()


class _Player(ModelServer):
    """Reads the board from its prompt, and takes the first free cell."""

    def answer(self, body):
        seen = json.loads(body["messages"][-1]["content"].split("```json\n")[1].split("\n```")[0])
        cell = seen["board"].index(0)
        self.answers.append(cell)
        said = f'I take one.\n```json\n[{{"action": {cell}}}]\n```'
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        whole = {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
        return 200, json.dumps(whole).encode()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of libraries that the published adapter brings
def test_verifiers_plays_its_rollouts_here(client, monkeypatch):
    """Only where the client's extra is installed, which brings a gigabyte."""
    vf = pytest.importorskip("verifiers")
    from gertlabs.verifiers_env import load_environment

    monkeypatch.setenv("NOBODYS_KEY", "none")
    with (
        _Player() as player,
        load_environment(game="tictactoe", client=client, max_episodes=8, num_tasks=4, opponent_seats=1) as env,
    ):
        config = vf.ClientConfig(api_base_url=player.base_url, api_key_var="NOBODYS_KEY")
        columns = ["gert_outcome", "gert_completion_reason", "gert_total_reward", "gert_failed"]
        # Its own rows name a task by a text, which verifiers 0.1.14 does not take any more: the same rows without it.
        rows = [{"example_id": k, "prompt": [], "answer": "", "info": {"seed": k // 2}} for k in range(8)]
        found = env.generate_sync(rows, client=config, model="m", state_columns=columns)
    assert len(found["outputs"]) == 8
    for one in found["outputs"]:
        assert one["gert_completion_reason"] == "game_complete"
        assert one["gert_outcome"] in {"win", "loss", "draw"}
        assert one["reward"] == one["gert_total_reward"]
        assert one["gert_failed"] is False
    assert len(player.answers) >= 8 * 2
    assert all(body["messages"][0]["role"] == "system" for _, body in player.asked)
    assert "mark" in player.asked[0][1]["messages"][0]["content"]
    (run, *_) = client.rollout_runs.list(status="closed")
    assert run["episodes_used"] == 8


# --------------------------------------------------------------------------------- strangers


def test_what_is_anothers_does_not_exist(another, client, run_id):
    episode = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    other = another()
    mine = other.rollout_runs.open(max_episodes=1)["run_id"]
    calls = [
        lambda: other.rollout_runs.reset(run_id, game="tictactoe"),
        lambda: other.rollout_runs.step(run_id, episode, 1),
        lambda: other.rollout_runs.step(mine, episode, 1),
        lambda: other.rollout_runs.get_episode(mine, episode),
        lambda: other.rollout_runs.fork(run_id, episode),
        lambda: other.rollout_runs.fork_batch(mine, episode, 2),
        lambda: other.rollout_runs.complete(run_id, episode),
        lambda: other.rollout_runs.close_episode(run_id, episode),
        lambda: other.rollout_runs.extend(run_id, additional_episodes=1),
        lambda: other.rollout_runs.close(run_id),
        lambda: other.rollout_runs.step_batch(run_id, [{"episode_id": episode, "action": 1}]),
    ]
    for call in calls:
        with pytest.raises(NotFoundError):
            call()
    (refused,) = other.rollout_runs.step_batch(mine, [{"episode_id": episode, "action": 1}])
    assert refused["error"]["code"] == "EPISODE_NOT_FOUND"
    assert client.rollout_runs.get_episode(run_id, episode)["tick"] == 0
    with pytest.raises(GertError) as told:
        another("read").rollout_runs.open(max_episodes=1)
    assert told.value.status == 403


WRONG = [
    ("", {"max_episodes": 0}),
    ("", {"max_episodes": True}),
    ("", {"max_episodes": "5"}),
    ("", {}),
    ("", {"max_episodes": 1, "curriculum_band_width": 0.9}),
    ("", {"max_episodes": 1, "max_ticks_per_episode": 1e9}),
    ("/{run}/extend", {"additional_episodes": -1}),
    ("/{run}/episodes", {}),
    ("/{run}/episodes", {"game": "tictactoe", "tags": ["matrix"]}),
    ("/{run}/episodes", {"game": ["tictactoe"]}),
    ("/{run}/episodes", {"game": "tictactoe", "opponent_seats": 2}),
    ("/{run}/episodes", {"game": "tictactoe", "opponent_seats": -1}),
    ("/{run}/episodes", {"game": "tictactoe", "player_count": 3}),
    ("/{run}/episodes", {"game": "tictactoe", "seed": 1e300}),
    ("/{run}/episodes", {"game": "tictactoe", "max_ticks": 1001}),
    ("/{run}/episodes", {"game": "tictactoe", "min_percentile": 0.6, "max_percentile": 0.4}),
    ("/{run}/episodes", {"game": "tictactoe", "min_percentile": "low"}),
    ("/{run}/episodes", {"game": "tictactoe", "opponent_source": "mine"}),
    ("/{run}/episodes", {"game": "tictactoe", "opponent_created_after": "yesterday"}),
    ("/{run}/episodes/{episode}/step", {}),
    ("/{run}/episodes/{episode}/step", {"action": 1, "actions": {"p0": 1}}),
    ("/{run}/episodes/{episode}/step", {"actions": [1]}),
    ("/{run}/episodes/{episode}/step", {"actions": {"p7": 1}}),
    ("/{run}/episodes/{episode}/step", {"actions": {}}),
    ("/{run}/episodes/{episode}/step", {"action": 1, "expected_tick": "0"}),
    ("/{run}/episodes/{episode}/step", {"action": 1, "expected_tick": -1}),
    ("/{run}/steps", {"steps": []}),
    ("/{run}/steps", {"steps": {}}),
    ("/{run}/steps", {"steps": [7]}),
    ("/{run}/steps", {"steps": [{"episode_id": "{episode}"}]}),
    ("/{run}/steps", {"steps": [{"action": 1}]}),
    ("/{run}/steps", {"steps": [{"episode_id": f"ep_{k}", "action": 1} for k in range(129)]}),
    ("/{run}/episodes/{episode}/forks", {"count": 0}),
    ("/{run}/episodes/{episode}/forks", {"count": 129}),
    ("/{run}/episodes/{episode}/forks", {"count": 2, "op_key": ""}),
    ("/{run}/episodes/{episode}/forks", {"count": 2, "op_key": "\u00e9" * 100}),
    ("/{run}/episodes/{episode}/score-actions", {}),
    ("/{run}/episodes/{episode}/score-actions", {"candidate_actions": "all"}),
    ("/{run}/episodes/{episode}/score-actions", {"candidate_actions": [1] * 65}),
    ("/{run}/episodes/{episode}/score-actions", {"max_actions": 64, "samples_per_action": 101}),
    ("/{run}/episodes/{episode}/score-actions", {"max_actions": 2, "seat": "p9"}),
    ("/{run}/episodes/{episode}/complete", {"samples": 101}),
    ("/{run}/episodes/{episode}/complete", {"samples": 1.5}),
]


@pytest.mark.parametrize(("path", "body"), WRONG)
def test_wrong_fields_are_refused_and_nothing_happens(client, run_id, path, body):
    episode = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    path = f"/rollout-runs{path}".format(run=run_id, episode=episode)
    with pytest.raises(ValidationError) as told:
        client.request("POST", path, json=body)
    assert told.value.code in {"VALIDATION_ERROR", "DIFFICULTY_UNSUPPORTED"}
    assert client.rollout_runs.get_episode(run_id, episode)["tick"] == 0


def test_a_huge_action_is_a_fault_and_a_deep_one_no_json(client, run_id):
    episode = client.rollout_runs.reset(run_id, game="market_simulator")["episode_id"]
    with pytest.raises(ValidationError) as told:
        client.rollout_runs.step(run_id, episode, actions={"p0": eval("[" * 150 + "]" * 150), "p1": []})
    assert told.value.code == "INVALID_JSON"
    order = {"good": "grain" * 1000, "side": "buy", "quantity": 1, "price": 1}
    found = client.rollout_runs.step(run_id, episode, actions={"p0": [order] * 500, "p1": []})
    assert (found["failed_seats"], found["done"]) == (["p0"], True)
