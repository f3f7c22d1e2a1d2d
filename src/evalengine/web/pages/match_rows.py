"""The list of a run's matches in parts, each found from where the last one ended: nothing is counted or skipped over.

A filter that few matches fit is applied to so many of them at most; then the page says how far it has looked.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import planning
from evalengine.errors import UsageError
from evalengine.model import FaultKind, Termination
from evalengine.store import match_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.runs import Run
    from evalengine.store import Store

EACH = 100  # matches a part
_WINDOW = 20_000  # numbers that one query looks at
_MOST = 200_000  # and all of them for one part
_VOID = Termination.VOID.value
_RESULTS = ("won", "lost", "drawn", "decided", "void")
_FAULTS = ("none", "some", "own", *(kind.value for kind in FaultKind))
_DIGITS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """Which matches, as a query says; `after`: the number before the first, `before`: the one behind the last."""

    game: int | None = None
    agent: int | None = None
    against: int | None = None
    result: str = ""
    fault: str = ""
    after: int = -1
    before: int | None = None

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are set, for addresses."""
        names = ("game", "agent", "against", "result", "fault")
        return {name: getattr(self, name) for name in names if getattr(self, name) not in (None, "")}


class Part(NamedTuple):
    """A part of the list.

    Attributes:
        rows: of the template; first, last: numbers from which the parts before and behind are found, None: there is
        none; looked: up to which number was looked when that is not the end.
    """

    rows: list[dict[str, Any]]
    first: int | None
    last: int | None
    looked: int | None


def wish_of(query: Mapping[str, str]) -> Wish:
    """Return what a query asks for.

    Raises:
        UsageError: a value is none.
    """
    numbers = {name: _number(name, query[name]) for name in ("game", "agent", "against") if query.get(name)}
    places = {name: _number(name, query[name]) for name in ("after", "before") if query.get(name)}
    words = {}
    for name, known in (("result", _RESULTS), ("fault", _FAULTS)):
        words[name] = query.get(name, "")
        if words[name] and words[name] not in known:
            msg = f"{name} is one of {', '.join(known)}, not {words[name]!r}"
            raise UsageError(msg)
    return Wish(**numbers, **places, **words)  # type: ignore[arg-type]  # by their names


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        msg = f"{name} must be a whole number, not {text!r}"
        raise UsageError(msg)
    return int(text)


def part(run: Run, store: Store, wish: Wish) -> Part:
    """Return the matches that fit a wish, from where it says."""
    low, high = store.span(run.number)
    end = min(high - low, store.last_match_no(run.number) + 1)
    back = wish.before is not None
    found: list[dict[str, Any]] = []
    at = min(wish.before or 0, end) if back else min(wish.after + 1, end)
    left = _MOST
    while len(found) <= EACH and left > 0 and (at > 0 if back else at < end):
        start, stop = (max(0, at - _WINDOW), at) if back else (at, min(end, at + _WINDOW))
        rows = _fitting(run, store, wish, range(start, stop), EACH + 1 - len(found))
        found += rows
        left -= stop - start
        at = start if back else stop
    more = len(found) > EACH
    found = found[:EACH]
    if back:
        found.reverse()
    looked = at if not more and (at > 0 if back else at < end) else None
    first, last = (found[0]["no"], found[-1]["no"]) if found else (None, None)
    if back:
        return Part(found, first if more else looked, wish.before - 1 if wish.before else None, looked)
    return Part(found, wish.after + 1 if wish.after >= 0 else None, last if more else looked and looked - 1, looked)


def _fitting(run: Run, store: Store, wish: Wish, window: range, most: int) -> list[dict[str, Any]]:
    """Return up to `most` rows of the matches in a window; the highest first where a part goes back."""
    clauses = ["id >= ?", "id < ?", *_clauses(wish)]
    order = "desc" if wish.before is not None else "asc"
    sql = (
        "select id, game_no, termination, turns, seconds, seats from match "  # noqa: S608 - our own words, and numbers
        f"where {' and '.join(clauses)} order by id {order}"
    )
    ends = match_id(run.number, window.start), match_id(run.number, window.stop)
    fitting = (told for row in store.iterate(sql, *ends) if _fits(told := _row(run, store, row), wish))
    return list(itertools.islice(fitting, most))


def _clauses(wish: Wish) -> Iterator[str]:
    """Yield what the database can decide by itself."""
    if wish.game is not None:
        yield f"game_no = {wish.game:d}"
    for agent in (wish.agent, wish.against):
        if agent is not None:
            yield f"instr(seats, '[{agent:d},') > 0"
    if wish.result == _VOID:
        yield f"termination = '{_VOID}'"
    if wish.fault:
        negated = "not " * (wish.fault == "none")
        yield f"{negated}exists (select 1 from fault f where f.match = match.id)"  # noqa: S608 - our own words


def _row(run: Run, store: Store, row: Sequence[Any]) -> dict[str, Any]:
    number, game_no, termination, turns, seconds, seats = row
    agents, scores, places = zip(*json.loads(seats), strict=True)
    no = number - match_id(run.number, 0)
    names = [run.entry.agents[agent].name for agent in agents]
    return {
        "no": no,
        "name": planning.match_name(run.entry.games[game_no].ref, names, no),
        "agents": agents,
        "places": places,
        "void": termination == _VOID,
        "result": _result(names, places, termination, scores if run.rated_games[game_no].by_score else None),
        "turns": turns,
        "seconds": seconds,
        "ended": "the rules" if termination == "rules" else termination.replace("_", " "),
        "faults": [
            (fault["kind"], None if fault["seat"] is None else agents[fault["seat"]], names[fault["seat"] or 0])
            for fault in store.faults(run.number, no)
        ],
    }


def _result(names: Sequence[str], places: Sequence[int], termination: str, scores: Sequence[float] | None) -> str:
    if termination == _VOID:
        return "void"
    told = "" if scores is None else f" ({', '.join(f'{score:.4g}' for score in scores)})"
    if len(set(places)) == 1:
        return f"{'draw' if len(places) > 1 else 'played'}{told}"
    best = dict.fromkeys(name for name, place in zip(names, places, strict=True) if place == 1)
    return f"{', '.join(best)} won{told}"


def _fits(row: Mapping[str, Any], wish: Wish) -> bool:
    if wish.agent is not None and wish.agent == wish.against and row["agents"].count(wish.agent) < 2:  # noqa: PLR2004 - itself
        return False
    return _result_fits(row, wish) and _fault_fits(row, wish)


def _result_fits(row: Mapping[str, Any], wish: Wish) -> bool:
    if not wish.result or wish.result == "void":
        return not wish.result or row["void"]
    if row["void"]:
        return False
    places = row["places"]
    best = [agent for agent, place in zip(row["agents"], places, strict=True) if place == 1]
    even = len(set(places)) == 1
    if wish.result in {"drawn", "decided"}:
        return (even or len(best) > 1) if wish.result == "drawn" else not even
    return not even and (wish.agent is None or (wish.agent in best) == (wish.result == "won"))


def _fault_fits(row: Mapping[str, Any], wish: Wish) -> bool:
    if wish.fault in {"", "none", "some"}:
        return True  # the query has seen to it
    return any(
        (wish.fault in ("own", kind)) and agent is not None and (wish.agent is None or agent == wish.agent)
        for kind, agent, _ in row["faults"]
    )


def around(store: Store, run: int, match_no: int) -> list[int | None]:
    """Return the numbers of the stored matches before and behind one."""
    low, high = store.span(run)
    here = match_id(run, match_no)
    before = next(store.iterate("select max(id) from match where id >= ? and id < ?", low, here))[0]
    after = next(store.iterate("select min(id) from match where id > ? and id < ?", here, high))[0]
    return [None if found is None else found - low for found in (before, after)]
