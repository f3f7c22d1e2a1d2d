"""`evalengine new`: write the package of a new game, agent or plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalengine.cli import settings, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_KINDS = ("game", "agent", "plugin")


@click.command("new", cls=settings.Command)
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The folder to make. Default: evalengine-NAME.",
)
@settings.plugin_options
def command(kind: str, name: str, output: Path | None, wanted: Sequence[str]) -> None:
    """Write an installable package of a new game, agent or plugin that runs as it is.

    NAME is one word of a-z, 0-9 and _. Nothing is overwritten.
    """
    from evalengine import new_packages

    files = new_packages.written(kind, name, output, settings.load_plugins(wanted))
    for path in files:
        text.out(f"wrote {path}")
    text.note(_next(kind, name, files[0].parent))


def _next(kind: str, name: str, folder: Path) -> str:
    """Return what to do with it."""
    shown = str(folder) if folder.is_absolute() or str(folder).startswith(".") else f"./{folder}"
    if kind == "game":
        return f"play it: evalengine run --games {shown} -n 20\ncheck it: evalengine check {shown}"
    if kind == "agent":
        return f"play it: evalengine run {shown} --games strategy -n 20\ncheck it: evalengine check {shown}"
    return f"run with it: PYTHONPATH={shown}/src evalengine run --games tictactoe -n 20 -p evalengine_{name}"
