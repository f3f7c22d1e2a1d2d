"""Prisoner's dilemma, iterated: two seats cooperate or defect at once, round after round, knowing how many there are.

Both cooperate: 3 each; both defect: 1 each; else the defector gets 5 and the other 0. The score is the mean a round.
Payoffs and the 200 rounds are those of the first tournament (Axelrod 1980, J. Conflict Resolution 24(1), 3-25).

Observation: {"mine": [own actions so far], "theirs": [the other's], "round": of the next, from 0, "rounds": in all}.
Action: int, 0 cooperate, 1 defect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine import GameSpec

_NAMES = ("cooperate", "defect")
_ACTIONS = (0, 1)
_BOTH = (0, 1)
_PAYOFF = ((3, 0), (5, 1))  # [own action][other's]: R S / T P
_COLUMNS = 25  # rounds in a line of the drawing
_SIDE = drawing.CELL / 2


class PrisonersDilemma(Game):
    """The rules."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds

    def adapt(self, spec: GameSpec) -> GameSpec:
        return replace(spec, max_turns=self.rounds)

    def initial(self, seats: int, rng: random.Random) -> Rounds:
        """Return the state before the first round."""
        return Rounds(self.rounds, [], [], (0, 0))

    def action_to_str(self, action: int) -> str:
        return _NAMES[action]


class Rounds(State):
    """What both did so far; changes itself."""

    __slots__ = ("first", "rounds", "second", "totals")

    def __init__(self, rounds: int, first: list[int], second: list[int], totals: tuple[int, int]) -> None:
        self.rounds = rounds
        self.first = first  # of seat 0, by round
        self.second = second
        self.totals = totals  # payoffs so far, by seat

    def to_move(self) -> Sequence[int]:
        return _BOTH if len(self.first) < self.rounds else ()

    def legal(self, seat: int) -> Sequence[int]:
        return _ACTIONS if len(self.first) < self.rounds else ()

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Rounds:
        mine, theirs = actions[0], actions[1]
        self.first.append(mine)
        self.second.append(theirs)
        one, other = self.totals
        self.totals = (one + _PAYOFF[mine][theirs], other + _PAYOFF[theirs][mine])
        return self

    def scores(self) -> tuple[float, float]:
        played = len(self.first) or 1
        return (self.totals[0] / played, self.totals[1] / played)

    def rewards(self) -> tuple[float, float] | None:
        """Return the payoffs of the last round."""
        if not self.first:
            return None
        mine, theirs = self.first[-1], self.second[-1]
        return (float(_PAYOFF[mine][theirs]), float(_PAYOFF[theirs][mine]))

    def clone(self) -> Rounds:
        return Rounds(self.rounds, self.first[:], self.second[:], self.totals)

    def view(self, seat: int) -> dict[str, Any]:
        mine, theirs = (self.second, self.first) if seat else (self.first, self.second)
        return {"mine": mine[:], "theirs": theirs[:], "round": len(mine), "rounds": self.rounds}

    def render(self, seat: int | None = None) -> str:
        lines = [f"{len(self.first)} of {self.rounds} rounds"]
        for number, actions in enumerate((self.first, self.second)):
            done = "".join("CD"[action] for action in actions)
            lines.append(f"seat {number}: {self.totals[number]} points {done}".rstrip())
        return "\n".join(lines)

    def svg(self, seat: int | None = None) -> str:
        width, height = _COLUMNS * _SIDE, (1 + (self.rounds - 1) // _COLUMNS) * 2.5 * _SIDE
        return drawing.document(width, height, self._shapes(), self.render(seat))

    def _shapes(self) -> list[str]:
        """Draw a column a round; defection is coloured."""
        shapes = []
        for number, actions in enumerate(zip(self.first, self.second, strict=True)):
            left, top = number % _COLUMNS * _SIDE, number // _COLUMNS * 2.5 * _SIDE
            for seat, action in enumerate(actions):
                y = top + seat * _SIDE
                fill = drawing.SEAT_COLOURS[seat] if action else drawing.BOARD
                shapes.append(drawing.rect(left, y, _SIDE, _SIDE, fill, drawing.LINE))
                shapes.append(drawing.label(left + _SIDE / 2, y + _SIDE / 2, "CD"[action], 10))
        return shapes
