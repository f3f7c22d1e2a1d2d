"""A process that plays live matches: one thread for each, which mostly waits for somebody elsewhere.

Frames are a length of 4 bytes and what follows: to the process a pickle of (live_no, "open", Setting) or
(live_no, "tell", what); from it msgpack of [live_no, kind, ...], see `table`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.live.table import CLOSE, Setting, Table

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = struct.Struct("<I")
_NICE = 5  # agents that compute must not keep the process that answers from the processor


class _Host:
    """The matches of one process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._tables: dict[int, Table] = {}

    def serve(self) -> None:
        """Do as told until the connection ends."""
        with self._connection.makefile("rb") as told:
            while len(head := told.read(LENGTH.size)) == LENGTH.size:
                # From the process that started this one, and from nobody else.
                live_no, verb, what = pickle.loads(told.read(*LENGTH.unpack(head)))  # noqa: S301 - see above
                if verb == "open":
                    self._open(live_no, what)
                elif live_no in self._tables:
                    self._tables[live_no].told.put(what)

    def _open(self, live_no: int, setting: Setting) -> None:
        if live_no in self._tables:
            self._tables[live_no].told.put((CLOSE,))
        table = self._tables[live_no] = Table(setting, self._saying(live_no))
        threading.Thread(target=self._play, args=(live_no, table), daemon=True).start()

    def _play(self, live_no: int, table: Table) -> None:
        try:
            table.play_out()
        except Exception:  # noqa: BLE001 - the thread's border: told by the end of the process, as any other death
            traceback.print_exc()
            os._exit(1)
        finally:
            if self._tables.get(live_no) is table:
                del self._tables[live_no]

    def _saying(self, live_no: int) -> Callable[..., None]:
        def say(kind: int, *fields: Any) -> None:
            data = wire.pack([live_no, kind, *fields])
            with self._sending, contextlib.suppress(OSError):  # it hung up: `serve` ends
                self._connection.sendall(LENGTH.pack(len(data)) + data)

        return say


def main(descriptor: int) -> None:
    """Serve on an inherited socket; end with whoever holds its other end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it decides
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    os.dup2(2, 1)  # what games print must not mix with results
    sys.stdout = sys.stderr
    _Host(socket.socket(fileno=descriptor)).serve()
    os._exit(0)  # threads may be in the middle of an agent's thought; agents' processes end with their connections
