"""The lines of a board: a rater's table with what was counted beside it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from evalengine.model import Rating, Standing
from evalengine.scopes import SKILL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evalengine.scopes import Board

MATCHES, WINS, DRAWS, LOSSES, SCORE, FAULTS = range(6)  # of a tally

Tally = list[Any]


def standings(board: Board, names: Sequence[str], tally_of: Callable[[int], Tally]) -> list[Standing]:
    """Return the lines of a board, best first; equal ratings share a rank.

    Agents that no results connect are in different components, each with ranks of its own, the largest first. Whoever
    has not played stands below all that have.
    """
    tallies = {agent: tally_of(agent) for agent in board.agents}
    table = board.rater.table([agent for agent in board.agents if tallies[agent][MATCHES]])
    made: list[Standing] = []
    groups = _components(table)
    for number, group in enumerate(groups):
        made += (_line(board, line, (line.rank or 1, number), names, tallies) for line in group)
    ranked = {line.agent for group in groups for line in group}
    alone = count(len(groups))  # a fit knows nothing of them; an online rater has them on its one scale
    for agent in board.agents:
        if agent not in ranked:
            rating, se = board.rater.rating(agent)
            line = Rating(agent=agent, rating=rating, se=se, provisional=True)
            component = 0 if board.rater.info.online else next(alone)
            made.append(_line(board, line, (len(ranked) + 1, component), names, tallies))
    return made


def skill_standings(board: Board, names: Sequence[str], tally_of: Callable[[int], Tally]) -> list[Standing]:
    """Return the lines by the rater beside the one that ranks, which is always up to date."""
    assert board.skill is not None
    beside = type(board)(board.scope, SKILL, board.skill, board.games, board.agents, board.by_score)
    return standings(beside, names, tally_of)


def rows(board: Board, agents: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    """Yield what the table `rating` keeps of the rater that ranks, from `rater` on: a row for each of `agents`."""
    for number, group in enumerate(_components(board.rater.table(list(agents)))):
        for line in sorted(group, key=lambda line: line.agent):
            told = line.rating, line.se, line.lo, line.hi, line.rank, line.rank_lo, line.rank_hi
            yield (board.rater_name, line.agent, *told, int(line.provisional), number)


def _components(table: Iterable[Rating]) -> list[list[Rating]]:
    """Return the lines of agents with a rank, by component, the largest first."""
    found: dict[int, list[Rating]] = {}
    for line in table:
        if line.rank is not None:
            found.setdefault(line.component, []).append(line)
    return sorted(found.values(), key=lambda group: (-len(group), min(line.agent for line in group)))


def _line(
    board: Board, line: Rating, place: tuple[int, int], names: Sequence[str], tallies: dict[int, Tally]
) -> Standing:
    rank, component = place
    tally = tallies[line.agent]
    mu: float | None = None
    sigma = line.se
    if board.skill is not None:
        mu, sigma = board.skill.rating(line.agent)
    elif board.rater_name == SKILL:
        mu = line.rating
    return Standing(
        rank=rank,
        agent=names[line.agent],
        rating=line.rating,
        sigma=sigma,
        matches=tally[MATCHES],
        wins=tally[WINS],
        draws=tally[DRAWS],
        losses=tally[LOSSES],
        score=tally[SCORE] / tally[MATCHES] if tally[MATCHES] else 0.0,
        faults=tally[FAULTS],
        lo=line.lo,
        hi=line.hi,
        rank_lo=line.rank_lo,
        rank_hi=line.rank_hi,
        provisional=line.provisional,
        component=component,
        mu=mu,
    )
