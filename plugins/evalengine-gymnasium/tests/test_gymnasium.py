"""Environments through the kernel: what they give and take, when and how they end; Gymnasium is the judge."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import gymnasium
import msgpack
import pytest
import worlds
from evalengine_gymnasium import spaces
from evalengine_gymnasium.listing import LISTED
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, GameError, Match, MatchSpec, load_game, stream
from evalengine.plugins import Plugins
from evalengine.testing.checking import checked
from evalengine.testing.subject import Subject

SAMPLES = 30


def sample(game, seed=0):
    """Return a function that draws actions as plain values."""
    space = game.make().action_space
    space.seed(seed)
    return lambda: spaces.plain(space.sample())


def played(match, draw, most=10_000):
    views = []
    while not match.over and len(views) < most:
        (request,) = match.requests()
        views.append(request.view)
        match.answer(0, draw())
    return views


# ------------------------------------------------------------------------------------ listed ones


@pytest.mark.parametrize("name", LISTED)
def test_a_match_is_what_gymnasium_itself_plays_with_this_seed(name, begin):
    game = load_game(f"gymnasium:{name}")
    match = begin(game, seed=7)
    views = played(match, sample(game))
    seed = stream(7, "initial").getrandbits(31)
    env = gymnasium.make(name, **{key: row["default"] for key, row in LISTED[name].parameters.items()})
    observation, info = env.reset(seed=seed)
    assert views[0] == {"observation": spaces.plain(observation), "reward": 0.0, "info": spaces.plain_info(info)}
    total, over = 0.0, ""
    for number, turn in enumerate(match.turns):
        assert not over
        observation, reward, terminated, truncated, info = env.step(spaces.taken(env.action_space, turn[0]))
        total += float(reward)
        over = "rules" if terminated else "turn_limit" if truncated else ""
        if number + 1 < len(views):
            expected = {"observation": spaces.plain(observation), "reward": reward, "info": spaces.plain_info(info)}
            assert views[number + 1] == expected
    assert match.result.scores == (total,)
    # Ours is the limit where it has none.
    assert match.result.termination == (over or "turn_limit")
    assert len(match.turns) <= LISTED[name].turns == game.spec.max_turns
    assert LISTED[name].low <= total <= LISTED[name].high
    assert msgpack.unpackb(msgpack.packb(views)) == views


@pytest.mark.parametrize("name", LISTED)
def test_a_limit_of_steps_is_the_environments_own(name):
    own = gymnasium.spec(name).max_episode_steps
    assert own in (None, LISTED[name].turns)


@pytest.mark.parametrize("name", LISTED)
def test_scores_of_many_random_matches_are_within_what_is_listed(name, begin):
    game = load_game(f"gymnasium:{name}")
    for seed in range(SAMPLES):
        match = begin(game, seed)
        played(match, sample(game, seed))
        assert LISTED[name].low <= match.result.scores[0] <= LISTED[name].high


def test_parameters_reach_the_environment(begin):
    lake = load_game("gymnasium:FrozenLake-v1(is_slippery=False)")
    match = begin(lake)
    for action in (1, 1, 2, 1, 2, 2):
        match.answer(0, action)
    assert match.result.scores == (1.0,)
    assert match.result.termination == "rules"
    assert "G" in match.state.render()
    assert "\x1b" not in match.state.render()
    with pytest.raises(ConfigError, match="map_name must be one of '4x4', '8x8'"):
        load_game("gymnasium:FrozenLake-v1(map_name='9x9')")


def test_listing_does_not_import_gymnasium():
    code = (
        "import sys; from evalengine.plugins import Plugins; games = Plugins().games()\n"
        "assert 'gymnasium:CartPole-v1' in games; assert 'gymnasium' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ------------------------------------------------------------------------------------------ spaces


@pytest.mark.parametrize("kind", worlds.ACTIONS)
def test_what_a_space_samples_is_taken_as_plain_values_and_reaches_the_environment(kind, world, begin):
    game = world(kind=kind, length=SAMPLES)
    match = begin(game)
    draw = sample(game)
    played(match, lambda: msgpack.unpackb(msgpack.packb(draw())))
    assert match.result.termination == "rules", match.result.faults
    assert len(match.turns) == SAMPLES


LEGAL = {
    "discrete": [-1, 0, 1],
    "multi_discrete": [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]],
    "multi_binary": [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]],
}


@pytest.mark.parametrize("kind", worlds.ACTIONS)
def test_actions_are_listed_where_they_are_few(kind, world, begin):
    legal = begin(world(kind=kind)).requests()[0].legal
    assert (None if legal is None else list(legal)) == LEGAL.get(kind)


WRONG = {
    "discrete": [2, -2, True, 1.0, "1", None, [1]],
    "box": [
        [[0, 0]],
        [0, 0],
        [[0, 0], [0, 3]],
        [[0, 0], [0, float("nan")]],
        [[0, 0], [0]],
        [["a", 0], [0, 0]],
        1,
        None,
    ],
    "bytes": [[0, 0, 256], [0, 0, -1], [0, 0, 1.0], [0, 0, True], [0, 0, 1 << 70], [0, 0]],
    "scalar": [[0.5], 2.0, float("inf"), "0"],
    "multi_discrete": [[2, 0], [0, 3], [0], 3, [0, 1.0]],
    "multi_binary": [[0, 0, 2], [0, 0], [True, False, True]],
    "text": ["c", "aaaaa", "", 3],
    "tuple": [[0], [2, [0.5]], [0, [0.5], 1], {"0": 1}],
    "dict": [{}, {"go": 1}, {"go": 1, "how": {"far": [10]}}, {"go": 1, "how": {"far": [1]}, "more": 1}, [1]],
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_outside_of_a_space_is_the_agents_fault_with_its_reason(kind, world, begin):
    game = world(kind=kind)
    for action in WRONG[kind]:
        match = begin(game)
        reason = match.refusal(0, action)
        assert reason, action
        assert "\n" not in reason or "Dict" in reason
        match.answer(0, action)
        assert match.result.faults[0][2].kind == "illegal"
        assert match.result.scores == (game.spec.min_score,)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(worlds.ACTIONS)), PLAIN)
def test_whatever_an_agent_answers_is_taken_or_refused(kind, action):
    space = worlds.ACTIONS[kind]
    try:
        found = spaces.taken(space, action)
    except ValueError:
        return
    assert space.contains(found)


def test_observations_are_plain_and_objects_of_an_info_are_left_out(world, begin):
    view = begin(world()).requests()[0].view
    assert msgpack.unpackb(msgpack.packb(view)) == view
    assert view["observation"]["step"] == 0
    assert view["observation"]["pair"] == [0.5, [True, None]]
    assert set(view["info"]) == {"seed"}
    with pytest.raises(GameError, match="its observation holds a object, which no agent can be shown"):
        begin(world("Opaque"))


def test_a_space_that_no_agent_can_write_is_refused(world):
    with pytest.raises(ConfigError, match="which agents cannot write"):
        world("Odd")


# -------------------------------------------------------------------------------------------- ends


def test_terminated_truncated_and_out_of_turns_are_told_apart(world, begin):
    ends = {}
    for name, game in {
        "terminated": world(length=3),
        "truncated": world(length=3, cut=True),
        "turns": world(length=30, turns=5),
        "own limit": world("Limited"),
        "no limit": world(length=10_000),
    }.items():
        match = begin(game)
        played(match, lambda: 0)
        ends[name] = (
            match.result.termination,
            match.result.turns,
            match.state.render().split("\n")[0].rpartition(", ")[2],
        )
    assert ends["terminated"] == ("rules", 3, "terminated")
    assert ends["truncated"] == ("rules", 3, "truncated")
    assert ends["turns"][:2] == ("turn_limit", 5)
    assert ends["own limit"][:2] == ("turn_limit", 7)
    assert ends["no limit"][:2] == ("turn_limit", 1000)


def test_an_environment_that_fails_says_where_and_why(world, begin):
    match = begin(world(fault="raise"))
    match.answer(0, 1)
    with pytest.raises(GameError, match=r"World-v0: step\(0\) failed in step 1: RuntimeError: the wheel came off"):
        match.answer(0, 0)
    for fault in ("nan", "text"):
        match = begin(world(fault=fault))
        match.answer(0, 1)
        with pytest.raises(GameError, match="the reward of step 1 is no finite number"):
            match.answer(0, 1)


BAD = {
    "id": ({"id": "Nowhere-v0"}, "'gymnasium:Nowhere-v0' cannot be made: Environment `Nowhere` doesn't exist"),
    "module": ({"id": "no_such_module:World-v0"}, "cannot be made: "),
    "argument": ({"id": "worlds:World-v0", "kwargs": '{"depth": 3}'}, "depth"),
    "json": ({"kwargs": "{"}, "kwargs must be a JSON object, not '{'"),
    "list": ({"kwargs": "[1]"}, "kwargs must be a JSON object"),
    "range": ({"min_score": 2.0, "max_score": 1.0}, "are no finite range of scores"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_made_is_told_in_one_line(kind):
    config, told = BAD[kind]
    with pytest.raises(ConfigError) as found:
        load_game("gymnasium:make", **config)
    assert told in str(found.value)
    assert "\n" not in str(found.value)


# ------------------------------------------------------------------------------- copies and replays


def check_clone(game, begin, draw):
    """A clone goes its own way, as the original would have gone."""
    match = begin(game, seed=3)
    played(match, draw, most=2)
    clone, actions = match.state.clone(), [draw(), draw()]
    before = json.dumps(match.state.view(0)), match.state.scores()
    rng = random.Random(1)
    found = []
    for action in actions:
        clone = clone.apply({0: action}, rng)
        found.append((clone.view(0), clone.scores()))
    assert (json.dumps(match.state.view(0)), match.state.scores()) == before
    for action, (view, scores) in zip(actions, found, strict=True):
        match.answer(0, action)
        assert match.state.view(0) == view
        assert match.state.scores() == scores


@pytest.mark.parametrize("name", ["CartPole-v1", "FrozenLake-v1", "Taxi-v4"])
def test_environments_that_can_be_copied_are(name, begin):
    game = load_game(f"gymnasium:{name}")
    assert game.copies()
    check_clone(game, begin, sample(game, 2))


@pytest.mark.parametrize(("name", "kwargs"), [("World", {"lock": True}), ("Shared", {})])
def test_what_cannot_be_copied_or_shares_what_it_counts_is_played_again(name, kwargs, world, begin):
    game = world(name, **kwargs)
    assert not game.copies()
    check_clone(game, begin, sample(game))


def test_a_stored_match_is_replayed_to_the_last_bit(begin):
    game = load_game("gymnasium:FrozenLake-v1")
    match = begin(game, seed=11)
    played(match, sample(game))
    again = Match.resume(MatchSpec(0, 0, 0, 11, (0,)), game, match.turns)
    assert again.result == match.result
    assert again.state.view(0) == match.state.view(0)
    assert begin(game, seed=12).state.view(0) is not None


@pytest.mark.parametrize("name", ["CartPole-v1", "FrozenLake-v1"])
def test_no_rule_of_the_kit_finds_fault_with_an_environment(name):
    spec = Plugins().games()[f"gymnasium:{name}"]
    assert [verdict.line for verdict in checked(Subject(spec=spec)) if verdict.outcome != "ok"] == []
