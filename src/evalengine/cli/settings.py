"""Options that several commands share, and settings from files: evalengine.toml or [tool.evalengine] in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalengine import plugins
from evalengine.errors import ConfigError
from evalengine.plugins import Plugins
from evalengine.runner import DEFAULT_DB
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILES = ("evalengine.toml", "pyproject.toml")

Command = Any  # a click command under construction


def plugin_options(command: Command) -> Command:
    """Add -p."""
    return click.option(
        "-p", "wanted", multiple=True, metavar="NAME", help="Load a plugin by module or name; no:NAME leaves one out."
    )(command)


def database_options(command: Command) -> Command:
    """Add --db."""
    return click.option(
        "--db", type=click.Path(path_type=Path), default=DEFAULT_DB, show_default=True, help="The database's file."
    )(command)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """Add --format with these choices; the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print it."
    )


def load_plugins(wanted: Sequence[str]) -> Plugins:
    """Return the plugins, and say of those that were left out."""
    plugs = Plugins(wanted)
    for broken in plugs.broken:
        click.echo(f"warning: plugin {broken.name!r} was left out: {broken.reason}", err=True)
    return plugs


def open_store(path: Path) -> Store:
    """Return an existing database.

    Raises:
        StoreError: there is none, or it is not one of ours.
    """
    return Store(path, create=False)


def find_file(start: Path, named: str | None) -> Path | None:
    """Return the settings file: `named`, else the first found from `start` upwards; None when there is none.

    Raises:
        ConfigError: the named file does not exist.
    """
    if named is not None:
        if not Path(named).is_file():
            msg = f"-c {named}: there is no such file"
            raise ConfigError(msg)
        return Path(named)
    for folder in [start, *start.parents]:
        for name in FILES:
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or _table(path)):
                return path
    return None


def read_file(path: Path, command: click.Command) -> dict[str, Any]:
    """Return the settings in a file as defaults for the command's options.

    Raises:
        ConfigError: it is not TOML, or names an option that does not exist.
    """
    return {_parameter(key, command, str(path)): value for key, value in _table(path).items()}


def read_pairs(pairs: Sequence[str], command: click.Command) -> dict[str, Any]:
    """Return the settings of `-o key=value`.

    Raises:
        ConfigError: one is no pair, or names an option that does not exist.
    """
    found = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign:
            msg = f"-o {pair}: write -o key=value"
            raise ConfigError(msg)
        found[_parameter(key.strip(), command, "-o")] = value.strip()
    return found


def _table(path: Path) -> Mapping[str, Any]:
    try:
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from error
    if path.name == "pyproject.toml":
        table: Mapping[str, Any] = whole.get("tool", {}).get("evalengine", {})
        return table
    return whole


def _parameter(key: str, command: click.Command, where: str) -> str:
    """Return the name of the parameter that a key (an option without its dashes) stands for."""
    by_key: dict[str, str] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name is not None:
            for option in parameter.opts:
                if option.startswith("--") or len(option) == 2:  # noqa: PLR2004 - a short option
                    by_key[option.lstrip("-").replace("-", "_")] = parameter.name
        elif parameter.name is not None:
            by_key[parameter.name] = parameter.name
    name = key.replace("-", "_")
    if name not in by_key:
        error = plugins.unknown(f"setting in {where}:", name, by_key, "evalengine run --help")
        raise ConfigError(str(error))
    return by_key[name]
