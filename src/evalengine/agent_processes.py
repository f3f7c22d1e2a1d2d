"""An agent's process as a seat drives it: started, timed, ended; the same for Python agents and programs."""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalengine.clocks import Clock
from evalengine.model import AgentSpec, Fault, FaultKind, Limits
from evalengine.seats import printable
from evalengine.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.contracts import Info
    from evalengine.processes import Child, Zygote


class AgentProcess:
    """The process of an untrusted agent: the clocks and the ends that all kinds share.

    Attributes:
        contended: whether it was late since it had to wait for a core.
    """

    info: Info
    contended = False
    _talks = False  # whether several lines may make an answer

    def __init__(self, info: Info, limits: Limits, zygote: Zygote) -> None:
        self._limits = limits
        # At a level with a file system of the agent's own there is no folder outside.
        self._tmp = "" if zygote.private_tmp else tempfile.mkdtemp(prefix="evalengine-")
        self._child: Child
        self._enter(info)

    @property
    def pid(self) -> int:
        """The number of its process, as we see it."""
        return self._child.pid

    @property
    def fallen(self) -> Fault | None:
        """What it died of in this match."""
        return self._dead

    def _enter(self, info: Info) -> None:
        """Begin a match."""
        self.info = info
        self._dead: Fault | None = None
        self._deadline_ns: int | None = None  # when to look at the clock; when it is late, if no clock runs
        self._used_ns = 0  # in matches before this one
        if "_clock" in self.__dict__:  # of the match before, for a process that stays
            self._clock.thaw()
            self._used_ns = self._child.cpu_ns()
            self._child.watchers.discard(self._clock.watch)
            del self._clock

    @cached_property
    def _clock(self) -> Clock:
        """Its clock in this match, made once its process is there."""
        made = Clock(
            self._limits, self._child, by_cpu=self.info.clock == "cpu", talks=self._talks, used_ns=self._used_ns
        )
        self._child.watchers.add(made.watch)
        return made

    @cached_property
    def _watch(self) -> Watch:
        return Watch(self._limits, self._child, self._tmp)

    def _told(self) -> dict[str, Any]:
        """Return what every agent is told before a match."""
        info = self.info
        return {
            "game": info.game,
            "config": dict(info.config),
            "information": info.information,
            "seat": info.seat,
            "seats": info.seats,
            "sides": info.sides,
            "seed": info.seed,
            "turn_s": info.turn_s,
            "match_s": info.match_s,
            "increment_s": info.increment_s,
            "clock": info.clock,
            "past": list(info.past),
        }

    def _job(self, spec: AgentSpec) -> dict[str, Any]:
        return {
            "kind": spec.kind,
            "folder": spec.path,
            "entry": spec.entry,
            "argv": spec.argv,
            "memory_mib": self._limits.memory_mib,
            "processes": self._limits.processes,
            "tmp_mib": self._limits.tmp_mib,
            "log_kib": self._limits.log_kib,
            "tmp": self._tmp,
            "warm": False,
            "info": {**self._told(), "past": []},  # which may be long: how it travels is the seat's business
        }

    def _clock_s(self) -> float | None:
        """Return the seconds of the tighter limit that are left for the next answer."""
        return self._clock.left_s()

    def _begin(self, free_s: float = 0.0) -> None:
        """Start the clock of an answer; `free_s` more than its limit are not counted."""
        self._clock.begin(free_s)
        self._deadline_ns = self._clock.due_ns

    def _heard(self) -> bool:
        """Wait until it says something; False when a limit of time is exceeded."""
        clock, child = self._clock, self._child
        while True:
            due = self._deadline_ns
            looks = (due is None or clock.look_ns < due) and not child.noted
            if child.wait(clock.look_ns if looks else due):
                return True
            if looks:
                clock.look_around()
                if self._watch.fault is not None:
                    return False
            elif not self._goes_on():
                return False

    def _writable(self, descriptor: int) -> bool:
        """Wait until the way to it takes more; False when a limit of time is exceeded."""
        while not self._child.writable(descriptor, self._deadline_ns):
            self._clock.look_around()
            if not self._goes_on():
                return False
        return True

    def _goes_on(self) -> bool:
        """Say whether it may go on, now that its time is due; then it is due later."""
        goes_on = self._clock.again()
        self._deadline_ns = self._clock.due_ns
        return goes_on

    def _took(self) -> int:
        """Return how long the answer took, and take that off the limit of the match."""
        return self._clock.stop()

    def _late(self) -> Fault:
        if self._watch.fault is not None:
            return self._watch.fault
        fault = self._clock.fault()
        self.contended = self._clock.contended
        return fault

    def _grant(self, seconds: float) -> None:
        """Let it hear the result, and give it so long by the wall clock."""
        self._clock.thaw()
        self._deadline_ns = time.perf_counter_ns() + int(seconds * 1e9)

    def _die(self, fault: Fault) -> Fault:
        self._dead = fault
        self._child.kill()
        return fault

    def _gone(self) -> Fault:
        """Return the fault of an agent that hung up, once its process has told why."""
        if not self._child.linger():
            return self._die(Fault(FaultKind.PROTOCOL.value, "it closed its connection"))
        ending = self._child.kill()
        if self._watch.fault is not None:
            return self._die(self._watch.fault)
        return self._die(Fault(FaultKind.CRASH.value, f"its process ended: {ending}"))

    def _logs(self) -> Mapping[str, str]:
        self._child.kill()
        self._child.watchers.discard(self._clock.watch)
        self._watch.end()
        if self._tmp:
            shutil.rmtree(self._tmp, ignore_errors=True)
        return printed(self._child.take_logs())


def printed(logs: Mapping[str, bytes]) -> Mapping[str, str]:
    """Return logs as they are stored."""
    return {name: printable(log.decode(errors="replace")) for name, log in logs.items() if log}
