"""How rows are measured: both sides interleaved within one run, ratios paired by round."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Side = Callable[[], float]

ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        ours, theirs: measure once and return the figure; without `theirs` ours is shown as it is;
        difference: show ours less theirs instead of ours divided by theirs;
        goal: of design/performance.md, as text.
    """

    what: str
    ours: Side
    theirs: Side | None = None
    goal: str = ""
    unit: str = ""  # of what is shown, when it is no ratio
    difference: bool = False


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was shown of a row, by round, with the figures that it came from."""

    row: Row
    shown: list[float]
    ours: list[float]
    theirs: list[float]


def measure(row: Row, rounds: int = ROUNDS) -> Measured:
    """Measure both sides of a row in turn; who is first changes from round to round."""
    ours, theirs = [], []
    for number in range(rounds):
        sides = [(ours, row.ours), (theirs, row.theirs)]
        for figures, side in sides if number % 2 == 0 else reversed(sides):
            if side is not None:
                figures.append(side())
    return Measured(row=row, shown=list(_shown(row, ours, theirs)), ours=ours, theirs=theirs)


def _shown(row: Row, ours: list[float], theirs: list[float]) -> Iterator[float]:
    if row.theirs is None:
        yield from ours
        return
    for mine, other in zip(ours, theirs, strict=True):
        yield mine - other if row.difference else mine / other


def table(rows: Iterable[Row], rounds: int = ROUNDS) -> None:
    """Measure the rows and print each as soon as it is known."""
    print(f"{'row':66} {'min':>8} {'median':>8} {'max':>8}  {'goal':22} figures (median)", flush=True)
    for row in rows:
        try:
            done = measure(row, rounds)
        except Exception as error:  # noqa: BLE001 - one broken row must not hide the others
            traceback.print_exc()
            print(f"{row.what:66} failed: {error}", flush=True)
            continue
        low, middle, high = min(done.shown), statistics.median(done.shown), max(done.shown)
        figures = " / ".join(f"{statistics.median(side):.4g}" for side in (done.ours, done.theirs) if side)
        print(f"{row.what:66} {low:8.3f} {middle:8.3f} {high:8.3f}  {row.goal:22} {figures} {row.unit}", flush=True)


# ------------------------------------------------------------------------------- what sides use


def rate(work: Callable[[], object], count: int) -> float:
    """Return `count` per second of `work`."""
    return count / seconds(work)


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_processes(work: Callable[[int], object], processes: int = 2) -> None:
    """Run `work(number)` in bare forked processes at once.

    Raises:
        RuntimeError: one of them failed.
    """
    children = [_forked(work, number) for number in range(processes)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    if any(statuses):
        msg = "a process of the benchmark failed; see its output above"
        raise RuntimeError(msg)


def _forked(work: Callable[[int], object], number: int) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work(number)
        status = 0
    except BaseException:  # noqa: BLE001 - a forked child must never return into its parent's code
        traceback.print_exc()
    finally:
        os._exit(status)


@contextmanager
def new_db() -> Iterator[Path]:
    """Give the path of a database in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder) / "arena.db"


def run_python(code: str) -> str:
    """Run `code` in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return done.stdout


def peak_mib() -> float:
    """Return the most memory that this process ever held; Linux only."""
    # Not getrusage: its ru_maxrss survives an exec, so a small child would show the memory of whoever started it.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def command_s(*argv: str) -> float:
    """Return how long a command takes that must succeed; `evalengine` and `pytest` of this environment."""
    program = Path(sys.executable).with_name(argv[0])
    return seconds(lambda: subprocess.run([program, *argv[1:]], check=True, capture_output=True))
