"""Agents from files: Python files, folders and zips, and programs. Looks at them, never runs them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from evalengine import AgentError, AgentSpec
from evalengine.builtin.programs import agent_name, program_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENTRIES = ("agent.py", "main.py")
_NAMES = ("agent", "Agent", "act")
_MAX_SOURCE = 4 << 20


def load_file(ref: str) -> AgentSpec | None:
    """Return the agent of a path, of `FILE.py:NAME`, `FILE.zip:NAME` or of a program, as `cmd:PROGRAM ARGS`."""
    program = program_of(ref)
    if program is not None:
        return program
    text, _, name = ref.rpartition(":") if ".py:" in ref or ".zip:" in ref else (ref, "", "")
    try:
        path = Path(text).expanduser()
        if path.exists():
            return _python(path, name)
    except (OSError, RuntimeError) as error:  # not to be looked at, too long a name, nobody's home
        msg = f"{text}: {getattr(error, 'strerror', None) or error}"
        raise AgentError(msg) from None
    if path.suffix in {".py", ".zip"} or "/" in text:
        msg = f"there is no file or folder {text!r}"
        raise AgentError(msg)
    return None


def _python(path: Path, name: str) -> AgentSpec:
    suffix = f":{name}" if name else ""
    if path.suffix in {".py", ".zip"} and not (path.is_file() or path.is_dir()):
        msg = f"{path} is neither a file nor a folder"  # who reads a pipe waits for ever
        raise AgentError(msg)
    if path.suffix == ".zip":
        # The entry is known once it is unpacked; it is only its name until then.
        return AgentSpec(name=agent_name(path.stem), kind="python", path=str(path.absolute()), entry=suffix)
    if path.is_dir():
        entry = next((entry for entry in _ENTRIES if (path / entry).is_file()), None)
        if entry is None:
            msg = f"{path} holds no agent.py or main.py"
            raise AgentError(msg)
        folder, stem = path, path.resolve().name
    elif path.suffix == ".py":
        entry, stem = path.name, path.stem
        folder = path.parent if path.name in _ENTRIES else path
    else:
        msg = f"{path} is no Python file, folder or zip; a program in another language is 'cmd:{path}'"
        raise AgentError(msg)
    file = path / entry if path.is_dir() else path
    if entry in _ENTRIES and not file.resolve().is_relative_to(file.parent.resolve()):
        # Here, before it is looked at: what is told of a broken file quotes it.
        msg = f"{file.parent.resolve().name}: {entry} is a link that leads outside its folder"
        raise AgentError(msg)
    return AgentSpec(
        name=agent_name(stem),
        kind="python",
        path=str(folder.absolute()),
        entry=entry + suffix,
        note=_look(file, name),
    )


# ---------------------------------------------------------- a look at the source, without running it


def _look(path: Path, name: str) -> str:
    """Return a note on what will play; refuse what cannot.

    Raises:
        AgentError: the file is broken, or defines nothing that could play.
    """
    tree = _parsed(path)
    names = list(_defined(tree))
    if "*" in names:
        return ""  # who knows
    if name:
        if name not in names:
            msg = f"{path.name} has no {name!r}. Found: {', '.join(names) or 'nothing'}"
            raise AgentError(msg)
        return ""
    if any(known in names for known in _NAMES):
        return ""
    last = next((node for node in reversed(tree.body) if _takes_observation(node)), None)
    if last is None:
        if any(isinstance(node, ast.If | ast.Try | ast.With) for node in tree.body):
            return ""  # defined under a condition, perhaps
        msg = (
            f"{path.name} has no agent: define act(observation) or class Agent. Found: {', '.join(names) or 'nothing'}"
        )
        raise AgentError(msg)
    return f"plays by its last function, {last.name}"  # type: ignore[attr-defined]  # a function, see above


def _parsed(path: Path) -> ast.Module:
    try:
        if path.stat().st_size > _MAX_SOURCE:
            msg = f"{path.name}: a source of more than {_MAX_SOURCE >> 20} MiB"
            raise AgentError(msg)
        return ast.parse(path.read_bytes(), filename=path.name)
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        caret = f"\n    {line}\n    {' ' * ((error.offset or 1) - 1)}^" if line else ""
        where = f"{path.name}:{error.lineno}" if error.lineno else path.name
        msg = f"{where} {type(error).__name__}: {error.msg}{caret}"
        raise AgentError(msg) from None
    except (ValueError, RecursionError, MemoryError) as error:
        msg = f"{path.name} cannot be read as Python: {error or type(error).__name__}"
        raise AgentError(msg) from None
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise AgentError(msg) from None


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module defines at its top; "*" when that cannot be known."""
    for node in _statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from (leaf.id for leaf in ast.walk(target) if isinstance(leaf, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that a module executes, those under a condition too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for field in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(node, field, ()):
                    yield from _statements(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _takes_observation(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and len(node.args.posonlyargs) + len(node.args.args) in {1, 2}
