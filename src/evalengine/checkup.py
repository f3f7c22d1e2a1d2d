"""One agent checked end to end: loaded, started, asked in a match, and asked the same again."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import planning, references, sandboxes, submissions, wire
from evalengine.agent_processes import AgentProcess
from evalengine.errors import EvalengineError, NothingToPlayError
from evalengine.model import Fault, FaultKind, Limits, MatchSpec, Orders, Played
from evalengine.seats import Seat
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalengine.contracts import Info, Request
    from evalengine.model import AgentSpec, Containment, MatchResult
    from evalengine.planning import ChosenGame
    from evalengine.plugins import Plugins

_SEED = 0x5EED_0F_C4EC_1234  # any: the same match each time that an agent is checked
_LOG_LINES = 3
_OF_LIMITS = frozenset({FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.PROCESSES, FaultKind.DISK})
_REMEDIES = {
    FaultKind.CRASH: "Repair what the traceback names",
    FaultKind.TIMEOUT: "Answer earlier, or raise the limit with evalengine run --turn-s, --start-s or --match-s",
    FaultKind.ILLEGAL: "Answer with one of observation.legal",
    FaultKind.MEMORY: "Keep less, or raise the limit with evalengine run --memory-mib",
    FaultKind.PROTOCOL: "Answer each question once, with plain values, and speak on no other channel",
    FaultKind.PROCESSES: "Start none, or raise the limit with evalengine run --processes",
    FaultKind.DISK: "Write less, or raise the limit with evalengine run --tmp-mib",
}


class Finding(NamedTuple):
    """One thing that was tried."""

    what: str
    works: bool
    told: str


class _Observed(Seat):
    """A seat, and what was seen of it: how long it took to start and to answer, how much memory it had.

    Attributes:
        start_s: by the wall clock; fallen: what it died of before it was asked; answers_s: each that was heard;
        peak_mib: None when it is not known.
    """

    def __init__(self, inner: Seat) -> None:
        """Take a seat that was just made, and wait until it is ready: its clock has run since then."""
        began = time.perf_counter()
        inner.settle()
        self.start_s = time.perf_counter() - began
        self._inner = inner
        self.info = inner.info
        self.fallen = inner.fallen if isinstance(inner, AgentProcess) else None
        self.answers_s: list[float] = []
        self.peak_mib: int | None = None

    def ask(self, request: Request) -> None:
        """Pass it on."""
        self._inner.ask(request)

    def answer(self) -> tuple[Any, Any, int]:
        """Pass it on, and keep the time."""
        heard = self._inner.answer()
        self.contended = self._inner.contended
        if type(heard[0]) is not Fault:
            self.answers_s.append(heard[2] / 1e9)
        return heard

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        """Look at its memory before its end."""
        if isinstance(self._inner, AgentProcess):
            self.peak_mib = _peak_mib(self._inner.pid)
        return self._inner.close(result, faulted=faulted)


class _Worker(Worker):
    """A worker that observes the agent 0 of its run.

    Attributes:
        seen: its seat in the last match.
    """

    seen: _Observed

    def _seat(self, info: Info, agent_no: int) -> Seat:
        made = super()._seat(info, agent_no)
        if agent_no:
            return made
        self.seen = _Observed(made)
        return self.seen


def _peak_mib(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # it ended, or this is not Linux
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) >> 10 if found else None


# -------------------------------------------------------------------------------------- doing


def checked(ref: str, games: str | None, level: str, plugs: Plugins, limits: Limits | None = None) -> Iterator[Finding]:
    """Yield what checking an agent finds, one thing after another; what cannot be tried any more is left out.

    Args:
        ref: as `evalengine run` takes it; games: an expression, whose first game that fits is played; None: of all;
        level: a sandbox, "none" or "auto"; limits: None: those of `evalengine run`.

    Raises:
        UsageError: not the agent, but something else that was asked for cannot work.
    """
    with tempfile.TemporaryDirectory(prefix="evalengine-check-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # agents of another user are played from below
        bundled = plugs.agents()
        try:
            found = planning.find_agent(ref, plugs, bundled)
            (kept,) = submissions.snapshots([found], folder / "agents")
        except EvalengineError as error:
            yield Finding("loads", False, str(error))
            return
        agent = submissions.located(kept, folder / "agents")
        yield Finding("loads", True, f"{agent.name}, {_kind(agent)}{f', {agent.note}' if agent.note else ''}")
        game = _game(agent, games, plugs)
        orders = Orders(
            games=((game.spec, dict(game.config)),),
            agents=(agent, planning.find_agent("random", plugs, bundled)),
            limits=limits or Limits(),
            containment=_containment(agent, level, plugs),
            run_folder=name,
        )
        yield from _played(orders, game)


def _containment(agent: AgentSpec, level: str, plugs: Plugins) -> Containment | None:
    if agent.kind == "trusted":
        return None
    return sandboxes.containment(sandboxes.choose(level, plugs).name, plugs, ())


def _kind(agent: AgentSpec) -> str:
    return {"python": "a Python agent", "program": f"a program that speaks {agent.dialect}"}.get(agent.kind, "trusted")


def _game(agent: AgentSpec, games: str | None, plugs: Plugins) -> ChosenGame:
    names = [games] if games else [spec.name for spec in planning.select_games(None, plugs)]
    for name in names:
        for game in planning.choose_games(name, plugs):
            if planning.fits(agent, game):
                return game
    told = f"{games!r}" if games else "those installed"
    msg = f"agent {agent.name!r} plays only games that are {agent.fits!r}: none of {told} is. Name one with --games"
    raise NothingToPlayError(msg)


def _played(orders: Orders, game: ChosenGame) -> Iterator[Finding]:
    own = set(game.sides[0])
    spec = MatchSpec(0, 0, 0, _SEED, tuple(int(seat not in own) for seat in range(game.seats)))
    worker = _Worker(orders)
    try:
        first = worker.play(spec)
        if first.error:
            yield Finding("plays", False, f"its match of {game.ref} is void: {first.error.splitlines()[0]}")
            return
        yield from _of_match(orders, game, worker.seen, first)
        if not first.faults:
            yield _repeats(orders.agents[0], first, lambda: worker.play(spec))
    finally:
        worker.close()


def _of_match(orders: Orders, game: ChosenGame, seen: _Observed, played: Played) -> Iterator[Finding]:
    agent = orders.agents[0]
    limits = agent.limits or orders.limits
    fault = Fault(*played.faults[0][2]) if played.faults else None
    if seen.fallen is not None:
        yield Finding("starts", False, _told(agent, seen.fallen))
    else:
        bound = "" if agent.kind == "trusted" else f"; the limit is {_amount(limits.start_s, 's')}"
        yield Finding(
            "starts", True, f"in {seen.start_s * 1000:.1f} ms{bound}" if bound else "in this process: trusted"
        )
        broke = fault is not None and fault.kind not in _OF_LIMITS
        answers = f"{len(seen.answers_s)} legal answers in a match of {game.ref} against random"
        if broke or seen.answers_s:
            yield Finding("answers", not broke, _told(agent, fault) if fault is not None and broke else answers)
        if seen.answers_s:
            yield Finding("time", True, _times(seen.answers_s, agent, limits))
        yield Finding("limits", *_of_limits(agent, fault, seen, limits))
    yield Finding("log", True, _log(played))


def _told(agent: AgentSpec, fault: Fault) -> str:
    """Return a fault for people: what, where in the agent's own code, what to do."""
    last = [line.strip() for line in fault.traceback.splitlines() if line.strip().startswith("File ")][-1:]
    silent = fault.kind == FaultKind.CRASH and not last
    remedy = "See its log below, and start it by hand" if silent else _REMEDIES[FaultKind(fault.kind)]
    if agent.waits_s:  # it has no log here, and the run's limits do not hold
        remedy = "Ask its server by hand, with the same key if it needs one"
    return ". ".join([f"{fault.kind}: {fault.detail}", *last, remedy])


def _amount(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:g} {unit}"


def _times(answers_s: list[float], agent: AgentSpec, limits: Limits) -> str:
    bound = "" if agent.kind == "trusted" else f"; the limit is {_amount(limits.turn_s, 's')}"
    return f"median {statistics.median(answers_s) * 1000:.2f} ms, worst {max(answers_s) * 1000:.2f} ms{bound}"


def _of_limits(agent: AgentSpec, fault: Fault | None, seen: _Observed, limits: Limits) -> tuple[bool, str]:
    if fault is not None and fault.kind in _OF_LIMITS:
        return False, _told(agent, fault)
    if agent.kind == "trusted":
        return True, "none hold: it is trusted"
    peak = "not known" if seen.peak_mib is None else f"{seen.peak_mib} MiB"
    return True, f"respected; memory at its peak {peak}, the limit is {_amount(limits.memory_mib, 'MiB')}"


def _log(played: Played) -> str:
    lines = [f"{stream}: {line}" for _, stream, text in played.logs for line in text.splitlines() if line.strip()]
    more = f" | ... {len(lines) - _LOG_LINES} more" if len(lines) > _LOG_LINES else ""
    return " | ".join(line[:120] for line in lines[:_LOG_LINES]) + more if lines else "nothing was written"


def _repeats(agent: AgentSpec, first: Played, again: Callable[[], Played]) -> Finding:
    """Play the same match again, and compare."""
    what = "repeats"
    if agent.waits_s:
        return Finding(what, True, "not tried: it waits for a network")
    second = again()
    if second.actions == first.actions:
        return Finding(what, True, f"the same {first.turns} turns again under the same seed")
    remedy = "Draw all luck from a generator seeded by the seed that it is told, and decide by no clock"
    if second.error or second.faults:
        why = references.one_line(EvalengineError(second.error or second.faults[0][2][1])).partition(": ")[2]
        return Finding(what, False, f"the same match ended otherwise when it was played again: {why}. {remedy}")
    return Finding(what, False, f"under the same seed it {_differs(first, second)}. {remedy}")


def _differs(first: Played, second: Played) -> str:
    turns = zip(wire.unpack_turns(first.actions), wire.unpack_turns(second.actions), strict=False)
    turn = next((turn for turn, (one, other) in enumerate(turns) if one != other), min(first.turns, second.turns))
    return f"played another match, from turn {turn} on"
