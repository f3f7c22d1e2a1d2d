"""The command line: a group that imports a command when it is used, and the one border for errors."""

from __future__ import annotations

import difflib
import importlib
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from evalengine.errors import EvalengineError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDOPTS = "EVALENGINE_ADDOPTS"
ENTRY_POINTS = "evalengine.commands"

_COMMANDS = {
    "run": "Play matches between agents and print the standings.",
    "games": "List the games that can be played.",
    "agents": "List the bundled agents.",
    "plugins": "List plugins and what they registered.",
    "standings": "Print the standings of a stored run.",
    "show": "Show one match: who played, how it ended, faults, logs.",
    "replay": "Show the positions of a match, turn by turn.",
    "doctor": "Check this machine: what works here, and what to do about the rest.",
}


class LazyGroup(click.Group):
    """Commands by name; nothing of them is imported for `--help`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, plugins' included."""
        return [*_COMMANDS, *_plugin_commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; a plugin's through its entry point.

        Raises:
            click.UsageError: there is none of this name; the text suggests a near one.
        """
        if cmd_name in _COMMANDS:
            command: click.Command = importlib.import_module(f"evalengine.cli.{cmd_name}").command
            return command
        points = _plugin_commands()
        if cmd_name in points:
            return _loaded(points[cmd_name])
        near = difflib.get_close_matches(cmd_name, self.list_commands(ctx), n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        msg = f'no command "{cmd_name}".{hint} See: evalengine --help'
        raise click.UsageError(msg)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands with one line each, without importing them."""
        rows = [
            *_COMMANDS.items(),
            *((name, f"from plugin {point.value}") for name, point in _plugin_commands().items()),
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugin_commands() -> dict[str, Any]:
    """Return the commands of plugins as entry points: their names are known without importing them."""
    from importlib import metadata

    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS) if point.name not in _COMMANDS}


def _loaded(point: Any) -> click.Command:
    try:
        command: click.Command = point.load()
    except Exception as error:
        msg = f"the command {point.name!r} of {point.value} cannot be imported: {type(error).__name__}: {error}"
        raise click.UsageError(msg) from error
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 all matches finished, 1 a void or a failed gate, 2 interrupted, 3 a bug of ours, 4 usage, 5 nothing to play.",
)
@click.version_option(package_name="evalengine", message="evalengine %(version)s")
def evalengine() -> None:
    """Play games between agents, contained, and rate them: pytest for game-playing agents."""


def main(arguments: Sequence[str]) -> int:
    """Run a command; every expected error ends here as one line on stderr and an exit code."""
    try:
        result = evalengine.main(_with_addopts(arguments), prog_name="evalengine", standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        usage = f"\n{context.get_usage()}" if context is not None and isinstance(error, click.UsageError) else ""
        return _fail(error.format_message() + usage, ExitCode.USAGE)
    except EvalengineError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; a later flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception:  # noqa: BLE001 - the border: what comes here is our own mistake
        return _report_bug()
    return int(result or ExitCode.OK)


def _with_addopts(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with EVALENGINE_ADDOPTS put behind the command's name."""
    added = shlex.split(os.environ.get(ADDOPTS, ""))
    if not arguments or not added or arguments[0] != "run":
        return list(arguments)
    return [arguments[0], *added, *arguments[1:]]


def _fail(text: str, code: int) -> int:
    click.echo(f"error: {text}", err=True)
    return int(code)


def _report_bug() -> int:
    import traceback

    traceback.print_exc()
    return _fail(
        "this is a bug of evalengine; what was stored is intact. Please report the lines above", ExitCode.INTERNAL
    )
