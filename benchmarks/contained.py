"""Two Python files at all defaults, a fresh process each match, against PettingZoo's loop in two processes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row, in_processes, new_db, rate
from pipeline import check
from seats_alone import AGENT

import evalengine

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

try:  # before the clock runs
    from pettingzoo.classic import tictactoe_v3
except ImportError:  # it needs pygame too
    tictactoe_v3 = None

MATCHES = 400
IMPORTS = {"two Python files": "", "the same, importing numpy": "import numpy\n"}


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    if tictactoe_v3 is None:
        print("contained: pettingzoo with pygame is not installed, left out")
        return
    for what, imports in IMPORTS.items():
        yield Row(
            what=f"{what}, matches/s / PettingZoo",
            ours=lambda imports=imports: ours(imports),
            theirs=theirs,
            goal="0.1, aim > 0.3",
        )


def ours(imports: str) -> float:
    with tempfile.TemporaryDirectory() as folder, new_db() as db:
        files = [Path(folder) / f"{name}.py" for name in ("one", "two")]
        for file in files:
            file.write_text(imports + AGENT)
        agents = list(map(str, files))
        return rate(
            lambda: check(evalengine.run("tictactoe", agents, n=MATCHES, seed=1 << 60, db=db), MATCHES), MATCHES
        )


def theirs() -> float:
    return rate(lambda: in_processes(lambda number: loop(MATCHES // 2, number)), MATCHES)


def loop(n: int, seed: int) -> None:
    luck, env = random.Random(seed), tictactoe_v3.env()
    for _ in range(n):
        env.reset()
        for _agent in env.agent_iter():
            observation, _, terminated, truncated, _ = env.last()
            legal = [action for action, free in enumerate(observation["action_mask"]) if free]
            env.step(None if terminated or truncated else luck.choice(legal))
