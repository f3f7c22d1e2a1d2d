"""OpenSpiel plays along: same legal actions by number, same mover, same end, same scores, same number of lines.

Every bundled game is in `PEERS` or in `NO_PEER`; `test_every_bundled_game_has_a_peer_or_a_reason` holds it.
"""

import random
from collections import Counter
from typing import NamedTuple

import pytest

from evalengine import Match, MatchSpec, Termination, load_game, stream
from evalengine_games.specs import SPECS

pyspiel = pytest.importorskip("pyspiel")

MATCHES = 50


class Peer(NamedTuple):
    ref: str  # ours
    name: str  # OpenSpiel's
    depth: int  # of the perft: what takes less than 2 s


PEERS = [
    Peer("breakthrough", "breakthrough", 5),
    Peer("breakthrough(rows=5, columns=4)", "breakthrough(rows=5,columns=4)", 6),
    Peer("checkers", "checkers", 8),
    Peer("connect4", "connect_four", 7),
    Peer("connect4(columns=5, rows=4, inarow=3)", "connect_four(columns=5,rows=4,x_in_row=3)", 8),
    Peer("connect4(columns=9, rows=10, inarow=6)", "connect_four(columns=9,rows=10,x_in_row=6)", 6),
    Peer("hex", "hex", 3),
    Peer("hex(size=2)", "hex(board_size=2)", 4),
    Peer("hex(size=3)", "hex(board_size=3)", 9),
    Peer("hex(size=4)", "hex(board_size=4)", 5),
    Peer("kalah", "mancala", 8),
    Peer("kuhn_poker", "kuhn_poker", 3),
    Peer("leduc_poker", "leduc_poker", 8),
    Peer("othello", "othello", 8),
    Peer("tictactoe", "tic_tac_toe", 9),
]

NO_PEER = {
    "market_simulator": "it is our own",
    "picks": "it is our own",
    "prisoners_dilemma": "OpenSpiel's matrix_pd is one round; ours is repeated",
    "rps": "OpenSpiel's matrix_rps is one round; ours is repeated",
    "tron": "not in OpenSpiel",
}

# What chance did so far, in OpenSpiel's order and numbers, read from the views.
LUCK = {
    "kuhn_poker": lambda state: [state.view(seat)["card"] for seat in (0, 1)],
    "leduc_poker": lambda state: [*(state.view(seat)["card"] for seat in (0, 1)), state.view(0)["public"]],
}

each_peer = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.ref)


def test_every_bundled_game_has_a_peer_or_a_reason():
    compared = {peer.ref.partition("(")[0] for peer in PEERS}
    assert sorted([*compared, *NO_PEER]) == sorted(spec.name for spec in SPECS)


# ---------------------------------------------------------------------------------- whole matches


def follow_luck(theirs, state, name, seen):
    """Take the peer through its chance nodes as chance went in `state`; return how many it has seen by now."""
    while theirs.is_chance_node():
        theirs.apply_action(LUCK[name](state)[seen])
        seen += 1
    return seen


@each_peer
def test_random_matches_go_the_same_way(peer):
    game, other = load_game(peer.ref), pyspiel.load_game(peer.name)
    name = game.spec.name
    for number in range(MATCHES):
        rng = stream(number, peer.ref)
        match, theirs = Match(MatchSpec(number, 0, 0, number, (0, 1)), game), other.new_initial_state()
        seen = follow_luck(theirs, match.state, name, 0)
        while not match.over:
            (request,) = match.requests()
            assert request.seat == theirs.current_player()
            assert sorted(request.legal) == sorted(theirs.legal_actions())
            action = rng.choice(request.legal)
            match.answer(request.seat, action)
            theirs.apply_action(action)
            seen = follow_luck(theirs, match.state, name, seen)
        assert theirs.is_terminal()
        assert match.result.termination == Termination.RULES
        assert list(match.result.scores) == theirs.returns()


# ------------------------------------------------------------------------------------------ perft


class Noticing(random.Random):
    """A generator that knows whether it was used; overrides what the library says a subclass may."""

    used = False

    def random(self):
        self.used = True
        return super().random()

    def getrandbits(self, k):
        self.used = True
        return super().getrandbits(k)


def outcomes(draw, luck):
    """Return the different states that `draw(rng)` leads to: all, once a hundred seeds in a row show nothing new."""
    rng = Noticing(0)
    first = draw(rng)
    if not rng.used:
        return [first]
    found, seed, news = {tuple(luck(first)): first}, 0, 0
    while seed < news + 100:
        seed += 1
        state = draw(random.Random(seed))
        if tuple(luck(state)) not in found:
            found[tuple(luck(state))] = state
            news = seed
    return list(found.values())


def our_perft(game, depth):
    """Return by depth how many lines of actions there are, each outcome of chance counted."""
    luck = LUCK.get(game.spec.name)
    counts = Counter()

    def after(state, seat, action):
        def draw(rng):
            return state.clone().apply({seat: action}, rng)

        return outcomes(draw, luck) if luck else [draw(None)]

    def walk(state, ply):
        for seat in state.to_move():
            legal = state.legal(seat)
            counts[ply] += len(legal)
            if ply < depth:
                for action in legal:
                    for child in after(state, seat, action):
                        walk(child, ply + 1)

    def deal(rng):
        return game.initial(2, rng)

    for start in outcomes(deal, luck) if luck else [deal(None)]:
        walk(start, 1)
    return counts


def their_perft(game, depth):
    counts = Counter()

    def walk(state, ply):
        if state.is_terminal():
            return
        legal = state.legal_actions()
        if state.is_chance_node():
            for outcome in legal:
                walk(state.child(outcome), ply)
            return
        counts[ply] += len(legal)
        if ply < depth:
            for action in legal:
                walk(state.child(action), ply + 1)

    walk(game.new_initial_state(), 1)
    return counts


@each_peer
def test_there_are_as_many_lines_of_play(peer):
    ours = our_perft(load_game(peer.ref), peer.depth)
    assert ours == their_perft(pyspiel.load_game(peer.name), peer.depth)
    assert ours[1] > 1
