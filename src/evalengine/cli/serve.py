"""`evalengine serve`: answer over HTTP and WebSockets, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

_PORT = 8080


@click.command("serve", cls=settings.Command)
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen; 0.0.0.0: everywhere."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True, metavar="N", help="0 takes a free one."
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="A name that the server answers to, as localhost; may be given again.",
)
@click.option(
    "--trust-proxy",
    "trust_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy whose X-Forwarded-For and -Proto are believed; may be given again.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Jobs at once; a run uses all cores.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1e6),
    default=500.0,
    show_default=True,
    metavar="N",
    help="Requests a second of each key, or address without one; four times as many at once; 0: no limit.",
)
@click.option("-v", "--verbose", is_flag=True, help="A line on stderr for each request.")
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    host: str, port: int, allow_hosts: tuple[str, ...], trust_proxies: tuple[str, ...], jobs: int, rate: float, db: str,
    wanted: Sequence[str], *, verbose: bool,
) -> None:  # fmt: skip
    """Serve runs and jobs over HTTP, on this machine only unless --host says otherwise, until Ctrl-C.

    Prints its address when it is ready. Keys are made by evalengine keys create.
    """
    from pathlib import Path

    from evalengine.cli import text
    from evalengine.errors import StorageError, StoreError
    from evalengine.web import serve

    serve.check_libraries()
    plugs = settings.load_plugins(wanted)
    options = serve.Options(
        host=host, port=port, allow_hosts=allow_hosts, trust_proxies=trust_proxies, jobs=jobs, rate=rate,
        verbose=verbose,
    )  # fmt: skip
    try:
        serve.serve(Path(db), options, plugs, wanted, text.out)
    except StorageError as error:  # before the start it is a matter of usage
        raise StoreError(str(error)) from error
