"""Kuhn poker (Kuhn 1950): a deck of three cards, an ante of 1, one card each; seats pass or bet 1 in turn.

A pass after a bet folds; two passes or a called bet end in a showdown that the higher card wins. Score: chips won.
Rules and action numbers are OpenSpiel's `kuhn_poker` with two players.

Observation: {"card": own card, 0 jack, 1 queen, 2 king, "actions": [so far, seat 0 first], "chips": [put in, by seat],
    "theirs": the other's card after a showdown, else None}.
Action: int, 0 pass (check or fold), 1 bet (or call).
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_RANKS = "JQK"
_ACTIONS = (0, 1)
_SEATS = ((0,), (1,))
_ENDS = ((0, 0), (0, 1, 0), (0, 1, 1), (1, 0), (1, 1))
_WIDTH, _HEIGHT = 8 * drawing.CELL, 5 * drawing.CELL


class KuhnPoker(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Hand:
        """Return the state after the deal."""
        return rng.choice(_DEALS)

    def action_to_str(self, action: int) -> str:
        return ("pass", "bet")[action]


class Hand(State):
    """A position of a tree that is built once: there are 54 of them; immutable."""

    __slots__ = ("_after", "_scores", "actions", "cards", "chips", "movers", "shown")

    def __init__(self, cards: tuple[int, int], actions: tuple[int, ...]) -> None:
        over = actions in _ENDS
        self.cards = cards  # by seat
        self.actions = actions
        self.chips = (1 + sum(actions[::2]), 1 + sum(actions[1::2]))  # by seat, the ante included
        self.shown = over and self.chips[0] == self.chips[1]
        self.movers: tuple[int, ...] = () if over else _SEATS[len(actions) & 1]
        self._scores = self._result() if over else (0.0, 0.0)
        self._after = () if over else tuple(Hand(cards, (*actions, action)) for action in _ACTIONS)

    def _result(self) -> tuple[float, float]:
        wins = self.cards[0] > self.cards[1] if self.shown else self.chips[0] > self.chips[1]
        stake = float(min(self.chips))
        return (stake, -stake) if wins else (-stake, stake)

    def to_move(self) -> Sequence[int]:
        return self.movers

    def legal(self, seat: int) -> Sequence[int]:
        return _ACTIONS if self.movers else ()

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Hand:
        return self._after[actions[self.movers[0]]]

    def scores(self) -> tuple[float, float]:
        """Return the chips won; nothing before the end."""
        return self._scores

    def clone(self) -> Hand:
        return self

    def sample(self, seat: int, rng: random.Random) -> Hand:
        """Return this position with the other card drawn evenly, unless it was shown."""
        if self.shown:
            return self
        mine = self.cards[seat]
        state = rng.choice([deal for deal in _DEALS if deal.cards[seat] == mine])
        for action in self.actions:
            state = state.apply({state.movers[0]: action}, rng)
        return state

    def view(self, seat: int) -> dict[str, Any]:
        return {
            "card": self.cards[seat],
            "actions": list(self.actions),
            "chips": list(self.chips),
            "theirs": self.cards[1 - seat] if self.shown else None,
        }

    def _faces(self, seat: int | None) -> list[str]:
        """Return both cards as `seat` sees them, or open to all."""
        return [_RANKS[card] if seat in (None, owner) or self.shown else "?" for owner, card in enumerate(self.cards)]

    def render(self, seat: int | None = None) -> str:
        faces = self._faces(seat)
        done = " ".join(("pass", "bet")[action] for action in self.actions)
        return "\n".join([*(f"seat {k}: {faces[k]}, {self.chips[k]} in the pot" for k in (0, 1)), f"actions: {done}"])

    def svg(self, seat: int | None = None) -> str:
        shapes = [drawing.rect(0, 0, _WIDTH, _HEIGHT, drawing.BOARD)]
        for owner, face in enumerate(self._faces(seat)):
            middle = (2 + 4 * owner) * drawing.CELL
            shapes += [
                drawing.rect(middle - 30, 20, 60, 90, drawing.PAPER, drawing.SEAT_COLOURS[owner]),
                drawing.label(middle, 65, face, 36),
                drawing.label(middle, 130, f"{self.chips[owner]} in the pot"),
            ]
        done = " ".join(("pass", "bet")[action] for action in self.actions)
        return drawing.document(_WIDTH, _HEIGHT, [*shapes, drawing.label(_WIDTH / 2, 170, done)], self.render(seat))


_DEALS = tuple(Hand(cards, ()) for cards in permutations(range(3), 2))
