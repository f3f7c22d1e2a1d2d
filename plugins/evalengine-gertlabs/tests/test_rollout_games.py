"""Rollouts of games that are not bundled: for one seat, with difficulties, without branches, and broken ones."""

import pytest
from gertlabs import ConflictError, NotFoundError, ServerError, ValidationError, rollouts
from served import Served

GAMES = """
import os, time
from dataclasses import replace
from evalengine import Game, GameSpec, State, hookimpl


def spec(name, **fields):
    return GameSpec(name=name, version="1", doc="Count.", factory=f"odd_games:{fields.pop('made', 'Count')}",
                    max_turns=20, min_score=-100.0, max_score=100.0, utility="general", **fields)


@hookimpl
def evalengine_games():
    difficulty = {"difficulty": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 2}}
    return [
        spec("alone", min_seats=1, max_seats=1, default_seats=1, config=difficulty, tags=("odd",)),
        spec("fixed", branching="none", clone="none", made="Pair"),
        spec("serial", clone="serialize", made="Pair", chance=True),
        spec("broken", made="Broken"),
        spec("unborn", made="Unborn"),
        spec("naive", made="Naive"),
    ]


class Count(Game):
    def __init__(self, difficulty=0.0):
        self.difficulty = difficulty

    def initial(self, seats, rng):
        return Counted(self.difficulty)


class Pair(Game):
    def initial(self, seats, rng):
        return Counted(0.0, seats=2)


class Unborn(Game):
    def initial(self, seats, rng):
        raise ValueError("secret of the game")


class Naive(Game):
    def initial(self, seats, rng):
        return Trusting(0.0, seats=2)

    def action_from_str(self, text):
        return int(text)


class Broken(Game):
    def initial(self, seats, rng):
        return Breaking(0.0, seats=2)


class Counted(State):
    def __init__(self, difficulty, seats=1):
        self.difficulty, self.seats, self.turn, self.total = difficulty, seats, 0, 0.0

    def to_move(self):
        return (self.turn % self.seats,) if self.turn < 6 else ()

    def view(self, seat):
        return {"turn": self.turn, "total": self.total, "nan": float("nan")}

    def legal(self, seat):
        return ["one", "two", "crash", "die"]

    def apply(self, actions, rng):
        (action,) = actions.values()
        self.turn += 1
        self.total += {"one": 1, "two": 2}.get(action, 0) - self.difficulty
        return self

    def scores(self):
        return (self.total,) * self.seats if self.seats == 1 else (self.total, -self.total)


class Trusting(Counted):
    def refuse(self, seat, action):
        return None if {"one": 1, "two": 2}[action] else "none"


class Breaking(Counted):
    def apply(self, actions, rng):
        (action,) = actions.values()
        if action == "crash":
            raise ValueError("secret of the game")
        if action == "die":
            os._exit(7)
        return super().apply(actions, rng)
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    (folder / "odd_games.py").write_text(GAMES)
    with (
        Served(folder, "--rate", "0", "-p", "odd_games", env={"PYTHONPATH": str(folder)}) as made,
        made.client() as client,
    ):
        yield made, client, client.rollout_runs.open(max_episodes=100)["run_id"]


def test_alone_there_is_a_score_and_no_rank(odd):
    _, client, run_id = odd
    found = rollouts.run_episode(client, run_id, game="alone", act_fn=lambda *_: [{"action": "two"}], difficulty=0.25)
    assert (found["rank"], found["outcome"]) == (None, None)
    assert found["score"] == found["total_reward"] == 6 * 1.75
    assert [step["reward"] for step in found["steps"]] == [1.75] * 6
    position = client.rollout_runs.reset(run_id, tags=["odd"], max_ticks=3)
    assert (position["game"], position["max_ticks"], position["policy_seats"]) == ("alone", 3, ["p0"])
    tail = client.rollout_runs.complete(run_id, position["episode_id"], samples=8, max_percentile=0.1)
    assert "win_rate" not in tail
    assert tail["ticks_used"] == 8 * 3
    scored = client.rollout_runs.score_actions(run_id, position["episode_id"], candidate_actions=["one", "two"])
    assert [one["action"] for one in scored["actions"]] == ["two", "one"]


def test_a_difficulty_is_told_and_inherited(odd):
    _, client, run_id = odd
    parent = client.rollout_runs.reset(run_id, game="alone", difficulty=2)
    assert parent["difficulty"] == 2
    fork = client.rollout_runs.fork(run_id, parent["episode_id"])
    assert fork["difficulty"] == 2
    assert client.rollout_runs.step(run_id, fork["episode_id"], "one")["reward"] == -1
    with pytest.raises(ValidationError, match="difficulty"):
        client.rollout_runs.reset(run_id, game="alone", difficulty=3)


def test_what_cannot_be_continued_is_not_forked(odd):
    _, client, run_id = odd
    episode = client.rollout_runs.reset(run_id, game="fixed")["episode_id"]
    for call in (client.rollout_runs.fork, client.rollout_runs.complete):
        with pytest.raises(ConflictError) as told:
            call(run_id, episode)
        assert told.value.code == "FORK_UNSUPPORTED"
    serial = client.rollout_runs.reset(run_id, game="serial")["episode_id"]
    client.rollout_runs.step(run_id, serial, "two")
    forks = client.rollout_runs.fork_batch(run_id, serial, 5)
    assert {(one["tick"], one["observation"]["total"]) for one in forks} == {(1, 2.0)}


@pytest.mark.parametrize(
    "action", ["three", "\u00b2", [], {}, {"action": []}, [["one"]], {"action": {"one": 1}}, 1e300]
)
def test_what_a_game_cannot_read_is_no_action(odd, action):
    _, client, run_id = odd
    episode = client.rollout_runs.reset(run_id, game="naive")["episode_id"]
    client.rollout_runs.step(run_id, episode, {"action": "one"})
    found = client.rollout_runs.step(run_id, episode, action)
    assert (found["failed_seats"], found["completion_reason"]) == (["p1"], "policy_failed")


def test_a_game_that_does_not_begin_takes_no_episode(odd):
    _, client, run_id = odd
    used = [one["episodes_used"] for one in client.rollout_runs.list() if one["run_id"] == run_id]
    with pytest.raises(ServerError) as told:
        client.rollout_runs.reset(run_id, game="unborn")
    assert told.value.code == "INTERNAL_ERROR"
    assert "secret" not in str(told.value)
    assert [one["episodes_used"] for one in client.rollout_runs.list() if one["run_id"] == run_id] == used


def test_a_game_that_fails_loses_its_own_episode_only(odd):
    served, client, run_id = odd
    episodes = [client.rollout_runs.reset(run_id, game="broken")["episode_id"] for _ in range(6)]
    for episode in episodes:
        client.rollout_runs.step(run_id, episode, "one")
    actions = ["one", "crash", "die", "two", "die", "one"]
    steps = [{"episode_id": one, "action": act, "expected_tick": 1} for one, act in zip(episodes, actions, strict=True)]
    found = client.rollout_runs.step_batch(run_id, steps)
    assert [one["ok"] for one in found] == [act in {"one", "two"} for act in actions]
    assert {one["error"]["code"] for one in found if not one["ok"]} == {"INTERNAL_ERROR"}
    assert [one["error"]["ticks_used"] for one in found if not one["ok"]] == [1, 1, 1]
    assert "secret" not in str(found)
    assert [one["tick"] for one in found if one["ok"]] == [2, 2, 2]
    with pytest.raises(NotFoundError):
        client.rollout_runs.get_episode(run_id, episodes[2])
    with pytest.raises(ServerError) as told:
        client.rollout_runs.step(run_id, episodes[0], "crash")
    assert (told.value.code, told.value.status) == ("INTERNAL_ERROR", 500)
    assert "secret of the game" in served.log
    last = client.rollout_runs.step(run_id, episodes[3], "one", expected_tick=2)
    assert (last["tick"], last["observation"]["total"]) == (3, 4.0)
    (run,) = [one for one in client.rollout_runs.list() if one["run_id"] == run_id]
    assert run["ticks_used"] >= 7
    assert served.process.poll() is None
