"""Options that several commands share; settings from evalengine.toml or [tool.evalengine] in pyproject.toml."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from evalengine.cli.limit_options import LIMITS
from evalengine.errors import ConfigError, StorageError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalengine.plugins import Plugins
    from evalengine.store import Store

FILES = ("evalengine.toml", "pyproject.toml")
PLUGINS = "plugins"  # the table whose tables are the plugins' own
_NEVER = ("config_file", "rootdir", "overrides", "resume", "help")  # that belong to one call only

Decorated = Any  # a click command under construction


class Source(NamedTuple):
    """Where a command's options come from.

    Attributes:
        file: the settings that were found; typed: names of parameters given by hand, on the command line or with -o;
        limits: by agent's name its own limits, by parameter; absent_ok: agents that only the file names.
    """

    file: Path | None
    typed: frozenset[str]
    limits: Mapping[str, Mapping[str, Any]] = {}
    absent_ok: tuple[str, ...] = ()


class Command(click.Command):
    """A command whose options may stand in a file of settings; what is typed wins.

    Its context's `obj` is a `Source`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the settings of the file and of -o below what is typed.

        Raises:
            ConfigError: a setting is unknown or wrong.
        """
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        if "help" in given:
            return super().parse_args(ctx, args)
        from pathlib import Path  # here and below: it would be a tenth of --help's time

        file = find_file(Path(given.get("rootdir") or "."), given.get("config_file"))
        whole = "overrides" in {parameter.name for parameter in self.params}
        limits: dict[str, dict[str, Any]] = {}
        settings = dict(_read_file(file, ctx, limits, whole=whole)) if file is not None else {}
        in_file = set(limits)
        typed_limits: dict[str, dict[str, Any]] = {}
        pairs = dict(_read_pairs(given.get("overrides") or (), ctx, typed_limits))
        for name, own in typed_limits.items():
            limits.setdefault(name, {}).update(own)
        ctx.default_map = settings | pairs
        rest = super().parse_args(ctx, args)
        typed = {
            name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        }
        dotted = {f"{name}.{key}" for name, own in typed_limits.items() for key in own}
        absent_ok = tuple(sorted(in_file - typed_limits.keys()))
        ctx.obj = Source(file, frozenset(typed | pairs.keys() | dotted), limits, absent_ok)
        return rest


# --------------------------------------------------------------------------- options of several


def plugin_options(command: Decorated) -> Decorated:
    """Add -p."""
    return click.option(
        "-p", "wanted", multiple=True, metavar="NAME", help="Load a plugin by module or name; no:NAME leaves one out."
    )(command)


def database_options(command: Decorated) -> Decorated:
    """Add --db."""
    return click.option(
        "--db",
        type=click.Path(dir_okay=False),
        default=".evalengine/arena.db",
        show_default=True,
        help="The database's file.",
    )(command)


def format_option(*formats: str) -> Callable[[Decorated], Decorated]:
    """Add --format with these choices; the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print it."
    )


def board_format_option(command: Decorated) -> Decorated:
    """Add --format for standings: any reporter, plugins' included."""
    return click.option(
        "--format",
        "form",
        default="table",
        show_default=True,
        metavar="NAME",
        help="table, json, csv, or a plugin's reporter.",
    )(command)


def load_plugins(wanted: Sequence[str], start: str | None = None) -> Plugins:
    """Return the plugins, with the evalconf.py from `start` or here upwards, and say of those that were left out."""
    from pathlib import Path

    from evalengine.cli import text
    from evalengine.plugins import Plugins, find_local

    plugs = Plugins(wanted, local=find_local(Path(start or ".")))
    for broken in plugs.broken:
        text.note(f"warning: plugin {broken.name!r} was left out: {broken.reason}")
    return plugs


def open_store(db: str, *, create: bool = False) -> Store:
    """Return a database, an existing one unless it may be made.

    Raises:
        StoreError: there is none, it is not one of ours, or it cannot be opened.
    """
    from pathlib import Path

    from evalengine.store import Store

    path = Path(db)
    if not create and path.is_file() and not path.stat().st_size:
        msg = f"{path} is empty: name another with --db. Nothing was changed"
        raise StoreError(msg)
    try:
        return Store(path, create=create)
    except StorageError as error:  # before the start it is a matter of usage: nothing was played
        raise StoreError(str(error)) from error


# ------------------------------------------------------------------------------------- files


def find_file(start: Path, named: str | None) -> Path | None:
    """Return the settings file: `named`, else the first found from `start` upwards; None when there is none.

    Raises:
        ConfigError: the named file does not exist.
    """
    from pathlib import Path

    if named is not None:
        if not Path(named).is_file():
            msg = f"-c {named}: there is no such file"
            raise ConfigError(msg)
        return Path(named)
    start = start.absolute()
    for folder in [start, *start.parents]:
        for name in FILES:
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or _table(path)):
                return path
    return None


def plugin_settings(name: str, start: Path) -> Mapping[str, Any]:
    """Return a plugin's own settings, the table [plugins.NAME] of the settings that are found from `start` upwards.

    Raises:
        ConfigError: the file cannot be read, or what it holds is no table.
    """
    path = find_file(start, None)
    found: Any = {} if path is None else _table(path)
    for key in (PLUGINS, name):
        found = found.get(key, {})
        if not isinstance(found, dict):
            msg = f"{path}: {key} must be a table: [{PLUGINS}.{name}]"
            raise ConfigError(msg)
    settings: Mapping[str, Any] = found
    return settings


def _read_file(
    path: Path, ctx: click.Context, limits: dict[str, dict[str, Any]], *, whole: bool
) -> Iterator[tuple[str, Any]]:
    """Yield parameters with their values; unless `whole`, of those that every command shares.

    Args:
        limits: takes the agents' own, whose tables bear their names.
    """
    for key, value in _table(path).items():
        if key == PLUGINS or (not whole and key not in ("db", "p")):
            continue
        if isinstance(value, dict):
            limits[key] = dict(_limit(f"{path}: {key}", name, inner, ctx) for name, inner in value.items())
            continue
        parameter = _parameter(key, ctx.command, str(path))
        checked = _checked(parameter, value, f"{path}: {key}", ctx)
        yield str(parameter.name), str(path.parent / checked) if parameter.name == "db" else checked


def _limit(where: str, key: str, value: Any, ctx: click.Context) -> tuple[str, Any]:
    """Return name and value of a limit of one agent.

    Raises:
        ConfigError: it is none, or of the wrong type.
    """
    limits = {name for name in LIMITS if any(name == parameter.name for parameter in ctx.command.params)}
    if not limits:
        msg = f"{where}.{key}: only evalengine run knows agents' own limits"
        raise ConfigError(msg)
    parameter = _parameter(key, ctx.command, where)
    if parameter.name not in limits:
        msg = f"{where}.{key}: an agent's own can be {', '.join(LIMITS)}"
        raise ConfigError(msg)
    checked = _checked(parameter, value, f"{where}.{key}", ctx)
    return str(parameter.name), parameter.type_cast_value(ctx, checked)


def _read_pairs(
    pairs: Sequence[str], ctx: click.Context, limits: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """Yield parameters with their values; `limits` takes those of single agents, `NAME.KEY=VALUE`."""
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign:
            msg = f"-o {pair}: write -o key=value"
            raise ConfigError(msg)
        agent, dot, name = key.strip().rpartition(".")
        if dot:
            limits.setdefault(agent, {}).update([_limit(f"-o {agent}", name, value.strip(), ctx)])
            continue
        parameter = _parameter(key.strip(), ctx.command, "-o")
        yield str(parameter.name), _checked(parameter, value.strip(), f"-o {key.strip()}", ctx)


def _table(path: Path) -> Mapping[str, Any]:
    import tomllib

    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from error
    for name in ("tool", "evalengine") if path.name == "pyproject.toml" else ():
        table = table.get(name, {})
        if not isinstance(table, dict):
            msg = f"{path}: {name} must be a table: [tool.evalengine]"
            raise ConfigError(msg)
    found: Mapping[str, Any] = table
    return found


def _parameter(key: str, command: click.Command, where: str) -> click.Parameter:
    """Return the parameter that a key (an option without its dashes, or `agents`) stands for."""
    by_key = {}
    for parameter in command.params:
        if parameter.name not in _NEVER:
            keys = parameter.opts if isinstance(parameter, click.Option) else [str(parameter.name)]
            by_key.update({option.lstrip("-").replace("-", "_"): parameter for option in keys})
    name = key.replace("-", "_")
    if name not in by_key:
        from evalengine import references

        raise ConfigError(str(references.unknown(f"setting in {where}:", name, by_key, "evalengine run --help")))
    return by_key[name]


def _checked(parameter: click.Parameter, value: Any, where: str, ctx: click.Context) -> Any:
    """Return a setting as click takes defaults.

    Raises:
        ConfigError: it is of the wrong type or out of range.
    """
    import shlex

    several = parameter.nargs == -1 or parameter.multiple
    flag = isinstance(parameter, click.Option) and parameter.is_flag
    try:
        if several:
            value = shlex.split(value) if isinstance(value, str) else value
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ValueError("a list of texts is needed")  # noqa: EM101, TRY003, TRY301 - becomes one line below
        elif isinstance(value, dict | list) or (isinstance(value, bool) and not flag):
            raise ValueError(f"{value!r} is not possible here")  # noqa: EM102, TRY003, TRY301 - as above
        else:
            value = str(value)  # as typed: 2.7 is no whole number
        parameter.type_cast_value(ctx, value)
    except (ValueError, click.ClickException) as error:
        msg = f"{where}: {error.message if isinstance(error, click.ClickException) else error}"
        raise ConfigError(msg) from error
    return value


@contextmanager
def terminated() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, so that what a command began to write is removed."""
    import signal

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
