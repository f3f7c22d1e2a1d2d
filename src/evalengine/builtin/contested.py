"""Contested: in each round those meet whose place in or out of the best K is not yet clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Contest, Plan, UsageError, doubts, stream
from evalengine.builtin.cells import check_two_sides
from evalengine.builtin.in_rounds import InRounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Standings
    from evalengine.builtin.cells import Record


class Contested(InRounds):
    """Rounds of those who may still come into the best `top`, or drop out: made for `--until top=K`.

    All pairs meet twice first. From then on an agent rests while the results tell it from each agent on the other side
    of the border, by what `settled` says of the two; the others meet each other, those first who met least. A round
    has as many meetings as there are agents. Without -n and --rounds there are as many rounds as agents.

    Args:
        top: the border; margin: as that of --until, in Elo, so that agents that are closer rest, too.
    """

    def __init__(self, plan: Plan, top: int = 1, margin: float = 0.0) -> None:
        check_two_sides(plan, "contested", "take round-robin")
        self._top, self._margin = top, margin
        for contest in plan.contests:
            if top >= len(contest.agents):
                msg = f"pairing 'contested': {len(contest.agents)} agents play {contest.ref}: give a smaller top"
                raise UsageError(msg)
        super().__init__(plan)

    def meetings(self, contest: Contest) -> int:
        """Return how many pairs meet in a round."""
        return len(contest.agents)

    def usual(self, contest: Contest) -> int:
        """Return as many rounds as agents."""
        return len(contest.agents)

    def meet(self, contest: Contest, round_no: int, record: Record, standings: Standings) -> Sequence[Sequence[int]]:
        """Return the pairs that met least among those who are not settled."""
        agents = list(contest.agents)
        stream(self.plan.seed, "contested", contest.ref, round_no).shuffle(agents)  # who is first among equals
        pairs = [(min(one, other), max(one, other)) for place, one in enumerate(agents) for other in agents[:place]]
        matches = {pair: record.matches(*pair) for pair in pairs}
        fewest = min(matches.values())
        if fewest >= _EACH:
            open_ones = self._open(contest, standings)
            matches = {pair: count for pair, count in matches.items() if set(pair) <= open_ones} or matches
        return _least(matches, self.meetings(contest))

    def _open(self, contest: Contest, standings: Standings) -> set[int]:
        """Return the agents that some agent on the other side of the border is not yet told from."""
        counts: dict[tuple[str, str], tuple[int, ...]] = {}
        for (game_no, one, other), (wins, draws, losses, _) in standings.pairs.items():
            if game_no == contest.game_no and one != other:
                row = (losses, draws, wins) if one < other else (wins, draws, losses)
                pair = _name(min(one, other)), _name(max(one, other))
                known = counts.get(pair, (0, 0, 0))
                counts[pair] = tuple(had + more for had, more in zip(known, row, strict=True))
        found = doubts(counts, top=self._top, margin_elo=self._margin)
        share = _ALPHA / len(found)
        return {int(name) for pair, doubt in found.items() if doubt > share for name in pair}


_EACH = 4  # matches of every pair, two rotations, before anybody rests
_ALPHA = 0.05  # the doubt that is shared between all pairs across the border


def _name(agent: int) -> str:
    return f"{agent:06}"


def _least(matches: dict[tuple[int, int], int], count: int) -> list[tuple[int, int]]:
    """Return `count` pairs, each time the one that met least, with what it meets in this round."""
    met = dict(matches)
    chosen = []
    for _ in range(count):
        pair = min(met, key=met.__getitem__)
        met[pair] += 2
        chosen.append(pair)
    return chosen
