"""`evalengine keys`: make, list and revoke the API keys of a server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.web.keys import Keys


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys, also while the server runs."""


@command.command("create", cls=settings.Command)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    required=True,
    help="What it may: read, play, run, or admin, which is all; may be given again.",
)
@settings.database_options
def create(name: str, scopes: Sequence[str], db: str) -> None:
    """Print a new key, the only time that it is shown; stored is its SHA-256 alone."""
    from evalengine.cli import text

    with _keys(db, create=True) as keys:
        text.out(keys.create(name, scopes))


@command.command("list", cls=settings.Command)
@settings.format_option("table", "json")
@settings.database_options
def show(form: str, db: str) -> None:
    """List the keys, revoked ones too."""
    import json
    import time

    from evalengine.cli import columns, text

    with _keys(db) as keys:
        found = keys.list()
    if form == "json":
        rows = [{"name": k.name, "scopes": sorted(k.scopes), "created": k.created, "revoked": k.revoked} for k in found]
        text.out(json.dumps(rows, indent=2))
        return

    def day(when: float | None) -> str:
        return "" if when is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(when))

    names = ["key", *(key.name for key in found)]
    scopes = ["scopes", *(",".join(sorted(key.scopes)) for key in found)]
    created, revoked = (
        ["created", *(day(key.created) for key in found)],
        ["revoked", *(day(key.revoked) for key in found)],
    )
    groups = [[column] for column in (scopes, created, revoked) if any(column[1:])]
    for line in columns.beside([names], groups):
        text.out(line)


@command.command("revoke", cls=settings.Command)
@click.argument("name")
@settings.database_options
def revoke(name: str, db: str) -> None:
    """End a key: a running server refuses it from now on."""
    with _keys(db) as keys:
        keys.revoke(name)


@contextmanager
def _keys(db: str, *, create: bool = False) -> Iterator[Keys]:
    from pathlib import Path

    from evalengine.web.keys import Keys
    from evalengine.web.rows import Rows

    settings.open_store(db, create=create).close()  # with what it says of a file that is none
    with Rows(Path(db)) as rows:
        yield Keys(rows)
