"""Leduc poker (Southey et al. 2005): jack, queen, king, twice each; an ante of 1, one card each, later an open one.

Two rounds of betting, seat 0 first; a raise is 2, then 4; two raises a round at most. A pair with the open card wins,
else the higher rank; equal ranks split. The score is chips won. Rules and action numbers are OpenSpiel's `leduc_poker`.

Observation: {"card": own card, "public": the open card or None, "rounds": [[actions of round 1], [of round 2]],
    "chips": [put in, by seat], "theirs": the other's card after a showdown, else None}.
    A card is 2 * rank + suit, 0..5: 0 and 1 are jacks, 2 and 3 queens, 4 and 5 kings.
Action: int, 0 fold (only after a raise), 1 call (or check), 2 raise (no third time in a round).
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_FACES = ("J1", "J2", "Q1", "Q2", "K1", "K2")
_NAMES = ("fold", "call", "raise")
_FOLD, _CALL, _RAISE = range(3)
_SEATS = ((0,), (1,))
_SIZES = (2, 4)  # of a raise, by round
_DEALS = tuple(permutations(range(6), 2))
_NOT_OPEN = -1
_WIDTH, _HEIGHT = 9 * drawing.CELL, 5 * drawing.CELL


class _Node:
    """A position of the betting, whatever the cards; the tree of 85 is built once."""

    __slots__ = ("after", "chips", "folded", "legal", "movers", "over", "rounds")

    def __init__(self, rounds: tuple[tuple[int, ...], ...], chips: tuple[int, int], *, over: bool = False) -> None:
        now = rounds[-1]
        self.rounds = rounds
        self.chips = chips  # by seat, the ante included
        self.over = over
        self.folded = over and now[-1] == _FOLD
        self.movers: tuple[int, ...] = () if over else _SEATS[len(now) & 1]
        self.legal: tuple[int, ...] = () if over else self._options(now)
        self.after = {action: self._next(action) for action in self.legal}

    def _options(self, now: tuple[int, ...]) -> tuple[int, ...]:
        folds = (_FOLD,) if self.chips[0] != self.chips[1] else ()
        raises = (_RAISE,) if now.count(_RAISE) < 2 else ()
        return (*folds, _CALL, *raises)

    def _next(self, action: int) -> _Node:
        *before, now = self.rounds
        seat, stake = self.movers[0], max(self.chips)
        if action == _RAISE:
            stake += _SIZES[len(before)]
        mine, theirs = (self.chips[seat] if action == _FOLD else stake), self.chips[1 - seat]
        chips = (theirs, mine) if seat else (mine, theirs)
        rounds = (*before, (*now, action))
        ends = action == _FOLD or (action == _CALL and bool(now))  # of the round; the first call only checks
        if ends and action == _CALL and not before:
            return _Node((*rounds, ()), chips)
        return _Node(rounds, chips, over=ends)


_ROOT = _Node(((),), (1, 1))


class LeducPoker(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Hand:
        """Return the state after the deal."""
        return Hand(rng.choice(_DEALS), _NOT_OPEN, _ROOT)

    def action_to_str(self, action: int) -> str:
        return _NAMES[action]


class Hand(State):
    """A position; immutable."""

    __slots__ = ("cards", "node", "public")

    def __init__(self, cards: tuple[int, int], public: int, node: _Node) -> None:
        self.cards = cards  # by seat
        self.public = public
        self.node = node

    def to_move(self) -> Sequence[int]:
        return self.node.movers

    def legal(self, seat: int) -> Sequence[int]:
        return self.node.legal

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Hand:
        node = self.node
        node = node.after[actions[node.movers[0]]]
        public = self.public
        if public < 0 and len(node.rounds) == 2:
            public = rng.choice([card for card in range(6) if card not in self.cards])
        return Hand(self.cards, public, node)

    def scores(self) -> tuple[float, float]:
        """Return the chips won; nothing before the end."""
        node = self.node
        if not node.over:
            return (0.0, 0.0)
        first, second = node.chips if node.folded else map(self._strength, self.cards)
        stake = 0.0 if first == second else float(min(node.chips))
        return (stake, -stake) if first > second else (-stake, stake)

    def _strength(self, card: int) -> int:
        rank = card // 2
        return rank + 3 if rank == self.public // 2 else rank

    @property
    def shown(self) -> bool:
        """Whether it ended in a showdown."""
        return self.node.over and not self.node.folded

    def clone(self) -> Hand:
        return self

    def sample(self, seat: int, rng: random.Random) -> Hand:
        """Return this position with the other card drawn evenly from the unseen ones, unless it was shown."""
        if self.shown:
            return self
        mine = self.cards[seat]
        other = rng.choice([card for card in range(6) if card not in (mine, self.public)])
        return Hand((other, mine) if seat else (mine, other), self.public, self.node)

    def view(self, seat: int) -> dict[str, Any]:
        rounds = [list(actions) for actions in self.node.rounds]
        return {
            "card": self.cards[seat],
            "public": None if self.public < 0 else self.public,
            "rounds": rounds if len(rounds) == 2 else [*rounds, []],
            "chips": list(self.node.chips),
            "theirs": self.cards[1 - seat] if self.shown else None,
        }

    def _faces(self, seat: int | None) -> list[str]:
        """Return both cards as `seat` sees them, or open to all."""
        return [_FACES[card] if seat in (None, owner) or self.shown else "?" for owner, card in enumerate(self.cards)]

    def _open(self) -> str:
        return "-" if self.public < 0 else _FACES[self.public]

    def _betting(self) -> str:
        return " / ".join(" ".join(_NAMES[action] for action in actions) for actions in self.node.rounds).strip()

    def render(self, seat: int | None = None) -> str:
        faces, chips = self._faces(seat), self.node.chips
        return "\n".join(
            [
                *(f"seat {k}: {faces[k]}, {chips[k]} in the pot" for k in (0, 1)),
                f"open: {self._open()}",
                f"actions: {self._betting()}",
            ]
        )

    def svg(self, seat: int | None = None) -> str:
        faces, chips = self._faces(seat), self.node.chips
        places = ((1.5, faces[0], 0), (7.5, faces[1], 1), (4.5, self._open(), None))
        shapes = [drawing.rect(0, 0, _WIDTH, _HEIGHT, drawing.BOARD)]
        for column, face, owner in places:
            middle = column * drawing.CELL
            stroke = drawing.INK if owner is None else drawing.SEAT_COLOURS[owner]
            shapes.append(drawing.rect(middle - 30, 20, 60, 90, drawing.PAPER, stroke))
            shapes.append(drawing.label(middle, 65, face, 28))
            shapes.append(drawing.label(middle, 130, "open" if owner is None else f"{chips[owner]} in the pot"))
        shapes.append(drawing.label(_WIDTH / 2, 170, self._betting(), 12))
        return drawing.document(_WIDTH, _HEIGHT, shapes, self.render(seat))
