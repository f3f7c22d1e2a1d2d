"""Names that are hidden: the same alias for the same agent throughout, and nothing of the name elsewhere."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalengine.replays import StoredMatch
    from evalengine.store import Store

_DIGITS = 5  # bytes of an alias; as hex
_LEAST = 3  # characters of a name that is looked for in a game's own texts: shorter ones are words of many games
_PATH = re.compile(r"[^\s'\"=(,]*/(?=[^/'\")]*)")  # folders before a file's name


class Aliases:
    """What stands for each name.

    An alias follows from the name and from `key`: who has the database can find names again, who has an export cannot.
    """

    def __init__(self, key: bytes, names: Iterable[str]) -> None:
        self._key = key
        sought = sorted((name for name in set(names) if len(name) >= _LEAST), key=len, reverse=True)
        either = "|".join(map(re.escape, sought))
        self._sought = re.compile(rf"(?<![A-Za-z0-9])(?:{either})(?![A-Za-z0-9])", re.IGNORECASE) if sought else None
        self._known = {name.lower(): name for name in sought}

    @functools.cache  # noqa: B019 - a few hundred names, and as long as the export
    def name(self, name: str) -> str:
        """Return the alias of an agent's name."""
        return "agent-" + hashlib.blake2b(name.encode(), key=self._key, digest_size=_DIGITS).hexdigest()

    def text(self, text: str) -> str:
        """Return a text with names that stand in it as words replaced."""
        if self._sought is None:
            return text
        return self._sought.sub(lambda found: self.name(self._known[found[0].lower()]), text)

    def ref(self, ref: str) -> str:
        """Return a configured game without names and without the folders of files."""
        return self.text(_PATH.sub("", ref))

    def value(self, value: Any) -> Any:
        """Return a value of msgpack's types with the texts in it replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        return value


def hidden(match: StoredMatch) -> StoredMatch:
    """Return a match without what its agents wrote: anything may stand in it."""
    faults = [{**fault, "detail": "", "traceback": ""} for fault in match.faults]
    turns: list[dict[int | None, Any]] = [
        {seat: Fault(done.kind) if isinstance(done, Fault) else done for seat, done in turn.items()}
        for turn in match.turns
    ]
    return replace(match, row={**match.row, "info": None}, faults=faults, turns=turns, logs=[])


def of_store(store: Store) -> Aliases:
    """Return the aliases of all agents of a database.

    Their key is what only the database holds: the first run's seed and time, and its agents with their digests.
    """
    (run,) = store.rows("select id, seed, started, pid from run order by id limit 1") or [{}]
    digests = store.rows("select version, spec from agent where run = ? order by agent_no", run.get("id", 0))
    made = hashlib.blake2b(person=b"aliases")
    for part in (*run.values(), *(value for row in digests for value in row.values())):
        made.update(repr(part).encode())
    return Aliases(made.digest(), [row["name"] for row in store.rows("select distinct name from agent")])
