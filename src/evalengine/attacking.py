"""Whether a sandbox holds: hostile agents of our own, each in a real match, judged from outside.

The agents lie in `attacks`; they are data, and never imported here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evalengine import references, sandboxes, tasks
from evalengine.bait import Bait
from evalengine.errors import SandboxError
from evalengine.model import AgentSpec, FaultKind, Limits, MatchSpec, Orders, Played
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalengine.model import GameSpec
    from evalengine.plugins import Plugins

LIMITS = Limits(turn_s=1.0, memory_mib=128, tmp_mib=8)
_FOLDER = Path(__file__).parent / "attacks"
_RIVAL = AgentSpec(name="rival", factory="evalengine.builtin.simple:First")
_SUBREAPER, _GET_SUBREAPER = 36, 37
_END_S = 2.0  # from the end of a worker to the end of all that it started
_DEATH_S = 0.3


class Outcome(NamedTuple):
    """What became of one attack."""

    attack: str
    held: bool
    told: str


class _Attack(NamedTuple):
    """A hostile agent, and how it is judged.

    Attributes:
        promise: what must hold; escaped: says what went wrong, "" when nothing did; seats: of the agent, by match;
        kinds: the fault that it must get, by match; empty: any or none.
    """

    file: str
    promise: str
    escaped: Callable[[Bait, list[Played]], str] = lambda _outside, _played: ""
    seats: tuple[int, ...] = (0,)
    kinds: tuple[FaultKind, ...] = ()


# ------------------------------------------------------------------------------------- judges


def _said(played: Played) -> str:
    return "\n".join([*(text for _, _, text in played.logs), repr(played.faults), repr(played.infos)])


def _leaked(outside: Bait, played: list[Played]) -> str:
    return "it learnt the secret" if any(outside.secret in _said(one) for one in played) else ""


def _written(outside: Bait, played: list[Played]) -> str:  # noqa: ARG001 - one shape for all
    if {path.name for path in outside.open.iterdir()} != {outside.file.name}:
        return "it made a file outside"
    if outside.file.read_text() != outside.secret or outside.file.stat().st_mode & 0o777 != 0o666:  # noqa: PLR2004 - as made
        return "it changed a file outside"
    own = (outside.agent / "agent.py").read_bytes() != (_FOLDER / "write_outside.py").read_bytes()
    return "it changed its own folder" if own else ""


def _reached(outside: Bait, played: list[Played]) -> str:  # noqa: ARG001 - as above
    heard, _, _ = select.select(outside.listeners.values(), [], [], 0)
    names = [name for name, listener in outside.listeners.items() if listener in heard]
    return f"it reached a listener: {', '.join(names)}" if names else ""


def _harmed(outside: Bait, played: list[Played]) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        outside.canary.wait(_DEATH_S)
        return "it killed another process"
    return _leaked(outside, played) and "it saw the command line of another process"


def _started(outside: Bait, played: list[Played]) -> str:
    one, other = outside.factors
    return "its program ran" if any(str(one * other) in _said(match) for match in played) else ""


def _kept(outside: Bait, played: list[Played]) -> str:  # noqa: ARG001 - as above
    first, second = played
    kept = [line.removeprefix("kept ") for line in _said(first).splitlines() if line.startswith("kept ")]
    found = any(word in _said(second) for word in kept)
    return "it found in a match what it left in the one before" if found else ""


ATTACKS = (
    _Attack("read_outside.py", "reads no file outside", _leaked),
    _Attack("write_outside.py", "writes nothing outside", _written),
    _Attack("network.py", "reaches no network", _reached),
    _Attack("processes.py", "sees and signals no process", _harmed),
    _Attack("start_program.py", "starts no program", _started),
    _Attack("environment.py", "sees no variable of the engine", _leaked),
    _Attack("memory.py", "has bounded memory", kinds=(FaultKind.MEMORY,)),
    _Attack("fork_bomb.py", "has bounded processes", kinds=(FaultKind.PROCESSES,)),
    _Attack("keep.py", "keeps nothing for the next match", _kept, seats=(0, 0)),
    _Attack(
        "frames_and_time.py",
        "forges no answer, hangs no match",
        seats=(0, 1),
        kinds=(FaultKind.PROTOCOL, FaultKind.TIMEOUT),
    ),
)


# -------------------------------------------------------------------------------------- doing


def attacked(level: str, plugs: Plugins) -> Iterator[Outcome]:
    """Play all attacks at a level that works here (`sandboxes.choose`), one after another.

    For a process without other threads: children that are started meanwhile are taken for an attack's, and killed.

    Raises:
        SandboxError: this is not Linux; UnknownNameError: the game of the attacks is not there.
    """
    if sys.platform != "linux":
        msg = "the attacks need Linux: agents from outside are played nowhere else"
        raise SandboxError(msg)
    game = references.find("game", "picks", plugs.games(), "evalengine plugins")
    for attack in ATTACKS:
        yield _outcome(attack, level, plugs, game)


def _outcome(attack: _Attack, level: str, plugs: Plugins, game: GameSpec) -> Outcome:
    name = attack.file.removesuffix(".py").replace("_", " ")
    with Bait() as outside, _adopting():
        outside.place(_FOLDER / attack.file, LIMITS.memory_mib)
        before = set(tasks.family(os.getpid()))
        played = list(_matches(attack, level, plugs, game, outside))
        left = _left(before)
        why = next(_wrong(attack, outside, played, left), "")
    return Outcome(name, not why, why or attack.promise)


def _matches(attack: _Attack, level: str, plugs: Plugins, game: GameSpec, outside: Bait) -> Iterator[Played]:
    agent = AgentSpec(name="attack", kind="python", path=str(outside.agent), entry="agent.py")
    orders = Orders(
        games=((game, {}),),
        agents=(agent, _RIVAL),
        limits=LIMITS,
        containment=sandboxes.containment(level, plugs, ()),
    )
    worker = Worker(orders)
    try:
        for number, seat in enumerate(attack.seats):
            yield worker.play(MatchSpec(number, 0, number, secrets.randbits(63), (1, 0) if seat else (0, 1)))
    finally:
        worker.close()


def _wrong(attack: _Attack, outside: Bait, played: list[Played], left: int) -> Iterator[str]:
    """Yield what shows that an attack had success, or that it was none."""
    yield from filter(None, [attack.escaped(outside, played)])
    if left:
        yield f"{left} of its processes lived on after the match"
    for number, (match, seat) in enumerate(zip(played, attack.seats, strict=True)):
        kinds = [fault[0] for _, fallen, fault in match.faults if fallen == seat]
        if match.error:
            yield f"its match is void: {match.error.splitlines()[0]}"
        if any(fallen != seat for _, fallen, _ in match.faults):
            yield "the other agent got a fault"
        if attack.kinds:
            if kinds != [attack.kinds[number].value]:
                yield f"no fault {attack.kinds[number].value!r} ended it; its faults: {', '.join(kinds) or 'none'}"
        elif "tried" not in _said(match).splitlines():
            told = "; ".join(fault[1] for _, _, fault in match.faults)
            yield f"the attack did not come to its end, so it shows nothing: {told or 'it said nothing'}"


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """Have processes come to us whose parents end: whoever hides that way is seen, too."""
    libc = ctypes.CDLL(None)
    was = ctypes.c_int()
    libc.prctl(_GET_SUBREAPER, ctypes.byref(was), 0, 0, 0)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_SUBREAPER, was.value, 0, 0, 0)


def _left(before: set[int]) -> int:
    """Return how many processes an attack left behind, and end them."""
    end = time.monotonic() + _END_S
    while (found := _living(before)) and time.monotonic() < end:
        select.select([], [], [], 0.01)
    count = len(found)
    while found:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        found = _living(before)
    return count


def _living(before: set[int]) -> list[int]:
    """Return our descendants that are not of `before`; those that ended are buried."""
    return [pid for pid in tasks.family(os.getpid())[1:] if pid not in before and not _buried(pid)]


def _buried(pid: int) -> bool:
    try:
        done, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # not ours but a child's of ours, which buries it
        return False
    return done == pid
