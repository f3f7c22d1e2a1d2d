"""Frames between a worker and an agent's process, and the values in them. Used by both ends.

A frame is 4 bytes of length, 8 bytes of nonce (both big-endian) and that many bytes of msgpack, over a SEQPACKET
socket in packets of at most `PACKET` bytes; the header stands in the first packet only. An answer repeats the nonce
of its question, so that nothing sent ahead of a question can pass for its answer.

To the agent: [ASK, turn, clock_s, view, legal] and [END, scores, places]; in a branch, before it is loaded, [PAST,
pairs of observation and action]. From it: [READY, note, wants_end], [ANSWER,
action, info] and [FAILED, kind, detail, traceback].

To one that plays many matches at the same time: [ROUND, begins, asks, ends] with begins of [slot, kind, seed] and, if
none was of that kind, told; asks of [slot, turn, view, legal]; ends of [slot] and, if it is told, scores, places.
From it, to one round with asks: [ANSWERS, actions, microseconds, extras], once or several times, in the order of the
asks; extras are [place among these actions, EXTRA_..., values]: an info; kind, detail, traceback; stream, bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = 1
ASK, END, ROUND, PAST = 1, 2, 3, 4
READY, ANSWER, FAILED, ANSWERS = 1, 2, 3, 4
EXTRA_INFO, EXTRA_FAILED, EXTRA_WRITTEN = 1, 2, 3
HEADER = struct.Struct(">IQ")
PACKET = 60 * 1024  # receive buffers above 64 KiB cost page faults at each receive
MAX_QUESTION = 16 << 20
MAX_ANSWER = 64 << 10
MAX_ANSWERS = 4 << 20  # of a round
_ARRAY = 1  # msgpack extension: a numpy array as [dtype, shape, bytes]


def pack(value: Any) -> bytes:
    """Return `value` as msgpack; numpy arrays and scalars and ranges are taken too.

    Raises:
        TypeError, ValueError, OverflowError: it holds something else.
    """
    return packed(value)


def unpack(data: bytes) -> Any:
    """Return the value that `data` packs; mappings may have integer keys.

    Raises:
        ValueError: it is not one msgpack value.
    """
    return msgpack.unpackb(data, strict_map_key=False, ext_hook=_array)


def frame(nonce: int, body: bytes) -> list[bytes]:
    """Return the packets of one frame."""
    whole = HEADER.pack(len(body), nonce) + body
    if len(whole) <= PACKET:
        return [whole]
    return [whole[start : start + PACKET] for start in range(0, len(whole), PACKET)]


def _plain(value: Any) -> Any:
    if isinstance(value, range):
        return list(value)
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy":
        if kind.__name__ == "ndarray":
            if value.dtype.hasobject:
                msg = "arrays of objects do not travel"
                raise TypeError(msg)
            return msgpack.ExtType(_ARRAY, msgpack.packb([value.dtype.str, list(value.shape), value.tobytes()]))
        if hasattr(value, "item"):
            return value.item()
    msg = f"{kind.__name__!r} is not a msgpack value"
    raise TypeError(msg)


packed: Callable[[Any], bytes] = msgpack.Packer(default=_plain).pack
"""`pack` itself, for those who pack thousands of small values: one packer for all, since to make one takes as long."""


def _array(code: int, data: bytes) -> Any:
    if code != _ARRAY:
        msg = f"unknown extension {code}"
        raise ValueError(msg)
    import numpy  # noqa: ICN001 - only where a game shows arrays

    dtype, shape, raw = msgpack.unpackb(data)
    return numpy.frombuffer(raw, dtype=dtype).reshape(shape).copy()
