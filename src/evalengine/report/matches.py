"""The matches of a report as records of lists, texts and numbers: which are told of, a row each, and their turns."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import evidence
from evalengine.errors import StoreError
from evalengine.model import Fault, Termination
from evalengine.replays import read_match
from evalengine.report.frames import Chunks, clean, drawn
from evalengine.report.gathering import KINDS, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from evalengine.replays import StoredMatch
    from evalengine.runs import Run
    from evalengine.store import Store

ENDS = tuple(end.value for end in Termination)
PICTURES = 1  # flag of a row: the match has frames

_MOST_LOG = 4_000  # characters of one seat's stream
_MOST_LOGS = 16_000_000  # characters of all of them
_MOST_FRAMES = 64_000_000  # characters of all packed frames, about
_MOST_TOGETHER = 2_000_000  # characters of frames and logs in one file, but for its last match
_MOST_TURNS = 2_000  # of a match with frames
_MOST_INFO = 300  # characters of what an agent gave beside an action
_NUMBER = 4  # characters of a number in a packed frame, about


class Chosen(NamedTuple):
    """Which matches of a run are told of.

    Attributes:
        listed: their numbers, ascending; framed: those of them with frames; total: matches of the run that count.
    """

    listed: Sequence[int]
    framed: Collection[int]
    total: int


def choose(run: Run, store: Store, most: int, framed: int) -> Chosen:
    """Return up to `most` matches, and up to `framed` of them: faults and voids first, others evenly over the run."""
    numbers = [stored[0] for chunk in evidence.chunks(store, run.number) for stored in chunk]
    sql = "select distinct match - ? from fault where match >= ? and match < ? order by match"
    low, high = store.span(run.number)
    faulted = [number for (number,) in store.iterate(sql, low, low, high)]
    listed = _some(numbers, faulted, most)
    return Chosen(listed, frozenset(_some(listed, faulted, framed)), len(numbers))


def _some(numbers: Sequence[int], first: Sequence[int], most: int) -> Sequence[int]:
    """Return up to `most` of the numbers, ascending: half of them may be the earliest of `first`."""
    if len(numbers) <= most:
        return numbers
    there = set(numbers)
    chosen = {number for number in first if number in there}
    if len(chosen) > most // 2:
        chosen = set(sorted(chosen)[: most // 2])
    rest = [number for number in numbers if number not in chosen]
    room = most - len(chosen)
    chosen.update(rest[place * len(rest) // room] for place in range(room))
    return sorted(chosen)


class Reader:
    """Reads matches for a report, within the bounds of all of them together."""

    def __init__(self, run: Run, store: Store, chosen: Chosen) -> None:
        self._run = run
        self._store = store
        self._chosen = chosen
        self._logs = self._frames = 0  # characters so far

    def shard(self, numbers: Sequence[int]) -> tuple[list[list[Any]], dict[str, Any]]:
        """Return the rows of these matches, and their turns with a table of chunks that their frames share.

        Where frames and logs are large, of the first of them only: a page loads all that stand together.
        """
        chunks = Chunks()
        before = self._frames + self._logs
        rows, told = [], []
        for number in numbers:
            found = read_match(self._run.number, number, self._run.entry, self._store)
            assert found is not None
            record = self._match(found, chunks)
            told.append(record)
            rows.append(self._row(found, record))
            if self._frames + self._logs - before > _MOST_TOGETHER:
                break
        return rows, {"chunks": list(chunks), "matches": told}

    def _row(self, found: StoredMatch, record: Mapping[str, Any]) -> list[Any]:
        """Return [match_no, game_no, agents, places, end, [[kind of fault, seat]], turns, ms, flags, scores]."""
        seats = found.seats
        by_score = self._run.rated_games[found.spec.game_no].by_score
        return [
            found.spec.match_no,
            found.spec.game_no,
            list(found.spec.agents),
            [seat["place"] for seat in seats],
            ENDS.index(found.row["termination"]),
            [[KINDS.index(fault["kind"]), -1 if fault["seat"] is None else fault["seat"]] for fault in found.faults],
            found.row["turns"],
            round(found.row["seconds"] * 1e3, 1),
            PICTURES if "pictures" in record else 0,
            *([[seat["score"] for seat in seats]] if by_score else []),
        ]

    def _match(self, found: StoredMatch, chunks: Chunks) -> dict[str, Any]:
        record: dict[str, Any] = {"no": found.spec.match_no, "scores": [seat["score"] for seat in found.seats]}
        if before := _before(found):
            record["before"] = before
        if (branch := found.spec.branch) is not None:
            record["branch"] = [branch.parent, branch.turn]
        try:
            record["turns"] = turns(found)
            if found.spec.match_no in self._chosen.framed and len(found.turns) <= _MOST_TURNS:
                record.update(self._framed(found, chunks))
        except StoreError as error:
            record["note"] = clean(error)
        if found.faults:
            record["faults"] = [_fault(fault) for fault in found.faults]
        if logs := [log for log in found.logs if log["text"]]:
            record["logs"] = [self._log(log) for log in logs]
        return record

    def _framed(self, found: StoredMatch, chunks: Chunks) -> Iterator[tuple[str, Any]]:
        """Yield the frames of a match, until all of them are as large as they may be."""
        if self._frames > _MOST_FRAMES:
            return
        pictures, texts = drawn(found)
        for name, told, cut in (("pictures", pictures, "<"), ("texts", texts, "\n")):
            if told:
                packed = chunks.packed(told, cut)
                self._frames += sum(_NUMBER * (2 + len(middle)) for _, _, middle in packed) + len(told[0])
                yield name, packed

    def _log(self, log: Mapping[str, Any]) -> list[Any]:
        """Return [seat, stream, text]; None for the text when all logs together are too long."""
        text = None if self._logs > _MOST_LOGS else shortened(clean(log["text"]), _MOST_LOG)
        self._logs += len(text or "")
        return [log["seat"], log["stream"], text]


def turns(found: StoredMatch) -> list[list[list[Any]]]:
    """Return by turn who did what: [seat, text, microseconds of thought or None, what was given beside it, if any].

    Raises:
        StoreError: the stored actions do not fit the game.
    """
    infos = {(turn, seat): clean(info)[:_MOST_INFO] for turn, seat, info in found.infos}
    thought = iter(found.think_us)
    told = []
    for number, match in zip(range(len(found.turns)), found.replayed(), strict=False):
        done = found.turns[number]
        asked = number >= found.first_asked
        acts = []
        for seat in match.state.to_move():
            act = done[None] if None in done else done.get(seat)
            entry = [seat, _text(found, act), next(thought, None) if asked else None]
            if (number, seat) in infos:
                entry.append(infos[number, seat])
            acts.append(entry)
        told.append(acts)
    return told


def _before(found: StoredMatch) -> list[list[Any]]:
    """Return who decided in the turns before any agent was asked, as [who, turns] in their order."""
    deciders = (found.decided_by(turn) for turn in range(found.first_asked))
    return [[who, len(list(turns))] for who, turns in itertools.groupby(deciders)]


def _text(found: StoredMatch, act: Any) -> str:
    return act.kind.upper() if isinstance(act, Fault) else clean(found.game.action_to_str(act))


def _fault(fault: Mapping[str, Any]) -> list[Any]:
    """Return [turn, seat, kind, reason, traceback]."""
    return [
        fault["turn"], fault["seat"], fault["kind"], clean(fault["detail"]), shortened(clean(fault["traceback"]))
    ]  # fmt: skip
