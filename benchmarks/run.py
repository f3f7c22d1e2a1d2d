"""Print the table of ratios: python benchmarks/run.py [NAME ...] [--long] [-n MATCHES] [--rounds N]."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from measuring import ROUNDS, table

NAMES = (
    "pipeline",
    "one_ms",
    "ping_pong",
    "interleaved",
    "contained",
    "against_openspiel",
    "pettingzoo_loop",
    "go",
    "writer",
    "start_up",
    "fresh_process",
    "large_plan",
    "growth",
    "engines",
    "rating",
    "boards",
    "live",
    "sockets",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("-n", type=int, default=100_000, help="tic-tac-toe matches a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--long", action="store_true", help="a million matches too (growth, rating)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))} in {Path(__file__).parent}")
    rows = (
        row for name in NAMES if name in (options.names or NAMES) for row in importlib.import_module(name).rows(options)
    )
    table(rows, max(options.rounds, 3))


if __name__ == "__main__":
    main()
