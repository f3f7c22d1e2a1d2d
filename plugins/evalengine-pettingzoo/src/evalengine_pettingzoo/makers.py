"""From a name or `package.module:function` to an environment."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import ConfigError
from evalengine_pettingzoo.specs import PREFIX
from evalengine_pettingzoo.table import ENVIRONMENTS, INSTALL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

Maker = Callable[..., Any]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pygame from looking for a screen and from greeting on stdout, and keep warnings to developers away."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "hide")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def maker_of(name: str) -> Maker:
    """Return what makes the environment of a row of the table, parallel where its seats act at once.

    Raises:
        ConfigError: it, or a package that it needs, is not installed.
    """
    # Cooperative pong calls its own render() in every step, and Gymnasium then warns of it.
    warnings.filterwarnings("ignore", ".*render method without specifying any render mode")
    kind = "parallel" if ENVIRONMENTS[name].fields.get("dynamics") == "simultaneous" else "aec"
    group, _, rest = name.partition("/")
    try:
        with quiet():
            for package in ENVIRONMENTS[name].needs:
                importlib.import_module(package)
            if group != "mpe2":
                return _from_registry(kind, name)
            found: Maker = importlib.import_module(f"mpe2.{rest}").parallel_env
            return found
    except Exception as error:
        package = INSTALL[group]
        msg = f"game '{PREFIX}{name}': {type(error).__name__}: {error}. Install it: pip install '{package}'"
        raise ConfigError(msg) from error


def _from_registry(kind: str, name: str) -> Maker:
    import pettingzoo

    creator: Any = pettingzoo.spec(kind, name).entry_point
    if not isinstance(creator, str):
        found: Maker = creator
        return found
    module, _, function = creator.partition(":")
    made: Maker = getattr(importlib.import_module(module), function)
    return made


def named_maker(ref: str) -> tuple[Maker, str]:
    """Return the function that `package.module:function` or `file.py:function` names, and a digest of its file.

    Raises:
        ConfigError: there is none.
    """
    place, _, function = ref.rpartition(":")
    if not place or not function:
        msg = f"env={ref!r} names no environment: write package.module:function or file.py:function"
        raise ConfigError(msg)
    try:
        with quiet():
            module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        made: Maker = getattr(module, function)
    except Exception as error:
        msg = f"env={ref!r}: {type(error).__name__}: {error}. Write package.module:function or file.py:function"
        raise ConfigError(msg) from error
    file = getattr(module, "__file__", None)
    return made, hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12] if file else ""


def _from_file(path: Path) -> ModuleType:
    path = path.expanduser().resolve()
    name = f"evalengine_pettingzoo_own_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it runs: what it pickles must find it
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def made(maker: Maker, options: Any) -> Any:
    """Return a new environment; one that draws text where it can.

    Raises:
        ConfigError: it refuses its options, or is none of PettingZoo's.
    """
    if not isinstance(options, Mapping) or not all(type(key) is str for key in options):
        msg = f"options must be a dict of keyword arguments, as in options={{'size': 5}}, not {options!r}"
        raise ConfigError(msg)
    try:
        with quiet():
            env = maker(**options)
            if "ansi" in (env.metadata.get("render_modes") or ()) and "render_mode" not in options:
                env = maker(**options, render_mode="ansi")
    except Exception as error:
        msg = f"the environment cannot be made with options={dict(options)!r}: {type(error).__name__}: {error}"
        raise ConfigError(msg) from error
    return env
