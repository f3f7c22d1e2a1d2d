"""stockfish at 200 nodes against itself, plies/s of a whole run, against what no match runner can be faster than.

The other side is uci_ceiling.c: it plays the very games that were played here, move by move, without rules, clocks or a
record, with engines that it keeps. fastchess keeps them too (`restart=off` is its default), and asks `isready` three
times a ply, so the second kind of rows has the ceiling ask as often. An installed fastchess has rows of its own.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from measuring import Row, new_db

import evalengine
from evalengine.plugins import Plugins

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

NODES, HASH_MIB, MOST_PLIES = 200, 16, 150  # a ply: the move of one colour
ROTATIONS = 60  # of two matches each
SEED = 0x5EED << 32
READY_CHECKS = 3  # of fastchess a ply: before `position`, before `go`, after `bestmove`
STOCKFISH = shutil.which("stockfish") or shutil.which("stockfish", path="/usr/games:/usr/local/games")
FASTCHESS = shutil.which("fastchess")
_SOURCE = Path(__file__).with_name("uci_ceiling.c")


class Played(NamedTuple):
    """One run: what was played in it, and how fast once its engines had started."""

    games: tuple[tuple[int, str], ...]  # by match: plies of its opening, its moves
    plies_a_s: float


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    if STOCKFISH is None or "chess" not in Plugins().games() or shutil.which("gcc") is None:
        print("engines: stockfish, gcc or evalengine-chess is not installed, left out")
        return
    for workers in (1, 2):
        ours = partial(speed, "run", workers)
        what = f"stockfish, --isolation run, {workers} at once, plies/s"
        yield Row(what=f"{what} / ceiling", ours=ours, theirs=partial(ceiling, workers, 0), goal="0.8")
        asking = partial(ceiling, workers, READY_CHECKS)
        yield Row(what=f"{what} / ceiling that asks as fastchess", ours=ours, theirs=asking, goal="0.8, aim > 1")
        if FASTCHESS:
            yield Row(what=f"{what} / fastchess", ours=ours, theirs=partial(fastchess, workers), goal="0.8, aim > 1")
    for workers in (1, 2):
        ours = partial(speed, "match", workers)
        what = f"stockfish, a process a match, {workers} at once, plies/s / ceiling"
        yield Row(what=what, ours=ours, theirs=partial(ceiling, workers, 0))
    yield Row(what="stockfish, from its start to readyok", ours=start_ms, unit="ms")


def speed(isolation: str, workers: int) -> float:
    return play(isolation, workers).plies_a_s


def play(isolation: str, workers: int) -> Played:
    """Play a run and read it back; the first match of each worker, in which all starts, is not timed."""
    engine = f"uci:{STOCKFISH}?nodes={NODES}&Hash={HASH_MIB}"
    with new_db() as db:
        run = evalengine.run(
            f"chess(openings=standard, max_turns={MOST_PLIES})",
            [f"a={engine}", f"b={engine}"],
            rounds=ROTATIONS,
            seed=SEED,
            db=db,
            workers=workers,
            isolation=isolation,
        )
        if run.played != 2 * ROTATIONS or run.voids or any(standing.faults for standing in run.standings):
            msg = f"played {run.played}, {run.voids} voids; or with faults"
            raise RuntimeError(msg)
        with evalengine.open_run(db) as stored:
            matches = list(stored.stored_matches("chess"))
    timed = sorted(matches, key=lambda match: match.row["started"])[workers:]
    took_s = max(match.row["started"] + match.row["seconds"] for match in timed) - timed[0].row["started"]
    return Played(tuple(map(moves, matches)), sum(match.result.turns for match in timed) / took_s)


def moves(match: evalengine.StoredMatch) -> tuple[int, str]:
    """Return the plies of a match's opening, and all its moves."""
    *_, last = match.replayed()
    texts = last.state.moves
    if not last.state.start_fen.startswith("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w"):
        msg = "an opening from another position than the first"
        raise RuntimeError(msg)
    return len(texts) - match.result.turns, " ".join(texts)


@cache
def games() -> tuple[tuple[int, str], ...]:
    """Return the games that each run plays: stockfish with a limit of nodes repeats itself."""
    found = {isolation: play(isolation, 2).games for isolation in ("run", "match")}
    if found["run"] != found["match"]:
        msg = "kept engines played other games than fresh ones"
        raise RuntimeError(msg)
    return found["run"]


@cache
def built() -> Path:
    """Return the ceiling, compiled."""
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]
    program = Path(tempfile.gettempdir()) / f"uci_ceiling-{digest}"
    subprocess.run(["gcc", "-O2", "-o", program, _SOURCE], check=True)
    return program


def ceiling(runners: int, checks: int) -> float:
    """Play the same games without anything around them.

    Raises:
        RuntimeError: the engines played other games.
    """
    told = "".join(f"{len(text.split())} {' '.join(text.split()[:opening])}\n" for opening, text in games())
    done = subprocess.run(
        [built(), STOCKFISH, str(HASH_MIB), str(NODES), str(runners), str(checks)],
        input=told,
        capture_output=True,
        text=True,
        check=True,
    )
    figures, *played = done.stdout.splitlines()
    if [line.strip() for line in played] != [text for _, text in games()]:
        msg = "the engines played other games with the ceiling than in the run"
        raise RuntimeError(msg)
    took_s, plies, _ = figures.split()
    return int(plies) / float(took_s)


def start_ms() -> float:
    began = time.perf_counter()
    asked = f"uci\nsetoption name Hash value {HASH_MIB}\nucinewgame\nisready\n"
    with subprocess.Popen([STOCKFISH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(asked)
        process.stdin.flush()
        while not process.stdout.readline().startswith("readyok"):
            pass
        took_s = time.perf_counter() - began
        process.kill()
    return took_s * 1000


def fastchess(concurrency: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book.pgn"
        book.write_text("".join(f'[Event "{text}"]\n\n* \n\n' for _, text in games()))
        games_file = Path(folder) / "games.pgn"
        engines = [word for name in "ab" for word in ("-engine", f"cmd={STOCKFISH}", f"name={name}")]
        limits = ["-each", f"nodes={NODES}", f"option.Hash={HASH_MIB}", "-maxmoves", str(MOST_PLIES // 2)]
        command = [FASTCHESS, *engines, *limits, "-rounds", str(ROTATIONS), "-games", "2"]
        began = time.perf_counter()
        subprocess.run(
            [*command, "-concurrency", str(concurrency), "-pgnout", f"file={games_file}"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        took_s = time.perf_counter() - began
        return sum(map(int, re.findall(r'\[PlyCount "(\d+)"\]', games_file.read_text()))) / took_s
