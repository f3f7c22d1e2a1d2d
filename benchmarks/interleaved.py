"""Kept agents, many matches at the same time on each: moves against a bare ping-pong, matches against other loops."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import against_openspiel
import contained
import long_game
import ping_pong
import seats_alone
from measuring import Row, in_processes, new_db, rate
from pipeline import check

import evalengine
from evalengine.model import AgentSpec, Limits, MatchSpec, Orders
from evalengine.worker import Worker

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

MATCHES, TURNS = 200, 500
STORED = 40_000


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    yield Row(what="kept agents, moves/s / bare ping-pong", ours=moves, theirs=ping_pong.theirs, goal="1.5, aim > 2.2")
    if against_openspiel.pyspiel is not None:
        yield Row(
            what="kept agents, tictactoe stored / OpenSpiel's Python loop",
            ours=stored,
            theirs=lambda: rate(lambda: in_processes(lambda one: against_openspiel.loop(STORED, one)), 2 * STORED),
            goal="0.2, aim > 0.5",
        )
    if contained.tictactoe_v3 is not None:
        yield Row(what="the same / PettingZoo", ours=stored, theirs=contained.theirs, goal="8, aim > 18")


def moves() -> float:
    with seats_alone.pinned(), tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "agent.py").write_text(seats_alone.AGENT)
        agent = AgentSpec(name="agent", kind="python", path=folder, entry="agent.py")
        games = ((long_game.spec(TURNS), {}),)
        worker = Worker(Orders(games=games, agents=(agent,), limits=Limits(), isolation="run"))
        specs = [MatchSpec(number, 0, number, 1 + number, (0, 0)) for number in range(MATCHES)]
        try:
            worker.play_all(specs[:2], lambda: False)  # the processes start at the first
            return rate(lambda: worker.play_all(specs, lambda: False), MATCHES * TURNS)
        finally:
            worker.close()


def stored() -> float:
    with tempfile.TemporaryDirectory() as folder, new_db() as db:
        agents = []
        for name in ("one", "two"):
            file = Path(folder) / f"{name}.py"
            file.write_text(seats_alone.AGENT)
            agents.append(str(file))
        return rate(
            lambda: check(
                evalengine.run("tictactoe", agents, n=STORED, seed=1 << 60, db=db, isolation="run", opening="none"),
                STORED,
            ),
            STORED,
        )
