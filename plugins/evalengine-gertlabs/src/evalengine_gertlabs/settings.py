"""What a person sets for this API: the table [plugins.gertlabs] of evalengine.toml, or of pyproject.toml."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evalengine import UsageError
from evalengine.cli.settings import plugin_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN = "gertlabs"
SIGN_UP = ("local", "open", "off")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A server that speaks OpenAI's chat completions; its key is in the environment, and nowhere else."""

    name: str
    base_url: str
    model: str
    key_env: str = ""  # the variable's name; "": it needs no key
    models: tuple[str, ...] = ()  # that may be asked for besides `model`
    timeout_s: float = 120.0  # for one answer
    max_tokens: int = 8_192  # of one answer
    max_answer_kib: int = 1_024  # of one answer, as it comes over the wire
    temperature: float | None = None
    tries: int = 3

    @property
    def key(self) -> str:
        """The key, "" without one."""
        return os.environ.get(self.key_env, "").strip() if self.key_env else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All that can be set."""

    credits: float = 1_000.0  # that an account begins with
    credits_per_match: float = 0.001
    download_s: float = 900.0  # that a link to a file works
    chunk_rows: int = 50_000  # rows of one file of an export
    sign_up: str = "local"  # for whom: this machine's own people, "open" to anybody who reaches the server, or "off"
    providers: tuple[Endpoint, ...] = field(default=())


def read(start: Path | None = None) -> Options:
    """Return what is set, looked for from a folder upwards, the current one by default.

    Raises:
        UsageError: something that is set cannot work; the text names it.
    """
    table = plugin_settings(PLUGIN, start or Path())
    where = f"[plugins.{PLUGIN}]"
    found = _fields(Options, table, where)
    listed = found.pop("providers", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        _refuse(f"{where}: providers must be tables: [[plugins.{PLUGIN}.providers]]")
    providers = tuple(
        _endpoint(one, f"[[plugins.{PLUGIN}.providers]] {number}") for number, one in enumerate(listed, 1)
    )
    names = [provider.name for provider in providers]
    if len({*names, "scripted"}) <= len(names):
        _refuse(f"{where}: each provider needs a name of its own, and none is called scripted")
    if found.get("sign_up", "local") not in SIGN_UP:
        _refuse(f"{where}: sign_up must be one of {', '.join(SIGN_UP)}, not {found['sign_up']!r}")
    for name, value in found.items():
        if not isinstance(value, str) and value < (1 if name == "chunk_rows" else 0):
            _refuse(f"{where}: {name} cannot be {value!r}")
    return Options(**found, providers=providers)


def _endpoint(table: Mapping[str, Any], where: str) -> Endpoint:
    found = _fields(Endpoint, table, where)
    missing = [name for name in ("name", "base_url", "model") if not found.get(name)]
    if missing:
        _refuse(f"{where}: {missing[0]} is missing")
    if not _NAME.fullmatch(found["name"]):
        _refuse(f"{where}: name must be 1 to 64 letters, digits, '_', '.' or '-', not {found['name']!r}")
    url = urlsplit(found["base_url"])
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.query or url.fragment:
        _refuse(f"{where}: base_url must be http://HOST/PATH without a user, a query or a fragment")
    if found.get("key_env") and not _VARIABLE.fullmatch(found["key_env"]):
        _refuse(f"{where}: key_env is the name of an environment variable, never a key itself")
    models = found.get("models", [])
    if not isinstance(models, list) or not all(isinstance(model, str) and model for model in models):
        _refuse(f"{where}: models must be a list of names")
    found["base_url"] = found["base_url"].rstrip("/")
    return Endpoint(**{**found, "models": tuple(models)})


def _fields(kind: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a table's values, each of the type that its field has."""
    known = {one.name: str(one.type) for one in fields(kind)}
    found: dict[str, Any] = {}
    for name, value in table.items():
        own = name.replace("-", "_")
        if own not in known:
            _refuse(f"{where}: there is no setting {name!r}; it knows {', '.join(known)}")
        wanted = known[own]
        fits = {
            "float": isinstance(value, int | float) and not isinstance(value, bool),
            "float | None": isinstance(value, int | float) and not isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool) and value > 0,
            "str": isinstance(value, str),
        }
        if not fits.get(wanted, True):
            _refuse(f"{where}: {name} must be of type {wanted.partition(' ')[0]}, not {value!r}")
        found[own] = value
    return found


def _refuse(message: str) -> None:
    raise UsageError(message)
