"""The state of an online rater as bytes: what it is of, columns of numbers by agent, a checksum."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CRC = struct.Struct("<I")


def head(name: bytes, options: Sequence[float], known: Mapping[int, Sequence[float]]) -> bytes:
    """Return what marks the states of one rater with these options and with what was known of agents beforehand."""
    packed = b"".join(struct.pack(f"<q{len(known[agent])}d", agent, *known[agent]) for agent in sorted(known))
    return struct.pack(f"<8s{len(options)}dI", name, *options, zlib.crc32(packed))


def sealed(mark: bytes, columns: Sequence[Sequence[float]]) -> bytes:
    """Return `mark`, the columns, all of the same length, and a checksum."""
    body = b"".join(struct.pack(f"<{len(column)}d", *column) for column in columns)
    state = mark + body
    return state + _CRC.pack(zlib.crc32(state))


def opened(rater: str, mark: bytes, state: bytes, columns: int) -> list[list[float]]:
    """Return the columns that `sealed` was given.

    Raises:
        ValueError: the state is damaged, or of another rater or other options.
    """
    found, body, crc = state[: len(mark)], state[len(mark) : -_CRC.size], state[-_CRC.size :]
    if found != mark or len(body) % (8 * columns) or crc != _CRC.pack(zlib.crc32(found + body)):
        msg = f"this is no state of rater {rater!r} with these options; rate the stored results anew"
        raise ValueError(msg)
    values = struct.unpack(f"<{len(body) // 8}d", body)
    length = len(values) // columns
    return [list(values[start * length : (start + 1) * length]) for start in range(columns)]
