"""What a game's code asks of the machine, noted: clocks, generators of everybody, network, files, processes, output.

For a process of its own, before the game is imported: what is replaced here is never put back.
"""

from __future__ import annotations

import _thread
import datetime as dt
import decimal
import gc
import io
import os
import random
import resource
import signal
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_CLOCKS = (
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
    "process_time_ns", "thread_time", "localtime", "gmtime", "ctime", "asctime", "sleep", "clock_gettime",
)  # fmt: skip
_GENERATORS = (
    "random", "seed", "getrandbits", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform",
    "gauss", "normalvariate", "betavariate", "expovariate", "triangular", "randbytes", "setstate", "vonmisesvariate",
)  # fmt: skip
_NETWORK = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "telnetlib.", "poplib.", "imaplib.", "nntplib.")
_PROCESSES = (
    "subprocess.",
    "os.fork",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "_thread.start",
    "os.kill",
    "pty.",
)
_FILES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.chmod",
    "os.link",
    "os.symlink",
    "shutil.",
    "tempfile.",
    "sqlite3.connect",
)
_EVENTS = ("open", *_NETWORK, *_PROCESSES, *_FILES)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Notes what code outside the standard library and evalengine does while it is on.

    Attributes:
        noted: by kind (clock, random, network, process, prints), the first call and where it was made.
    """

    def __init__(self, package: str) -> None:
        """Watch the code of `package`, and all that is not installed."""
        self.noted: dict[str, str] = {}
        self.on = False
        self._package = package
        paths = sysconfig.get_paths()
        self._library = tuple(f"{paths[name]}/" for name in ("stdlib", "platstdlib"))
        self._installed = ("/site-packages/", "/dist-packages/")
        self._ours = f"{Path(__file__).resolve().parent.parent}/"
        self._known: dict[str, str] = {}

    def note(self, kind: str, what: str, frame: FrameType | None, *, deep: bool = False) -> None:
        """Note a call if the game made it: the first code outside the standard library, or with `deep` any."""
        if not self.on or kind in self.noted:
            return
        while frame is not None:
            whose = self._whose(frame)
            if whose == "game":
                file = frame.f_code.co_filename.rsplit("/", 1)[-1]
                self.noted[kind] = f"{what} at {file}:{frame.f_lineno}"
                return
            if whose == "ours" or (whose == "other" and not deep):
                return
            frame = frame.f_back

    def _whose(self, frame: FrameType) -> str:
        name = frame.f_code.co_filename
        if name not in self._known:
            self._known[name] = self._judged(name, str(frame.f_globals.get("__name__", "")))
        return self._known[name]

    def _judged(self, file: str, module: str) -> str:
        if module.partition(".")[0] == self._package:
            return "game"
        if file.startswith(self._ours):
            return "ours"
        if any(part in file for part in self._installed):
            return "other"
        return "library" if file.startswith((*self._library, "<frozen")) else "game"

    # ------------------------------------------------------------------------------- replacing

    def replace(self) -> None:
        """Put noting calls in the places of clocks, generators and output; and hear of network, files, processes."""
        for name in _CLOCKS:
            self._wrap(time, name, "clock", f"time.{name}()")
        for module, name in ((os, "times"), (resource, "getrusage")):
            self._wrap(module, name, "clock", f"{module.__name__}.{name}()")
        for name in _GENERATORS:
            self._wrap(random, name, "random", f"random.{name}()")
        for module, name in ((os, "urandom"), (os, "getrandom"), (random, "_urandom")):
            self._wrap(module, name, "random", f"the system's entropy (os.{name.strip('_')})")
        self._wrap(os, "getpid", "random", "the number of the process (os.getpid())")
        # Of threads the interpreter tells nothing before 3.12.
        self._wrap(threading.Thread, "start", "process", "a thread", deep=True)
        self._wrap(_thread, "start_new_thread", "process", "a thread", deep=True)
        self._replace_classes()
        sys.addaudithook(self._heard)

    def _wrap(self, module: Any, name: str, kind: str, told: str, *, deep: bool = False) -> None:
        inner: Callable[..., Any] | None = getattr(module, name, None)
        if inner is None:
            return

        def noting(*arguments: Any, **named: Any) -> Any:
            self.note(kind, told, sys._getframe(1), deep=deep)  # noqa: SLF001 - who calls is the question
            return inner(*arguments, **named)

        setattr(module, name, noting)

    def _replace_classes(self) -> None:
        note = self.note

        class Moment(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Any:
                note("clock", "datetime.now()", sys._getframe(1))  # noqa: SLF001 - as above
                return super().now(tz)

            @classmethod
            def utcnow(cls) -> Any:
                note("clock", "datetime.utcnow()", sys._getframe(1))  # noqa: SLF001 - as above
                return super().now(dt.UTC).replace(tzinfo=None)

            @classmethod
            def today(cls) -> Any:
                note("clock", "datetime.today()", sys._getframe(1))  # noqa: SLF001 - as above
                return super().now()

        class Day(dt.date):
            @classmethod
            def today(cls) -> Any:
                note("clock", "date.today()", sys._getframe(1))  # noqa: SLF001 - as above
                return super().today()

        class Unseeded(random.Random):
            def __init__(self, x: Any = None) -> None:
                if x is None:
                    note("random", "random.Random() without a seed", sys._getframe(1))  # noqa: SLF001 - as above
                super().__init__(x)

        dt.datetime, dt.date, random.Random = Moment, Day, Unseeded  # type: ignore[misc]

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        # sys._getframe is an event itself: the names are looked at first.
        if not self.on or not event.startswith(_EVENTS):
            return
        frame = sys._getframe(1)  # noqa: SLF001 - as above
        if event == "open":
            flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0  # noqa: PLR2004 - path, mode, flags
            if flags & _WRITES:
                self.note("files", f"{arguments[0]!r} opened for writing", frame)
        elif event.startswith(_NETWORK):
            self.note("network", event, frame, deep=True)
        elif event.startswith(_PROCESSES):
            self.note("process", event, frame, deep=True)
        elif event.startswith(_FILES):
            self.note("files", event, frame)


class Output(io.TextIOBase):
    """Stands where standard output is, and notes who writes."""

    def __init__(self, watch: Watch, name: str) -> None:
        self._watch, self._name = watch, name

    def writable(self) -> bool:
        """Say so."""
        return True

    def write(self, text: str) -> int:
        """Take text, and forget it."""
        if text.strip():
            self._watch.note("prints", f"{text.strip()[:40]!r} written to {self._name}", sys._getframe(1), deep=True)  # noqa: SLF001 - as above
        return len(text)


def condition() -> dict[str, Any]:
    """Return what a match must leave as it was, by name."""
    found: dict[str, Any] = {
        "the state of `random`": random.getstate(),
        "the working folder": os.getcwd(),  # noqa: PTH109 - what os says is the question
        "the environment": dict(os.environ),
        "the recursion limit": sys.getrecursionlimit(),
        "the number of threads": threading.active_count(),
        "sys.path": list(sys.path),
        "what is done at a signal": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "the garbage collector": (gc.isenabled(), gc.get_threshold()),
        "the precision of `decimal`": repr(decimal.getcontext().copy().prec),
    }
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        found["the state of `numpy.random`"] = repr(numpy.random.get_state())
    return found
