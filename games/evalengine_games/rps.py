"""Rock-paper-scissors: two seats show a hand at once, again and again; rock beats scissors, scissors paper, paper rock.

A match has `rounds` rounds. Hands are numbered as in OpenSpiel's `matrix_rps`.
The score is (rounds won - rounds lost) / rounds played.

Observation: {"mine": [own hands so far], "theirs": [the other's], "round": of the next, from 0, "rounds": in all}.
Action: int, 0 rock, 1 paper, 2 scissors.
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

_NAMES = ("rock", "paper", "scissors")
_HANDS = (0, 1, 2)
_BOTH = (0, 1)
# By (own hand - other hand), which Python's indexing takes modulo 3: the same, the next beats, the previous loses.
_WON = (0, 1, -1)
_COLUMNS = 25  # rounds in a line of the drawing


class RockPaperScissors(Game):
    """The rules."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds

    def adapt(self, spec: GameSpec) -> GameSpec:
        return replace(spec, max_turns=self.rounds)

    def initial(self, seats: int, rng: random.Random) -> Hands:
        """Return the state before the first round."""
        return Hands(self.rounds, [], [], 0)

    def action_to_str(self, action: int) -> str:
        return _NAMES[action]


class Hands(State):
    """The hands shown so far; changes itself."""

    __slots__ = ("first", "lead", "rounds", "second")

    def __init__(self, rounds: int, first: list[int], second: list[int], lead: int) -> None:
        self.rounds = rounds
        self.first = first  # of seat 0, by round
        self.second = second
        self.lead = lead  # rounds won - rounds lost, of seat 0

    def to_move(self) -> Sequence[int]:
        return _BOTH if len(self.first) < self.rounds else ()

    def legal(self, seat: int) -> Sequence[int]:
        return _HANDS if len(self.first) < self.rounds else ()

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Hands:
        mine, theirs = actions[0], actions[1]
        self.first.append(mine)
        self.second.append(theirs)
        self.lead += _WON[mine - theirs]
        return self

    def scores(self) -> tuple[float, float]:
        score = self.lead / len(self.first) if self.first else 0.0
        return (score, -score)

    def rewards(self) -> tuple[float, float] | None:
        """Return 1 for the winner and -1 for the loser of the last round, 0 each when it was tied."""
        if not self.first:
            return None
        won = float(_WON[self.first[-1] - self.second[-1]])
        return (won, -won)

    def clone(self) -> Hands:
        return Hands(self.rounds, self.first[:], self.second[:], self.lead)

    def view(self, seat: int) -> dict[str, Any]:
        mine, theirs = (self.second, self.first) if seat else (self.first, self.second)
        return {"mine": mine[:], "theirs": theirs[:], "round": len(mine), "rounds": self.rounds}

    def render(self, seat: int | None = None) -> str:
        lines = [f"{len(self.first)} of {self.rounds} rounds; seat 0 leads by {self.lead}"]
        for number, hands in enumerate((self.first, self.second)):
            lines.append(f"seat {number}: {''.join('RPS'[hand] for hand in hands)}")
        return "\n".join(lines)

    def svg(self, seat: int | None = None) -> str:
        width, height = _COLUMNS * drawing.CELL, (1 + (self.rounds - 1) // _COLUMNS) * 2.5 * drawing.CELL
        return drawing.document(width, height, self._shapes(), self.render(seat))

    def _shapes(self) -> list[str]:
        """Draw a column a round; the winner's hand is coloured."""
        shapes = []
        for number, hands in enumerate(zip(self.first, self.second, strict=True)):
            left, top = number % _COLUMNS * drawing.CELL, number // _COLUMNS * 2.5 * drawing.CELL
            for seat, hand in enumerate(hands):
                won = _WON[hand - hands[1 - seat]] > 0
                fill = drawing.SEAT_COLOURS[seat] if won else drawing.BOARD
                y = top + seat * drawing.CELL
                shapes.append(drawing.rect(left, y, drawing.CELL, drawing.CELL, fill, drawing.LINE))
                shapes.append(drawing.label(left + drawing.CELL / 2, y + drawing.CELL / 2, "RPS"[hand]))
        return shapes
