"""The time of one agent in one match: what it used, what is left, whose fault it is that it is late.

CPU is not read at every turn: a reading costs 20 us. It is read when the limit has passed by the wall clock, and where
a turn, or the time between two, took long enough for it to matter (`_GRAIN_NS`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evalengine import tasks
from evalengine.model import Fault, FaultKind

if TYPE_CHECKING:
    from evalengine.model import Limits
    from evalengine.processes import Child

WALL_FACTOR, WALL_MORE_S = 3, 1.0  # a limit of CPU is so many times that, and so much more, by the wall clock
CONTENDED = 0.1  # of its time kept waiting for a core: above, it is given that time again
_MOST_GIVEN, _MOST_GIVEN_NS = 2, 20_000_000_000  # times its limit by the wall clock, and never more
_GRAIN_NS = 5_000_000
_REST_NS = 10_000_000  # CPU that an agent may use between its turns, to tidy up
_ARRIVAL_NS = 1_000_000_000  # that a program may use before its first question: a virtual machine starts
_LOOK_NS, _LONGEST_LOOK_NS = 20_000_000, 100_000_000  # between looks at those who are not to move
_SHORTEST_NS = 1_000_000
_now = time.perf_counter_ns


class Clock:
    """The time of one agent in one match.

    Attributes:
        look_ns: when to look around (`look_around`) while it has not answered; due_ns: when to look at the clock
        (`again`), None: never; contended: whether it was late since it had to wait for a core.

    Args:
        talks: whether to be heard is not yet to have answered; used_ns: CPU of its process in earlier matches.
    """

    def __init__(self, limits: Limits, child: Child, *, by_cpu: bool, talks: bool = False, used_ns: int = 0) -> None:
        self._limits = limits
        self._child = child
        self._by_cpu = by_cpu
        self._talks = talks
        self._turn_ns = _ns(limits.turn_s)
        self._left_ns = _ns(limits.match_s)
        shortest = min((limit for limit in (limits.turn_s, limits.start_s) if limit is not None), default=1.0)
        # To a bank every turn counts, however short.
        self._grain_ns = 0 if limits.match_s is not None and by_cpu else min(_GRAIN_NS, int(shortest * 5e7))
        self._pause_ns = min(_LOOK_NS, int(shortest * 1e8))
        self._asked_ns = self._free_ns = self._given_ns = 0
        self._limit_ns: int | None = None
        self.look_ns = 0
        self.due_ns: int | None = None
        self._cpu_ns = used_ns  # at its last answer; what it uses between its turns is therefore its next turn's
        self._read_ns = 0
        self._used_ns: int | None = None  # of a turn whose answer has come
        self._thinks = self._starts = self._spins = False
        self._frozen: list[int] = []
        self._waits: tuple[int, dict[int, tuple[int, int]]] | None = None  # CPU used, by thread
        self.contended = False

    # ------------------------------------------------------------------------------ a turn

    def left_s(self) -> float | None:
        """Return the seconds of the tighter limit that are left for the next answer."""
        if self._left_ns is None:
            return self._limits.turn_s
        left = self._left_ns if self._turn_ns is None else min(self._left_ns, self._turn_ns)
        return left / 1e9

    def bank_s(self) -> float | None:
        """Return what is left for the whole match, None without a limit."""
        return None if self._left_ns is None else self._left_ns / 1e9

    def start(self) -> None:
        """Begin with the start of its process, which no bank pays."""
        self._starts = True
        self._begin(_ns(self._limits.start_s))

    def begin(self, free_s: float = 0.0) -> None:
        """Begin a turn.

        Args:
            free_s: more than the limit that this answer has, and that no bank pays.
        """
        self._starts = False
        limit_ns = self._turn_ns
        if self._left_ns is not None and (limit_ns is None or self._left_ns < limit_ns):
            limit_ns = self._left_ns
        self._free_ns = int(free_s * 1e9)
        self._begin(None if limit_ns is None else limit_ns + self._free_ns)

    def _begin(self, limit_ns: int | None) -> None:
        now = _now()
        if self._frozen:
            self.thaw()
        if now - self._read_ns > self._grain_ns and self._asked_ns:
            self._see_rest(now)
        self._asked_ns, self._limit_ns, self.look_ns = now, limit_ns, now + self._pause_ns
        self._given_ns = 0
        self._thinks, self._waits, self._used_ns = True, None, None
        self.due_ns = None if limit_ns is None else now + limit_ns
        self._child.expect()

    def _wall_ns(self) -> int:
        """Return how long an answer may take by the wall clock, whatever it uses, where nothing keeps it."""
        limit = self._limit_ns or 0
        return WALL_FACTOR * limit + int(WALL_MORE_S * 1e9) if self._by_cpu else limit

    def _most_given_ns(self) -> int:
        return min(_MOST_GIVEN * self._wall_ns(), _MOST_GIVEN_NS)

    def _last_ns(self, now: int) -> int:
        """Return when the answer is late by the wall clock; who is kept from a core is given that time again."""
        wall = self._wall_ns()
        if now >= self._asked_ns + wall + self._given_ns and self._contended(now):
            self._given_ns = min(self._kept_ns(), self._most_given_ns())
        return self._asked_ns + wall + self._given_ns

    def _see_rest(self, now: int) -> None:
        """Look what it did since its last answer."""
        cpu = self._child.cpu_ns()
        self._read_ns = now
        if cpu - self._cpu_ns > _REST_NS:
            self._spins = True
        else:
            self._cpu_ns = cpu

    def again(self) -> bool:
        """Say whether it may go on, now that its time is due; then `due_ns` is anew."""
        if not self._thinks or self._limit_ns is None:
            return False
        now = self._when()
        last = self._last_ns(now)
        left = self._limit_ns - self._used() if self._by_cpu else last - now
        self.due_ns = min(last, now + max(left, _SHORTEST_NS))
        return left > 0 and now < last

    def _when(self) -> int:
        """Return the time that counts: an answer that came while another was waited for is not late by that."""
        return self._child.heard_ns if self._child.noted and self._child.heard_ns is not None else _now()

    def _used(self) -> int:
        """Return the CPU time of this turn so far."""
        return self._child.cpu_ns() - self._cpu_ns if self._used_ns is None else self._used_ns

    def stop(self) -> int:
        """End a turn with its answer; return how long it took by the wall clock."""
        # When it came, not when it was looked at: another seat may have been waited for meanwhile.
        now = self._child.heard_ns or _now()
        took = now - self._asked_ns
        if self._used_ns is None:
            self._settle(now)
        self._thinks = False
        if self._left_ns is not None and not self._starts:
            cost = (self._used_ns or 0) if self._by_cpu else took - self._given_ns
            self._left_ns = max(0, self._left_ns - max(0, cost - self._free_ns))
            self._left_ns += int(self._limits.increment_s * 1e9)
        if self._spins:
            self._freeze()
        return took

    def _settle(self, now: int) -> None:
        if now - self._read_ns < self._grain_ns:
            self._used_ns = 0  # too little to count
            return
        cpu = self._child.cpu_ns()
        self._used_ns, self._cpu_ns, self._read_ns = cpu - self._cpu_ns, cpu, now

    def overdrawn(self) -> bool:
        """Say whether the answer that has come cost more CPU than its limit: several threads use it faster."""
        return self._by_cpu and self._limit_ns is not None and (self._used_ns or 0) > self._limit_ns

    # ----------------------------------------------------------------------------- between turns

    def look_around(self) -> None:
        """Look, while it has not answered, at those who are not to move; and set when to look next."""
        if self._waits is None:
            self._waits = self._spent(), tasks.waits(self._child.pid)
        for watch in self._child.watchers:
            watch()
        now = _now()
        self.look_ns = now + min(2 * (now - self._asked_ns), _LONGEST_LOOK_NS)

    def watch(self) -> None:
        """Look at an agent that is not to move while another is waited for; freeze it when it uses CPU."""
        if self._frozen:
            return
        if not self._thinks or self._used_ns is not None:
            free_ns = _REST_NS if self._asked_ns else _ARRIVAL_NS
            if self._child.cpu_ns() - self._cpu_ns > free_ns:
                self._spins = bool(self._asked_ns)
                self._freeze()
        elif self._child.noted and not self._talks:
            self._settle(_now())

    def _freeze(self) -> None:
        self._frozen = tasks.freeze(self._child.pid)

    def thaw(self) -> None:
        """Let it go on."""
        if self._frozen:
            tasks.thaw(self._frozen)
            self._frozen = []

    # ----------------------------------------------------------------------------- being late

    def _spent(self) -> int:
        """Return the CPU time that it is answerable for: its own, and ours, which a flood of its output takes."""
        return self._child.cpu_ns() + time.process_time_ns()

    def fault(self) -> Fault:
        """Return the fault of being late, with the limit and what was used; call it before the process is killed."""
        now, used = self._when(), self._used()
        by_cpu = self._by_cpu and self._limit_ns is not None and used >= self._limit_ns
        told = f"{used / 1e9:.2f} s CPU in {(now - self._asked_ns) / 1e9:.2f} s"
        if by_cpu:
            return Fault(FaultKind.TIMEOUT.value, f"{self._text()} exceeded (CPU): {told}")
        kept = self._kept_ns() / max(1, now - self._asked_ns)
        # With less it was given again all the time that it was kept waiting, and is late by its own.
        self.contended = self._contended(now) and self._given_ns >= self._most_given_ns()
        rule = f" by the wall clock, {WALL_FACTOR} times and {WALL_MORE_S:g} s more," if self._by_cpu else ""
        told += f", {kept:.0%} of it kept waiting for a core" if kept > 0 else ""
        return Fault(FaultKind.TIMEOUT.value, f"{self._text()}{rule} exceeded (wall): {told}")

    def _text(self) -> str:
        """Return the limit as people read it."""
        limits = self._limits
        if self._starts:
            return f"{limits.start_s:.2f} s to start"
        free_s = f"{self._free_ns / 1e9:.2f} s to start and " if self._free_ns else ""
        if limits.match_s is not None and self._limit_ns != (self._turn_ns or -1) + self._free_ns:
            each = f" and {limits.increment_s:.2f} s an answer" if limits.increment_s else ""
            return f"{free_s}{limits.match_s:.2f} s a match{each}"
        return f"{free_s}{limits.turn_s:.2f} s a turn"

    def _contended(self, now: int) -> bool:
        """Say whether so much of its turn it was kept waiting for a core that being late may be the machine's doing."""
        return self._kept_ns() > CONTENDED * (now - self._asked_ns)

    def _kept_ns(self) -> int:
        """Return for how long it had to wait for a core that others than itself held."""
        if self._waits is None:
            return 0
        spent_before, before = self._waits
        spent = self._spent() - spent_before
        most = 0
        for task, (ran, waited) in tasks.waits(self._child.pid).items():
            ran_before, waited_before = before.get(task, (0, 0))
            # All that its other threads and we ran, this one may have waited for: nobody makes himself a busy machine.
            most = max(most, (waited - waited_before) - max(0, spent - (ran - ran_before)))
        return most


def by_cpu(limits: Limits, *, engine: bool) -> bool:
    """Say whether seconds are of CPU: what a person said, else what fits the kind of agent."""
    return tasks.KNOWN and (limits.clock == "cpu" or (limits.clock is None and not engine))


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1e9)
