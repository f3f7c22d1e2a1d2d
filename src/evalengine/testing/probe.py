"""A process of its own in which a game is imported and played while its asking of the machine is noted.

Reads a job from standard input and writes what it found to standard output, both as msgpack.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from evalengine.model import GameSpec
from evalengine.testing.breaches import Breach
from evalengine.testing.subject import Line, Subject
from evalengine.testing.watching import Output, Watch, condition
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 60  # turns of a match that are compared
_WAIT_S, _LEAST_S = 30.0, 1.0


class Found(NamedTuple):
    """What a probe saw.

    Attributes:
        matches: by match, a digest of what each turn shows; noted: by kind, the first call and where it was made;
        failed: why it ended early.
    """

    matches: list[list[tuple[str, str]]]
    noted: dict[str, str]
    failed: str


def started(subject: Subject, hash_seed: int, matches: Sequence[tuple[int, int]]) -> subprocess.Popen[bytes]:
    """Start a probe with its own seed of string hashes; `matches` are (seats, seed)."""
    job = {
        "spec": dataclasses.asdict(subject.spec),
        "config": dict(subject.config),
        "matches": list(matches),
        "path": sys.path,
        "rule_s": subject.rule_s,
    }
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-m", "evalengine.testing.probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    process.stdin.write(protocol.pack(job))
    process.stdin.close()
    process.stdin = None  # else communicate() would close it again
    return process


def found_by(process: subprocess.Popen[bytes], since_s: float) -> Found:
    """Wait for a probe, and return what it saw.

    Args:
        since_s: when it was started, by the monotonic clock: how long it may take does not begin when it is asked.
    """
    try:
        data, _ = process.communicate(timeout=max(_LEAST_S, since_s + _WAIT_S - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        data, _ = process.communicate()
    try:
        matches, noted, failed = msgpack.unpackb(data)
    except (ValueError, TypeError):
        return Found([], {}, f"its process ended with {process.returncode} before it could say anything")
    return Found([[tuple(turn) for turn in match] for match in matches], noted, failed)


def main() -> None:
    """Do the job."""
    job = protocol.unpack(sys.stdin.buffer.read())
    sys.path[:] = job["path"]
    answer = os.fdopen(os.dup(1), "wb")
    watch = Watch(job["spec"]["factory"].partition(".")[0].partition(":")[0])
    clock = time.perf_counter
    watch.replace()
    sys.stdout, sys.stderr = Output(watch, "stdout"), Output(watch, "stderr")
    matches: list[list[tuple[str, str]]] = []
    failed = ""
    try:
        subject = Subject(spec=GameSpec(**job["spec"]), config=job["config"], rule_s=job["rule_s"])
        watch.on = True
        subject.make()
        before = condition()
        began = clock()
        for seats, seed in job["matches"]:
            matches.append(_played(subject, seats, seed))
            if clock() - began > job["rule_s"] * 4:
                break
        after = condition()
        watch.on = False
        changed = next((what for what in before if before[what] != after.get(what)), None)
        if changed is not None:
            kind = "random" if "random" in changed else "process"
            watch.noted.setdefault(kind, f"{changed} is not what it was before the matches")
    except Breach as breach:
        failed = str(breach)
    watch.on = False
    answer.write(protocol.pack([matches, watch.noted, failed]))
    answer.close()
    os._exit(0)  # threads that the game left must not hold it up


def _played(subject: Subject, seats: int, seed: int) -> list[tuple[str, str]]:
    """Play a match; return by turn what shows it and a digest of each."""
    line = Line(subject, subject.game, seats, seed)
    found: list[tuple[str, str]] = []
    while True:
        looks = line.looks(drawings=line.turn == 0)
        found += [(f"{call} in turn {line.turn}", _digest(value)) for call, value in looks.items()]
        if not line.movers() or line.turn >= min(_LONGEST, line.game.spec.max_turns):
            return found
        line.play()


def _digest(value: Any) -> str:
    text = value if isinstance(value, bytes) else repr(value).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(text, digest_size=6).hexdigest()


if __name__ == "__main__":
    main()
