"""The command line in processes of its own, and what must be the same whatever happened to them. No tests here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from evalengine import launcher, submissions
from evalengine.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

PLAYING = ("run", "branch", "explore")
LIMIT_S = 60.0  # for what should take a second: the machine may be busy

# What two runs of one plan must agree on to the last bit: all that does not hold a time or the number of a worker.
_SAME = {
    "matches": "select id, game_no, rotation, opening, seed, key, branch, max_turns, termination, turns, actions, info "
    "from match order by id",
    "seats": "select * from seat order by match, seat",
    "fault_rows": "select match, turn, seat, kind, detail from fault order by match, turn, seat",
    "ratings": "select * from rating order by run, scope, rater, agent_no",
    "states": "select * from rating_state order by run, scope, rater",
    "history": "select * from rating_history order by run, scope, rater, agent_no, matches",
    "tallies": "select * from tally order by run, game_no, agent_no",
    "pairs": "select * from pair_count order by run, game_no, first, second",
    "agents": "select agent_no, name, version from agent order by agent_no",
}


def until(condition: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """Return what `condition` returns once it is true; fail when it does not become so."""
    by = time.monotonic() + limit_s
    while time.monotonic() < by:
        if value := condition():
            return value
        time.sleep(0.002)
    msg = f"not within {limit_s} s: {condition}"
    raise AssertionError(msg)


class Place:
    """A folder in which runs are started, with a temporary folder of theirs alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(exist_ok=True)
        self.temp = Path(tempfile.mkdtemp(prefix="ev"))  # short: the path of a socket has a limit
        self.db = self.folder / ".evalengine" / "arena.db"
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start `evalengine ARGUMENTS` in a process group of its own."""
        command = [sys.executable, "-m", "evalengine", *arguments]
        return self.spawn(command, **more)

    def spawn(self, command: list[str], **more: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **{"stdin": subprocess.DEVNULL} | more,
        )
        self._started.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EVALENGINE_")}
        # This very checkout, wherever the tests are run from.
        return kept | {"TMPDIR": str(self.temp), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def run(self, *arguments: str, code: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run `evalengine ARGUMENTS` to its end; fail unless it exits with `code`."""
        return ended(self.start(*arguments, **more), code)

    def script(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run Python code to its end; fail unless it exits with 0."""
        return ended(self.spawn([sys.executable, "-c", code]), 0)

    def processes(self) -> dict[int, str]:
        """Return the command lines of all living processes that work in this folder or below, or show it, by pid."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink().is_relative_to(self.folder) or self._shows(entry):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def _shows(self, entry: Path) -> bool:
        """Say whether a contained process has a submission of this folder in its own file system."""
        return f"{self.folder.parent.name}/{self.folder.name}/.evalengine/" in (entry / "mountinfo").read_text()

    def launcher(self) -> int | None:
        """Return the pid of the process that starts workers."""
        found = [pid for pid, line in self.processes().items() if "evalengine.launched" in line]
        return next((pid for pid in found if parent(pid) not in found), None)

    def workers(self) -> list[int]:
        """Return the pids of the workers."""
        found = [pid for pid, line in self.processes().items() if "evalengine.launched" in line]
        return sorted(pid for pid in found if parent(pid) in found)

    def agents(self) -> list[int]:
        """Return the pids of agents' processes: they work in the folder of their submission, or are a process 1."""
        inside = self.db.parent / "arena.agents"
        found = []
        for pid in self.processes():
            with contextlib.suppress(OSError):
                numbers = re.search(r"^NSpid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
                contained = numbers is not None and len(numbers[1].split()) > 1
                if contained or Path(f"/proc/{pid}/cwd").readlink().is_relative_to(inside):
                    found.append(pid)
        return found

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the database, as a reader beside the run."""
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(sql).fetchall()

    def stored(self) -> int:
        """Return how many matches are stored, 0 while there is no database."""
        try:
            return int(self.rows("select count(*) from match")[0][0])
        except sqlite3.OperationalError:
            return 0

    def has_run(self) -> bool:
        """Say whether a run is stored, so that it can be resumed."""
        try:
            return bool(self.rows("select id from run"))
        except sqlite3.OperationalError:
            return False

    def outcome(self, printed: str) -> dict[str, Any]:
        """Return all that must be the same for one plan: what was printed as JSON, and the tables."""
        told = json.loads(printed)
        keys = (
            "seed",
            "state",
            "matches",
            "finished",
            "voids",
            "faults",
            "games",
            "standings",
            "boards",
            "distinct_games",
        )
        found: dict[str, Any] = {key: told[key] for key in keys}
        for name, sql in _SAME.items():
            found[name] = self.rows(sql)
        return found

    def check_clean(self) -> None:
        """Fail when a process, a lock or a temporary folder is left."""
        with contextlib.suppress(AssertionError):
            until(lambda: not self.processes(), 10)
        assert self.processes() == {}
        if list(self.temp.iterdir()):  # what was killed just before the last run began is removed by the next
            launcher.remove_stale_folders(self.temp)
        assert list(self.temp.iterdir()) == [], sorted(self.temp.rglob("*"))
        if self.db.parent.exists():
            left = [
                path.name
                for path in self.db.parent.rglob("*")
                if path.name.endswith(".lock") or path.name.startswith(".new-")
            ]
            assert left == []

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.temp, ignore_errors=True)


class Here(Place):
    """Calls the command line in this process, which takes a quarter of the time; `start` has processes as ever."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self._capsys = capsys
        monkeypatch.chdir(self.folder)

    def run(self, *arguments: str, code: int | None = 0) -> SimpleNamespace:
        """Call `evalengine ARGUMENTS`, with one worker if nothing else is said; fail unless it exits with `code`."""
        workers = () if arguments[0] not in PLAYING or "--workers" in arguments else ("--workers", "1")
        self._capsys.readouterr()
        found = main([arguments[0], *workers, *arguments[1:]])
        out, errors = self._capsys.readouterr()
        assert code in (found, None), f"exit code {found}, not {code}\n{out}\n{errors}"
        return SimpleNamespace(stdout=out, stderr=errors)

    def processes(self) -> dict[int, str]:
        """Return those of the others: this process works in the folder too."""
        return {pid: line for pid, line in super().processes().items() if pid != os.getpid()}


def ended(process: subprocess.Popen[str], code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Wait for a process; fail unless it exits with `code` (None: any)."""
    out, errors = process.communicate(timeout=LIMIT_S)
    assert code is None or process.returncode == code, f"exit code {process.returncode}, not {code}\n{out}\n{errors}"
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def parent(pid: int) -> int:
    """Return the parent of a process, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def snapshot(spec, folder):
    """Return an agent as it is played: from its copy below `folder`."""
    return submissions.located(submissions.snapshots([spec], folder)[0], folder)
