"""What is stored of live matches: all SQL of theirs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from evalengine.model import Branch, Fault, MatchSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import MatchResult, Played
    from evalengine.store import Store

_COLUMNS = "run, id, state, reason, owner, created, ended, spec, remote, stand_in, options, note, parent, turn, result"
_TABLES = ("live", "live_token", "live_left", "live_action")


class Row(NamedTuple):
    """A live match as it is stored, JSON decoded."""

    run: int
    id: str
    state: str
    reason: str
    owner: str
    created: float
    ended: float | None
    spec: MatchSpec  # a branch without its turns, which are the first stored ones
    remote: tuple[int, ...]
    stand_in: int
    options: Mapping[str, Any]
    note: Mapping[str, Any]
    parent: str | None
    turn: int | None
    result: Sequence[Any] | None  # scores, places, termination, turns


class Done(NamedTuple):
    """One answer of one seat."""

    turn: int
    seat: int
    what: Any  # an action, or a Fault
    info: Any
    think_us: int
    action_id: str | None


def add(store: Store, row: Row) -> None:
    """Add a live match; within a transaction."""
    fields = row._replace(
        spec=json.dumps(_plain(row.spec)),  # type: ignore[arg-type]  # as it is stored
        remote=json.dumps(row.remote),  # type: ignore[arg-type]
        options=json.dumps(row.options),  # type: ignore[arg-type]
        note=json.dumps(row.note),  # type: ignore[arg-type]
    )
    store.execute(f"insert into live ({_COLUMNS}) values ({', '.join('?' * len(fields))})", *fields)  # noqa: S608 - our own names


def _plain(spec: MatchSpec) -> list[Any]:
    branch = spec.branch
    return [*spec[:-1], None if branch is None else branch[:-1]]


def _row(fields: Sequence[Any]) -> Row:
    row = Row(*fields)
    *spec, branch = json.loads(row.spec)  # type: ignore[arg-type]  # as it is stored
    if branch is not None:
        branch[3] = tuple((since, seed) for since, seed in branch[3])
    made = MatchSpec(*spec)._replace(branch=None if branch is None else Branch(*branch))
    return row._replace(
        spec=made._replace(agents=tuple(made.agents)),
        remote=tuple(json.loads(row.remote)),  # type: ignore[arg-type]
        options=json.loads(row.options),  # type: ignore[arg-type]
        note=json.loads(row.note),  # type: ignore[arg-type]
        result=None if row.result is None else json.loads(row.result),  # type: ignore[arg-type]
    )


def find(store: Store, live_id: str) -> Row | None:
    """Return a live match, None when there is none."""
    found = list(store.iterate(f"select {_COLUMNS} from live where id = ?", live_id))  # noqa: S608 - our own names
    return _row(found[0]) if found else None


def of_run(store: Store, run: int) -> Row:
    """Return the live match of a run."""
    (found,) = store.iterate(f"select {_COLUMNS} from live where run = ?", run)  # noqa: S608 - our own names
    return _row(found)


def going_on(store: Store) -> list[Row]:
    """Return the live matches that have not ended."""
    sql = f"select {_COLUMNS} from live where state in ('waiting', 'active') order by run"  # noqa: S608 - our own names
    return [_row(fields) for fields in store.iterate(sql)]


def end_unbegun(store: Store) -> None:
    """End the runs of live matches that are not stored: somebody was killed between the two."""
    with store.transaction():
        store.execute(
            "update run set state = 'interrupted' where kind = 'live' and state = 'running' "
            "and id not in (select run from live)"
        )


def listed(  # noqa: PLR0917 - what may be asked for
    store: Store, state: str | None, owner: str | None, parent: str | None, before: int | None, limit: int
) -> list[tuple[Row, str, list[str]]]:
    """Return live matches, the newest first, with their game and the agents by seat.

    Args:
        before: of runs before this one only.
    """
    wanted = {"state = ?": state, "owner = ?": owner, "parent = ?": parent, "run < ?": before}
    given = {clause: value for clause, value in wanted.items() if value is not None}
    where = f" where {' and '.join(given)}" if given else ""
    sql = f"select {_COLUMNS} from live{where} order by run desc limit ?"  # noqa: S608 - our own names
    rows = [_row(fields) for fields in store.iterate(sql, *given.values(), limit)]
    return [(row, *names(store, row)) for row in rows]


def names(store: Store, row: Row) -> tuple[str, list[str]]:
    """Return the game of a live match as people write it, and the names of its agents by seat."""
    ((game,),) = store.iterate("select ref from game where run = ? and game_no = 0", row.run)
    known = dict(store.iterate("select agent_no, name from agent where run = ?", row.run))
    return game, [known[number] for number in row.spec.agents]


def set_state(store: Store, run: int, state: str, reason: str = "", result: MatchResult | Played | None = None) -> None:
    """Set where a live match stands; within a transaction."""
    told = None
    if result is not None:
        told = json.dumps([list(result.scores), list(result.places), result.termination, result.turns])
    ended = time.time() if state in {"completed", "failed"} else None
    store.execute(
        "update live set state = ?, reason = ?, ended = ?, result = ? where run = ?", state, reason, ended, told, run
    )


# ----------------------------------------------------------------------------------- seats


def add_token(store: Store, digest: bytes, run: int, seat: int, holder: str) -> None:
    """Add a token of a seat; within a transaction."""
    store.execute("insert into live_token values (?, ?, ?, ?)", digest, run, seat, holder)


def drop_tokens(store: Store, run: int, seat: int) -> None:
    """Free a seat; within a transaction."""
    store.execute("delete from live_token where run = ? and seat = ?", run, seat)


def tokens(store: Store, run: int) -> dict[bytes, tuple[int, str]]:
    """Return seat and holder by the digest of a token."""
    sql = "select digest, seat, holder from live_token where run = ?"
    return {digest: (seat, holder) for digest, seat, holder in store.iterate(sql, run)}


def add_left(store: Store, run: int, seat: int, turn: int, reason: str) -> None:
    """Store from which turn on an agent goes on for a seat; within a transaction."""
    store.execute("insert into live_left values (?, ?, ?, ?)", run, seat, turn, reason)


def left(store: Store, run: int) -> dict[int, int]:
    """Return by seat from which turn on an agent goes on for it."""
    return dict(store.iterate("select seat, turn from live_left where run = ?", run))


# --------------------------------------------------------------------------------- actions


def add_action(store: Store, run: int, fields: Sequence[Any], action_id: str | None) -> None:
    """Store an answer: turn, seat, action packed, fault, info packed, think_us; within a transaction."""
    turn, seat, action, fault, info, think_us = fields
    told = None if fault is None else json.dumps(fault)
    sql = "insert into live_action values (?, ?, ?, ?, ?, ?, ?, ?)"
    store.execute(sql, run, turn, seat, action, told, info, think_us, action_id)


def copy_actions(store: Store, run: int, child: int, turn: int) -> None:
    """Give a child the actions of its parent before a turn; within a transaction."""
    store.execute(
        "insert into live_action select ?, turn, seat, action, fault, null, think_us, null from live_action "
        "where run = ? and turn < ?",
        child, run, turn,
    )  # fmt: skip


def actions(store: Store, run: int) -> list[Done]:
    """Return all answers of a live match, by turn and seat."""
    sql = (
        "select turn, seat, action, fault, info, think_us, action_id from live_action where run = ? order by turn, seat"
    )
    return [
        Done(turn, seat, _what(action, fault), _unpacked(info), think_us, action_id)
        for turn, seat, action, fault, info, think_us, action_id in store.iterate(sql, run)
    ]


def _what(action: bytes | None, fault: str | None) -> Any:
    return Fault(*json.loads(fault)) if fault is not None else _unpacked(action)


def _unpacked(data: bytes | None) -> Any:
    return None if data is None else msgpack.unpackb(data, strict_map_key=False)


def log_of(done: Sequence[Done], turn: int) -> tuple[list[Any], list[int], list[tuple[int, int, Fault]]]:
    """Return the answers before a turn as `wire.pack_turns` takes them."""
    seats: dict[int, list[int]] = {}
    acts, faults = [], []
    for one in done:
        if one.turn < turn:
            seats.setdefault(one.turn, []).append(one.seat)
            if isinstance(one.what, Fault):
                faults.append((one.turn, one.seat, one.what))
            else:
                acts.append(one.what)
    who = [found[0] if len(found) == 1 else ~sum(1 << seat for seat in found) for found in seats.values()]
    return acts, who, faults


def forget(store: Store, before: float) -> int:
    """Delete what is stored of live matches that ended before; the matches that they became stay. Return how many."""
    with store.transaction():
        runs = [run for (run,) in store.iterate("select run from live where ended < ?", before)]
        for run in runs:
            for table in _TABLES:
                store.execute(f"delete from {table} where run = ?", run)  # noqa: S608 - our own names
    return len(runs)
