"""Sessions, which are live matches, as their owner looks at them: a list, one, its log, its branches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalengine.errors import LiveError, Why
from evalengine.live.values import ACTIVE, COMPLETED, ENDED, FAILED, WAITING
from evalengine.model import Fault
from evalengine_gertlabs import branch_scores, fields, owners, paging, replies
from evalengine_gertlabs.observations import by_player, player_id
from evalengine_gertlabs.wishes import NOTE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from evalengine.live.rows import Done
    from evalengine.live.values import Listed
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker

_STATES = (WAITING, ACTIVE, COMPLETED, FAILED)
_HOLDER = "gertlabs/"
_CHUNK = 100
_MOST_BRANCHES = 1_000  # of one session that are listed


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    sessions = _Sessions(api)
    return [
        replies.route("/sessions", sessions.list),
        replies.route("/sessions/{id}", sessions.show),
        replies.route("/sessions/{id}", sessions.delete, "DELETE"),
        replies.route("/sessions/{id}/logs", sessions.logs),
        replies.route("/sessions/{id}/branches", sessions.branches),
        replies.route("/sessions/{id}/branch-scores", sessions.scores),
    ]


def holder(owner: str) -> str:
    """Return by what live matches of somebody are known among those of other doors to them."""
    return _HOLDER + owner


async def find(api: Api, session_id: str, asker: Asker | None = None, *, takes_part: bool = False) -> Listed:
    """Return a session of this API that was not deleted; of the asker, if one is given.

    Args:
        takes_part: whether holding a seat of it is enough, too.

    Raises:
        RefusedError: 404, there is none that this one may see.
    """
    found = await _shown(api, session_id)
    if found is not None and NOTE in found.note and not await _is_gone(api, session_id):
        own = asker is None or asker.may_see(found.holder.removeprefix(_HOLDER))
        if own or (takes_part and await _takes_part(api, found.run, asker)):
            return found
    what = f"session {session_id[:40]!r}"
    raise replies.not_found(what)


async def _shown(api: Api, session_id: str) -> Listed | None:
    try:
        return await api.live.show(session_id)
    except LiveError as error:
        if error.code is Why.UNKNOWN:
            return None
        raise


async def _is_gone(api: Api, session_id: str) -> bool:
    return bool(await api.read("select 1 from gert_session_gone where id = ?", session_id))


async def _takes_part(api: Api, run: int, asker: Asker | None) -> bool:
    who = "" if asker is None else holder(asker.owner)
    return bool(await api.read("select 1 from live_token where run = ? and holder = ? limit 1", run, who))


def view(found: Listed) -> dict[str, Any]:
    """Return a session as its owner sees it."""
    note, position = found.note[NOTE], found.position
    remote = {*found.remote}
    players = [
        {
            "player_id": player_id(seat),
            "type": "remote" if seat in remote else "ai",
            "agent": None if seat in remote else name,
        }
        for seat, name in enumerate(found.agents)
    ]
    return {
        "session_id": found.id,
        "game": note["slug"],
        "game_slug": note["slug"],
        "configured": found.game,
        "status": position.state,
        "failure_reason": position.reason or None,
        "tick": position.turn,
        "max_ticks": note["max_ticks"],
        "player_count": len(players),
        "players": players,
        "spectate_mode": note["spectate_mode"],
        "ai_mode": note["ai_mode"],
        "custom_provider_id": note["custom_provider_id"],
        "scores": by_player(position.scores) if position.scores is not None else None,
        "places": by_player(position.places) if position.places is not None else None,
        "termination": position.termination,
        "parent_session_id": found.parent,
        "branch_tick": found.turn,
        "match": f"{found.run}/0",
        "created_at": when(found.created),
        "ended_at": when(found.ended),
    }


def when(seconds: float | None) -> str | None:
    """Return a moment as clients read it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


class _Sessions:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, request: Any) -> Any:
        """List one's own sessions, the newest first: `?status=`, `?game=`."""
        asker = await owners.reader(self._api, request)
        query = fields.of_query(request)
        state, game = query.choice("status", _STATES, None), query.text("game", None)
        page = paging.page(request, "sessions", int)
        (before,) = page.after or (None,)
        rows: list[Listed] = []
        async for one in self._own(holder(asker.owner), state, before):
            if game in {None, one.note[NOTE]["slug"]}:
                rows.append(one)
            if len(rows) == page.read:
                break
        return paging.reply(request, page, rows, lambda one: (one.run,), view)

    async def _own(self, who: str, state: str | None, before: int | None) -> AsyncIterator[Listed]:
        while found := await self._api.live.listed(holder=who, state=state, before=before, limit=_CHUNK):
            before = found[-1].run
            gone = await self._gone(found)
            for one in found:
                if one.id not in gone and NOTE in one.note:
                    yield one

    async def _gone(self, found: Sequence[Listed]) -> set[str]:
        """Return which of some sessions were deleted."""
        marks = ", ".join("?" * len(found))
        sql = f"select id from gert_session_gone where id in ({marks})"  # noqa: S608 - question marks
        return {row[0] for row in await self._api.read(sql, *(one.id for one in found))}

    async def show(self, request: Any) -> Any:
        """Show one session, to its owner and those who play in it."""
        return replies.result(request, view(await self._found(request, takes_part=True)))

    async def delete(self, request: Any) -> Any:
        """End a session if it goes on, and show it no more; the match, its branches and its replay stay stored."""
        asker = await owners.asker(self._api, request, "play")
        found = await find(self._api, request.path_params["id"], asker)
        await self._api.live.close(found.id, "deleted")
        await self._api.change("insert into gert_session_gone values (?) on conflict do nothing", found.id)
        return replies.nothing()

    async def logs(self, request: Any) -> Any:
        """Show what each seat did, turn by turn; of a game that hides something once it has ended."""
        found = await self._found(request, takes_part=True)
        ended = found.position.state in ENDED
        spec = self._api.catalog.find(found.note[NOTE]["slug"])
        told = ended or spec.information == "perfect"
        done = await self._api.live.turns(found.id) if told else []
        tick = found.position.turn
        entries = [_entry(one, ended=ended) for one in done if ended or one.turn < tick]
        return replies.result(request, {"session_id": found.id, "status": found.position.state, "logs": entries})

    async def branches(self, request: Any) -> Any:
        """List what continues a session."""
        found = await self._found(request)
        children = await children_of(self._api, found.id)
        gone = await self._gone(children)
        shown = [view(child) for child in children if child.id not in gone]
        return replies.result(request, {"session_id": found.id, "branches": shown})

    async def scores(self, request: Any) -> Any:
        """Show how a session's branches ended, by what was done first in them: `?tick=`, `?player_id=`."""
        found = await self._found(request)
        query = fields.of_query(request)
        tick, player = query.whole("tick", None), query.text("player_id", None)
        points = await branch_scores.points(self._api, found, await children_of(self._api, found.id), tick, player)
        return replies.result(request, {"session_id": found.id, "decision_points": points})

    async def _found(self, request: Any, *, takes_part: bool = False) -> Listed:
        asker = await owners.reader(self._api, request)
        return await find(self._api, request.path_params["id"], asker, takes_part=takes_part)


async def children_of(api: Api, session_id: str) -> Sequence[Listed]:
    """Return the sessions that continue one, the oldest first; deleted ones too, which are samples as the others."""
    found: list[Listed] = []
    before = None
    while len(found) < _MOST_BRANCHES:
        some = await api.live.listed(parent=session_id, before=before, limit=_CHUNK)
        found += [one for one in some if NOTE in one.note]
        if len(some) < _CHUNK:
            break
        before = some[-1].run
    return found[::-1]


def _entry(one: Done, *, ended: bool) -> dict[str, Any]:
    fault = one.what if isinstance(one.what, Fault) else None
    return {
        "tick": one.turn,
        "player_id": player_id(one.seat),
        "action": None if fault else one.what,
        "fault": None if fault is None else {"kind": fault.kind, "detail": fault.detail},
        "info": one.info if ended else None,  # what an agent thought is no matter of those it plays
        "think_ms": one.think_us / 1000,
    }
