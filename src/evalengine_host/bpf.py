"""A tiny assembler of classic BPF, as filters of system calls are written in.

Code is a tuple of instructions that always ends in a result, so that pieces are put together by branches alone:
there are no labels, and a jump goes forwards to the other piece.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand: struct sock_filter
Code = tuple[Instruction, ...]

_INSTRUCTION = struct.Struct("HBBI")
_LOAD, _AND, _JUMP, _RESULT = 0x20, 0x54, 0x05, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_FARTHEST = 255  # what a conditional jump can skip
_LONGEST = 4096  # instructions: the kernel takes no more

# Where struct seccomp_data has its fields. Our machines are little-endian: an argument's lower half comes first.
NUMBER, MACHINE = 0, 4


def low(argument: int) -> int:
    """Return where the lower 32 bits of an argument stand; arguments are counted from 0."""
    return 16 + 8 * argument


def high(argument: int) -> int:
    """Return where the upper 32 bits of an argument stand."""
    return low(argument) + 4


def result(action: int) -> Code:
    """End with one of the kernel's SECCOMP_RET_* values."""
    return ((_RESULT, 0, 0, action),)


def _branch(test: int, operand: int, then: Code, otherwise: Code) -> Code:
    if len(otherwise) <= _FARTHEST:
        return ((test, len(otherwise), 0, operand), *otherwise, *then)
    return ((test, 0, 1, operand), (_JUMP, 0, 0, len(otherwise)), *otherwise, *then)


def is_one_of(field: int, values: Sequence[int], then: Code, otherwise: Code) -> Code:
    """Go on with `then` if the 32 bits at `field` are one of `values`."""
    code = otherwise
    for value in reversed(values):
        code = _branch(_EQUAL, value, then, code)
    return ((_LOAD, 0, 0, field), *code)


def is_at_least(field: int, least: int, then: Code, otherwise: Code) -> Code:
    """Go on with `then` if the 32 bits at `field` are `least` or more, unsigned."""
    return ((_LOAD, 0, 0, field), *_branch(_AT_LEAST, least, then, otherwise))


def has_any(field: int, bits: int, then: Code, otherwise: Code) -> Code:
    """Go on with `then` if any of `bits` is set at `field`."""
    return ((_LOAD, 0, 0, field), *_branch(_ANY_BIT, bits, then, otherwise))


def masked_is(field: int, mask: int, values: Sequence[int], then: Code, otherwise: Code) -> Code:
    """Go on with `then` if what `mask` leaves of `field` is one of `values`."""
    (_, *chain) = is_one_of(field, values, then, otherwise)
    return ((_LOAD, 0, 0, field), (_AND, 0, 0, mask), *chain)


def is_64(argument: int, lower: int, upper: int, then: Code, otherwise: Code) -> Code:
    """Go on with `then` if an argument's two halves are these; a null pointer's are 0 and 0."""
    return is_one_of(low(argument), [lower], is_one_of(high(argument), [upper], then, otherwise), otherwise)


def by_number(codes: dict[int, Code], otherwise: Code) -> Code:
    """Go on with the code of the system call's number: a search in a tree, so that no call pays for all others."""
    starts: list[tuple[int, Code]] = [(0, otherwise)]
    for number in sorted(codes):
        if starts[-1][0] == number:
            starts.pop()
        if not starts or starts[-1][1] != codes[number]:
            starts.append((number, codes[number]))
        if codes.get(number + 1) is None:
            starts.append((number + 1, otherwise))
    return ((_LOAD, 0, 0, NUMBER), *_tree(starts))


def _tree(starts: list[tuple[int, Code]]) -> Code:
    """Choose among stretches of numbers by where each starts; the number is loaded."""
    if len(starts) == 1:
        return starts[0][1]
    middle = len(starts) // 2
    return _branch(_AT_LEAST, starts[middle][0], _tree(starts[middle:]), _tree(starts[:middle]))


def pack(code: Code) -> bytes:
    """Return the instructions as the kernel reads them."""
    assert len(code) <= _LONGEST
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


def unpack(program: bytes) -> Code:
    """Return the instructions of a packed program."""
    return tuple(_INSTRUCTION.iter_unpack(program))
