"""Bytes: messages between scheduler and workers, and what is stored of a match as one blob.

A message is a msgpack array [KIND, ...]. To a worker: [BATCH, batch_no, specs], [CANCEL], [STOP]. From it:
[READY, version, pid], [RESULT, batch_no, rows], [BYE]; and from its pulse: [BEAT, progress]. READY, RESULT and BYE
differ so that a READY that comes after the last result is still answered with STOP.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

import msgpack

from evalengine.errors import WireError
from evalengine.model import Branch, Fault, MatchSpec
from evalengine_host.protocol import pack as pack_value

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1
READY, BATCH, RESULT, BEAT, CANCEL, STOP, BYE = 1, 2, 3, 4, 5, 6, 7


class _Local(threading.local):
    """A packer a thread: one that calls back into Python may be left half-way for another thread."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer(default=lambda value: msgpack.unpackb(pack_value(value))).pack


_local = _Local()
# Whatever msgpack makes of bytes that are none of ours, a mapping as a key of a mapping among it.
_DAMAGED = (ValueError, TypeError, LookupError, OverflowError, RecursionError, StopIteration, msgpack.UnpackException)

Log = tuple[list[Any], list[int], list[tuple[int, int, Fault]]]
"""Match.log: actions, by turn the seat or ~mask of seats, faults as (turn, seat, fault)."""


def pack(message: Any) -> bytes:
    """Return a message as bytes."""
    packed: bytes = _local.pack(message)
    return packed


def unpack(data: bytes) -> Any:
    """Return the message that `data` packs, arrays as tuples.

    Raises:
        WireError: it is none.
    """
    try:
        return msgpack.unpackb(data, strict_map_key=False, use_list=False)
    except _DAMAGED as error:
        msg = f"not a message: {error!r}"
        raise WireError(msg) from error


def spec_of(fields: Sequence[Any]) -> MatchSpec:
    """Return the match spec that travelled as `fields`.

    Raises:
        WireError: they are none.
    """
    try:
        spec = MatchSpec._make(fields)
        branch = spec[-1]
        return spec if branch is None else spec._replace(branch=Branch._make(branch))
    except TypeError as error:
        msg = f"not a match: {error}"
        raise WireError(msg) from error


def pack_turns(log: Log) -> bytes:
    """Return the turns of a match as one blob: msgpack of the actions, then, only where needed, of masks and faults.

    Masks stand by turn, 0 for a turn of one seat; they are left out when every turn is. Faults stand as
    [turn, seat, kind, detail]; they have no action.
    """
    actions, who, faults = log
    packed: bytes = _local.pack(actions)
    if faults or (who and min(who) < 0):
        masks = [~seats if seats < 0 else 0 for seats in who]
        brief = [(turn, seat, fault.kind, fault.detail) for turn, seat, fault in faults]
        packed += _local.pack(masks) + _local.pack(brief)
    return packed


def unpack_turns(blob: bytes) -> list[dict[int | None, Any]]:
    """Return the turns in `blob` as `Match.resume` takes them.

    Raises:
        WireError: the blob is damaged.
    """
    try:
        parts = _parts(blob)
        if any(type(part) is not list for part in parts):
            _refuse("no arrays")
        if len(parts) == 1:
            return [{None: action} for action in parts[0]]
        return _with_masks(*parts)
    except _DAMAGED as error:
        msg = f"the turns of the match are damaged: {error!r}"
        raise WireError(msg) from error


def _parts(blob: bytes) -> list[Any]:
    """Return the values that are packed one after another; msgpack raises where the last is cut off."""
    unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=0)
    unpacker.feed(blob)
    parts: list[Any] = []
    while not parts or unpacker.tell() < len(blob):
        parts.append(unpacker.unpack())
    return parts


def _with_masks(
    actions: Sequence[Any], masks: Sequence[int], briefs: Sequence[tuple[int, int, str, str]]
) -> list[dict[int | None, Any]]:
    if any(type(mask) is not int or mask < 0 for mask in masks):
        _refuse("no masks")
    faults: dict[tuple[int, int | None], Fault] = {}
    alone: dict[int, int] = {}  # by turn: who faulted in it, the last if several did
    for turn, seat, kind, detail in briefs:
        if [type(value) for value in (turn, seat, kind, detail)] != [int, int, str, str] or seat < 0:
            _refuse("no faults")
        faults[turn, seat] = Fault(kind, detail)
        alone[turn] = seat
    left = iter(actions)
    turns: list[dict[int | None, Any]] = []
    for turn, mask in enumerate(masks):
        seats = _seats(mask) if mask else (alone.get(turn),)
        turns.append({seat: faults.pop((turn, seat), None) or next(left) for seat in seats})
    if faults or list(left):
        _refuse("more actions or faults than turns")
    return turns


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def _seats(mask: int) -> Sequence[int]:
    return [seat for seat in range(mask.bit_length()) if mask >> seat & 1]
