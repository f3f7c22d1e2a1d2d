"""What limits may be, and the limits of single agents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import references
from evalengine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from evalengine.model import AgentSpec, Limits


class Bounds(NamedTuple):
    """From what to what a limit may be."""

    least: float
    most: float
    unit: str
    whole: bool = False
    none: bool = True  # whether there may be no limit


BOUNDS = {
    "turn_s": Bounds(0.001, 1e9, "seconds"),
    "start_s": Bounds(0.001, 1e9, "seconds"),
    "match_s": Bounds(0.001, 1e9, "seconds"),
    "increment_s": Bounds(0, 1e9, "seconds", none=False),
    "memory_mib": Bounds(16, 1 << 30, "MiB", whole=True),  # 16: an interpreter that `cmd:` starts needs as much
    "processes": Bounds(1, 4096, "processes", whole=True),
    "tmp_mib": Bounds(1, 1 << 20, "MiB", whole=True),
    "log_kib": Bounds(0, 1 << 16, "KiB", whole=True, none=False),
}


def check(limits: Limits, called: Callable[[str], str] = str) -> None:
    """Refuse limits that cannot work.

    Args:
        called: what a person calls a limit.

    Raises:
        UsageError: one of them.
    """
    for name, bounds in BOUNDS.items():
        value = getattr(limits, name)
        if value is None and bounds.none:
            continue
        if not _is_number(value, whole=bounds.whole) or not bounds.least <= value <= bounds.most:
            none = ", or none for no limit" if bounds.none else ""
            span = f"from {bounds.least:g} to {bounds.most:.0f} {bounds.unit}{none}"
            msg = f"{called(name)} must be {span}, not {_shown(value)}"
            raise UsageError(msg)
    if limits.increment_s and limits.match_s is None:
        msg = f"{called('increment_s')} is given back to {called('match_s')}, which has no limit: give both"
        raise UsageError(msg)
    if limits.clock not in {None, "cpu", "wall"}:
        msg = f"{called('clock')} must be cpu or wall, not {limits.clock!r}"
        raise UsageError(msg)


def _shown(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else repr(value)


def _is_number(value: Any, *, whole: bool) -> bool:
    return type(value) is int or (type(value) is float and not whole)


def limited(
    agents: Sequence[AgentSpec], common: Limits, own: Mapping[str, Mapping[str, Any]], optional: Collection[str]
) -> list[AgentSpec]:
    """Return the agents with their own limits, which are those of the run but for what `own` says.

    Args:
        own: by agent's name its limits that are not the run's, by their names;
        optional: agents of `own` that need not play.

    Raises:
        UsageError: a limit cannot work, or holds for nobody.
    """
    names = [agent.name for agent in agents]
    for name in own:
        if name not in names and name not in optional:
            kind = "agent of this run"
            raise references.unknown(kind, name, names)
    return [_with(agent, common, own[agent.name]) if agent.name in own else agent for agent in agents]


def _with(agent: AgentSpec, common: Limits, own: Mapping[str, Any]) -> AgentSpec:
    if agent.kind == "trusted":
        msg = (
            f"agent {agent.name!r} has no limits: it is trusted, and its time is recorded only. Leave {_told(own)} out"
        )
        raise UsageError(msg)
    limits = (agent.limits or common)._replace(**own)
    check(limits, lambda name: f"{agent.name}.{name}")
    return replace(agent, limits=limits)


def _told(own: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in own.items())
