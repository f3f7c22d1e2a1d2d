"""The options of limits: a number or none, for all agents or for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalengine.model import Limits

LIMITS = (
    "turn_s", "start_s", "match_s", "increment_s", "clock", "memory_mib", "processes", "tmp_mib", "log_kib",
)  # fmt: skip
NO_LIMIT = float("inf")


class _Amount(click.ParamType):  # type: ignore[type-arg]  # which click 8.1 has none of
    """A number, or `none` for no limit (`NO_LIMIT`)."""

    def __init__(self, kind: type[int | float]) -> None:
        self.name = "integer" if kind is int else "number"
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        if value == NO_LIMIT or str(value).lower() == "none":
            return NO_LIMIT
        try:
            number = self._kind(value)
        except (ValueError, OverflowError):
            number = NO_LIMIT
        if number == NO_LIMIT:
            whole = "whole " if self._kind is int else ""
            self.fail(f"{value!r} is no {whole}number; write none for no limit", param, ctx)
        return number


def limit_of(value: Any) -> Any:
    """Return an option's value as `Limits` has it."""
    return None if value == NO_LIMIT else value


_SECONDS, _WHOLE = _Amount(float), _Amount(int)


def _limit(*names: str, kind: Any, default: Any, unit: str, text: str) -> Callable[[Any], Any]:
    return click.option(*names, type=kind, default=default, show_default=True, metavar=unit, help=text)


_OPTIONS = (
    _limit("--turn-s", kind=_SECONDS, default="2", unit="SECONDS", text="Seconds a turn, or none."),
    _limit("--start-s", kind=_SECONDS, default="10", unit="SECONDS", text="Seconds to start, or none."),
    _limit("--match-s", kind=_SECONDS, default="none", unit="SECONDS", text="Seconds a match, all turns together."),
    _limit(
        "--increment-s",
        kind=_SECONDS,
        default="0",
        unit="SECONDS",
        text="Seconds that each answer gives back to --match-s.",
    ),
    click.option(
        "--clock",
        type=click.Choice(["cpu", "wall"]),
        help="What a second is: of an agent's CPU, or of the clock on the wall. Default: cpu; wall for engines.",
    ),
    _limit("--memory-mib", kind=_WHOLE, default="512", unit="MIB", text="Memory of one agent, or none."),
    _limit(
        "--processes", "--procs", kind=_WHOLE, default="1", unit="N", text="Processes of one agent, its own included."
    ),
    _limit("--tmp-mib", kind=_WHOLE, default="32", unit="MIB", text="Size of an agent's private folder, or none."),
    _limit("--log-kib", kind=_WHOLE, default="64", unit="KIB", text="Output kept of an agent, a match."),
)


def limit_options(command: Any) -> Any:
    """Add the options of limits."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def limits_of(options: Mapping[str, Any]) -> Limits:
    """Return the limits of a run."""
    from evalengine.model import Limits

    return Limits(**{name: limit_of(options[name]) for name in LIMITS})


def own_of(limits: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return by agent's name its own limits."""
    return {name: {key: limit_of(value) for key, value in own.items()} for name, own in limits.items()}
