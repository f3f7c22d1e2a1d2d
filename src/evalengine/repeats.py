"""Which agents do not repeat themselves under their seed: one short match of each is played twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.match import Match
from evalengine.model import FaultKind, Termination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.contracts import Game
    from evalengine.model import AgentSpec, MatchSpec, Played

_MOST_AGENTS = 100  # looked at in one run
_LONGEST_S = 1.0  # a match that is worth playing again


class Repeats:
    """Matches worth playing again, and what came of it.

    Attributes:
        unsteady: agents (indices) that acted otherwise when they saw the same.
    """

    def __init__(self, agents: Sequence[AgentSpec]) -> None:
        self._wanted = {number for number, agent in enumerate(agents) if agent.kind != "trusted"}
        if len(self._wanted) > _MOST_AGENTS:
            self._wanted = set(sorted(self._wanted)[:_MOST_AGENTS])
        # What is asked for over a network may cost money, and answers as it likes.
        self._unpinned = {number for number, agent in enumerate(agents) if not agent.pinned}
        self._kept: dict[int, tuple[MatchSpec, bytes]] = {}  # by match_no
        self.unsteady: set[int] = set()

    def note(self, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Keep the first match of each agent that can be compared."""
        if not self._wanted:
            return
        for spec, row in zip(specs, rows, strict=True):
            fresh = self._wanted.intersection(spec.agents)
            if fresh and self._unpinned.isdisjoint(spec.agents) and row.seconds < _LONGEST_S and _comparable(row):
                self._wanted -= fresh
                self._kept[spec.match_no] = (spec, row.actions)

    def specs(self) -> list[MatchSpec]:
        """Return the matches to play again."""
        return [spec for spec, _ in self._kept.values()]

    def compare(self, specs: Sequence[MatchSpec], rows: Sequence[Played], games: Sequence[Game]) -> None:
        """Find who acted otherwise the second time."""
        for spec, row in zip(specs, rows, strict=True):
            before = self._kept[spec.match_no][1]
            if row.actions != before and _comparable(row):
                seat = _first_difference(spec, games[spec.game_no], before, row.actions)
                self.unsteady.add(spec.agents[seat])


def _comparable(row: Played) -> bool:
    # Who is late depends on the machine's load, not on the agent alone.
    late = any(fault[0] == FaultKind.TIMEOUT.value for _, _, fault in row.faults)
    return not late and row.termination != Termination.VOID.value


def _first_difference(spec: MatchSpec, game: Game, one: bytes, other: bytes) -> int:
    """Return the seat that first did something else; both saw the same until then."""
    before: list[Any] = wire.unpack_turns(one)
    after: list[Any] = wire.unpack_turns(other)
    turn = next(number for number, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    movers = Match.resume(spec, game, before[:turn]).state.to_move()
    if len(movers) == 1:
        return movers[0]
    return next(seat for seat in movers if before[turn][seat] != after[turn][seat])
