"""A cell, a game and as many agents as it has sides: its seat orders, its rotations, and how many cells share n."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import MatchSpec, UsageError, derive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine import Contest, Plan, Standings

TWO = 2  # sides
_made = tuple.__new__  # a named tuple's own maker costs twice as much


def seat_orders(contest: Contest, agents: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the agents by seat for each cyclic shift of a cell's agents over the sides."""
    sides = contest.sides
    if sides == ((0,), (1,)):
        one, other = agents
        return [(one, other), (other, one)]
    found = []
    for shift in range(len(sides)):
        by_seat = {seat: agents[(side + shift) % len(sides)] for side, seats in enumerate(sides) for seat in seats}
        found.append(tuple(by_seat[seat] for seat in range(len(by_seat))))
    return found


def matches_of(plan: Plan, contest: Contest, agents: Sequence[int], rotation: int, count: int) -> Iterator[MatchSpec]:
    """Yield `count` matches of a cell from the start of a rotation on, numbered from 0."""
    orders = seat_orders(contest, agents)
    for number in range(count):
        turn, order = divmod(number, len(orders))
        seed = derive(plan.seed, contest.ref, rotation + turn)
        told = contest.game_no, rotation + turn, seed, orders[order], contest.opening, contest.max_turns, None
        yield _made(MatchSpec, (number, *told))


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Return `total` split in proportion to `weights`, by largest remainders (Hamilton)."""
    whole = sum(weights)
    found = [total * weight // whole for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_rest[: total - sum(found)]:
        found[place] += 1
    return found


def evenly(total: int, parts: int) -> list[int]:
    """Return `total` in so many parts that differ by at most one, the larger ones first."""
    each, more = divmod(total, parts)
    return [each + (part < more) for part in range(parts)]


def check_two_sides(plan: Plan, name: str, why: str) -> None:
    """Refuse games of another number of sides.

    Raises:
        UsageError: there is one.
    """
    for contest in plan.contests:
        if len(contest.sides) != TWO:
            msg = f"pairing {name!r} is for games of two sides, {contest.ref} has {len(contest.sides)}: {why}"
            raise UsageError(msg)


class Record:
    """What is known of the agents of one game from who met whom.

    Attributes:
        agents: who plays; sides: how many.
    """

    def __init__(self, contest: Contest, standings: Standings) -> None:
        self.agents = contest.agents
        self.sides = len(contest.sides)
        self._points: dict[tuple[int, int], float] = {}
        self._matches: dict[tuple[int, int], int] = {}
        self._counted: dict[tuple[int, int], int] = {}
        pairs: Mapping[tuple[int, int, int], tuple[int, int, int, int]] = getattr(standings, "pairs", {})
        for (game_no, one, other), (wins, draws, losses, voids) in pairs.items():
            if game_no == contest.game_no:
                self._add(one, other, wins + draws / 2 + voids / 2, wins + draws + losses + voids, voids)
                self._add(other, one, losses + draws / 2 + voids / 2, wins + draws + losses + voids, voids)

    def _add(self, one: int, other: int, points: float, matches: int, voids: int) -> None:
        pair = one, other
        self._points[pair] = self._points.get(pair, 0.0) + points
        self._matches[pair] = self._matches.get(pair, 0) + matches
        self._counted[pair] = self._counted.get(pair, 0) + matches - voids

    @property
    def pairs(self) -> Mapping[tuple[int, int], int]:
        """How many matches two agents played that count, from both views."""
        return self._counted

    def points(self, one: int, other: int) -> float:
        """Return what one scored against the other: a win is 1, a draw and a void 1/2."""
        return self._points.get((one, other), 0.0)

    def matches(self, one: int, other: int) -> int:
        """Return how often two agents met, voids included."""
        return self._matches.get((one, other), 0)

    def rate(self, one: int, other: int) -> float:
        """Return the score of one against the other, 1/2 when they have not met."""
        matches = self.matches(one, other)
        return self.points(one, other) / matches if matches else 0.5

    def total(self, agent: int) -> float:
        """Return what an agent scored against all."""
        return sum(self.points(agent, other) for other in self.agents)

    def played(self, agent: int) -> int:
        """Return how many matches an agent played; of more than two sides each counts once for all opponents."""
        return sum(self.matches(agent, other) for other in self.agents) // max(1, self.sides - 1)

    def rotations(self, agents: Sequence[int]) -> int:
        """Return a rotation that these agents have not begun with each other."""
        fewest = min(
            (self.matches(one, other) for place, one in enumerate(agents) for other in agents[place + 1 :]), default=0
        )
        return -(-fewest // self.sides)
