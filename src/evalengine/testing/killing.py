"""A real run that is killed and resumed, compared with one that was left alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import runs
from evalengine.errors import EvalengineError
from evalengine.store import Store
from evalengine.testing.breaches import Breach
from evalengine.testing.spec_rules import measured

if TYPE_CHECKING:
    from evalengine.plugins import Plugins
    from evalengine.testing.subject import Subject

_LEAST, _MOST = 40, 20_000  # matches of the run
_TRIES = 3  # runs that may end before they can be killed
_WAIT_S = 120.0
_REMEDY = "Keep nothing between matches, and draw from rng only: evalengine check says more"


class Resumed(NamedTuple):
    """What was done.

    Attributes:
        matches: of the run; stored: when it was killed; replayed: of its stored matches.
    """

    matches: int
    stored: int
    replayed: int


def killed_and_resumed(subject: Subject, path: str | None, seconds: float, plugs: Plugins) -> Resumed:
    """Kill a run of the game with SIGKILL, resume it, compare, and replay what was stored.

    Raises:
        Breach: it does not resume, or to something else.
    """
    rate = measured(subject, min(0.5, seconds / 20))["matches_per_s"]
    matches = int(min(_MOST, max(_LEAST, rate * seconds / 15)))
    with tempfile.TemporaryDirectory(prefix="evalengine-certify-") as name:
        folder = Path(name)
        for attempt in range(_TRIES):
            matches *= 4 if attempt else 1  # the last one ended before it could be killed
            db = folder / f"killed-{attempt}.db"
            stored = _killed(_command(subject, path, matches, db), db, matches, folder)
            if stored < matches:
                break
        _finished([*_run(), "--resume", "--db", str(db), "-q"], folder, "the resumed run")
        whole = folder / "whole.db"
        _finished(_command(subject, path, matches, whole), folder, "the run")
        _compare(db, whole, plugs, subject)
        replayed = _replay(db, plugs, time.perf_counter() + seconds / 4)
    return Resumed(matches, stored, replayed)


def _run() -> list[str]:
    return [sys.executable, "-m", "evalengine", "run"]


def _command(subject: Subject, path: str | None, matches: int, db: Path) -> list[str]:
    spec = subject.spec
    inner = ", ".join(f"{key}={value!r}" for key, value in subject.config.items())
    game = f"{spec.name}({inner})" if inner else spec.name
    games = f"{Path(path).absolute()} and {game}" if path else game
    agents = [f"r{number}=random" for number in range(max(2, len(subject.game.teams(subject.game.spec.default_seats))))]
    return [*_run(), *agents, "--games", games, "-n", str(matches), "--seed", "1", "--db", str(db), "-q"]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVALENGINE_")}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _killed(command: list[str], db: Path, matches: int, folder: Path) -> int:
    """Start a run and kill it once a fifth of it is stored; return how many matches were."""
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        until = time.monotonic() + _WAIT_S
        while process.poll() is None and _stored(db) < max(1, matches // 5):
            if time.monotonic() > until:
                break
            time.sleep(0.002)  # until enough is stored
        code = process.poll()
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        _, told = process.communicate()
    if code not in (None, 0):
        what = f"a run of it ended with exit code {code}: {_last(told)}"
        raise Breach(what, _REMEDY, call="evalengine run")
    return _stored(db)


def _stored(db: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{db}?mode=rw", uri=True, timeout=5)) as connection:
            (count,) = connection.execute("select count(*) from match").fetchone()
            return int(count)
    except sqlite3.Error:  # it is not there yet
        return 0


def _finished(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(  # noqa: S603 - ourselves
        command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=10 * _WAIT_S, check=False
    )
    if done.returncode:
        told = f"{what} ended with exit code {done.returncode}: {_last(done.stderr)}"
        raise Breach(told, _REMEDY, call="evalengine run")


def _last(told: str) -> str:
    lines = [line for line in told.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _compare(one: Path, other: Path, plugs: Plugins, subject: Subject) -> None:
    """Compare two databases: every match, and the standings.

    Raises:
        Breach: they differ.
    """
    found: list[tuple[list[Any], Any]] = []
    for db in (one, other):
        with Store(db, create=False) as store:
            run = runs.reopen(store, 1, plugs)
            matches = [(match.spec, match.turns, match.result) for match in run.stored_matches()]
            found.append((matches, list(run.standings)))
    (mine, board), (theirs, other_board) = found
    for place, (here, there) in enumerate(zip(mine, theirs, strict=False)):
        if here != there:
            told = f"match {place} of the resumed run differs from that of one left alone"
            raise Breach(told, _REMEDY, call="evalengine run --resume", seed=here[0].seed)
    if len(mine) != len(theirs) or board != other_board:
        told = f"the resumed run has {len(mine)} matches and other standings than one left alone, with {len(theirs)}"
        raise Breach(told, _REMEDY, call="evalengine run --resume", seed=subject.seed)


def _replay(db: Path, plugs: Plugins, until: float) -> int:
    """Replay stored matches until the time is up; return how many.

    Raises:
        Breach: one does not.
    """
    replayed = 0
    with Store(db, create=False) as store:
        for match in runs.reopen(store, 1, plugs).stored_matches():
            try:
                *_, last = match.replayed()
            except EvalengineError as error:
                raise Breach(str(error), _REMEDY, call="evalengine replay", seed=match.spec.seed) from error
            if last.result != match.result:
                told = f"{match.name} ends with {last.result} when it is replayed, {match.result} is stored"
                raise Breach(told, _REMEDY, call="evalengine replay", seed=match.spec.seed)
            replayed += 1
            if time.perf_counter() > until:
                break
    return replayed
