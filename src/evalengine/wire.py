"""Bytes: messages between scheduler and workers, and what is stored of a match as one blob.

A message is a msgpack array [KIND, ...]. To a worker: [BATCH, batch_no, specs], [CANCEL], [STOP]. From it: [READY, version, pid],
[RESULT, batch_no, rows], [BYE]; and from its pulse: [BEAT, progress]. READY, RESULT and BYE differ so that a READY that comes after
the last result is still answered with STOP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack

from evalengine.errors import WireError
from evalengine.model import Branch, Fault, MatchSpec
from evalengine_host.protocol import pack as pack_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VERSION = 1
READY, BATCH, RESULT, BEAT, CANCEL, STOP, BYE = 1, 2, 3, 4, 5, 6, 7

_packer = msgpack.Packer(default=lambda value: msgpack.unpackb(pack_value(value)))

Log = tuple[list[Any], list[int], list[tuple[int, int, Fault]]]
"""Match.log: actions, by turn the seat or ~mask of seats, faults as (turn, seat, fault)."""


def pack(message: Any) -> bytes:
    """Return a message as bytes."""
    packed: bytes = _packer.pack(message)
    return packed


def unpack(data: bytes) -> Any:
    """Return the message that `data` packs, arrays as tuples.

    Raises:
        WireError: it is none.
    """
    try:
        return msgpack.unpackb(data, strict_map_key=False, use_list=False)
    except (ValueError, msgpack.UnpackException) as error:
        msg = f"not a message: {error}"
        raise WireError(msg) from error


def spec_of(fields: Sequence[Any]) -> MatchSpec:
    """Return the match spec that travelled as `fields`."""
    spec = MatchSpec._make(fields)
    return spec if spec.branch is None else spec._replace(branch=Branch._make(spec.branch))


def pack_turns(log: Log) -> bytes:
    """Return the turns of a match as one blob: msgpack of the actions, then, only where needed, of masks and faults.

    Masks stand by turn, 0 for a turn of one seat; they are left out when every turn is. Faults stand as [turn, seat, kind,
    detail]; they have no action.
    """
    actions, who, faults = log
    packed: bytes = _packer.pack(actions)
    if faults or (who and min(who) < 0):
        masks = [~seats if seats < 0 else 0 for seats in who]
        brief = [(turn, seat, fault.kind, fault.detail) for turn, seat, fault in faults]
        packed += _packer.pack(masks) + _packer.pack(brief)
    return packed


def unpack_turns(blob: bytes) -> list[dict[int | None, Any]]:
    """Return the turns in `blob` as `Match.resume` takes them.

    Raises:
        WireError: the blob is damaged.
    """
    try:
        parts = list(_parts(blob))
        actions = iter(parts[0])
        if len(parts) == 1:
            return [{None: action} for action in actions]
        faults = {(turn, seat): Fault(kind, detail) for turn, seat, kind, detail in parts[2]}
        alone = {turn: seat for turn, seat in faults if not parts[1][turn]}
        return [
            {seat: faults.get((turn, seat)) or next(actions) for seat in _seats(mask, alone.get(turn))}  # type: ignore[arg-type]
            for turn, mask in enumerate(parts[1])
        ]
    except (ValueError, IndexError, StopIteration, RuntimeError, TypeError, msgpack.UnpackException) as error:
        msg = f"the turns of the match are damaged: {error}"
        raise WireError(msg) from error


def _parts(blob: bytes) -> Iterable[Any]:
    unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=0)
    unpacker.feed(blob)
    return unpacker


def _seats(mask: int, alone: int | None) -> Sequence[int | None]:
    if not mask:
        return (alone,)
    return [seat for seat in range(mask.bit_length()) if mask >> seat & 1]
