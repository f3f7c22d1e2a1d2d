"""Episodes forked, and actions and positions scored by playing matches out."""

import contextlib
import statistics

import pytest
from gertlabs import ConflictError, NotFoundError, ValidationError, rollouts

MIDDLE = (0, 3, 1, 4)
"""Cells of tictactoe after which p0 wins with 2 at once, and p1 with 5."""


@pytest.fixture
def run_id(client):
    return client.rollout_runs.open(max_episodes=3_000)["run_id"]


@pytest.fixture
def another(served):
    """Return what makes clients of keys of their own."""
    with contextlib.ExitStack() as open_ones:
        yield lambda *scopes: open_ones.enter_context(served.client(*scopes))


@pytest.fixture
def parent(client, run_id):
    """An episode in which p0 wins with 2."""
    episode = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    for cell in MIDDLE:
        client.rollout_runs.step(run_id, episode, cell)
    return episode


def first(observation, _seat=None):
    return [{"action": observation["_action_space"][0]}]


def same(position):
    return {name: value for name, value in position.items() if name != "episode_id"}


def test_a_fork_stands_where_its_parent_does_and_goes_its_own_way(client, run_id, parent):
    before = client.rollout_runs.get_episode(run_id, parent)
    fork = client.rollout_runs.fork(run_id, parent)
    assert fork["tick"] == before["tick"] == 4
    assert fork["observation"]["board"] == [1, 1, 0, 2, 2, 0, 0, 0, 0]
    won = client.rollout_runs.step(run_id, fork["episode_id"], 2, expected_tick=4)
    assert (won["outcome"], won["scores"]) == ("win", {"p0": 1.0, "p1": -1.0})
    assert client.rollout_runs.get_episode(run_id, parent) == before
    again = client.rollout_runs.fork(run_id, parent)
    assert client.rollout_runs.close_episode(run_id, again["episode_id"])["ticks_used"] == 0
    (run,) = [one for one in client.rollout_runs.list() if one["run_id"] == run_id]
    assert (run["episodes_used"], run["ticks_used"]) == (3, 1)


def test_forks_of_a_batch_stand_alike_and_are_made_once(client, run_id, parent):
    made = client.rollout_runs.fork_batch(run_id, parent, 128, op_key="all")
    assert len({one["episode_id"] for one in made}) == 128
    assert all(same(one) == same(made[0]) for one in made)
    assert client.rollout_runs.fork_batch(run_id, parent, 128, op_key="all") == made
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.fork_batch(run_id, parent, 127, op_key="all")
    assert told.value.code == "CONFLICT"
    cells = [2, 5, 6, 7] * 32
    steps = [
        {"episode_id": one["episode_id"], "actions": {"p0": {"action": cell}}, "expected_tick": 4}
        for one, cell in zip(made, cells, strict=True)
    ]
    found = client.rollout_runs.step_batch(run_id, steps)
    assert [one["done"] for one in found] == [cell == 2 for cell in cells]
    (run,) = [one for one in client.rollout_runs.list() if one["run_id"] == run_id]
    assert run["episodes_used"] == 129


def test_a_batch_of_forks_is_all_or_nothing(client):
    run_id = client.rollout_runs.open(max_episodes=4)["run_id"]
    parent = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.fork_batch(run_id, parent, 4, op_key="many")
    assert told.value.code == "RUN_EXHAUSTED"
    (run,) = [one for one in client.rollout_runs.list() if one["run_id"] == run_id]
    assert run["episodes_used"] == 1
    assert len(client.rollout_runs.fork_batch(run_id, parent, 3, op_key="many")) == 3


def test_what_has_opponents_or_is_over_is_not_forked(client, run_id):
    league = client.rollout_runs.reset(run_id, game="tictactoe", opponent_seats=1)["episode_id"]
    over = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
    batch = client.rollout_runs.fork_batch(run_id, over, 2, op_key="before")
    client.rollout_runs.step(run_id, over, "I resign")
    for episode, code in ((league, "FORK_UNSUPPORTED"), (over, "EPISODE_COMPLETE")):
        for fork in (client.rollout_runs.fork, lambda run, one: client.rollout_runs.fork_batch(run, one, 2)):
            with pytest.raises(ConflictError) as told:
                fork(run_id, episode)
            assert told.value.code == code
    assert client.rollout_runs.fork_batch(run_id, over, 2, op_key="before") == batch
    with pytest.raises(NotFoundError):
        client.rollout_runs.fork(run_id, "ep_unknown")


def test_forks_have_luck_of_their_own_which_a_seed_makes_again(client, run_id):
    def futures():
        parent = client.rollout_runs.reset(run_id, game="market_simulator", seed=11)
        client.rollout_runs.step(run_id, parent["episode_id"], actions={"p0": [], "p1": []})
        forks = client.rollout_runs.fork_batch(run_id, parent["episode_id"], 3)
        grandchild = client.rollout_runs.fork(run_id, forks[0]["episode_id"])
        steps = [{"episode_id": one["episode_id"], "actions": {"p0": [], "p1": []}} for one in (*forks, grandchild)]
        return [one["observation"]["values"] for one in client.rollout_runs.step_batch(run_id, steps)]

    found = futures()
    assert len(set(map(tuple, found))) == 4
    assert futures() == found


# -------------------------------------------------------------------------------------- scores


def test_scored_actions_are_ranked_and_the_episode_is_not_changed(client, run_id, parent):
    before = client.rollout_runs.get_episode(run_id, parent)
    found = client.rollout_runs.score_actions(
        run_id, parent, candidate_actions=[[{"action": 2}], {"action": 2}, {"action": 8}, {"action": 0}],
        max_actions=6, samples_per_action=4,
    )  # fmt: skip
    assert (found["seat"], found["total_actions_considered"]) == ("p0", 6)
    best = found["actions"][0]
    assert best["action"] in ({"action": 2}, 2)
    assert (best["action_rank"], best["samples"], best["failed"], best["win_rate"]) == (1, 4, 0, 1.0)
    assert best["score"]["mean"] == 1.0
    worst = found["actions"][-1]
    assert (worst["action"], worst["action_rank"], worst["failure_rate"]) == ({"action": 0}, 0, 1.0)
    assert {one["source"] for one in found["actions"]} == {"user", "legal"}
    assert client.rollout_runs.get_episode(run_id, parent) == before
    again = client.rollout_runs.score_actions(run_id, parent, max_actions=9, samples_per_action=4, top_n=1)
    assert again["actions"][0]["action"] == 2
    (run,) = [one for one in client.rollout_runs.list() if one["run_id"] == run_id]
    assert (run["episodes_used"], run["ticks_used"]) == (1, found["ticks_used"] + again["ticks_used"])


def test_a_position_is_completed_the_same_way_each_time(client, run_id, parent):
    once, again = (client.rollout_runs.complete(run_id, parent, samples=20) for _ in range(2))
    assert once == again
    assert (once["seat"], once["samples"], once["scored"], once["failed"]) == ("p0", 20, 20, 0)
    assert once["score"]["mean"] > 0, "p0 wins at once if it sees it"
    weak = client.rollout_runs.complete(run_id, parent, samples=20, max_percentile=0.1)
    strong = client.rollout_runs.complete(run_id, parent, samples=20, min_percentile=0.9)
    assert weak["score"]["mean"] < strong["score"]["mean"] == 1.0
    other = client.rollout_runs.complete(run_id, parent, seat="p1", samples=20)
    assert other["score"]["mean"] == pytest.approx(-once["score"]["mean"])
    assert client.rollout_runs.complete(run_id, parent, max_ticks=1, samples=2)["ticks_used"] == 2


def test_a_league_episode_is_scored_at_seats_of_the_policy_alone(client, run_id):
    position = client.rollout_runs.reset(run_id, game="connect4", opponent_seats=1)
    (mine,), (theirs,) = position["policy_seats"], [one["seat"] for one in position["opponents"]]
    found = client.rollout_runs.score_actions(run_id, position["episode_id"], max_actions=2, samples_per_action=2)
    assert (found["seat"], len(found["actions"])) == (mine, 2)
    with pytest.raises(ValidationError, match="one of yours"):
        client.rollout_runs.complete(run_id, position["episode_id"], seat=theirs)


def test_an_action_of_a_seat_that_is_not_on_turn_is_not_scored(client, run_id, parent):
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.score_actions(run_id, parent, candidate_actions=[2], seat="p1")
    assert told.value.code == "SEAT_OFF_TURN"


def test_actions_of_one_that_all_give_at_once_are_scored(client, run_id):
    episode = client.rollout_runs.reset(run_id, game="market_simulator", seed=2, max_ticks=20)["episode_id"]
    cheap = [{"good": "grain", "side": "buy", "quantity": 10, "price": 60}]
    found = client.rollout_runs.score_actions(run_id, episode, candidate_actions=[cheap, []], samples_per_action=6)
    assert [one["action_rank"] for one in found["actions"]] == [1, 2]
    assert found["actions"][0]["scored"] == 6
    assert found["ticks_used"] == 2 * 6 * 20


# ---------------------------------------------------------------------------------- on policy


def test_actions_are_scored_on_policy_to_the_end(client, run_id, parent):
    found = rollouts.score_actions_on_policy(
        client, run_id, parent, candidate_actions=[{"action": 2}, {"action": 8}, {"action": 0}], act_fn=first,
        samples_per_action=3,
    )  # fmt: skip
    assert [one["action_rank"] for one in found["actions"]] == [1, 2, 0]
    best = found["actions"][0]
    assert (best["action"], best["win_rate"], best["score"]["mean"]) == ({"action": 2}, 1.0, 1.0)
    assert found["actions"][-1]["failure_rate"] == 1.0
    assert client.rollout_runs.get_episode(run_id, parent)["tick"] == 4
    assert client.rollout_runs.step(run_id, parent, best["action"])["outcome"] == "win"


def test_actions_are_scored_on_policy_with_tails(client, run_id, parent):
    found = rollouts.score_actions_on_policy(
        client, run_id, parent, candidate_actions=[5, 8], act_fn=first, samples_per_action=2, phase_ticks=1,
        tail_samples=4,
    )  # fmt: skip
    assert [one["scored"] for one in found["actions"]] == [2, 2]
    cheap = rollouts.score_actions_on_policy(
        client, run_id, parent, candidate_actions=[2, 8], samples_per_action=1, phase_ticks=0, tail_samples=4
    )
    assert cheap["actions"][0]["action"] == 2


def test_all_seats_are_driven_in_batches(client, run_id):
    episode = client.rollout_runs.reset(run_id, game="market_simulator", player_count=3, max_ticks=4)["episode_id"]
    sizes = []

    def act(observations, seats):
        sizes.append(len(seats))
        assert all(seen["me"] == int(seat[1:]) for seen, seat in zip(observations, seats, strict=True))
        return [[] for _ in seats]

    found = rollouts.score_actions_on_policy(
        client, run_id, episode, candidate_actions=[[], {"good": "silk", "side": "sell", "quantity": 3, "price": 1}],
        act_batch_fn=act, samples_per_action=4, seat="p1",
    )  # fmt: skip
    assert (found["seat"], sizes) == ("p1", [16, 24, 24, 24])
    assert [one["scored"] for one in found["actions"]] == [4, 4]


def test_figures_are_those_of_the_client(client, run_id):
    episode = client.rollout_runs.reset(run_id, game="market_simulator", seed=2, max_ticks=8)["episode_id"]
    found = client.rollout_runs.complete(run_id, episode, samples=25)["score"]
    assert set(found) == {"min", "max", "mean", "median", "std_dev", "percentiles"}
    assert found["min"] <= found["percentiles"]["p10"] <= found["median"] <= found["max"]
    from evalengine_gertlabs.rollouts.figures import stats

    scores = [3.5, -1.0, 2.25, 2.25, 8.125, 0.0, 1e9]
    for some in (scores, scores[:1], scores[:6], []):
        assert stats(some) == rollouts._score_stats(some)
    assert stats(scores)["std_dev"] == pytest.approx(statistics.stdev(scores))


# ------------------------------------------------------------------------------- own opponents

FIRST = "def act(observation):\n    return observation.legal[0]\n"


def test_rated_submissions_of_ones_own_are_opponents(another):
    client = another()
    run_id = client.rollout_runs.open(max_episodes=50)["run_id"]
    with pytest.raises(ConflictError) as told:
        client.rollout_runs.reset(run_id, game="tictactoe", opponent_seats=1, opponent_source="own")
    assert told.value.code == "NO_OPPONENTS"
    sub = client.submissions.create(game="tictactoe", language="python", code=FIRST, model="m-1", provider="lab")
    evaluation = client.submissions.evaluate(sub["submission_id"], match_count=4)
    client.jobs.wait(evaluation["job_id"], interval=0.05)

    def reset(seed=1, **pool):
        return client.rollout_runs.reset(run_id, game="tictactoe", opponent_seats=1, seed=seed, **pool)

    position = reset(opponent_source="own")
    (opponent,) = position["opponents"]
    assert (opponent["name"], opponent["source"]) == (sub["submission_id"], "own")
    assert reset(opponent_models=["m-1"], opponent_providers=["lab"])["opponents"][0]["source"] == "own"
    assert {reset(opponent_source="system")["opponents"][0]["source"] for _ in range(3)} == {"system"}
    for pool in ({"opponent_models": ["m-2"]}, {"opponent_created_before": "2020-01-01T00:00:00Z"}):
        with pytest.raises(ConflictError):
            reset(**pool)
    found = client.rollout_runs.step(run_id, position["episode_id"], first(position["observation"]))
    mine, theirs = (1, 2) if position["policy_seat"] == "p0" else (2, 1)
    board = found["observation"]["board"]
    assert (board.count(mine), board.count(theirs)) in {(1, 1), (1, 2)}
    tail = client.rollout_runs.complete(run_id, position["episode_id"], samples=3)
    assert (tail["scored"], tail["score"]["std_dev"]) == (3, 0.0), "the episode's own opponents play its tails"
    assert {reset(seed, opponent_source="both")["opponents"][0]["source"] for seed in range(20)} == {"system", "own"}
