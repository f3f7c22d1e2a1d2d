"""Environments as games: what is played is what PettingZoo's own loop plays."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import msgpack
import numpy as np
import pettingzoo
import pytest
from evalengine_pettingzoo.makers import maker_of
from evalengine_pettingzoo.spaces import lists
from evalengine_pettingzoo.specs import PREFIX, specs
from evalengine_pettingzoo.table import ENVIRONMENTS
from own_environments import ANYTHING

from evalengine import ConfigError, GameError, Match, MatchSpec, load_game
from evalengine.plugins import Plugins
from evalengine.testing.checking import checked
from evalengine.testing.subject import Subject
from evalengine_host import protocol

OWN = Path(__file__).with_name("own_environments.py")
TURNS = 30
SLOW = {"butterfly/pistonball_v6"}  # 10 ms a turn
PLAYED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in ENVIRONMENTS]


def own(function, **parameters):
    return load_game(f"{PREFIX}make", env=f"{OWN}:{function}", **parameters)


def chosen(game, request, rng):
    """Return a random action as an agent would give it: of msgpack's types."""
    if request.legal is not None:
        return rng.choice(request.legal)
    space = game.spaces[request.seat]
    space.seed(rng.getrandbits(30))
    return protocol.unpack(msgpack.packb(lists(space.sample())))


def played(game, seed=3, max_turns=TURNS):
    match = Match(MatchSpec(0, 0, 0, seed, tuple(range(game.spec.default_seats)), max_turns=max_turns), game)
    rng = random.Random(seed)
    views = []
    while not match.over:
        for request in match.requests():
            views.append((request.turn, request.seat, protocol.unpack(protocol.pack(request.view))))
            match.answer(request.seat, chosen(game, request, rng))
    assert not match.result.faults
    return match, views


def again(match, turns):
    """Return the views of a match whose turns are played again."""
    other, views = Match(match.spec, match.game), []
    for turn in turns:
        views += [(request.turn, request.seat, request.view) for request in other.requests()]
        for seat, action in turn.items():
            other.answer(seat, action)
    return other, views


@pytest.mark.parametrize("name", PLAYED)
def test_a_match_and_its_views_are_replayed_exactly(name):
    game = load_game(PREFIX + name)
    match, views = played(game)
    other, seen = again(match, match.turns)
    assert other.result == match.result
    np.testing.assert_equal(seen, views)
    scores = match.result.scores
    assert all(game.spec.min_score <= score <= game.spec.max_score for score in scores)
    if game.spec.utility == "zero":
        assert sum(scores) == pytest.approx(0)
    if game.spec.utility == "identical":
        assert len(set(scores)) == 1


@pytest.mark.parametrize("name", PLAYED)
def test_a_clone_goes_on_as_the_original_and_shares_nothing(name):
    game = load_game(PREFIX + name)
    match, _ = played(game, seed=4, max_turns=6)
    state = Match.resume(match.spec, game, match.turns).state
    clone, before = state.clone(), snapshot(state, game)
    np.testing.assert_equal(snapshot(clone, game), before)
    for _ in range(4):
        clone = one_turn(clone, game)
    np.testing.assert_equal(snapshot(state, game), before)
    for _ in range(4):
        state = one_turn(state, game)
    np.testing.assert_equal(snapshot(clone, game), snapshot(state, game))


@pytest.mark.parametrize("name", PLAYED)
def test_what_was_played_before_in_an_environment_changes_nothing(name):
    used, turns = load_game(PREFIX + name), 120 if "classic/" in name else 15
    for seed in (6, 7) if name not in SLOW else (6,):
        played(used, seed, turns)
    used._free = used._free or [used.environment()]  # those that did not end were not given back
    ours, fresh = played(used, 8, turns), played(load_game(PREFIX + name), 8, turns)
    assert ours[0].result == fresh[0].result
    assert ours[0].turns == fresh[0].turns
    np.testing.assert_equal(ours[1], fresh[1])


def test_an_environment_serves_one_match_after_the_other_but_ones_own():
    for game, reused in ((load_game(f"{PREFIX}classic/tictactoe_v3"), True), (own("Survival"), False)):
        first = Match(MatchSpec(0, 0, 0, 0, tuple(range(game.spec.default_seats))), game)
        made, state = first.state._env, first.state
        while not first.over:
            for request in first.requests():
                first.answer(request.seat, request.legal[0])
        del first, state, request
        assert (Match(MatchSpec(0, 0, 0, 1, (0, 1) if reused else (0, 1, 2)), game).state._env is made) == reused


def snapshot(state, game):
    return state.to_move(), state.scores(), [state.view(seat) for seat in range(game.spec.default_seats)]


def one_turn(state, game):
    rng = random.Random(len(state._past))
    actions = {}
    for seat in state.to_move():
        legal = state.legal(seat)
        if legal is None:
            game.spaces[seat].seed(seat)
            actions[seat] = lists(game.spaces[seat].sample())
        else:
            actions[seat] = rng.choice(legal)
    return state.apply(actions, rng) if actions else state


def pettingzoo_scores(name, seed, choice):
    """Return what PettingZoo's own loop adds up, with actions drawn by `choice`."""
    env = maker_of(name)()
    env.reset(seed=seed)
    totals = dict.fromkeys(env.possible_agents, 0.0)
    for agent in env.agent_iter():
        seen, reward, terminated, truncated, info = env.last()
        totals[agent] += reward
        if terminated or truncated:
            env.step(None)
        else:
            mask = seen["action_mask"] if isinstance(seen, dict) else info["action_mask"]
            env.step(choice(np.flatnonzero(mask).tolist()))
    return tuple(totals.values())


@pytest.mark.parametrize("name", ["classic/tictactoe_v3", "classic/connect_four_v3", "classic/texas_holdem_v4"])
def test_pettingzoos_own_loop_gives_the_same_scores(name):
    game = load_game(PREFIX + name)
    for seed in range(20):
        match = Match(MatchSpec(0, 0, 0, seed, (0, 1)), game)
        choice = random.Random(seed).choice
        while not match.over:
            (request,) = match.requests()
            match.answer(request.seat, choice(request.legal))
        assert pettingzoo_scores(name, match.state._seed, random.Random(seed).choice) == match.result.scores


def test_listing_imports_neither_pettingzoo_nor_numpy():
    code = (
        "import sys, evalengine_pettingzoo as p; p.evalengine_games();"
        "print({'numpy', 'pettingzoo', 'pygame'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_the_table_has_all_classic_and_butterfly_environments():
    registered = {*pettingzoo.aec_registry, *pettingzoo.parallel_registry}
    wanted = {name for name in registered if name.startswith(("classic/", "butterfly/"))}
    assert {name.replace("_v", "-v") for name in ENVIRONMENTS if not name.startswith("mpe2/")} == wanted


def test_what_is_not_installed_says_so_and_is_not_listed(monkeypatch):
    assert {spec.name for spec in specs() if not spec.listed} == {f"{PREFIX}make"}
    monkeypatch.setitem(sys.modules, "rlcard", None)
    with pytest.raises(ConfigError, match=r"rlcard.* Install it: pip install 'pettingzoo\[classic\]'"):
        load_game(f"{PREFIX}classic/leduc_holdem_v4")


def test_options_reach_the_environment():
    game = load_game("pettingzoo:classic/rps_v2(options={'num_actions': 5, 'max_cycles': 4})")
    match, _ = played(game)
    assert match.turn == 4
    assert tuple(game.initial(2, random.Random(1)).legal(0)) == (0, 1, 2, 3, 4)
    assert load_game(f"{PREFIX}classic/hanabi_v5", options={"players": 4}).spec.default_seats == 4
    for options in (5, "num_actions", {1: 2}):
        with pytest.raises(ConfigError, match=r"options must be (of type object|a dict of keyword arguments)"):
            load_game(f"{PREFIX}classic/tictactoe_v3", options=options)
    with pytest.raises(ConfigError, match=r"options=.*'no_such_option'"):
        load_game(f"{PREFIX}classic/tictactoe_v3", options={"no_such_option": 1})


def test_an_illegal_action_is_a_fault():
    game = load_game(f"{PREFIX}classic/tictactoe_v3")
    match = Match(MatchSpec(0, 0, 0, 0, (0, 1)), game)
    match.answer(0, 4)
    assert 4 not in match.requests()[0].legal
    match.answer(1, 4)
    assert (match.result.scores, match.result.faults[0][2].kind) == ((1.0, -1.0), "illegal")


def test_text_is_the_environments_own():
    match, _ = played(load_game(f"{PREFIX}classic/chess_v6"), max_turns=2)
    assert match.state.render().count("\n") == 7
    assert match.state.svg().startswith("<svg")


# ------------------------------------------------------------------------------------ one's own


def test_one_of_ones_own_with_continuous_actions_and_agents_that_go_early():
    game = own("Auction", options={"bidders": 3}, min_score=-20.0)
    assert (game.spec.default_seats, game.spec.dynamics, game.spec.information) == (3, "sequential", "hidden")
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1, 2)), game)
    bids = iter([[0.25], [2.5], [0.5], [0.0], [0.125]])  # seat 1 bids more than it may, and is out
    asked = []
    while not match.over:
        (request,) = match.requests()
        assert request.legal is None
        asked.append(request.seat)
        match.answer(request.seat, next(bids))
    assert asked == [0, 1, 2, 0, 2]
    values = [match.state.view(seat)["observation"]["value"][0] for seat in range(3)]
    assert match.result.scores == pytest.approx((0, -1, values[2] - 0.5 + values[2] - 0.125))
    assert match.state.render().startswith("round 2: ")  # it draws text, and nobody's eyes are named
    assert match.state.render(0).startswith("bidder_0: ")


@pytest.mark.parametrize(
    "action",
    [3, 0.5, "x", None, [], [1, 2], [10.0], [float("nan")], [[0.5]], ["0.5"], [10**400], {"0": 1}, [True], [[[]]]],
)
def test_what_is_not_in_a_space_is_refused(action):
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1, 2)), own("Auction"))
    assert match.refusal(0, action).startswith("not in Box(0.0, 9.0, (1,), float32)")
    match.answer(0, action)
    assert match.result.faults[0][2].kind == "illegal"


@pytest.mark.parametrize("kind", ANYTHING)
def test_an_agent_gives_elements_of_any_space_in_msgpacks_types(kind):
    match, views = played(own("Anything", options={"kind": kind}))
    assert match.result.scores == (1.0, 1.0)
    assert len(views) == 2


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("many", [0.5, 1]),
        ("numbers", [1, 2, 10**6]),
        ("numbers", [1, 2, 2.5]),
        ("many", [5, 0]),
        ("bits", [0, 1]),
        ("tuple", [1]),
        ("tuple", [1, [1.5, 2]]),
        ("dict", {"word": "a"}),
        ("dict", {"word": "a", "number": 2}),
        ("dict", {"word": "abcdef", "number": 1}),
        ("dict", [1, 2]),
    ],
)
def test_other_spaces_refuse_too(kind, action):
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1)), own("Anything", options={"kind": kind}))
    assert match.refusal(0, action).startswith(("not in ", "not a legal action"))


def test_masks_may_stand_in_infos_and_may_be_empty_for_some():
    game = own("Survival", options={"masked": True})
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1, 2)), game)
    asked = []
    while not match.over:
        asked.append({request.seat: tuple(request.legal) for request in match.requests()})
        for seat in asked[-1]:
            match.answer(seat, 1)
    # Whose mask is empty is not asked, and the environment is given 0 for it, by which it goes.
    assert asked == [{0: (1,), 1: (1,)}] + [{0: (1,), 1: (1,)}] * 4
    assert match.result.scores == (5.0, 5.0, 0.0)


def test_an_empty_mask_of_who_is_to_act_voids_the_match():
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1)), own("Auction", options={"bidders": 2, "stuck": True}))
    with pytest.raises(GameError, match="asks 'bidder_0', but its action mask is empty"):
        _ = match.requests()[0].legal


def test_a_few_combinations_are_listed():
    for kind, first, count in (("many", [2, 0], 12), ("bits", [0, 0, 0], 8)):
        (one, _) = Match(MatchSpec(0, 0, 0, 1, (0, 1)), own("Anything", options={"kind": kind})).requests()
        assert (one.legal[0], len(one.legal)) == (first, count)
    assert (
        Match(MatchSpec(0, 0, 0, 1, (0, 1)), own("Anything", options={"kind": "numbers"})).requests()[0].legal is None
    )


def test_parallel_agents_leave_one_by_one():
    game = own("Survival")
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1, 2)), game)
    asked = []
    while not match.over:
        seats = [request.seat for request in match.requests()]
        asked.append(seats)
        for seat in seats:
            match.answer(seat, 0 if seat == match.turn else 1)
    assert asked == [[0, 1, 2], [1, 2], [2]]
    assert match.result.scores == (0.0, 1.0, 2.0)
    assert match.state.view(0) == {"observation": 1}


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("", "env='' names no environment: write package.module:function"),
        ("module:", "names no environment"),
        ("no_such_module:make", "No module named 'no_such_module'"),
        (f"{OWN}:NoSuch", "NoSuch"),
        (f"{OWN}:nobody", "possible_agents"),
        (f"{OWN}:no_environment", "no environment of PettingZoo|metadata"),
    ],
)
def test_what_makes_no_environment_is_an_error(env, message):
    with pytest.raises(ConfigError, match=message):
        load_game(f"{PREFIX}make", env=env)


def test_the_version_of_ones_own_follows_its_file(tmp_path):
    versions = []
    for number in range(2):
        file = tmp_path / f"mine{number}.py"
        file.write_text(OWN.read_text() + f"# {number}\n")
        versions.append(load_game(f"{PREFIX}make", env=f"{file}:Survival").spec.version)
    assert versions[0] != versions[1]


def test_an_error_of_the_environment_is_no_agents_fault():
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1, 2)), own("Survival"))
    match.answer(0, 3)
    match.answer(1, 1)
    with pytest.raises((RuntimeError, GameError), match="the trap broke"):
        match.answer(2, 1)


@pytest.mark.parametrize("name", ["classic/tictactoe_v3", "classic/rps_v2"])
def test_no_rule_of_the_kit_finds_fault_with_an_environment(name):
    spec = Plugins().games()[PREFIX + name]
    assert [verdict.line for verdict in checked(Subject(spec=spec)) if verdict.outcome != "ok"] == []
