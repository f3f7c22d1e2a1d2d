"""Scopes of rating: which games of a run are rated together, by which rater, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb, log
from typing import TYPE_CHECKING, Any

from evalengine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalengine.contracts import Rater
    from evalengine.model import GameSpec, Rated

SKILL = "trueskill"
"""Who rates beside the rater that ranks, so that there is a rating before the first fit and one for each match."""

_BY_SCORE = ("general", "identical")
MOST_FITTED = 400  # agents; without numpy their fit takes 9 s, and eight times as long for twice as many
_MOST_CELLS = 2_000  # sets of agents that can meet; a fit of orders of finish reads each order that came
_ELO_LIKE = {"scale": 400 / log(10), "mean": 1500.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class RatedGame:
    """What rating needs to know of one game of a run."""

    ref: str
    spec: GameSpec
    sides: tuple[tuple[int, ...], ...]
    agents: tuple[int, ...]  # who can play it

    @property
    def by_score(self) -> bool:
        """Whether its scores are what counts, not its places."""
        return self.spec.utility in _BY_SCORE


@dataclass(slots=True)
class Board:
    """One scope: some games rated together by one rater, and by TrueSkill beside it where nobody named the rater."""

    scope: str  # "" for the run's own, else a game's ref
    rater_name: str
    rater: Rater
    games: tuple[int, ...]
    agents: tuple[int, ...]
    by_score: bool
    options: Mapping[str, Any] = field(default_factory=dict)  # of the rater, where they are not its defaults
    skill: Rater | None = None
    rated: list[Rated] = field(default_factory=list)  # taken, not yet given to the raters
    changed: set[int] = field(default_factory=set)  # agents, since the last line of the history

    def raters(self) -> Iterator[tuple[str, Rater]]:
        """Yield the raters by name, the one that ranks first."""
        yield self.rater_name, self.rater
        if self.skill is not None:
            yield SKILL, self.skill


def make_boards(
    games: Sequence[RatedGame],
    rater_name: str | None,
    make: Callable[..., Rater],
    anchors: Mapping[str, float] | None = None,
) -> list[Board]:
    """Return the boards of a run: its own first, then one a game where there are several.

    Games whose scores count (general or identical utility) are ranked by their mean score, and are pooled with the
    others only when a person names the rater.

    Args:
        make: takes a rater's name, and its options by name;
        anchors: by agent's name what it is rated, on every board whose rater can hold it there.

    Raises:
        UsageError: the rater does not support a game's sides, or that of the run's own board holds no rating fixed.
    """
    placed = [number for number, game in enumerate(games) if rater_name or not game.by_score]
    main = placed or list(range(len(games)))
    groups = [("", main)]
    if len(games) > 1:
        groups += [(game.ref, [number]) for number, game in enumerate(games)]
    boards = [_board(scope, numbers, games, rater_name, make) for scope, numbers in groups]
    if anchors:
        _check_anchors(boards[0])
        for board in boards:
            _anchor(board, anchors, make)
    return boards


def _check_anchors(board: Board) -> None:
    if not board.rater.info.anchors:
        counts = "scores count here, and " if board.rater_name == "mean" else ""
        msg = f"--anchor: {counts}rater {board.rater_name!r} holds no rating fixed: leave it out, or take --rater bt"
        raise UsageError(msg)


def _anchor(board: Board, anchors: Mapping[str, float], make: Callable[..., Rater]) -> None:
    """Hold agents where they are said to be; not in the rating beside, which is on a scale of its own."""
    if board.rater.info.anchors:
        board.options = {**board.options, "anchors": dict(anchors)}
        board.rater = make(board.rater_name, **board.options)


def _board(
    scope: str, numbers: Sequence[int], games: Sequence[RatedGame], rater_name: str | None, make: Callable[..., Rater]
) -> Board:
    found = [games[number] for number in numbers]
    by_score = all(game.by_score for game in found) and not rater_name
    name, options = ("mean", {}) if by_score else (rater_name, {}) if rater_name else _default(found)
    rater = make(name, **options)
    for game in found:
        _check_support(rater, game)
    agents = sorted({agent for game in found for agent in game.agents})
    beside = make(SKILL) if not rater_name and not by_score and name != SKILL else None
    by_score |= rater.info.scores
    return Board(scope, name, rater, tuple(numbers), tuple(agents), by_score, options, beside)


def _default(games: Sequence[RatedGame]) -> tuple[str, Mapping[str, Any]]:
    """Return who ranks games by places, with its options: a fit with intervals wherever it can be made in seconds."""
    agents = {agent for game in games for agent in game.agents}
    many = [game for game in games if len(game.sides) > 2]  # noqa: PLR2004 - what a fit of pairs cannot read
    if len(agents) > MOST_FITTED or any(len(seats) > 1 for game in many for seats in game.sides):
        return SKILL, {}
    if not many:
        return "bt", {}
    cells = sum(comb(len(game.agents), len(game.sides)) for game in games)
    return ("plackett-luce", _ELO_LIKE) if cells <= _MOST_CELLS else (SKILL, {})


def _check_support(rater: Rater, game: RatedGame) -> None:
    info, sides = rater.info, len(game.sides)
    if sides > 2 and not info.ffa:  # noqa: PLR2004 - more than two sides is what the word means
        msg = f"rater {info.name!r} does not rate matches of {sides} sides ({game.ref}): take another with --rater"
        raise UsageError(msg)
    if any(len(seats) > 1 for seats in game.sides) and not info.teams and sides != 2:  # noqa: PLR2004 - one agent a side
        msg = f"rater {info.name!r} does not rate teams ({game.ref}): take another with --rater"
        raise UsageError(msg)
