"""An episode as it is stored: in names and numbers, from which it can be begun again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import seeding, wire
from evalengine.branches import lucks
from evalengine.model import Branch, MatchSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Plan(NamedTuple):
    """An episode, of msgpack's types.

    Attributes:
        slug: what clients call the game; game, config, version: what it is; max_ticks: 0: the game's own limit;
        policy: the seats of who trains; others: the agents in the other seats, by reference;
        band: of the league, lowest and highest; pool: which opponents were wanted; facts: what a reset tells besides;
        branch: of a fork, the fields of a `Branch`.
    """

    slug: str
    game: str
    config: Mapping[str, Any]
    version: str
    seats: int
    seed: int
    max_ticks: int
    policy: Sequence[int]
    others: Mapping[int, str]
    band: Sequence[float]
    pool: Mapping[str, Any]
    facts: Mapping[str, Any]
    branch: Sequence[Any] | None = None

    def packed(self) -> bytes:
        """Return it as bytes, without the turns before it."""
        return wire.pack(tuple(self.before(b"")))

    @property
    def turns(self) -> bytes:
        """What was played before a fork, packed; many forks have the same."""
        return b"" if self.branch is None else bytes(self.branch[-1])

    def before(self, turns: bytes) -> Plan:
        """Return it with these turns before it, where it is a fork."""
        return self if self.branch is None else self._replace(branch=(*self.branch[:-1], turns))

    @property
    def began(self) -> int:
        """The first tick that is its own."""
        return 0 if self.branch is None else int(self.branch[1])


def unpacked(data: bytes, turns: bytes | None) -> Plan:
    """Return the plan that was stored."""
    plan: Plan = Plan._make(wire.unpack(data))
    return plan.before(turns or b"")


def spec_of(plan: Plan) -> MatchSpec:
    """Return the match of a plan."""
    branch = None if plan.branch is None else Branch._make(plan.branch)
    seats = tuple(range(plan.seats))
    return MatchSpec(0, 0, 0, plan.seed, seats, max_turns=plan.max_ticks, branch=branch)


def forked(plan: Plan, parent: str, tick: int, turns: bytes, sample: int, *, fresh: bool) -> Plan:
    """Return the plan of a fork of an episode.

    Args:
        turns: all that was played, packed; sample: which of its forks; fresh: with luck of its own from here on.
    """
    before = None if plan.branch is None else Branch._make(plan.branch)
    root = plan.seed if before is None or before.luck_seed is None else before.luck_seed
    luck = seeding.derive(root, "fork luck", tick, sample) if fresh else None
    agents = seeding.derive(root, "fork agents", tick, sample)
    branch = Branch(parent, tick, luck, lucks(before), agents, sample, turns=turns)
    return plan._replace(branch=tuple(branch))
