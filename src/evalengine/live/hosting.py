"""A process that plays live matches: one thread for each, which mostly waits for somebody elsewhere.

Frames are a length of 4 bytes and what follows: to the process a pickle of (play_no, "open", Setting) or
(play_no, "tell", what); from it msgpack of [play_no, kind, ...], see `messages`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.live.messages import BEAT, HUNG
from evalengine.live.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.live.messages import Setting

LENGTH = struct.Struct("<I")
_SWITCH_S = 0.0005  # after which an agent that computes lets another match compute; Python's own is ten times as long


class _Host:
    """The matches of one process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._tables: dict[int, Table] = {}

    def serve(self, beat_s: float) -> None:
        """Do as told until the connection ends."""
        self._say(0, [(BEAT,)])  # before a match can keep the other thread from it
        threading.Thread(target=self._watch, args=(beat_s,), daemon=True).start()
        with self._connection.makefile("rb") as told, contextlib.suppress(ConnectionError):
            while len(head := told.read(LENGTH.size)) == LENGTH.size:
                # From the process that started this one, and from nobody else.
                play_no, verb, what = pickle.loads(told.read(*LENGTH.unpack(head)))  # noqa: S301 - see above
                if verb == "open":
                    self._open(play_no, what)
                elif play_no in self._tables:
                    self._tables[play_no].told.put(what)

    def _open(self, play_no: int, setting: Setting) -> None:
        # Where a plugin of a path was found, which was loaded since this process began.
        sys.path += [path for path in setting.orders.sys_path if path not in sys.path]
        table = self._tables[play_no] = Table(setting, functools.partial(self._say, play_no))
        threading.Thread(target=self._play, args=(play_no, table), daemon=True).start()

    def _play(self, play_no: int, table: Table) -> None:
        try:
            table.play_out()
        except Exception:  # noqa: BLE001 - the thread's border: told by the end of the process, as any other death
            traceback.print_exc()
            os._exit(1)
        finally:
            del self._tables[play_no]

    def _watch(self, beat_s: float) -> None:
        """Say that we live, and of which matches the thread does not any more."""
        told: set[int] = set()
        while True:
            time.sleep(beat_s)
            self._say(0, [(BEAT,)])
            for play_no, table in list(self._tables.items()):
                table.saying.say_all()  # what it kept back for the end of a turn that takes long
                if play_no not in told and (what := table.patience.stuck()):
                    told.add(play_no)
                    self._say(play_no, [(HUNG, what)])

    def _say(self, play_no: int, messages: Sequence[Sequence[Any]]) -> None:
        frames: list[bytes] = []
        for message in messages:
            data = wire.pack([play_no, *message])
            frames += LENGTH.pack(len(data)), data
        with self._sending, contextlib.suppress(OSError):  # it hung up: `serve` ends
            self._connection.sendall(b"".join(frames))


def main(descriptor: int, nice: int, beat_s: float) -> None:
    """Serve on an inherited socket; end with whoever holds its other end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it decides
    os.nice(nice)
    sys.setswitchinterval(_SWITCH_S)
    os.dup2(2, 1)  # what games print must not mix with results
    sys.stdout = sys.stderr
    _Host(socket.socket(fileno=descriptor)).serve(beat_s)
    os._exit(0)  # threads may be in the middle of an agent's thought; agents' processes end with their connections
