"""The same random matches by PettingZoo's own loop and by our kernel; and the games of ours as environments.

A ratio of 1 says that our side takes no longer.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from measuring import Row, rate

from evalengine import Match, MatchSpec, load_game

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from evalengine import Game

try:
    import evalengine_pettingzoo
    from evalengine_pettingzoo.makers import maker_of
except ImportError:
    evalengine_pettingzoo = None

MATCHES = {
    "classic/tictactoe_v3": 1500,
    "classic/connect_four_v3": 300,
    "classic/texas_holdem_v4": 600,
    "classic/rps_v2": 600,
}


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    if evalengine_pettingzoo is None:
        print("pettingzoo_loop: evalengine-pettingzoo is not installed, left out")
        return
    for name, n in MATCHES.items():
        yield in_kernel_row(name, n, at_once if name == "classic/rps_v2" else in_loop)
    for name, theirs in {"tictactoe": "classic/tictactoe_v3", "connect4": "classic/connect_four_v3"}.items():
        yield as_environment_row(name, theirs, MATCHES[theirs])


def in_kernel_row(name: str, n: int, loop: Callable[[Any, int], None]) -> Row:
    game, env = load_game(f"pettingzoo:{name}"), maker_of(name)()
    return Row(
        what=f"{name} in the kernel / PettingZoo's loop",
        ours=lambda: rate(lambda: in_kernel(game, n), n),
        theirs=lambda: rate(lambda: loop(env, n), n),
    )


def as_environment_row(name: str, theirs: str, n: int) -> Row:
    ours, env = evalengine_pettingzoo.to_aec(name), maker_of(theirs)()
    return Row(
        what=f"our {name} as AEC / PettingZoo's {theirs}",
        ours=lambda: rate(lambda: in_loop(ours, n), n),
        theirs=lambda: rate(lambda: in_loop(env, n), n),
    )


def in_kernel(game: Game, n: int) -> None:
    """Play matches of an environment as a worker does."""
    choice = random.Random(1).choice
    for seed in range(n):
        match = Match(MatchSpec(0, 0, 0, seed, (0, 1)), game)
        while not match.over:
            for request in match.requests():
                assert request.view
                match.answer(request.seat, choice(request.legal))


def in_loop(env: Any, n: int) -> None:
    """Play episodes as PettingZoo's documentation does, one environment for all."""
    choice: Callable[[Any], int] = random.Random(1).choice
    for seed in range(n):
        env.reset(seed=seed)
        for _ in env.agent_iter():
            seen, _, terminated, truncated, _ = env.last()
            env.step(None if terminated or truncated else choice(seen["action_mask"].nonzero()[0].tolist()))


def at_once(env: Any, n: int) -> None:
    """Play episodes of a parallel environment."""
    choice = random.Random(1).choice
    for seed in range(n):
        env.reset(seed=seed)
        while env.agents:
            env.step({agent: choice(range(3)) for agent in env.agents})
