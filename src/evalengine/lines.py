"""Lines to and from a program: its descriptors, within deadlines and bounds."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.processes import Child


class LongLineError(Exception):
    """A line of more bytes than a program may write; its text is how it begins."""


class Lines:
    """A program's standard input and output, a line at a time; its seat's clock says how long is waited.

    Args:
        heard: waits until the program says something, False: too late;
        writable: waits until a descriptor, the way to it, takes more, False: too late.
    """

    def __init__(
        self, child: Child, out: int, listens: int, heard: Callable[[], bool], writable: Callable[[int], bool]
    ) -> None:
        self._child = child
        self._heard = heard
        self._writable = writable
        self._out = out
        self._in = listens
        self._whole: deque[str] = deque()
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Write; what a program that does not read, or is gone, misses is told by its answer."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._out, left) :]
            except BlockingIOError:
                if not self._writable(self._out):
                    return
            except (BrokenPipeError, ConnectionResetError):
                return

    def line(self, by_ns: int | None = None) -> str:
        """Return the next line without its end; bytes that are no UTF-8 as lone surrogates.

        Args:
            by_ns: waits until then, whatever the clock says.

        Raises:
            TimeoutError: none came in time, though others may have; EOFError: the program hung up; LongLineError.
        """
        while not self._whole:
            if len(self._rest) > protocol.MAX_ANSWER:
                raise LongLineError(_text(self._rest[:100]))
            if not (self._heard() if by_ns is None else self._child.wait(by_ns)):
                raise TimeoutError
            if not self._read():
                raise EOFError
        line = self._whole.popleft()
        if len(line) > protocol.MAX_ANSWER and len(line.encode(errors="surrogateescape")) > protocol.MAX_ANSWER:
            raise LongLineError(line[:100])
        return line

    def early(self) -> str:
        """Return what was said and not yet asked for, without waiting."""
        if not self._whole and not self._rest and self._child.wait(0):
            self._read()
        return "\n".join([*self._whole, _text(self._rest)])

    def drop(self) -> None:
        """Forget the lines that were read and not asked for."""
        self._whole.clear()

    def _read(self) -> bytes:
        """Take what the program has written; nothing when it hung up."""
        data = os.read(self._in, protocol.PACKET)
        whole, found, rest = data.rpartition(b"\n")
        if found:
            self._whole.extend(_text(self._rest + whole).split("\n"))
            self._rest = rest
        else:
            self._rest += data
        return data

    def await_end(self) -> None:
        """Close the program's input, and give it time to end by itself."""
        os.close(self._out)
        self._out = -1
        while self._heard() and self._read():
            self._whole.clear()
            self._rest = b""

    def close(self) -> None:
        """Close both ways."""
        if self._out >= 0:
            os.close(self._out)
        os.close(self._in)


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
