"""stockfish at 200 nodes against itself, plies/s, against a bare loop over pipes and, where it is there, fastchess."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row
from seats_alone import pinned

from evalengine.model import Limits, MatchSpec
from evalengine.planning import find_agent
from evalengine.plugins import Plugins
from evalengine.submissions import located, snapshots
from evalengine.worker import Orders, Worker

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

NODES, HASH_MIB, MOST_PLIES = 200, 16, 150
MATCHES = 20
STOCKFISH = shutil.which("stockfish") or shutil.which("stockfish", path="/usr/games:/usr/local/games")


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    if STOCKFISH is None or "chess" not in Plugins().games():
        print("engines: stockfish or evalengine-chess is not installed, left out")
        return
    kept = {"ours": partial(ours, keep=True), "theirs": partial(bare, keep=True)}
    yield Row(what="stockfish, kept, plies/s / bare loop", goal="0.8", **kept)
    fresh = {"ours": partial(ours, keep=False), "theirs": partial(bare, keep=False)}
    yield Row(what="stockfish, a process a match, plies/s / bare loop", **fresh)
    yield Row(what="stockfish, from its start to readyok", ours=start_ms, unit="ms")
    if shutil.which("fastchess"):
        yield Row(what="stockfish, kept, plies/s / fastchess", ours=kept["ours"], theirs=fastchess, goal="0.8, aim > 1")


def ours(*, keep: bool) -> float:
    known = Plugins()
    with pinned(), tempfile.TemporaryDirectory() as folder:
        spec = find_agent(f"uci:{STOCKFISH}?nodes={NODES}&Hash={HASH_MIB}", known, {})
        agent = located(*snapshots([spec], Path(folder)), Path(folder))
        game = (known.games()["chess"], {"max_turns": MOST_PLIES})
        worker = Worker(Orders(games=(game,), agents=(agent,), limits=Limits(), keep_programs=keep))
        try:
            play(worker)  # the zygote, and engines that are kept, start at the first
            began = time.perf_counter()
            plies = sum(play(worker) for _ in range(MATCHES))
            return plies / (time.perf_counter() - began)
        finally:
            worker.close()


def play(worker: Worker) -> int:
    played = worker.play(MatchSpec(0, 0, 0, 1, (0, 0)))
    if played.error or played.faults:
        msg = f"{played.error}{played.faults}"
        raise RuntimeError(msg)
    return played.turns


class Engine:
    """A process and its pipes, without anything else."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [STOCKFISH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.ask("uci", "uciok")
        self.ask(f"setoption name Hash value {HASH_MIB}\nucinewgame\nisready", "readyok")

    def ask(self, text: str, first: str) -> str:
        self.process.stdin.write(text + "\n")
        while not (line := self.process.stdout.readline()).startswith(first):
            pass
        return line

    def close(self) -> None:
        with self.process as process:
            process.kill()


def bare(*, keep: bool) -> float:
    """Return plies/s of a loop that plays the same match without rules, clocks or a record."""
    with pinned():
        engines = [Engine(), Engine()]
        began, plies = time.perf_counter(), 0
        for _ in range(MATCHES):
            if not keep:
                for engine in engines:
                    engine.close()
                engines = [Engine(), Engine()]
            plies += bare_match(engines)
        took_s = time.perf_counter() - began
        for engine in engines:
            engine.close()
        return plies / took_s


def bare_match(engines: list[Engine]) -> int:
    for engine in engines:
        engine.ask("ucinewgame\nisready", "readyok")
    moves: list[str] = []
    while len(moves) < MOST_PLIES:
        line = f"position startpos moves {' '.join(moves)}\ngo nodes {NODES}"
        move = engines[len(moves) % 2].ask(line, "bestmove").split()[1]
        if move == "(none)":
            break
        moves.append(move)
    return len(moves)


def start_ms() -> float:
    began = time.perf_counter()
    engine = Engine()
    took_s = time.perf_counter() - began
    engine.close()
    return took_s * 1000


def fastchess() -> float:
    with pinned(), tempfile.TemporaryDirectory() as folder:
        games = Path(folder) / "games.pgn"
        engines = [word for name in "ab" for word in ("-engine", f"cmd={STOCKFISH}", f"name={name}")]
        limits = ["-each", f"nodes={NODES}", f"option.Hash={HASH_MIB}", "-maxmoves", str(MOST_PLIES // 2)]
        command = ["fastchess", *engines, *limits, "-rounds", str(MATCHES // 2), "-games", "2", "-concurrency", "1"]
        began = time.perf_counter()
        subprocess.run([*command, "-pgnout", f"file={games}"], check=True, capture_output=True, cwd=folder)
        took_s = time.perf_counter() - began
        return sum(map(int, re.findall(r'\[PlyCount "(\d+)"\]', games.read_text()))) / took_s
