"""Submissions that a provider writes: in a request where that takes no time, else by a job, or in a build."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError, UsageError, references
from evalengine_gertlabs import settings, source
from evalengine_gertlabs.asking import AskingError
from evalengine_gertlabs.providers import Providers
from evalengine_gertlabs.works import Doing

if TYPE_CHECKING:
    from pathlib import Path

    from evalengine import GameSpec, Work
    from evalengine.web.rows import Rows
    from evalengine_gertlabs.providers import Provider
    from evalengine_gertlabs.source import Checked

TRIES = 3  # source that cannot be read is asked for again


def new_id() -> str:
    """Return the id of a submission."""
    return f"sub_{secrets.token_hex(8)}"


def provider_of(name: str) -> Provider:
    """Return a provider, in a job's process.

    Raises:
        UsageError: there is none any more.
    """
    try:
        return Providers(settings.read()).find(name)
    except RefusedError as error:
        raise UsageError(error.message) from None


def generate(work: Work) -> dict[str, Any]:
    """Have the submission of a job written; return its id.

    Raises:
        UsageError: nothing that can be used was written; the text says why.
    """
    with Doing(work) as doing:
        params = doing.row.params
        (row,) = doing.rows.read("select * from gert_submission where work = ?", doing.row.ticket)
        game = references.find("game", row["game"], work.plugins.games())
        if row["state"] != "ready":
            tries = int(params["tries"])
            wrote = written(provider_of(params["provider"]), game, int(params["number"]), params["model"], tries)
            keep(doing.rows, work.db, row["id"], *wrote)
        return {"submission_id": row["id"]}


def written(
    provider: Provider, game: GameSpec, number: int, model: str | None, tries: int = TRIES
) -> tuple[Checked, str, str]:
    """Return an agent that a provider wrote, its model and its notes.

    Raises:
        UsageError: nothing that can be used was written; the text says why.
    """
    wrong = ""
    for _ in range(tries):
        try:
            code = provider.write(game, number, model, wrong)
            return source.checked(source.sized({"agent.py": code.text})), code.model, code.notes
        except AskingError as error:
            raise UsageError(str(error)) from None
        except RefusedError as error:
            wrong = error.message
    msg = f"{provider.id} wrote nothing that can be used in {tries} tries: {wrong}"
    raise UsageError(msg)


def keep(  # noqa: PLR0917 - what a submission is
    rows: Rows, db: Path, name: str, found: Checked, model: str, notes: str
) -> None:
    """Store the files of a submission that had none yet."""
    spec = source.stored(db, name, found)
    sql = """update gert_submission set state = 'ready', files = ?, entry = ?, digest = ?, model = ?, notes = ?
        where id = ?"""
    rows.change(sql, json.dumps(dict(found.files)), spec.entry, spec.version, model, notes, name)


def in_build(doing: Doing, game: GameSpec, place: int, provider: Provider, model: str | None) -> str | None:
    """Return the submission of a place in a build, written now unless it is there; None: it could not be.

    Raises:
        UsageError: the provider cannot be asked at all.
    """
    sql = "select id, state from gert_submission where work = ? and game = ? and place = ?"
    found = doing.rows.read(sql, doing.row.ticket, game.name, place)
    if not found:
        insert = """insert into gert_submission (id, owner, game, language, state, files, provider, provider_source,
            work, place, created) values (?, ?, ?, 'python', 'generating', '{}', ?, ?, ?, ?, ?)"""
        values = (
            new_id(),
            doing.row.owner,
            game.name,
            provider.name,
            provider.source,
            doing.row.ticket,
            place,
            time.time(),
        )
        doing.rows.change(insert, *values)
        found = doing.rows.read(sql, doing.row.ticket, game.name, place)
    name, state = found[0]
    if state == "generating":
        try:
            keep(doing.rows, doing.work.db, name, *written(provider, game, place, model))
        except UsageError as error:
            sql = "update gert_submission set state = 'failed', error = ? where id = ?"
            doing.rows.change(sql, str(error)[:2000], name)
            return None
    return str(name) if state != "failed" else None
