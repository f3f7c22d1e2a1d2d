"""Live matches: answers while 200 are played at once, stored before they are told; and 1,000 spectators of one."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row

from evalengine.live.matches import LiveMatches
from evalengine.live.values import Wish
from evalengine.match import Match
from evalengine.model import MatchSpec
from evalengine.plugins import Plugins, load_game

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine, Iterator

MATCHES = 200
SECONDS = 10.0
PAUSE_S = 0.1  # between two actions of one seat
SPECTATORS = 1_000
THINKERS = 4  # matches against an agent that computes without a pause
GAME = "connect4"


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    yield Row(what=f"p95 of an answer, {MATCHES} live matches, ms", ours=lambda: busy(MATCHES), goal="< 100", unit="ms")
    yield Row(what="the same / one match alone, p95 of an answer", ours=lambda: busy(MATCHES), theirs=lambda: busy(1))
    yield Row(
        what=f"the same, {THINKERS} of them against mcts(simulations=2000), ms",
        ours=lambda: busy(MATCHES, thinkers=THINKERS),
        goal="< 100",
        unit="ms",
    )
    yield Row(
        what="answers/s of seats without a pause / Match alone, without storing", ours=flat_out, theirs=kernel_alone
    )
    yield Row(
        what=f"p95 from an action to the last of {SPECTATORS} spectators, ms", ours=followed, goal="< 100", unit="ms"
    )


def run(body: Coroutine[None, None, float]) -> float:
    return asyncio.run(body)


def busy(matches: int, thinkers: int = 0) -> float:
    return run(_busy(matches, thinkers, PAUSE_S, p95_ms))


def flat_out() -> float:
    return run(_busy(MATCHES, 0, 0.0, lambda answers: len(answers) / SECONDS))


async def _busy(matches: int, thinkers: int, pause_s: float, figure) -> float:
    answers: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with LiveMatches(Path(folder) / "arena.db", Plugins()) as live:
            until = time.monotonic() + SECONDS
            mine = [
                sit(live, "random", number * pause_s / matches, pause_s, until, answers)
                for number in range(matches - thinkers)
            ]
            others = [sit(live, "mcts(simulations=2000)", 0.0, pause_s, until, []) for _ in range(thinkers)]
            await asyncio.gather(*mine, *others)
    return figure(answers)


async def sit(  # noqa: PLR0917 - what a seat does
    live: LiveMatches, agent: str, first_s: float, pause_s: float, until: float, answers: list[float]
) -> None:
    """Play one match after another; note from an action to the next question, which is stored on the way."""
    await asyncio.sleep(first_s)
    while time.monotonic() < until:
        opened = await live.open(Wish(game=GAME, seats=[None, agent]))
        token, acted = opened.seats[0].token, None
        async for position in await live.subscribe(opened.id, token):
            if position.question is None:
                continue
            if acted is not None:
                answers.append(time.perf_counter() - acted)
            if time.monotonic() >= until:
                await live.close(opened.id)
                break
            await asyncio.sleep(pause_s)
            acted = time.perf_counter()
            await live.act(opened.id, token, position.question.legal[len(answers) % len(position.question.legal)])


def kernel_alone() -> float:
    game, answers, number = load_game(GAME), 0, 0
    until = time.perf_counter() + 1.0
    while time.perf_counter() < until:
        number += 1
        match = Match(MatchSpec(0, 0, 0, number, (0, 1)), game)
        while not match.over:
            for request in match.requests():
                match.answer(request.seat, request.legal[answers % len(request.legal)])
                answers += 1
    return answers / 2


def p95_ms(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=20)[-1] * 1000


def followed() -> float:
    return run(_followed())


async def _followed() -> float:
    took: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with LiveMatches(Path(folder) / "arena.db", Plugins()) as live:
            while len(took) < 100:
                opened = await live.open(Wish(game=GAME, seats=[None, "random"]))
                began: dict[int, float] = {}
                token = opened.seats[0].token
                seen: dict[int, float] = {}
                following = [asyncio.create_task(follow(live, opened.id, seen)) for _ in range(SPECTATORS)]
                await asyncio.sleep(0)
                async for position in await live.subscribe(opened.id, token):
                    if position.question is not None:
                        began[position.turn] = time.perf_counter()
                        await live.act(opened.id, token, position.question.legal[0])
                        await asyncio.sleep(PAUSE_S)
                await asyncio.gather(*following)
                # Of what was done in a turn the next one tells.
                took += [seen[turn + 1] - since for turn, since in began.items() if turn + 1 in seen]
    return p95_ms(took)


async def follow(live: LiveMatches, live_id: str, seen: dict[int, float]) -> None:
    async for position in await live.subscribe(live_id):
        seen[position.turn] = time.perf_counter()
