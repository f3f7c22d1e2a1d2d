"""Finding a stored match by what a person types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalengine.errors import StoreError, UsageError
from evalengine.replays import read_match
from evalengine.runs import reopen

if TYPE_CHECKING:
    from evalengine.plugins import Plugins
    from evalengine.replays import StoredMatch
    from evalengine.store import Store

_MATCH = re.compile(r"(?:(?P<run>\d+)/)?(?:(?P<name>\S.*)?\[(?P<number>\d+)\]|(?P<bare>\d+))", re.DOTALL)


def read(text: str, store: Store, plugs: Plugins) -> StoredMatch:
    """Return the match that a person means by `[RUN/]GAME::A-vs-B[NUMBER]`, `[RUN/][NUMBER]` or `[RUN/]NUMBER`.

    Raises:
        UsageError: it is no such text, or names another match than its number; StoreError: there is none.
    """
    found = _parsed(text)
    number = int(found["number"] or found["bare"])
    with store.reading():
        run = int(found["run"]) if found["run"] else store.latest_run()
        entry = reopen(store, run, plugs).entry
        match = read_match(run, number, entry, store)
        if match is None:
            raise _missing(run, number)
    named = f"{found['name']}[{number}]"
    if found["name"] and match.name != named:
        msg = f"match {number} of run {run} is {match.name!r}, not {named!r}"
        raise UsageError(msg)
    return match


def numbers(text: str, store: Store) -> tuple[int, int]:
    """Return run and number of a match that a person means, whether or not its game is there.

    Raises:
        UsageError: it is no such text; StoreError: it is not stored.
    """
    found = _parsed(text)
    number = int(found["number"] or found["bare"])
    run = int(found["run"]) if found["run"] else store.latest_run()
    if store.match(run, number) is None:
        raise _missing(run, number)
    return run, number


def _parsed(text: str) -> re.Match[str]:
    found = _MATCH.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} names no match: write GAME::A-vs-B[NUMBER], NUMBER or RUN/NUMBER, or an agent's name"
        raise UsageError(msg)
    return found


def _missing(run: int, number: int) -> StoreError:
    return StoreError(f"run {run} has no stored match {number}; matches count from 0: see evalengine standings {run}")
