"""Matches of Python agents in their own processes, played by one Worker in this process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import long_game

from evalengine import sandboxes
from evalengine.model import AgentSpec, Limits, MatchSpec, Orders
from evalengine.plugins import Plugins
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AGENT = "import random\n\ndef act(observation):\n    return random.choice(observation.legal)\n"


@contextmanager
def worker(folder: Path, turns: int, sandbox: str = "none") -> Iterator[Worker]:
    """Give a worker whose only agent is `AGENT`, contained by a sandbox; its game has `turns` turns a match."""
    folder.chmod(0o755)
    (folder / "agent.py").write_text(AGENT)
    agent = AgentSpec(name="agent", kind="python", path=str(folder), entry="agent.py")
    contained = sandboxes.containment(sandbox, Plugins(), ())
    orders = Orders(games=((long_game.spec(turns), {}),), agents=(agent,), limits=Limits(), containment=contained)
    made = Worker(orders)
    try:
        play(made, 0)  # the zygote starts at the first
        yield made
    finally:
        made.close()


def play(made: Worker, number: int) -> None:
    """Play one match.

    Raises:
        RuntimeError: it is void, or an agent failed.
    """
    played = made.play(MatchSpec(number, 0, number, 1, (0, 0)))
    if played.error or played.faults:
        msg = f"{played.error}{played.faults}"
        raise RuntimeError(msg)


@contextmanager
def pinned() -> Iterator[None]:
    """Keep this process, and those that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
