"""Every bundled game as an environment, judged by PettingZoo's own tests."""

from __future__ import annotations

import copy
import pickle
import random
import types
import warnings

import numpy as np
import pytest
from evalengine_pettingzoo import Field, Layout, to_aec, to_parallel
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
    state_test,
)
from pettingzoo.utils import conversions, wrappers

import evalengine
from evalengine import ConfigError, GameError, Match, MatchSpec
from evalengine_games.specs import SPECS

NAMES = [spec.name for spec in SPECS]
VARIANTS = [
    ("breakthrough", {"rows": 5, "columns": 4}),
    ("connect4", {"columns": 5, "rows": 4, "inarow": 3}),
    ("hex", {"size": 4}),
    ("market_simulator", {"seats": 3, "ticks": 8, "goods": 2}),
    ("prisoners_dilemma", {"rounds": 7}),
    ("rps", {"rounds": 3}),
    ("tron", {"seats": 3, "size": 7}),
    ("tron", {"seats": 4, "size": 8}),
    ("tron", {"teams": True}),
]
ALL = [(name, {}) for name in NAMES] + VARIANTS
IDS = [name + "".join(f"-{key}={value}" for key, value in options.items()) for name, options in ALL]
every = pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
LIMIT = 2000
# What PettingZoo says of its own classic environments too, unless their names are on a list in its tests.
OF_DICTS = (
    "Observation is not a NumPy array",
    "Observation space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "Action mask numpy array is all zeros",
)


@pytest.fixture
def only_of_dicts():
    """Let those warnings pass, and no other."""
    with warnings.catch_warnings():
        for text in OF_DICTS:
            warnings.filterwarnings("ignore", text)
        yield


@every
@pytest.mark.usefixtures("only_of_dicts")
def test_pettingzoo_tests_it_as_aec(name, options):
    api_test(to_aec(name, **options), num_cycles=200)


@every
@pytest.mark.usefixtures("only_of_dicts")
def test_pettingzoo_tests_it_as_parallel(name, options):
    parallel_api_test(to_parallel(name, **options), num_cycles=200)


@every
def test_pettingzoo_finds_it_deterministic_under_its_seed(name, options):
    seed_test(lambda: to_aec(name, **options), num_cycles=100)
    parallel_seed_test(lambda: to_parallel(name, **options), num_cycles=100)


@every
@pytest.mark.filterwarnings(
    "ignore:State numpy array is all zeros", "ignore:Environment's .* state space values are equal"
)
def test_pettingzoo_finds_its_state_in_its_space(name, options):
    state_test(to_aec(name, **options), to_parallel(name, **options))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [to_aec, to_parallel])
def test_pettingzoo_renders_it(name, make, capsys):
    if make is to_aec:
        render_test(lambda **modes: make(name, **modes), {"svg": lambda text: text.startswith("<svg")})
    else:
        env = make(name, render_mode="ansi")
        env.reset(seed=1)
        assert env.render()
    env = make(name, render_mode="human")
    env.reset(seed=1)
    capsys.readouterr()
    assert env.render() is None
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("name", ["prisoners_dilemma", "rps"])  # that test knows no masks and no turns
def test_pettingzoo_counts_its_cycles(name):
    max_cycles_test(
        types.SimpleNamespace(
            env=lambda max_cycles: to_aec(name, max_cycles=max_cycles),
            parallel_env=lambda max_cycles: to_parallel(name, max_cycles=max_cycles),
        )
    )


# --------------------------------------------------------------------------- what PettingZoo does not ask


def played(env, seed):
    """Play a whole match at random; return its turns as evalengine's kernel takes them, and what was rewarded."""
    choice, totals = random.Random(seed).choice, dict.fromkeys(env.possible_agents, 0.0)
    env.reset(seed=seed)
    for agent in env.agent_iter():
        seen, reward, terminated, truncated, _ = env.last()
        totals[agent] += reward
        assert env.observation_space(agent).contains(seen)
        assert not (terminated and truncated)
        env.step(None if terminated or truncated else choice(np.flatnonzero(seen["action_mask"]).tolist()))
    return env.match, tuple(totals.values())


ENVIRONMENTS = [to_aec(name, **options) for name, options in ALL]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ENVIRONMENTS), st.integers(0, 2**63), st.lists(st.integers(0, 10**4), max_size=60))
def test_whatever_is_chosen_rewards_add_up_to_scores(env, seed, numbers):
    env.reset(seed=seed)
    totals = dict.fromkeys(env.possible_agents, 0.0)
    numbers = iter(numbers)
    for agent in env.agent_iter(LIMIT):
        seen, reward, terminated, truncated, _ = env.last()
        totals[agent] += reward
        assert env.observation_space(agent).contains(seen)
        legal = np.flatnonzero(seen["action_mask"])
        number = next(numbers, None)
        # Legal ones for the most part: any other ends the match.
        anything = number is not None and number % 10 == 0
        action = (
            number % env.action_space(agent).n if anything else legal[(number or 0) % len(legal)] if len(legal) else 0
        )
        env.step(None if terminated or truncated else action)
    if env.match.over:
        assert tuple(totals.values()) == env.match.result.scores


@every
def test_it_is_the_same_match_as_the_kernel_plays(name, options):
    env = to_aec(name, **options)
    for seed in range(8):
        match, totals = played(env, seed)
        again = Match.resume(MatchSpec(0, 0, 0, seed, tuple(range(len(totals)))), env.game, match.turns)
        assert again.result == match.result
        assert again.result.scores == totals
        assert not again.result.faults


def numbers_of(legal):
    """Return the numbers of legal actions: themselves, or their places in the list where they are no numbers."""
    return list(legal) if type(legal[0]) is int else list(range(len(legal)))


@every
def test_masks_hold_what_is_legal_and_nothing_else(name, options):
    env = to_parallel(name, **options)
    seen, _ = env.reset(seed=5)
    choice = random.Random(5).choice
    while env.agents:
        asked = {request.seat: numbers_of(request.legal) for request in env.match.requests()}
        for agent in env.agents:
            seat = env.possible_agents.index(agent)
            assert np.flatnonzero(seen[agent]["action_mask"]).tolist() == sorted(asked.get(seat, []))
            assert env.observation_space(agent).contains(seen[agent])
        # What those give who are not asked is not looked at.
        actions = dict.fromkeys(env.agents) | {f"seat_{seat}": choice(legal) for seat, legal in asked.items()}
        seen, rewards, terminations, truncations, _ = env.step(actions)
    assert tuple(rewards.values()) == env.match.result.scores
    by_rules = env.match.result.termination == "rules"
    assert set(terminations.values()) == {by_rules}
    assert set(truncations.values()) == {not by_rules}


def test_views_are_in_the_vector_field_by_field():
    env = to_aec("connect4")
    env.reset(seed=0)
    env.step(3)
    vector, places = env.observe("seat_1")["observation"], env.layout.places
    board = vector[places["board"]].reshape(6, 7)
    assert (vector[places["seat"]], vector[places["mark"]]) == (1, 2)
    assert [tuple(cell) for cell in np.argwhere(board)] == [(5, 3)]
    assert env.view("seat_1") == {"board": board.ravel().tolist(), "mark": 2}
    assert env.action_to_str("seat_1", 3) == env.game.action_to_str(3)


def test_growing_lists_are_filled_up_and_nothing_is_minus_one():
    env = to_aec("leduc_poker")
    env.reset(seed=1)
    env.step(2)
    vector, places = env.observe("seat_1")["observation"], env.layout.places
    assert vector[places["rounds"]].tolist() == [2, -1, -1, -1, -1, -1, -1, -1]
    assert vector[places["public"]].tolist() == [-1]


def test_who_acts_at_the_same_time_does_not_see_what_the_other_chose():
    seen = []
    for hand in (0, 1, 2):
        env = to_aec("rps")
        env.reset(seed=1)
        env.step(hand)
        assert env.agent_selection == "seat_1"
        seen.append(env.last()[0])
        assert not env.observe("seat_0")["action_mask"].any()
    assert all(np.array_equal(one["observation"], seen[0]["observation"]) for one in seen)


def test_an_illegal_action_ends_the_match_for_who_chose_it():
    env = to_aec("tictactoe")
    env.reset(seed=0)
    env.step(4)
    env.step(4)
    assert env.rewards == {"seat_0": 1.0, "seat_1": -1.0}
    assert all(env.terminations.values())
    assert env.infos["seat_1"]["fault"].startswith("illegal: 4")


def test_others_play_on_without_a_seat_that_did_something_illegal():
    env = to_aec("tron", seats=3)
    env.reset(seed=0)
    headings = env.view("seat_0")["headings"]
    legal = [np.flatnonzero(env.observe(agent)["action_mask"]).tolist() for agent in env.agents]
    env.step(legal[0][0])
    env.step((headings[1] + 2) % 4)  # straight back
    env.step(legal[2][0])
    assert (env.agent_selection, env.rewards["seat_1"]) == ("seat_1", -1.0)
    assert env.last()[2]
    env.step(None)
    assert env.agents == ["seat_0", "seat_2"]
    totals = {"seat_0": 0.0, "seat_2": 0.0}
    for agent in env.agent_iter():
        seen, reward, over, _, _ = env.last()
        totals[agent] += reward
        env.step(None if over else int(np.flatnonzero(seen["action_mask"])[0]))
    assert tuple(totals.values()) == (env.match.result.scores[0], env.match.result.scores[2])
    assert env.match.result.scores[1] == -1.0


@pytest.mark.parametrize("action", [-1, 9, None, 1.0, "4", True, np.float32(1), [4]])
def test_what_is_no_element_of_the_action_space_is_an_error(action):
    env = to_aec("tictactoe")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="from 0 to 8"):
        env.step(action)
    env.step(np.int64(4))  # it goes on as if nothing was


def test_who_is_asked_must_act_in_a_parallel_turn_too():
    env = to_parallel("tictactoe")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="seat_0 is to act in turn 0"):
        env.step({"seat_1": 4})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@every
def test_a_copy_in_the_midst_of_a_match_goes_on_alike_and_alone(name, options, copied):
    env = to_aec(name, **options)
    env.reset(seed=9)
    going_on(env, 5)
    other = copied(env)
    before = standing(env)
    going_on(other, 5)
    np.testing.assert_equal(standing(env), before)
    going_on(env, 5)
    np.testing.assert_equal(standing(env), standing(other))
    assert env.match.turns == other.match.turns


def going_on(env, steps):
    for _ in env.agent_iter(steps):
        seen, _, terminated, truncated, _ = env.last()
        legal = np.flatnonzero(seen["action_mask"]).tolist() or [0]  # a seat that is not asked may give anything
        env.step(None if terminated or truncated else legal[-1])


def standing(env):
    return env.agents[:], env.agent_selection, dict(env.rewards), [env.observe(agent) for agent in env.possible_agents]


def test_copies_of_parallel_ones_and_after_an_illegal_action():
    env = to_parallel("tron", seats=3)
    copy.deepcopy(env)  # before the first reset
    env.reset(seed=2)
    env.step({"seat_0": 0, "seat_1": 0, "seat_2": 0})
    other = pickle.loads(pickle.dumps(env))
    assert other.agents == env.agents
    assert other.match.turns == env.match.turns
    assert other.match.fallen == env.match.fallen


def test_seeds_follow_from_each_other():
    def deals(env, seed):
        found = []
        for number in range(6):
            env.reset(seed=seed if number == 0 else None)
            found.append([env.view(agent)["card"] for agent in env.agents])
        return found

    one, other = deals(to_aec("leduc_poker"), 7), deals(to_aec("leduc_poker"), 7)
    assert one == other
    assert len({tuple(deal) for deal in one}) > 1
    assert deals(to_aec("leduc_poker"), None) != deals(to_aec("leduc_poker"), None)


def test_a_match_that_is_cut_off_is_truncated():
    env = to_aec("tictactoe", max_cycles=2)
    env.reset(seed=0)
    env.step(0)
    env.step(1)
    assert env.truncations == {"seat_0": True, "seat_1": True}
    assert env.terminations == {"seat_0": False, "seat_1": False}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"seats": 5}, "from 2 to 4, not 5"), ({"render_mode": "rgb_array"}, "human, ansi, svg"), ({"sise": 9}, "sise")],
)
def test_wrong_options_are_errors(options, message):
    with pytest.raises(ConfigError, match=message):
        to_aec("tron", **options)


# ------------------------------------------------------------------------------- games of other plugins


@pytest.mark.usefixtures("only_of_dicts")
@pytest.mark.filterwarnings("ignore:Observation numpy array is all zeros")  # an empty board, as seat 0 sees it
@pytest.mark.parametrize(
    "name", ["go(size=5)", "chess", "openspiel:kuhn_poker", "openspiel:goofspiel", "pettingzoo:classic/tictactoe_v3"]
)
def test_games_of_other_plugins_too(name):
    try:
        env = to_aec(name)
    except evalengine.EvalengineError:
        pytest.skip(f"{name} is not installed")
    api_test(env, num_cycles=50)
    parallel_api_test(to_parallel(name), num_cycles=50)
    seed_test(lambda: to_aec(name), num_cycles=20)


def test_other_views_are_json_and_actions_places_among_the_legal_ones():
    env = to_aec("pettingzoo:classic/tictactoe_v3")
    env.reset(seed=0)
    seen = env.last()[0]
    text = bytes(seen["observation"]).rstrip(b"\0").decode()
    assert text.startswith('{"observation":[[[0,0],')
    assert seen["action_mask"].tolist() == [1] * 9 + [0] * 247
    env.step(8)
    assert env.match.turns == [{0: 8}]
    env.step(8)  # only eight are left, so it stands for none
    assert env.infos["seat_1"]["fault"].startswith("illegal: None")


def test_a_layout_of_ones_own():
    layout = Layout(9, {"observation": Field((3, 3, 2), 0, 1)})
    env = to_aec("pettingzoo:classic/tictactoe_v3", layout=layout)
    env.reset(seed=0)
    env.step(8)
    vector = env.last()[0]["observation"]
    assert vector.tolist() == [1] + [0] * 17 + [1]


@pytest.mark.parametrize(
    ("layout", "error", "message"),
    [
        (Layout(choices=3), GameError, "9 actions are legal: give layout=Layout.choices"),
        (Layout(text_bytes=10), GameError, r"has \d+ bytes as JSON: give layout=Layout.text_bytes"),
        (Layout(9, {"no_such": Field()}), ConfigError, "KeyError: 'no_such'"),
        (Layout(9, {"observation": Field((4,))}), ConfigError, "does not fit the view"),
        (Layout(9, {"observation": Field((3, 3, 2), 1, 2)}), ConfigError, "bounds do not hold"),
        (Layout(4, {"observation": Field((3, 3, 2), 0, 1)}), ConfigError, "does not fit the view"),
    ],
)
def test_a_layout_that_does_not_fit_is_an_error_at_once(layout, error, message):
    with pytest.raises(error, match=message):
        to_aec("pettingzoo:classic/tictactoe_v3", layout=layout)


# ----------------------------------------------------------------------------- PettingZoo's own conversions


def test_pettingzoos_wrappers_and_conversions_take_them():
    seed_test(lambda: wrappers.OrderEnforcingWrapper(to_aec("hex", size=4)), num_cycles=20)
    for env in (
        conversions.parallel_to_aec(to_parallel("tron", seats=4)),
        wrappers.AssertOutOfBoundsWrapper(to_aec("leduc_poker")),
    ):
        env.reset(seed=1)
        going_on(env, LIMIT)
        assert not env.agents
        assert env.unwrapped.match.over
    for env in (
        conversions.aec_to_parallel(to_aec("rps", rounds=4)),
        conversions.turn_based_aec_to_parallel(to_aec("hex", size=4)),
    ):
        seen, _ = env.reset(seed=1)
        while env.agents:
            actions = {agent: int(np.argmax(seen[agent]["action_mask"])) for agent in env.agents}
            seen, rewards, *_ = env.step(actions)
        assert tuple(rewards.values()) == env.unwrapped.match.result.scores


@pytest.mark.parametrize("form", ["to_aec", "to_parallel"])
@pytest.mark.parametrize("name", ["tictactoe", "leduc_poker", "rps", "tron"])
def test_there_and_back_again_it_is_the_same_game(name, form):
    back = evalengine.load_game("pettingzoo:make", env=f"evalengine_pettingzoo:{form}", options={"name": name})
    match = Match(MatchSpec(0, 0, 0, 3, (0, 1)), back)
    choice, totals = random.Random(3).choice, None
    while not match.over:
        for request in match.requests():
            match.answer(request.seat, choice(request.legal))
        totals = match.state._env.match.result
    assert match.result.termination == "rules"
    assert totals.scores == match.result.scores
    assert not match.result.faults
