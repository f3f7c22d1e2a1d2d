"""Boards: results in match_no order -> ratings and tallies, whatever the order in which they came."""

from __future__ import annotations

import json
import operator
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from evalengine.errors import UsageError
from evalengine.model import GameSpec, Rated, Standing, Termination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from evalengine.contracts import Rater
    from evalengine.store import Store, Stored

_HELD = 50_000  # results that wait for an earlier one, before they are read back from the store instead
_CHUNK = 2_000
_GROWTH = 1.01  # of the matches rated, from one line of the rating history to the next
_REFIT = 1.1  # the same, from one fit of a rater that is not online to the next: a fit costs as much as many results
_BY_SCORE = ("general", "identical")

_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time

MATCHES, WINS, DRAWS, LOSSES, SCORE, FAULTS = range(6)


Outcome = tuple[int, tuple[int, ...], tuple[int, ...]]
"""What many matches share: game_no, and by side agents and places."""

_ENDING = operator.itemgetter(1, 2, 3, 5)  # of what is stored: game_no, termination, and by seat agents and places
_AGENTS = operator.itemgetter(0)  # of what is rated
_rated = tuple.__new__  # a named tuple's own __new__ costs twice as much


class Cut(Protocol):
    """What ends a run at one of its results."""

    def used(self, results: Sequence[Stored]) -> Sequence[Stored]:
        """Return those of the next results in match_no order that count."""


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
    """One scope: some games rated together by one rater."""

    scope: str  # "" for the run's own, else a game's ref
    rater_name: str
    rater: Rater
    games: tuple[int, ...]
    agents: tuple[int, ...]
    by_score: bool
    rated: list[Rated] = field(default_factory=list)  # taken, not yet given to the rater
    changed: set[int] = field(default_factory=set)  # agents, since the last save
    fitted: int = 0  # matches at the last save of ratings


def make_boards(games: Sequence[RatedGame], rater_name: str | None, make: Callable[[str], Rater]) -> list[Board]:
    """Return the boards of a run: its own first, then one a game where there are several.

    Games whose scores count (general or identical utility) are ranked by their mean score, and are pooled with the
    others only when a person names the rater.

    Raises:
        UsageError: the rater does not support a game's sides.
    """
    placed = [number for number, game in enumerate(games) if rater_name or not game.by_score]
    main = placed or list(range(len(games)))
    groups = [("", main)]
    if len(games) > 1:
        groups += [(game.ref, [number]) for number, game in enumerate(games)]
    return [_board(scope, numbers, games, rater_name, make) for scope, numbers in groups]


def _board(
    scope: str, numbers: Sequence[int], games: Sequence[RatedGame], rater_name: str | None, make: Callable[[str], Rater]
) -> Board:
    by_score = all(games[number].by_score for number in numbers) and not rater_name
    name = "mean" if by_score else rater_name or "trueskill"
    rater = make(name)
    for number in numbers:
        _check_support(rater, games[number])
    agents = sorted({agent for number in numbers for agent in games[number].agents})
    return Board(scope, name, rater, tuple(numbers), tuple(agents), by_score or rater.info.scores)


def _check_support(rater: Rater, game: RatedGame) -> None:
    info, sides = rater.info, len(game.sides)
    if sides > 2 and not info.ffa:  # noqa: PLR2004 - more than two sides is what the word means
        msg = f"rater {info.name!r} does not rate matches of {sides} sides ({game.ref}): take another with --rater"
        raise UsageError(msg)
    if any(len(seats) > 1 for seats in game.sides) and not info.teams and sides != 2:  # noqa: PLR2004 - one agent a side
        msg = f"rater {info.name!r} does not rate teams ({game.ref}): take another with --rater"
        raise UsageError(msg)


class Boards:
    """The ratings and tallies of a run.

    Attributes:
        watermark: how many matches, in match_no order, they contain.
    """

    def __init__(
        self, store: Store, run: int, games: Sequence[RatedGame], agents: Sequence[str], boards: Sequence[Board]
    ) -> None:
        self._store = store
        self._run = run
        self._games = games
        self._agents = agents  # names
        self.boards = list(boards)
        self._boards_of = [[board for board in boards if number in board.games] for number in range(len(games))]
        self._tallies: list[dict[int, list[Any]]] = [{} for _ in games]
        self._touched: set[tuple[int, int]] = set()
        self._held: dict[int, Stored] = {}
        self._stored_to = -1  # the highest match_no that waits in the store only
        self.stopping: Cut | None = None  # of a run that stops by itself
        self.watermark = 0
        self._recorded = 0  # matches at the last line of the history

    # ------------------------------------------------------------------------------ results in

    def take(self, results: Sequence[Stored], order: Iterator[int] | None, next_no: int) -> int:
        """Rate what follows without a gap on what is rated; hold the rest. Return the next match_no that is missing.

        Args:
            results: in any order, all stored already;
            order: the match_nos of the plan from after `next_no` on, where they are not simply counted;
            next_no: the first that is not yet rated.
        """
        held = self._held
        if order is None and [result[0] for result in results] == list(range(next_no, next_no + len(results))):
            self._rate(results)  # the next ones, as every other batch is: nothing to hold
            next_no += len(results)
            results = ()
        for result in results:
            if len(held) < _HELD:
                held[result[0]] = result
            else:
                self._stored_to = max(self._stored_to, result[0])
        while True:
            taken: list[Stored] = []
            while (found := held.pop(next_no, None)) is not None:
                taken.append(found)
                next_no = next_no + 1 if order is None else next(order, -1)
            self._rate(taken)
            if next_no > self._stored_to:
                break
            self._read_back(next_no)
            if next_no not in held:
                break
        self._flush()
        return next_no

    def _read_back(self, next_no: int) -> None:
        """Read results that were not held from the store, if the next one is there."""
        if [result[0] for result in self._store.stored(self._run, next_no, 1)] == [next_no]:
            self._held.update((result[0], result) for result in self._store.stored(self._run, next_no, _CHUNK))

    def _rate(self, results: Sequence[Stored]) -> None:
        if self.stopping is not None:
            results = self.stopping.used(results)
        self.watermark += len(results)
        for _, game_no, termination, agents, scores, places, faulted, rotation in results:
            if termination == _VOID:
                continue
            game = self._games[game_no]
            if len(agents) == len(game.sides):
                rated = _rated(Rated, (agents, places, scores, rotation, game_no, 1.0))
            else:
                by_side = _firsts(game, agents), _firsts(game, places), _means(game, scores)
                rated = Rated(*by_side, rotation, game_no)
            for board in self._boards_of[game_no]:
                board.rated.append(rated)
            if faulted or game.by_score:
                self._tally_single(game_no, game, rated, faulted)
        for (game_no, agents, places), count in _outcomes(self._games, results):
            self._tally(game_no, agents, places, count)

    def _tally_single(self, game_no: int, game: RatedGame, rated: Rated, faulted: Sequence[int]) -> None:
        """Take what matches with equal places do not share; scores in their order, for bit-identical sums."""
        if game.by_score:
            for agent, score in zip(rated.agents, rated.scores, strict=True):
                self._tally_of(game_no, agent)[SCORE] += score
        for agent in faulted:
            self._tally_of(game_no, agent)[FAULTS] += 1

    def _tally_of(self, game_no: int, agent: int) -> list[Any]:
        tallies = self._tallies[game_no]
        if agent not in tallies:
            tallies[agent] = [0, 0, 0, 0, 0.0, 0]
        return tallies[agent]

    def _tally(self, game_no: int, agents: Sequence[int], places: Sequence[int], count: int) -> None:
        """Take `count` matches of the same agents that ended with the same places."""
        drawn = places.count(1) > 1
        by_score = self._games[game_no].by_score
        for agent, place in zip(agents, places, strict=True):
            tally = self._tally_of(game_no, agent)
            tally[MATCHES] += count
            if place != 1:
                tally[LOSSES] += count
                worth = 0.0
            elif drawn:
                tally[DRAWS] += count
                worth = 0.5
            else:
                tally[WINS] += count
                worth = 1.0
            if not by_score:
                tally[SCORE] += worth * count  # exact: halves
            self._touched.add((game_no, agent))

    def _flush(self) -> None:
        for board in self.boards:
            if board.rated:
                board.rater.update(board.rated)
                board.changed.update(*map(_AGENTS, board.rated))
                board.rated.clear()

    # ------------------------------------------------------------------------------- the store

    def save(self, *, last: bool = False) -> None:
        """Write what changed since the last save; within a transaction.

        Args:
            last: nothing follows, so the ratings of raters that are not online are written, too, however new.
        """
        run, store = self._run, self._store
        store.replace(
            "tally", [(run, game_no, agent, *self._tallies[game_no][agent]) for game_no, agent in self._touched], 9
        )
        self._touched.clear()
        history = self.watermark >= self._recorded * _GROWTH + 1 or self.watermark < 100  # noqa: PLR2004 - every one at first
        for board in self.boards:
            online = board.rater.info.online
            if online or last or self.watermark >= board.fitted * _REFIT + 1:
                self._save_ratings(board, history=history or not online)
            state = board.rater.dump()
            store.replace(
                "rating_state", [(run, board.scope, board.rater_name, json.dumps({}), self.watermark, state)], 6
            )
        if history:
            self._recorded = self.watermark

    def _save_ratings(self, board: Board, *, history: bool) -> None:
        agents: Iterable[int] = board.changed
        if not board.rater.info.online:  # a fit moves everybody, not only who has just played
            agents = [agent for agent in board.agents if self._sum(board, agent)[MATCHES]]
        rows = [(self._run, board.scope, agent, *board.rater.rating(agent)) for agent in sorted(agents)]
        self._store.replace("rating", rows, 5)
        if history:
            self._store.replace("rating_history", [(*row[:3], self.watermark, *row[3:]) for row in rows], 6)
        board.changed.clear()
        board.fitted = self.watermark

    def load(self) -> None:
        """Continue from what the store holds of this run."""
        states = {row["scope"]: row for row in self._store.rows("select * from rating_state where run = ?", self._run)}
        for board in self.boards:
            if board.scope in states:
                board.rater.load(states[board.scope]["state"])
                self.watermark = self._recorded = board.fitted = states[board.scope]["watermark"]
        self._stored_to = self._store.last_match_no(self._run)
        for row in self._store.iterate("select * from tally where run = ?", self._run):
            _, game_no, agent, *tally = row
            self._tallies[game_no][agent] = list(tally)

    # ------------------------------------------------------------------------------- standings

    def standings(self, board: Board) -> list[Standing]:
        """Return the lines of a board, best first; equal ratings share a rank."""
        lines = []
        for agent in board.agents:
            tally = self._sum(board, agent)
            rating, sigma = board.rater.rating(agent)
            lines.append((rating, agent, sigma, tally))
        # Whoever has not played has a rating too, its prior: it stands below all that have.
        lines.sort(key=lambda line: (not line[3][MATCHES], -line[0], line[1]))
        ranks = _ranks([(line[0], not line[3][MATCHES]) for line in lines])
        return [
            Standing(
                rank=rank,
                agent=self._agents[agent],
                rating=rating,
                sigma=sigma,
                matches=tally[MATCHES],
                wins=tally[WINS],
                draws=tally[DRAWS],
                losses=tally[LOSSES],
                score=tally[SCORE] / tally[MATCHES] if tally[MATCHES] else 0.0,
                faults=tally[FAULTS],
            )
            for rank, (rating, agent, sigma, tally) in zip(ranks, lines, strict=True)
        ]

    def _sum(self, board: Board, agent: int) -> Sequence[Any]:
        found = [self._tallies[game].get(agent) for game in board.games]
        played = [tally for tally in found if tally is not None]
        return [sum(column) for column in zip(*played, strict=True)] if played else [0] * 6


def _ranks(ratings: Sequence[Any]) -> list[int]:
    ranks: list[int] = []
    for place, rating in enumerate(ratings):
        ranks.append(ranks[-1] if place and rating == ratings[place - 1] else place + 1)
    return ranks


def _firsts(game: RatedGame, by_seat: Sequence[int]) -> tuple[int, ...]:
    """Return agents or places by side: those of each side's first seat."""
    return tuple(by_seat[seats[0]] for seats in game.sides)


def _means(game: RatedGame, scores: Sequence[float]) -> tuple[float, ...]:
    """Return scores by side: the mean of its seats'."""
    return tuple(sum(scores[seat] for seat in seats) / len(seats) for seats in game.sides)


def _outcomes(games: Sequence[RatedGame], results: Iterable[Stored]) -> Iterator[tuple[Outcome, int]]:
    """Yield each outcome of matches that are not void with how often it came: most of a batch are alike."""
    for (game_no, termination, agents, places), count in Counter(map(_ENDING, results)).items():
        if termination == _VOID:
            continue
        game = games[game_no]
        if len(agents) != len(game.sides):
            agents, places = _firsts(game, agents), _firsts(game, places)  # noqa: PLW2901 - by side instead of by seat
        yield (game_no, agents, places), count


def pair_counts(games: Sequence[RatedGame], results: Iterable[Stored]) -> Mapping[tuple[int, int, int], list[int]]:
    """Return [wins, draws, losses] by (game_no, first, second): every pair of sides, the earlier one's view."""
    counts: dict[tuple[int, int, int], list[int]] = {}
    for (game_no, agents, places), count in _outcomes(games, results):
        for one in range(len(agents) - 1):
            for other in range(one + 1, len(agents)):
                pair = counts.setdefault((game_no, agents[one], agents[other]), [0, 0, 0])
                pair[1 + (places[one] > places[other]) - (places[one] < places[other])] += count
    return counts
