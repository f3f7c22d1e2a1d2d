"""Live matches over real WebSockets: 200 at once, and 1,000 spectators of one; the server in a process of its own.

    python benchmarks/sockets.py [--matches N] [--spectators N] [--seconds S] [--pause S] [--rounds N]

Prints p50, p95 and p99 of each round and the CPU time of an answer, which other load on the machine changes least.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
MATCHES, SPECTATORS, SECONDS, PAUSE_S = 200, 1_000, 10.0, 0.1
WATCHED = 30  # turns that spectators are told of


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    yield Row(
        what=f"p95 of an answer, {MATCHES} matches over WebSockets, ms",
        ours=lambda: play()["p95"],
        goal="< 100",
        unit="ms",
    )
    yield Row(
        what=f"p95 until the last of {SPECTATORS} spectators is told over a WebSocket, ms",
        ours=lambda: watch()["p95"],
        goal="< 100",
        unit="ms",
    )


@contextlib.contextmanager
def served() -> Iterator[tuple[str, int]]:
    """Serve from a folder of its own; yield where, and the process."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        command = [sys.executable, "-m", "evalengine", "serve", "--port", "0", "--rate", "0", "-p", "live_routes"]
        process = subprocess.Popen(
            [*command, "--db", f"{folder}/arena.db"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        try:
            assert process.stdout is not None
            url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
            yield url.replace("http", "ws", 1), process.pid
        finally:
            process.terminate()
            process.wait()


def play(matches: int = MATCHES, seconds: float = SECONDS, pause_s: float = PAUSE_S) -> dict[str, float]:
    """Return milliseconds of answers, and what an answer costs of the processor."""
    with served() as (url, pid):
        return asyncio.run(_play(url, pid, matches, seconds, pause_s))


async def _play(url: str, pid: int, matches: int, seconds: float, pause_s: float) -> dict[str, float]:
    answers: list[float] = []
    began_s, cpu_s = asyncio.Event(), [0.0]

    async def sit(number: int) -> None:
        async with connected(f"{url}/bench/play") as socket:
            question = json.loads(await socket.recv())
            ready.append(number)
            await began_s.wait()
            await asyncio.sleep(number * pause_s / matches)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                await asyncio.sleep(pause_s)
                acted = time.perf_counter()
                await socket.send(str(question[2][question[1] % len(question[2])]))
                question = json.loads(await socket.recv())
                answers.append(time.perf_counter() - acted)

    ready: list[int] = []
    sitting = [asyncio.create_task(sit(number)) for number in range(matches)]
    while len(ready) < matches:
        await asyncio.sleep(0.05)
        for task in sitting:
            if task.done():
                task.result()
    cpu_s[0] = family_cpu_s(pid)
    first_s, own_s = own_cpu_s(pid), time.process_time()
    began_s.set()
    await asyncio.gather(*sitting)
    used_s, client_s = family_cpu_s(pid) - cpu_s[0], time.process_time() - own_s
    return figures(answers) | {
        "answers/s": len(answers) / seconds,
        "server CPU ms an answer": 1000 * used_s / len(answers),
        "of it the first process": 1000 * (own_cpu_s(pid) - first_s) / len(answers),
        "client CPU ms an answer": 1000 * client_s / len(answers),
        "server MiB": rss_mib(pid),
    }


def watch(spectators: int = SPECTATORS, turns: int = WATCHED) -> dict[str, float]:
    """Return milliseconds from an action until the last spectator was told of it, and what a spectator costs."""
    with served() as (url, pid):
        return asyncio.run(_watch(url, pid, spectators, turns))


async def _watch(url: str, pid: int, spectators: int, turns: int) -> dict[str, float]:
    took: list[float] = []
    before_mib = 0.0
    while len(took) < turns:
        async with connected(f"{url}/bench/play") as player, contextlib.AsyncExitStack() as stack:
            live_id, turn, legal = json.loads(await player.recv())
            before_mib = before_mib or rss_mib(pid)
            told: dict[int, list[float]] = {}

            async def follow(socket: Any, told: dict[int, list[float]] = told) -> None:
                async for text in socket:
                    told.setdefault(json.loads(text)[0], []).append(time.perf_counter())

            sockets = []
            for _ in range(spectators // 50):
                some = (stack.enter_async_context(connected(f"{url}/bench/watch/{live_id}")) for _ in range(50))
                sockets += await asyncio.gather(*some)
            following = [asyncio.create_task(follow(socket)) for socket in sockets]
            with_mib = rss_mib(pid)
            acted: dict[int, float] = {}
            mine = live_id
            while mine == live_id:
                await asyncio.sleep(PAUSE_S)
                acted[turn] = time.perf_counter()
                await player.send(str(legal[0]))
                mine, turn, legal = json.loads(await player.recv())
            await asyncio.gather(*following)
            # Of what was done in a turn the next one tells.
            took += [
                max(told[since + 1]) - at for since, at in acted.items() if len(told.get(since + 1, [])) == spectators
            ]
    return figures(took) | {"KiB a spectator": 1024 * (with_mib - before_mib) / spectators, "server MiB": with_mib}


def connected(url: str) -> Any:
    from websockets.asyncio.client import connect

    return connect(url, compression=None, ping_interval=None, open_timeout=60, max_queue=None)


def figures(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {f"p{cut}": cuts[cut - 1] * 1000 for cut in (50, 95, 99)}


def family_cpu_s(pid: int) -> float:
    """Return the CPU time of a process and all below it."""
    from evalengine import tasks

    return tasks.cpu_ns(pid) / 1e9


def own_cpu_s(pid: int) -> float:
    from evalengine import tasks

    return tasks.own_cpu_ns(pid) / 1e9


def rss_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=MATCHES)
    parser.add_argument("--spectators", type=int, default=SPECTATORS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--pause", type=float, default=PAUSE_S, help="seconds between two actions of one seat")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    for _ in range(options.rounds):
        tell(f"{options.matches} matches", play(options.matches, options.seconds, options.pause))
    for _ in range(options.rounds if options.spectators else 0):
        tell(f"{options.spectators} spectators", watch(options.spectators))


def tell(what: str, found: dict[str, float]) -> None:
    text = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
    print(f"{what}, load {os.getloadavg()[0]:.1f}: {text}", flush=True)


if __name__ == "__main__":
    main()
