"""Round-robin: every cell plays alike, in whole rotations, with the same seeds and openings everywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalengine import Contest, MatchSpec, Pairing, Plan, derive
from evalengine.builtin.cells import seat_orders, shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine import Standings

_made = tuple.__new__  # a named tuple's own maker costs twice as much
_KEPT = 1_000  # cells whose seat orders are kept from one rotation to the next


class RoundRobin(Pairing):
    """One round of all cells.

    A cell is a game and as many agents as it has sides. Cells differ by at most one match; within a cell a rotation
    (all seat orders with one seed) is completed before the next begins. When n leaves some cells with a match more, or
    has not enough for all, those are taken that keep games and agents balanced.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._blocks = self._split()

    def cells_in(self, contest: Contest) -> int:
        """Return how many cells of a game meet."""
        return cells_of(contest)

    def members(self, contest: Contest, cell: int) -> Sequence[int]:
        """Return the places of the agents of a cell, in an order of cells whose every prefix is balanced."""
        return _members(cell, len(contest.agents), len(contest.sides))

    def _split(self) -> list[_Block]:
        """Return how the matches split over the games."""
        plan, contests = self.plan, self.plan.contests
        cells = [self.cells_in(contest) for contest in contests]
        each = [(plan.rounds or 1) * len(contest.sides) for contest in contests]
        extra = [0] * len(contests)
        if plan.rounds is None and plan.matches is not None:
            alike, left = divmod(plan.matches, sum(cells))
            each, extra = [alike] * len(contests), shares(left, cells)
        return [_Block(self, *block) for block in zip(contests, cells, each, extra, strict=True)]

    def sizes(self) -> Mapping[int, int]:
        return {block.contest.game_no: block.matches for block in self._blocks}

    def rounds(self) -> int:
        return 1

    def round(self, round_no: int, standings: Standings) -> Iterator[MatchSpec] | None:
        return self._matches() if round_no == 0 else None

    def _matches(self) -> Iterator[MatchSpec]:
        match_no = 0
        for block in self._blocks:
            yield from block.specs(self.plan.seed, match_no)
            match_no += block.matches

    def describe(self) -> Iterator[str]:
        """Yield one line: the matches, and how they split."""
        cells = [block.cells for block in self._blocks]
        least = min(block.each for block in self._blocks)
        most = max(block.each + (block.extra > 0) for block in self._blocks)
        each = f"{least} each" if least == most else f"{least} or {most} each"
        split = " + ".join(f"{number}" for number in cells) if len(set(cells)) > 1 else f"{cells[0]}"
        games = f"{len(cells)} game{'s' * (len(cells) > 1)}"
        whole = sum(block.rotations for block in self._blocks)
        matches = sum(block.matches for block in self._blocks)
        yield f"{matches} matches: {games} x {split} cells, {each}, {whole} whole rotations"
        if least == 0:
            yield f"fewer matches than cells: {sum(cells) - matches} of {sum(cells)} cells are not played"


class _Block:
    """The matches of one game.

    Attributes:
        cells: how many; each: matches of every cell;
        extra: how many cells, the first of the balanced order, have one more.
    """

    def __init__(self, pairing: RoundRobin, contest: Contest, cells: int, each: int, extra: int) -> None:
        self._pairing = pairing
        self.contest = contest
        self.sides = len(contest.sides)
        self.cells = cells
        self.each = each
        self.extra = extra
        self._known: list[list[tuple[int, ...]]] = []  # the orders of the first cells, in their order

    @property
    def matches(self) -> int:
        return self.cells * self.each + self.extra

    @property
    def rotations(self) -> int:
        """How many rotations are whole."""
        longer = (self.each + 1) // self.sides
        return self.extra * longer + (self.cells - self.extra) * (self.each // self.sides)

    def _orders(self, cell: int) -> Sequence[tuple[int, ...]]:
        """Return a cell's agents by seat, in each order; kept, where there are not too many cells."""
        if cell >= _KEPT:
            return self._made_orders(cell)
        if cell == len(self._known):
            self._known.append(self._made_orders(cell))
        return self._known[cell]

    def _made_orders(self, cell: int) -> list[tuple[int, ...]]:
        contest = self.contest
        return seat_orders(contest, [contest.agents[place] for place in self._pairing.members(contest, cell)])

    def specs(self, run_seed: int, match_no: int) -> Iterator[MatchSpec]:
        contest, sides = self.contest, self.sides
        game_no, opening, max_turns = contest.game_no, contest.opening, contest.max_turns
        most = self.each + (self.extra > 0)
        for rotation in range(-(-most // sides)):
            seed = derive(run_seed, contest.ref, rotation)
            begin, end = rotation * sides, (rotation + 1) * sides
            cells = self.cells if begin < self.each else self.extra
            for cell in range(cells):
                orders = self._orders(cell)
                last = min(end, self.each + (cell < self.extra))
                for number in range(begin, last):
                    # Beginning with another order in every other cell balances the seats over incomplete rotations.
                    agents = orders[(number + cell) % sides]
                    yield _made(MatchSpec, (match_no, game_no, rotation, seed, agents, opening, max_turns, None))
                    match_no += 1


def cells_of(contest: Contest) -> int:
    """Return how many sets of agents can meet in a game."""
    return math.comb(len(contest.agents), len(contest.sides))


def _members(cell: int, agents: int, sides: int) -> Sequence[int]:
    """Return the places of the agents of cell number `cell`, in an order whose every prefix is balanced."""
    if sides == 1:
        return (cell,)
    if sides == 2:  # noqa: PLR2004 - pairs have a perfectly balanced order
        return _pair(cell, agents)
    # A stride near the golden section, coprime to the number of cells, spreads any prefix over all of them.
    cells = math.comb(agents, sides)
    stride = max(1, round(cells * 0.618))
    while math.gcd(stride, cells) > 1:
        stride += 1
    return _combination(cell * stride % cells, sides)


def _pair(cell: int, agents: int) -> tuple[int, int]:
    """Return a pair by the circle method: every round of it gives each agent one match (Kirkman 1847)."""
    others = agents - 1 + agents % 2  # with an odd number one agent rests in each round
    a_round = (agents - 1) // 2 + (agents % 2 == 0)
    turn, slot = divmod(cell, a_round)
    if agents % 2:
        slot += 1
    if slot == 0:
        return (turn, others)
    one, other = (turn + slot) % others, (turn - slot) % others
    return (one, other) if one < other else (other, one)


def _combination(index: int, sides: int) -> Sequence[int]:
    """Return combination number `index` in the combinatorial number system (Knuth, TAOCP 4A, 7.2.1.3)."""
    found = []
    for size in range(sides, 0, -1):
        top = size - 1
        while math.comb(top + 1, size) <= index:
            top += 1
        index -= math.comb(top, size)
        found.append(top)
    return found[::-1]
