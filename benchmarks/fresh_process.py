"""What a fresh process for every match costs, over moves of processes that live on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import seats_alone
from measuring import Row, seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

MATCHES, TURNS, SEATS = 200, 8, 2


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    for sandbox in ("namespaces", "landlock", "none"):
        yield Row(
            what=f"a fresh process a match and seat over one kept alive, {sandbox}, ms",
            ours=lambda sandbox=sandbox: cost_ms(MATCHES, TURNS, sandbox),
            theirs=lambda sandbox=sandbox: cost_ms(1, MATCHES * TURNS, sandbox),
            goal="5 ms, aim < 2 ms",
            unit="ms",
            difference=True,
        )


def cost_ms(matches: int, turns: int, sandbox: str) -> float:
    """Return milliseconds for every `TURNS` turns and seat, played as so many matches of so many turns."""

    def play() -> None:
        for number in range(1, 1 + matches):
            seats_alone.play(worker, number)

    with (
        seats_alone.pinned(),
        tempfile.TemporaryDirectory() as folder,
        seats_alone.worker(Path(folder), turns, sandbox) as worker,
    ):
        return seconds(play) * 1000 / MATCHES / SEATS
