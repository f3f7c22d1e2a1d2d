"""An agent that looks at liberties: a yardstick between random play and an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Agent
from evalengine_go.tables import Tables, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Info, Observation
    from evalengine_go.position import Position


class Capture(Agent):
    """Take the largest chain in atari, else save the largest own one, else play at random where it spares own eyes."""

    def start(self, info: Info) -> None:
        self._rng = info.rng

    def act(self, observation: Observation) -> int:
        position: Position = observation.state  # type: ignore[assignment]  # fits="go"
        seat, legal = observation.seat, list(observation.legal or ())
        passing: int = legal.pop()
        if self._leads_after_a_pass(observation, position):
            return passing
        points = self._urgent(position, seat, set(legal))
        if not points:
            board, cells = tables(observation.config["size"]), position.cells()
            sensible = [point for point in legal if not is_eye(board, cells, point, seat + 1)]
            self._rng.shuffle(sensible)
            points = [next((point for point in sensible if self._lives(position, seat, point)), passing)]
        return points[0]

    def _leads_after_a_pass(self, observation: Observation, position: Position) -> bool:
        """Say whether to end the match by a second pass: it is won as it stands."""
        moves = observation.view["moves"]
        return bool(moves) and moves[-1][1] == "pass" and position.scores()[observation.seat] > 0

    def _urgent(self, position: Position, seat: int, legal: set[int]) -> Sequence[int]:
        """Return where the largest chain in atari is taken, or else the largest own one saved; nothing when none is."""
        taking: list[tuple[int, int]] = []
        saving: list[tuple[int, int]] = []
        for point, cell in enumerate(position.cells()):
            members, liberties = position.chain(point)
            if len(liberties) == 1 and members[0] == point and liberties[0] in legal:
                (saving if cell == seat + 1 else taking).append((len(members), liberties[0]))
        found = sorted(taking, reverse=True)
        found += [pair for pair in sorted(saving, reverse=True) if self._lives(position, seat, pair[1])]
        return [point for _, point in found]

    @staticmethod
    def _lives(position: Position, seat: int, point: int) -> bool:
        """Say whether a stone there belongs to a chain with two liberties or more."""
        after = position.clone().apply({seat: point}, None)  # type: ignore[arg-type]  # Go draws no luck
        return len(after.chain(point)[1]) > 1


def is_eye(board: Tables, cells: Sequence[int], point: int, mark: int) -> bool:
    """Say whether an empty point is an eye of `mark`: its stones all around, the other's on one diagonal at most.

    At the edge on none (Gelly, Wang, Munos and Teytaud 2006, "Modification of UCT with patterns in Monte-Carlo Go").
    """
    if any(cells[other] != mark for other in board.around[point]):
        return False
    theirs = sum(cells[other] == 3 - mark for other in board.diagonal[point])
    return theirs == 0 or (theirs == 1 and len(board.around[point]) == 4)  # noqa: PLR2004 - not at the edge
