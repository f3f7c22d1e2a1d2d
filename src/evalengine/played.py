"""The row of a match that was played: what a worker sends, and the store keeps."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from evalengine import references, wire
from evalengine.model import FaultKind, Played, Termination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.match import Match
    from evalengine.model import Fault, MatchSpec

_LONGEST_REPR = 1000
_LONGEST_ERROR = 8000
_made = tuple.__new__  # a named tuple's own __new__ costs twice as much


def own_faults(match: Match) -> tuple[tuple[int, int, Fault], ...]:
    """Return the faults of a match that is over; of a branch without its parent's, whose agents may be others."""
    assert match.result is not None
    faults, branch = match.result.faults, match.spec.branch
    return tuple(fault for fault in faults if fault[0] >= branch.turn) if faults and branch is not None else faults


def row_of(
    match: Match, logs: tuple[tuple[int, str, str], ...], thought: Sequence[int], started: float, took_ns: int
) -> Played:
    """Return the row of a match that is over.

    Args:
        logs: of agents, as in the row; thought: nanoseconds by answer; started: seconds since 1970; took_ns: in all.
    """
    scores, places, termination, turns, faults = match.result  # type: ignore[misc]  # it is over
    if faults:
        faults = own_faults(match)
    infos = _packed_infos(match.infos) if match.infos else None
    turns_blob, think_us = wire.pack_turns(match.log), wire.pack([took // 1000 for took in thought])
    return _made(
        Played,
        (match.spec[0], scores, places, termination, turns, turns_blob, think_us, started, took_ns / 1e9,
         infos, faults, logs, ""),
    )  # fmt: skip


def _packed_infos(infos: Sequence[tuple[int, int, Any]]) -> bytes:
    """Return infos as bytes; what of a trusted agent's cannot be packed as its repr."""
    try:
        return wire.pack(infos)
    except Exception:  # noqa: BLE001 - whatever an agent's own value does when it is packed
        return wire.pack([(turn, seat, _packable(info)) for turn, seat, info in infos])


def _packable(info: Any) -> Any:
    try:
        wire.pack(info)
    except Exception:  # noqa: BLE001 - as above
        return plain_text(repr(info)[:_LONGEST_REPR])
    return info


def plain_text(text: str) -> str:
    """Return `text` without what UTF-8 cannot hold."""
    return text.encode(errors="backslashreplace").decode()


def contended_row(match: Match, times: int, started: float, took_ns: int) -> Played:
    """Return the row of a match that is void since its agents were kept from the processor each time it was played."""
    assert match.result is not None
    told = next(fault.detail for _, _, fault in match.result.faults if fault.kind == FaultKind.TIMEOUT.value)
    error = f"contended, {times} times in a row: {told}. Use --clock cpu, fewer --workers or more seconds"
    return _void(match.spec, match, error, started, took_ns)


def void_row(spec: MatchSpec, match: Match | None, error: BaseException, started: float, took_ns: int) -> Played:
    """Return the row of a match that its game broke, as far as it was played; None: it did not begin."""
    told = "".join(traceback.format_exception(error))
    return _void(spec, match, f"{references.one_line(error)}\n{told}", started, took_ns)


def _void(spec: MatchSpec, match: Match | None, error: str, started: float, took_ns: int) -> Played:
    nothing = wire.pack([])
    return Played(
        spec.match_no,
        (0.0,) * len(spec.agents),
        (1,) * len(spec.agents),
        Termination.VOID.value,
        len(match.log[1]) if match is not None else 0,  # the fast path writes `turn` back at its end only
        nothing,
        nothing,
        started,
        took_ns / 1e9,
        error=plain_text(error[:_LONGEST_ERROR]),
    )
