"""A program that executes another, which is then given the same addresses each time, where the kernel allows it.

A file that is run as it is, with nothing imported that it can do without: what a program imports before it executes
another is lost.
"""

from __future__ import annotations

import ctypes
import os
import sys

_NO_RANDOMIZE = 0x0040000


def main(argv: list[str]) -> None:
    """Execute `argv` without address randomisation; what may be inherited is."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.personality(libc.personality(0xFFFFFFFF) | _NO_RANDOMIZE)
    os.execv(argv[0], argv)  # noqa: S606 - ourselves


if __name__ == "__main__":
    main(sys.argv[1:])
