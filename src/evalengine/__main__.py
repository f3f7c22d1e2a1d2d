"""The `evalengine` command; answers `--version` before anything slow is imported."""

from __future__ import annotations

import io
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from evalengine import __version__

        print(f"evalengine {__version__}")  # noqa: T201 - the answer
        return 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a game's characters ends no run
    from evalengine.cli import main as cli

    return cli(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
