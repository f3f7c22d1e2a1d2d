"""What is stored when a live match begins, and what is read of one that goes on: in the scribe's thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import runs
from evalengine.live import rows
from evalengine.live.rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.live.rows import Done
    from evalengine.live.seating import Seated
    from evalengine.live.sessions import Tokens
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store


class Origin(NamedTuple):
    """What a match continues: another one, from a turn on."""

    row: Row
    turn: int
    done: Sequence[Done]  # of the other


class Beginning(NamedTuple):
    """A live match that is not stored yet."""

    id: str
    state: str
    seated: Seated
    holder: str
    options: Mapping[str, Any]
    note: Mapping[str, Any]
    tokens: Tokens
    origin: Origin | None = None

    @property
    def done(self) -> list[Done]:
        """The answers that it begins with."""
        return [] if self.origin is None else [one for one in self.origin.done if one.turn < self.origin.turn]

    def store(self, store: Store) -> Row:
        """Store it, with its run and tokens."""
        seated, origin = self.seated, self.origin
        run = runs.add_entry(seated.entry, {0: 1}, store, "live")
        row = Row(
            run, self.id, self.state, "", self.holder, time.time(), None, seated.spec, seated.remote, seated.stand_in,
            self.options, self.note, origin and origin.row.id, origin and origin.turn, None,
        )  # fmt: skip
        with store.transaction():
            rows.add(store, row)
            for digest, (seat, holder) in self.tokens.items():
                rows.add_token(store, digest, run, seat, holder)
            if origin is not None:
                store.set_run(run, parent=origin.row.run)
                rows.copy_actions(store, origin.row.run, run, origin.turn)
        return row


class GoingOn(NamedTuple):
    """What is stored of a match that has not ended."""

    run: Run
    done: list[Done]
    tokens: Tokens
    left: dict[int, int]


def going_on(plugs: Plugins, run: int, store: Store) -> GoingOn:
    """Return what a match that another process has begun goes on with.

    Raises:
        UsageError: its game or an agent is gone.
    """
    reopened = runs.reopen(store, run, plugs)
    return GoingOn(reopened, rows.actions(store, run), rows.tokens(store, run), rows.left(store, run))
