"""How fast the command line answers, against pytest's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Row, command_s

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

TIMES = 5


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    for command, goal in ((("--version",), "0.6, aim < 0.3"), (("run", "--help"), "1.0, aim < 0.6")):
        yield Row(
            what=f"evalengine {' '.join(command)} / pytest --version",
            ours=lambda command=command: fastest("evalengine", *command),
            theirs=lambda: fastest("pytest", "--version"),
            goal=goal,
        )


def fastest(*argv: str) -> float:
    return min(command_s(*argv) for _ in range(TIMES))
