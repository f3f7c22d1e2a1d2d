"""Every listed game is played through the kernel, and OpenSpiel itself is asked whether the result is right."""

from __future__ import annotations

import copy
import math
import random

import msgpack
import pyspiel
import pytest
from evalengine_openspiel.table import GAMES

from evalengine import Match

# Fewer deals are solved to score a hand: the default takes seconds a match.
QUICK = {"bridge_uncontested_bidding": {"num_redeals": 1}}
VARIANTS = [
    ("blotto", {"players": 3}),
    ("chinese_checkers", {"players": 6}),
    ("crazy_eights", {"players": 2}),
    ("dark_hex", {"board_size": 4}),
    ("go_fish", {"players": 4}),
    ("goofspiel", {"players": 3, "imp_info": True}),
    ("hanabi", {"players": 4}),
    ("hex", {"board_size": 5}),
    ("kuhn_poker", {"players": 5}),
    ("misere", {"game": "kuhn_poker(players=3)"}),
    ("pathfinding", {"players": 2, "grid": "A.*..**\n..*....\nB...*ab\n"}),
    ("repeated_game", {"stage_game": "matrix_rps()", "num_repetitions": 4}),
    ("snake", {"players": 4}),
    ("tarok", {"players": 4}),
    ("turn_based_simultaneous_game", {"game": "matching_pennies_3p()"}),
    ("yacht", {"players": 3}),
]
IDS = [f"{name}({','.join(f'{key}={value}' for key, value in config.items())})" for name, config in VARIANTS]
TURNS = 60


def replayed_views(match):
    """Play the turns of a match again, by hand, and return the views that are shown."""
    again, views = Match(match.spec, match.game), []
    for turn in match.turns:
        views += [(request.turn, request.seat, request.view) for request in again.requests()]
        for seat, action in turn.items():
            again.answer(seat, action)
    return views


def check_replay(game, random_match, seed, max_turns):
    match, views = random_match(game, seed, max_turns)
    assert msgpack.unpackb(msgpack.packb(views, use_bin_type=True), use_list=True) == [list(view) for view in views]
    again = Match.resume(match.spec, game, match.turns)
    assert again.result == match.result
    assert again.state.render() == match.state.render()
    assert replayed_views(match) == views
    scores = match.result.scores
    assert all(math.isfinite(score) for score in scores)
    assert all(game.spec.min_score - 1e-9 <= score <= game.spec.max_score + 1e-9 for score in scores)
    if game.spec.utility == "zero" and match.result.termination == "rules":
        assert sum(scores) == pytest.approx(0)
    for side in game.teams(len(scores)):
        assert len({scores[seat] for seat in side}) == 1, "partners win and lose together"


def check_clone(game, random_match):
    """Branch off a clone: playing it to the end changes nothing of the state that it was made of."""
    short, _ = random_match(game, 3, 5)
    state, rng = short.state, random.Random(1)
    seats = range(game.spec.default_seats)

    def seen(state):
        return state.to_move(), state.scores(), state.render(), [copy.deepcopy(state.view(seat)) for seat in seats]

    clone, before = state.clone(), seen(state)
    assert seen(clone) == before
    for _ in range(20):
        if not (movers := clone.to_move()):
            break
        clone = clone.apply({seat: rng.choice(clone.legal(seat)) for seat in movers}, rng)
    assert seen(state) == before
    # What the clone drew must not have moved on the luck of the original.
    replay = Match.resume(short.spec, game, short.turns).state
    for line in (state, replay):
        luck, choice = random.Random(9), random.Random(9)
        for _ in range(8):
            if not (movers := line.to_move()):
                break
            line = line.apply({seat: choice.choice(line.legal(seat)) for seat in movers}, luck)  # noqa: PLW2901 - the line moves on
        if line is state:
            before = seen(line)
    assert seen(replay) == before


@pytest.mark.parametrize("name", GAMES)
def test_a_match_and_its_views_are_replayed_exactly(name, load, random_match):
    game = load(name, **QUICK.get(name, {}))
    for seed in (0, 1):
        check_replay(game, random_match, seed, TURNS)


@pytest.mark.parametrize("name", GAMES)
def test_a_clone_shares_nothing(name, load, random_match):
    check_clone(load(name, **QUICK.get(name, {})), random_match)


@pytest.mark.parametrize(("name", "config"), VARIANTS, ids=IDS)
def test_configured_games_play_too(name, config, load, random_match):
    game = load(name, **config)
    check_replay(game, random_match, 0, TURNS)
    check_clone(game, random_match)


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_whole_matches_end_by_the_rules(name, load, random_match):
    game = load(name, **QUICK.get(name, {}))
    for seed in (2, 3):
        match, _ = random_match(game, seed)
        assert match.result.termination == "rules", "max_turns cut it"
        assert Match.resume(match.spec, game, match.turns).result == match.result


NO_LUCK = [name for name, row in GAMES.items() if not row["fields"]["chance"] and not row["always"]]


@pytest.mark.parametrize("name", NO_LUCK)
def test_openspiel_itself_gives_the_same_scores_and_text(name, load, random_match):
    match, _ = random_match(load(name), 5, TURNS)
    line = pyspiel.load_game(name, GAMES[name]["fixed"]).new_initial_state()
    for turn in match.turns:
        if line.is_simultaneous_node():
            line.apply_actions([turn[seat] for seat in range(line.num_players())])
        else:
            line.apply_action(turn[line.current_player()])
    assert match.result.scores == tuple(line.returns())
    assert match.state.render() == str(line)
