from __future__ import annotations

import os

import pytest
from hypothesis import settings

from evalengine import Match, MatchSpec, load_game

# As in the main project: no deadlines, since other processes share the machine.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

COLUMNS = "ABCDEFGHJKLMNOPQRST"


class Board:
    """A match driven by vertices: `play("D4 pass")`."""

    def __init__(self, match):
        self.match, self.game = match, match.game
        self.size = match.game.config["size"]

    def action(self, vertex):
        if vertex == "pass":
            return self.size**2
        return (self.size - int(vertex[1:])) * self.size + COLUMNS.index(vertex[0])

    def play(self, vertices):
        for vertex in vertices.split():
            (request,) = self.match.requests()
            self.match.answer(request.seat, self.action(vertex))
            assert not self.match.over or self.match.result.termination != "fault", f"{vertex}: {self.match.result}"
        return self

    def refusal(self, vertex):
        (seat,) = self.state.to_move()
        reason = self.match.refusal(seat, self.action(vertex))
        assert (reason is None) == (self.action(vertex) in self.state.legal(seat))
        return reason

    @property
    def state(self):
        return self.match.state

    @property
    def rows(self):
        return ["".join(".XO"[cell] for cell in row) for row in self.state.view(0)["board"]]

    @property
    def captures(self):
        return self.state.view(0)["captures"]


def begin(max_turns=0, **config):
    game = load_game("go", **config)
    spec = MatchSpec(match_no=0, game_no=0, rotation=0, seed=0, agents=(0, 1), max_turns=max_turns)
    return Board(Match(spec, game))


def vertices_of(rows, mark):
    return [f"{COLUMNS[x]}{len(rows) - y}" for y, row in enumerate(rows) for x, cell in enumerate(row) if cell == mark]


def set_up(diagram, mover, first=(), **config):
    """Return a board with the stones of a diagram, put there one by one; those of `first` before the others.

    While stones are added to a legal position, none is ever taken: a part of a chain has the rest as liberties.
    """
    rows = diagram.split()
    board = begin(size=len(rows), **config)
    stones = [sorted(vertices_of(rows, mark), key=lambda vertex: vertex not in first) for mark in "XO"]
    turn = 0
    while any(stones) or turn % 2 != "XO".index(mover):
        own = stones[turn % 2]
        board.play(own.pop(0) if own else "pass")
        turn += 1
    assert board.rows == rows
    return board


@pytest.fixture(scope="session", name="begin")
def _begin():
    return begin


@pytest.fixture(scope="session", name="set_up")
def _set_up():
    return set_up
