"""`evalengine pgn`: write the chess matches of a stored run as PGN."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@click.command("pgn")
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write there, not to stdout.")
@click.option("--bare", is_flag=True, help="Moves only: no times, no scores of engines, no reasons.")
@click.option(
    "--db",
    type=click.Path(dir_okay=False),
    default=".evalengine/arena.db",
    show_default=True,
    help="The database's file.",
)
@click.option(
    "-p", "plugins", multiple=True, metavar="NAME", help="Load a plugin by module or name; no:NAME leaves one out."
)
def command(run: int | None, output: str | None, *, bare: bool, db: str, plugins: Sequence[str]) -> None:
    """Write the chess matches of a stored run as PGN, the latest run by default; also while it is being played."""
    from evalengine import open_run
    from evalengine_chess.pgn import text_of_match

    voids = 0
    with open_run(db, run, plugins=plugins) as found:
        matches = found.stored_matches("chess")  # before the file is opened: a run without chess must not empty it
        with _opened(output) as file:
            for match in matches:
                if match.result.termination == "void":
                    voids += 1
                else:
                    file.write(text_of_match(match, bare=bare) + "\n")
    if voids:
        click.echo(f"{voids} void matches left out: nobody won or lost them", err=True)


@contextmanager
def _opened(output: str | None) -> Iterator[TextIO]:
    """Yield the file to write, or stdout, in UTF-8.

    Raises:
        UsageError: it cannot be written.
    """
    from pathlib import Path

    from evalengine import UsageError

    if output is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")  # PGN is, whatever the terminal is
        yield sys.stdout
        return
    try:
        with Path(output).open("w", encoding="utf-8", newline="\n") as file:
            yield file
    except OSError as error:
        msg = f"-o {output}: {error.strerror or error}"
        raise UsageError(msg) from error
