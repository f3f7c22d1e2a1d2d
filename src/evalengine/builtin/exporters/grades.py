"""Grades: points for scores against fixed opponents, each with the matches that it rests on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalengine import Column, ConfigError, Exporter, Table, Termination, UsageError, wilson_interval
from evalengine.builtin.exporters.csv_files import CsvSink
from evalengine.builtin.exporters.thresholds import read_students, read_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine import Files, Selection
    from evalengine.builtin.exporters.thresholds import Threshold

_LOWER = "lower"


@dataclass(slots=True)
class Tally:
    """One student's matches for one threshold."""

    wins: int = 0
    draws: int = 0
    losses: int = 0
    faults: dict[str, str] = field(default_factory=dict)  # the student's own, kind by match
    matches: list[str] = field(default_factory=list)  # RUN/MATCH_NO


class Grades(Exporter):
    """One CSV file, a line a student."""

    suffix = ".csv"
    latest = True

    def __init__(self, thresholds: str, students: str) -> None:
        self._bound, self._thresholds = read_thresholds(thresholds)
        self._students = read_students(students) if students else None

    def write(self, selection: Selection, files: Files) -> None:
        if selection.anonymous:
            msg = "grades are for known students: leave --anonymous out"
            raise UsageError(msg)
        students = self._students or _outsiders(selection)
        _check_opponents(self._thresholds, students, selection)
        tallies = _tallies(selection, self._thresholds, students)
        played = {values[1] for _, values in selection.rows("agents")}
        with files.open("grades.csv") as file:
            sink = CsvSink(file, _table(self._thresholds))
            for agent, student in sorted(students.items(), key=lambda pair: (pair[1], pair[0])):
                sink.row(list(self._line(student, agent, tallies, played)))
            sink.close()

    def _line(
        self, student: str, agent: str, tallies: Mapping[tuple[str, str], Tally], played: set[str]
    ) -> Iterator[Any]:
        found = [tallies[agent, threshold.name] for threshold in self._thresholds]
        cells = [
            list(_cells(threshold, tally, self._bound))
            for threshold, tally in zip(self._thresholds, found, strict=True)
        ]
        faults = {match: kind for tally in found for match, kind in tally.faults.items()}  # a match may count twice
        yield student
        yield agent
        yield sum(own[0] for own in cells)
        yield sum(threshold.points for threshold in self._thresholds)
        yield _kinds(faults)
        yield "" if agent in played else "not in the run"
        for own in cells:
            yield from own


def _outsiders(selection: Selection) -> dict[str, str]:
    """Return all agents from outside, each for a student of its name."""
    return {values[1]: values[1] for _, values in selection.rows("agents") if values[2] != "trusted"}


def _check_opponents(thresholds: Sequence[Threshold], students: Mapping[str, str], selection: Selection) -> None:
    """Refuse opponents that are students themselves, or not there: nobody's grade may depend on classmates.

    Raises:
        ConfigError: one of them.
    """
    known = {values[1] for _, values in selection.rows("agents")}
    for threshold in thresholds:
        if threshold.against in students:
            msg = f"threshold {threshold.name!r}: {threshold.against!r} is a student's agent: name a fixed opponent"
            raise ConfigError(msg)
        if threshold.against not in known:
            who = ", ".join(sorted(known))
            msg = f"threshold {threshold.name!r}: {threshold.against!r} did not play; there were {who}"
            raise ConfigError(msg)


def _tallies(
    selection: Selection, thresholds: Sequence[Threshold], students: Mapping[str, str]
) -> dict[tuple[str, str], Tally]:
    """Count every student's matches against the opponents, in one pass."""
    found = {(agent, threshold.name): Tally() for agent in students for threshold in thresholds}
    for _, values in selection.rows("matches"):
        run, match_no, _, game, agents, _, places, faults, termination, *_ = values
        if termination == Termination.VOID:
            continue
        for threshold in thresholds:
            if threshold.against not in agents or threshold.game not in ("", game, game.partition("(")[0]):
                continue
            other = places[agents.index(threshold.against)]
            for seat in _firsts(agents, students):
                _count(found[agents[seat], threshold.name], f"{run}/{match_no}", places[seat], other, faults[seat])
    return found


def _firsts(agents: Sequence[str], students: Mapping[str, str]) -> Iterator[int]:
    """Yield a seat of each student's agent in a match: the first, where one fills a whole side."""
    for agent in dict.fromkeys(agents):
        if agent in students:
            yield agents.index(agent)


def _count(tally: Tally, match: str, place: int, other: int, fault: str | None) -> None:
    """Count a match: an own fault is a loss, whatever the opponent did."""
    tally.matches.append(match)
    if fault is not None:
        tally.faults[match] = fault
    if fault is not None or place > other:
        tally.losses += 1
    elif place == other:
        tally.draws += 1
    else:
        tally.wins += 1


def _table(thresholds: Sequence[Threshold]) -> Table:
    """Return the columns: the student's, then those of each threshold."""
    names = ["student", "agent", "points", "of", "faults", "note"]
    for threshold in thresholds:
        more = ("of", "score", "lo", "hi", "wins", "draws", "losses", "faults", "match_ids")
        names += [threshold.name, *(f"{threshold.name}: {what}" for what in more)]
    return Table("grades", "one student", tuple(Column(name, "text", "") for name in names))


def _cells(threshold: Threshold, tally: Tally, bound: str) -> Iterator[Any]:
    """Yield the cells of one threshold."""
    count = len(tally.matches)
    score = (tally.wins + tally.draws / 2) / count if count else None
    low, high = wilson_interval(score or 0.0, count)
    reached = low if bound == _LOWER else score
    yield threshold.points if count >= threshold.matches and reached is not None and reached >= threshold.score else 0.0
    yield threshold.points
    yield None if score is None else round(score, 6)
    yield round(low, 6)
    yield round(high, 6)
    yield from (tally.wins, tally.draws, tally.losses)
    yield _kinds(tally.faults)
    yield " ".join(tally.matches)


def _kinds(faults: Mapping[str, str]) -> str:
    """Return how many faults there are of each kind."""
    return ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(faults.values()).items()))
