"""The command line: a group that imports a command when it is used, and the one border for errors."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from evalengine.errors import EvalengineError, ExitCode, UsageError

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
    "compare": "Compare two agents of a stored run.",
    "rate": "Rate a stored run with another rater or other options, without playing.",
    "show": "Show one match, or one agent: how it ended, faults, logs.",
    "play": "Play a game at the terminal, against any agent.",
    "replay": "Show the positions of a match, turn by turn.",
    "branch": "Continue a match from one of its turns, many times.",
    "explore": "Hold each action of stored decisions, and see what becomes of it.",
    "export": "Write matches, steps, ratings or grades to files, in a format.",
    "new": "Write the package of a new game, agent or plugin.",
    "check": "Try each rule of the contract on a game or an agent, in about two seconds.",
    "certify": "Try a game for a minute: random matches, hostile actions, kills, replays; write its certificate.",
    "report": "Write a stored run as pages that open without a server.",
    "serve": "Serve runs and jobs over HTTP: an arena of one's own.",
    "keys": "Make, list and revoke the API keys of a server.",
    "doctor": "Check this machine: what works here, and what to do about the rest.",
}

_MODULES = {"report": "report_folder"}  # of commands that are called otherwise


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
            command: click.Command = importlib.import_module(
                f"evalengine.cli.{_MODULES.get(cmd_name, cmd_name)}"
            ).command
            return command
        points = _plugin_commands()
        if cmd_name in points:
            return _loaded(points[cmd_name])
        from evalengine.references import unknown

        raise click.UsageError(str(unknown("command", cmd_name, self.list_commands(ctx), "evalengine --help")))

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
    if not _announced():
        return {}
    from importlib import metadata

    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS) if point.name not in _COMMANDS}


def _announced() -> bool:
    """Say whether any distribution has commands for us."""
    # Not importlib.metadata, unless there is something to find: it takes as long as click itself.
    for folder in filter(os.path.isdir, sys.path):
        for name in os.listdir(folder):  # noqa: PTH208 - nor pathlib
            if name.endswith((".dist-info", ".egg-info")):
                try:
                    with open(f"{folder}/{name}/entry_points.txt", encoding="utf-8") as file:  # noqa: PTH123 - nor pathlib
                        if f"[{ENTRY_POINTS}]" in file.read():
                            return True
                except (OSError, UnicodeDecodeError):
                    continue
    return False


def _loaded(point: Any) -> click.Command:
    try:
        command: click.Command = point.load()
    except Exception as error:
        msg = f"the command {point.name!r} of {point.value} cannot be imported: {type(error).__name__}: {error}"
        raise click.UsageError(msg) from error
    return command


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all matches finished, 1 a void or a failed gate, 2 interrupted, 3 a bug of ours, "
    "4 usage, 5 nothing to play.",
)
@click.version_option(package_name="evalengine", message="evalengine %(version)s")
@click.pass_context
def evalengine(context: click.Context) -> None:
    """Play games between agents and rate them: pytest for game-playing agents."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str]) -> int:
    """Run a command; every expected error ends here as one line on stderr and an exit code."""
    code = _guarded(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        # Whoever read our output has seen enough; the interpreter's own flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(code)


def _guarded(arguments: Sequence[str]) -> int:  # noqa: PLR0911 - an end a kind of error
    try:
        with evalengine.make_context("evalengine", _with_addopts(arguments)) as context:
            return evalengine.invoke(context) or ExitCode.OK
    except click.exceptions.Exit as error:  # --help and the like
        return error.exit_code
    except click.ClickException as error:
        usage = f"\n{error.ctx.get_usage()}" if isinstance(error, click.UsageError) and error.ctx is not None else ""
        return _fail(error.format_message(), ExitCode.USAGE, usage)
    except EvalengineError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        return ExitCode.OK
    except Exception:  # noqa: BLE001 - the border: what comes here is our own mistake
        return _report_bug()


def _with_addopts(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with EVALENGINE_ADDOPTS put behind the command's name."""
    added = os.environ.get(ADDOPTS, "")
    if not added or list(arguments[:1]) != ["run"]:
        return list(arguments)
    import shlex

    try:
        return [arguments[0], *shlex.split(added), *arguments[1:]]
    except ValueError as error:
        msg = f"{ADDOPTS}={added}: {error}"
        raise UsageError(msg) from error


def _fail(text: str, code: int, usage: str = "") -> int:
    """Print an error: one line, and below it only what is set in (a line of source with its caret)."""
    from evalengine.seats import printable

    lines = text.splitlines()
    place = next((number for number, line in enumerate(lines) if line.startswith("    ")), len(lines))
    told = "\n".join([" ".join(lines[:place]), *lines[place:]])
    click.echo(f"error: {printable(told)}{usage}", err=True)
    return code


def _report_bug() -> int:
    import traceback

    traceback.print_exc()
    return _fail(
        "this is a bug of evalengine; what was stored is intact. Please report the lines above", ExitCode.INTERNAL
    )
