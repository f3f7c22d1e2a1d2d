"""A heap that looks the same at the start of every match, so that what follows addresses repeats itself.

Sets of plain objects are ordered by their addresses. Where CPython puts the next object follows from what was freed
before: in another process in another order. So all free places are taken, and kept: what comes next is put into pools
that were never used, one after the other.
"""

from __future__ import annotations

import gc
import sys

_POOL = 1 << 14  # bytes; obmalloc.c: POOL_SIZE of builds with 64-bit addresses since Python 3.10
_STEP = 16  # bytes; ALIGNMENT
_LARGEST = 512  # bytes; SMALL_REQUEST_THRESHOLD
_MOST = 1 << 14  # blocks of a size; ends the search where the allocator is another
_BYTES = sys.getsizeof(b"")
_SIZES = range(_STEP * (_BYTES // _STEP + 1), _LARGEST + 1, _STEP)
_FEW = 24  # free places of a size that serving a request leaves behind, at most

_kept: list[object] = []


def settle() -> None:
    """Take every free place of small objects, until two whole pools of each size were filled from end to end."""
    gc.collect()
    _kept.extend(_filled(size) for size in _SIZES)


def use_up() -> None:
    """Take the few free places that requests left since `settle`, in whatever order."""
    gc.collect()  # empties the interpreter's own lists of free tuples, floats and so on
    _kept.append([bytes(size - _BYTES) for size in _SIZES for _ in range(_FEW)])


def _filled(size: int) -> list[bytes]:
    blocks: list[bytes] = []
    whole, expected = 0, 0
    while whole < 3 and len(blocks) < _MOST:  # noqa: PLR2004 - the third has begun
        block = bytes(size - _BYTES)
        blocks.append(block)
        place = id(block) % _POOL
        if place < 2 * _STEP + size:  # the first of a pool, behind its header
            whole += 1
        elif id(block) != expected:
            whole = 0
        expected = id(block) + size
    return blocks
