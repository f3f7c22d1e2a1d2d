"""Boards: results in match_no order -> ratings and tallies, whatever the order in which they came."""

from __future__ import annotations

import json
import operator
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from evalengine import board_lines, references
from evalengine.board_lines import DRAWS, FAULTS, LOSSES, MATCHES, SCORE, WINS
from evalengine.fit_budget import FitBudget
from evalengine.model import Rated, Standing, Termination
from evalengine.scopes import SKILL, Board, RatedGame, make_boards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from evalengine.store import Store, Stored

__all__ = ["Board", "Boards", "RatedGame", "make_boards", "pair_counts"]

_HELD = 50_000  # results that wait for an earlier one, before they are read back from the store instead
_CHUNK = 2_000
_SAVE_S = 2.0  # from one save to the next; what came after the last one is rated anew after a kill
_SAVE_SHARE = 20  # a save takes at most one part in so many of the time
_FIRST_FIT = 64  # matches before the history has a line by a rater that is not online; the next when they have doubled
_FEW = 50  # agents; more are fitted at the end alone, since each fit takes longer than a second's results

_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time

Outcome = tuple[int, tuple[int, ...], tuple[int, ...]]
"""What many matches share: game_no, and by side agents and places."""

_ENDING = operator.itemgetter(1, 2, 3, 5)  # of what is stored: game_no, termination, and by seat agents and places
_AGENTS = operator.itemgetter(0)  # of what is rated
_rated = tuple.__new__  # a named tuple's own __new__ costs twice as much


class Cut(Protocol):
    """What ends a run at one of its results."""

    def used(self, results: Sequence[Stored]) -> Sequence[Stored]:
        """Return those of the next results in match_no order that count."""


def _milestones() -> Iterator[int]:
    """Yield after how many matches the history has lines: each at first, then a hundredth more each time."""
    matches = 0
    while True:
        matches += 1 + matches // 100
        yield matches


class Boards:
    """The ratings and tallies of a run.

    Attributes:
        watermark: how many matches, in match_no order, they contain.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        games: Sequence[RatedGame],
        agents: Sequence[str],
        boards: Sequence[Board],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._run = run
        self._games = games
        self._agents = agents  # names
        self.boards = list(boards)
        self._boards_of = [[board for board in boards if number in board.games] for number in range(len(games))]
        # What each result asks of its game, read once: appends, because the lists stay the same.
        self._asked = [
            (game, len(game.sides), game.by_score, [board.rated.append for board in boards])
            for game, boards in zip(games, self._boards_of, strict=True)
        ]
        self._tallies: list[dict[int, list[Any]]] = [{} for _ in games]
        self._touched: set[tuple[int, int]] = set()
        self._held: dict[int, Stored] = {}
        self._stored_to = -1  # the highest match_no that waits in the store only
        self.stopping: Cut | None = None  # of a run that stops by itself
        self.watermark = 0
        self._milestones = _milestones()
        self._next_line = next(self._milestones)  # matches at the next line of the history
        self._history: list[tuple[Any, ...]] = []  # lines to be saved
        self._clock = clock
        self._save_s = clock() + _SAVE_S  # when the next save is due
        self._saved = -1  # matches at the last complete save
        online = self.boards[0].rater.info.online
        self._budget = FitBudget(clock, 0 if online else len(self.boards[0].agents))
        self._glance: list[Standing] = []

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
        """Rate what follows; with lines of the history after the same matches, however the results are cut."""
        if self.stopping is not None:
            results = self.stopping.used(results)
        while len(results) >= (room := self._next_line - self.watermark):
            self._rate_some(results[:room])
            self._flush()
            self._record()
            results = results[room:]
        self._rate_some(results)

    def _rate_some(self, results: Sequence[Stored]) -> None:
        self.watermark += len(results)
        asked = self._asked
        for _, game_no, termination, agents, scores, places, faulted, rotation in results:
            if termination == _VOID:
                continue
            game, sides, by_score, appends = asked[game_no]
            if len(agents) == sides:
                rated = _rated(Rated, (agents, places, scores, rotation, game_no, 1.0))
            else:
                by_side = _firsts(game, agents), _firsts(game, places), _means(game, scores)
                rated = Rated(*by_side, rotation, game_no)
            for append in appends:
                append(rated)
            if faulted or by_score:
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
                for _, rater in board.raters():
                    rater.update(board.rated)
                board.changed.update(*map(_AGENTS, board.rated))
                board.rated.clear()

    def _record(self) -> None:
        """Note a line of the history for all that changed since the last one; for a fit when the matches doubled."""
        before, now = self.watermark, next(self._milestones)
        self._next_line = now
        doubled = before >= _FIRST_FIT and before.bit_length() < now.bit_length()
        for board in self.boards:
            for name, rater in board.raters():
                lines: Iterable[tuple[Any, ...]]
                if rater.info.online:
                    lines = ((agent, *rater.rating(agent), None, None) for agent in sorted(board.changed))
                elif doubled and len(board.agents) <= _FEW:
                    table = sorted(rater.table(self._played(board)), key=operator.attrgetter("agent"))
                    lines = ((line.agent, line.rating, line.se, line.lo, line.hi) for line in table)
                else:
                    continue
                self._history += ((self._run, board.scope, name, agent, before, *told) for agent, *told in lines)
            board.changed.clear()

    # ------------------------------------------------------------------------------- the store

    def save(self, *, last: bool = False) -> None:
        """Write the new lines of the history, and when it is time all else that changed; within a transaction.

        Results that are stored and not contained in what is saved are rated anew by whoever reads the run: when a
        save happens shows nowhere.

        Args:
            last: nothing follows, so it is time, and ratings of raters that are not online are written, too.
        """
        began = self._clock()
        if self._history:  # at once, so that they never pile up: after a kill the same lines are written again
            self._store.replace("rating_history", self._history, 9)
            self._history = []
        if self._saved == self.watermark if last else began < self._save_s:
            return
        run, replace = self._run, self._store.replace
        replace("tally", [(run, game_no, agent, *self._tallies[game_no][agent]) for game_no, agent in self._touched], 9)
        self._touched.clear()
        for board in self.boards:
            self._save_ratings(board, last=last)
            changed = json.dumps(sorted(board.changed))
            options = json.dumps(dict(board.options))
            for number, (name, rater) in enumerate(board.raters()):
                known = run, board.scope, name, int(number == 0), options if number == 0 else "{}"
                replace("rating_state", [(*known, self.watermark, changed, rater.dump())], 8)
        self._saved = self.watermark if last else -1
        now = self._clock()
        self._save_s = now + max(_SAVE_S, _SAVE_SHARE * (now - began))

    def _save_ratings(self, board: Board, *, last: bool) -> None:
        agents = self._played(board)
        known = self._run, board.scope
        rows: list[tuple[Any, ...]] = []
        if last or (board is self.boards[0] and self._glanced()):
            rows += ((*known, *row) for row in board_lines.rows(board, agents))
        if board.skill is not None:
            lines = ((agent, *board.skill.rating(agent)) for agent in agents)
            rows += ((*known, SKILL, *line, None, None, None, None, None, 0, 0) for line in lines)
        self._store.replace("rating", rows, 13)

    def _played(self, board: Board) -> list[int]:
        return [agent for agent in board.agents if self._sum(board, agent)[MATCHES]]

    def look_back(self) -> None:
        """Know of what is stored, so that `take` rates it."""
        self._stored_to = self._store.last_match_no(self._run)

    def load(self) -> None:
        """Continue from what the store holds of this run.

        What was saved without the state of one of the raters, by an earlier version, is of no use: all is rated anew.

        Raises:
            ValueError: what is stored is damaged, or of another version; these boards are of no use then, new ones are.
        """
        self.look_back()
        states = {
            (row["scope"], row["rater"]): row
            for row in self._store.rows("select * from rating_state where run = ?", self._run)
        }
        found = [states.get((board.scope, name)) for board in self.boards for name, _ in board.raters()]
        (watermark, *others) = {row and row["watermark"] for row in found}
        if others or not watermark:
            return
        try:
            self._load(states, watermark)
        except Exception as error:
            # Whatever it is: a plugin's rater fails in its own way, and the results that were rated are all stored.
            told = references.one_line(error)
            msg = f"the ratings stored after {watermark} matches cannot be read ({told})"
            raise ValueError(msg) from error

    def _load(self, states: Mapping[tuple[str, str], Mapping[str, Any]], watermark: int) -> None:
        for board in self.boards:
            for name, rater in board.raters():
                saved = states[board.scope, name]
                rater.load(saved["state"])
                board.changed = set(json.loads(saved["changed"]))
        while self._next_line <= watermark:
            self._next_line = next(self._milestones)
        for row in self._store.iterate("select * from tally where run = ?", self._run):
            _, game_no, agent, *tally = row
            self._tallies[game_no][agent] = tally
        self.watermark = watermark

    # ------------------------------------------------------------------------------- standings

    def standings(self, board: Board) -> list[Standing]:
        """Return the lines of a board, best first; equal ratings share a rank."""
        return board_lines.standings(board, self._agents, lambda agent: self._sum(board, agent))

    def glance(self) -> list[Standing]:
        """Return the lines of the run's own board as they were a moment ago, for a twentieth of the time at most."""
        self._glanced()
        if not self._glance and self.boards[0].skill is not None:
            return board_lines.skill_standings(self.boards[0], self._agents, lambda a: self._sum(self.boards[0], a))
        return self._glance

    def _glanced(self) -> bool:
        """Make the lines for `glance` anew where it is time; say whether they are those of now."""
        if self._budget.due(self.watermark):
            with self._budget.spending(self.watermark):
                self._glance = self.standings(self.boards[0])
        return self._budget.fitted == self.watermark

    def _sum(self, board: Board, agent: int) -> list[Any]:
        found = [self._tallies[game].get(agent) for game in board.games]
        played = [tally for tally in found if tally is not None]
        return [sum(column) for column in zip(*played, strict=True)] if played else [0] * 6


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
