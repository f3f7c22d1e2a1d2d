"""Agents in their own processes, one match at a time, against a bare ping-pong over the same kind of socket."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack
import seats_alone
from long_game import BOARD, LEGAL, TURNS
from measuring import Row, rate

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

BUFFER = 1 << 16


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    yield Row(what="agents' processes, moves/s / bare ping-pong", ours=ours, theirs=theirs, goal="0.35, aim > 0.50")


def ours() -> float:
    with (
        seats_alone.pinned(),
        tempfile.TemporaryDirectory() as folder,
        seats_alone.worker(Path(folder), TURNS) as worker,
    ):
        return rate(lambda: seats_alone.play(worker, 1), TURNS)


def theirs() -> float:
    with seats_alone.pinned():
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child = os.fork()
        if child == 0:
            try:
                echo(ends[1], ends[0])
            finally:
                os._exit(0)
        ends[1].close()
        try:
            return rate(lambda: ask(ends[0]), TURNS)
        finally:
            ends[0].close()
            os.waitpid(child, 0)


def ask(connection: socket.socket) -> None:
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    for turn in range(TURNS):
        connection.send(pack([turn, {"board": BOARD, "mark": 1}, LEGAL]))
        unpack(connection.recv(BUFFER))


def echo(connection: socket.socket, other: socket.socket) -> None:
    other.close()
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    while question := connection.recv(BUFFER):
        connection.send(pack(unpack(question)[2][0]))
