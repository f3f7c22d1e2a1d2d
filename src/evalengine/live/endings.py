"""What is stored when a live match ends, and what is read of one that has ended: in the scribe's thread."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from evalengine import playing
from evalengine.live import rows
from evalengine.live.sessions import Session
from evalengine.live.values import COMPLETED, ENDED, FAILED, Acted
from evalengine.model import Fault, MatchResult, Played, Termination

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine.live.rows import Done, Row
    from evalengine.model import MatchSpec
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_VOID = Termination.VOID.value


def ended(live_id: str, store: Store) -> Session | None:
    """Return a live match that is stored only, None when there is none."""
    row = rows.find(store, live_id)
    if row is None:
        return None
    session = Session(row, rows.tokens(store, row.run))
    session.left = rows.left(store, row.run)
    session.acted = acted_of(rows.actions(store, row.run))
    return session


def acted_of(done: Iterable[Done]) -> dict[tuple[int, str], Acted]:
    """Return what became of each action that a client has named."""
    return {(one.seat, one.action_id): Acted(accepted=True, turn=one.turn) for one in done if one.action_id}


def complete(plugs: Plugins, run: Run, played: list[tuple[MatchSpec, Played]], store: Store) -> Row:
    """Make a match one of the stored ones, and end it; what a killed process did of that is not done again."""
    known = rows.of_run(store, run.number)
    if known.state in ENDED:
        return known
    playing.record(run, store, plugs, [spec for spec, _ in played], [row for _, row in played], locked=True)
    stored = store.stored(run.number, 0, 1)
    _, _, termination, _, scores, places, _, _ = stored[0]
    row = store.match(run.number, 0)
    assert row is not None
    state, reason = COMPLETED, ""
    if termination == _VOID:
        state, reason = FAILED, "the game or the engine failed, see its faults"
    with store.transaction():
        result = MatchResult(scores, places, termination, row["turns"])
        rows.set_state(store, run.number, state, reason, None if termination == _VOID else result)
    return rows.of_run(store, run.number)


def fail(run: int, reason: str, store: Store) -> Row:
    """End a live match without a result, unless it has ended meanwhile."""
    known = rows.of_run(store, run)
    if known.state in ENDED:
        return known
    with store.transaction():
        rows.set_state(store, run, FAILED, reason)
        store.set_run(run, state="interrupted", ended=time.time())
    return rows.of_run(store, run)


def played_of(fields: Sequence[Any]) -> Played:
    """Return the row that travelled as `fields`."""
    row = Played(*fields)
    return row._replace(faults=tuple((turn, seat, Fault(*fault)) for turn, seat, fault in row.faults))


def digest_of(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
