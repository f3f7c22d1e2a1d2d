"""Submissions that cannot be played: refused, or, so that one of many keeps nobody from playing, losing each match."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from evalengine.errors import AgentError, UsageError
from evalengine.model import AgentSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

CHOICES = ("forfeit", "refuse")
_FACTORY = "evalengine.builtin.simple:Forfeit"
_ENOUGH = 2  # named agents that can play: then there is a run without the others
_LONGEST = 40
_GIVEN = re.compile(r"([A-Za-z0-9_.-]{1,40})=")


def check_wish(wish: str) -> None:
    """Refuse a wish that is none.

    Raises:
        UsageError: it is neither "forfeit" nor "refuse" nor "".
    """
    if wish and wish not in CHOICES:
        msg = f"broken must be one of {', '.join(map(repr, CHOICES))}, not {wish!r}"
        raise UsageError(msg)


def found(refs: Iterable[str], find: Callable[[str], AgentSpec]) -> list[AgentSpec]:
    """Return what `find` makes of references of agents, with stand-ins for those that exist and cannot be played.

    Raises:
        AgentError: one names nothing that exists, which is a mistake of whoever typed it.
    """
    return list(_found(refs, find))


def _found(refs: Iterable[str], find: Callable[[str], AgentSpec]) -> Iterator[AgentSpec]:
    for ref in refs:
        try:
            yield find(ref)
        except AgentError as error:
            name, path = _named(ref)
            if path is None:
                raise
            yield _made(name, path, str(error))


def stand_in(spec: AgentSpec, error: AgentError) -> AgentSpec:
    """Return what plays, and loses, for an agent whose files cannot be used."""
    return _made(spec.name, Path(spec.path or spec.argv[0]), str(error))


def is_stand_in(spec: AgentSpec) -> bool:
    """Say whether a submission that cannot be played stands behind this agent."""
    return spec.factory == _FACTORY


def check(wish: str, agents: Sequence[AgentSpec], named: int) -> None:
    """Refuse submissions that cannot be played, as `wish` says, or where not enough others are named.

    Args:
        agents: the named ones first.

    Raises:
        AgentError: with each of them and its reason.
    """
    broken = [agent for agent in agents if is_stand_in(agent)]
    sound = sum(not is_stand_in(agent) for agent in agents[:named])
    if not broken or wish == "forfeit" or (not wish and sound >= _ENOUGH):
        return
    reasons = [str(agent.config["reason"]) for agent in broken]
    if len(broken) == 1:
        raise AgentError(reasons[0])
    lines = "".join(f"\n    {agent.name}: {_first_line(reason)}" for agent, reason in zip(broken, reasons, strict=True))
    msg = f"{len(broken)} of {len(agents)} agents cannot be played; --broken forfeit plays the others:{lines}"
    raise AgentError(msg)


def _made(name: str, path: Path, reason: str) -> AgentSpec:
    return AgentSpec(
        name=name,
        path=str(path.absolute()),
        factory=_FACTORY,
        config={"reason": reason},
        note=f"cannot be played, loses each match: {_first_line(reason)}",
        pinned=False,
    )


def _first_line(reason: str) -> str:
    return reason.partition("\n")[0]


def _named(ref: str) -> tuple[str, Path | None]:
    """Return an agent's name and the file or folder behind a reference that could not be loaded, None without one."""
    given = _GIVEN.match(ref)
    text = ref[given.end() :] if given else ref
    path = next((Path(word) for word in _words(text) if _exists(word)), None)
    if given or path is None:
        return given[1] if given else "", path
    # A folder's name is whole: "v1.2" has no suffix.
    stem = path.resolve().name if os.path.isdir(path) else path.stem  # noqa: PTH112 - says no where it may not look
    return re.sub(r"[^A-Za-z0-9_.-]", "_", stem)[:_LONGEST].replace("-vs-", "-vs_") or "agent", path


def _words(text: str) -> Iterator[str]:
    """Yield what may name the file of `FILE`, `FILE:NAME` or `KIND:PROGRAM ARGS?OPTIONS`, the likeliest first."""
    yield text
    yield text.rpartition(":")[0]
    with contextlib.suppress(ValueError):
        yield from reversed(shlex.split(text.partition(":")[2].partition("?")[0]))


def _exists(word: str) -> bool:
    try:
        Path(word).expanduser().lstat()
    except OSError as error:
        return error.errno == errno.EACCES  # who may not look cannot say that nothing is there
    except (ValueError, RuntimeError):  # a NUL; nobody's home
        return False
    return bool(word)
