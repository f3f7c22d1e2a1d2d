"""Play over HTTP: sessions are opened, joined and continued with a key, and played with a seat's token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine.live.values import ACTIVE, ENDED, WAITING
from evalengine_gertlabs import fields, owners, replies, seat_calls, sessions, wishes
from evalengine_gertlabs.lobby import Lobby
from evalengine_gertlabs.observations import by_player, observation, player_id
from evalengine_gertlabs.seat_calls import SeatCalls
from evalengine_gertlabs.sockets import Sockets
from evalengine_gertlabs.wishes import NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.live.values import Listed, Opened
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker

MOST_OPEN = 400  # sessions of one owner that have not ended
_FIRST_S = 5.0  # for the first question of a session that is active: who is told of it may answer at once
_LONGEST_ID = 200


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    calls = SeatCalls(api)
    play, lobby = _Play(api, calls), Lobby(api)
    api.server.on_start(lobby.begin)
    api.server.on_stop(lobby.end)
    return [
        replies.route("/play", play.create, "POST"),
        replies.route("/play/{id}", play.show),
        replies.route("/play/{id}/join", play.join, "POST"),
        replies.route("/play/{id}/act", play.act, "POST"),
        replies.route("/play/{id}/leave", play.leave, "POST"),
        replies.route("/play/{id}/branch", play.branch, "POST"),
        *Sockets(api, calls).routes(),
    ]


class _Play:
    def __init__(self, api: Api, calls: SeatCalls) -> None:
        self._api = api
        self._calls = calls

    # -------------------------------------------------------------------------------- with a key

    async def create(self, request: Any) -> Any:
        """Open a session; it is active at once unless others are to join."""
        asker = await owners.asker(self._api, request, "play")
        asked = wishes.read(await fields.of_body(request), self._api)
        await self._check_room(asker, 1)
        wish, game = await self._api.server.call(wishes.made, asked, self._api, sessions.holder(asker.owner))
        prompt = await self._api.server.call(self._api.catalog.prompt, game)
        opened = await self._api.live.open(wish)
        return replies.result(request, await self._told(opened, prompt), 201)

    async def join(self, request: Any) -> Any:
        """Take a seat of a session, those that the same owner holds already if there are any."""
        asker = await owners.asker(self._api, request, "play")
        found = await sessions.find(self._api, request.path_params["id"])
        every = await self._api.live.rejoin(found.id, sessions.holder(asker.owner))
        taken = every[0]
        if (await self._api.live.observe(found.id)).state == ACTIVE:  # the last seat begins it
            await seat_calls.first_position(self._api, found.id, taken.token, _FIRST_S)
        seats = [_seat(one.seat, one.token) for one in every]
        shown = sessions.view(await self._api.live.show(found.id))
        return replies.result(request, {"session_id": found.id, **seats[0], "seats": seats, "session": shown})

    async def branch(self, request: Any) -> Any:
        """Open sessions that continue one: `{"count", "tick", "luck"}`."""
        asker = await owners.asker(self._api, request, "play")
        found = await sessions.find(self._api, request.path_params["id"], asker)
        body = await fields.of_body(request)
        count = body.whole("count", 1, least=1, most=64)
        tick, luck = body.whole("tick", None), body.choice("luck", ("fresh", "same"), None)
        if found.position.state == WAITING:
            msg = "the session has not begun: branch it once all its seats are taken"
            raise replies.conflict(msg, "NOT_ACTIVE")
        await self._check_room(asker, count)
        self._check_fair(found)
        who = sessions.holder(asker.owner)
        made = await self._api.live.branch(found.id, tick, count, luck, who)
        children = [await self._told(opened, None) for opened in made]
        told = {**children[0], "parent_session_id": found.id, "branches": children}
        return replies.result(request, told, 201)

    def _check_fair(self, found: Listed) -> None:
        """Refuse to show an owner the hands of those who joined; when it is over it is no secret any more."""
        spec = self._api.catalog.find(found.note[NOTE]["slug"])
        others = len(found.remote) > found.note[NOTE]["taken"]
        if others and spec.information != "perfect" and found.position.state not in ENDED:
            msg = "others play in this session, and the game hides something: branch it when it has ended"
            raise replies.conflict(msg, "NOT_ENDED")

    async def _check_room(self, asker: Asker, count: int) -> None:
        sql = "select count(*) from live where state in ('waiting', 'active') and owner = ?"
        ((open_now,),) = await self._api.read(sql, sessions.holder(asker.owner))
        if open_now + count > MOST_OPEN:
            told = f"you have {open_now} sessions that have not ended: end some, {MOST_OPEN} is the most"
            raise RefusedError(429, "TOO_MANY_SESSIONS", told)

    async def _told(self, opened: Opened, prompt: str | None) -> dict[str, Any]:
        """Return what is told of a session that was opened."""
        seats = [_seat(one.seat, one.token) for one in opened.seats]
        told: dict[str, Any] = {"session_id": opened.id, "status": opened.state, "seats": seats}
        if seats and opened.state == ACTIVE:
            first = await seat_calls.first_position(self._api, opened.id, opened.seats[0].token, _FIRST_S)
            told["observation"] = None if first is None else observation(first)
        # As it was opened: it may have gone on, but clients ask whether it began.
        told["session"] = {**sessions.view(await self._api.live.show(opened.id)), "status": opened.state}
        if len(seats) == 1:
            told.update(seats[0])
        if prompt is not None:
            told["prompt"] = prompt
        return told

    # ------------------------------------------------------------------------- with a seat's token

    async def show(self, request: Any) -> Any:
        """Show a seat where its session stands, and what it is asked."""
        session_id = request.path_params["id"]
        looked = await self._calls.look(session_id, _token(request))
        position = looked.position
        told = {
            "session_id": session_id,
            "player_id": player_id(looked.seat),
            "status": position.state,
            "failure_reason": position.reason or None,
            "tick": position.turn,
            "observation": observation(position, looked.feedback),
            "to_move": [player_id(seat) for seat in position.to_move],
            "scores": by_player(position.scores) if position.scores is not None else None,
            "places": by_player(position.places) if position.places is not None else None,
        }
        return replies.result(request, told)

    async def act(self, request: Any) -> Any:
        """Act for a seat: `{"payload", "action_id", "tick"}`."""
        token = _token(request)
        body = await fields.of_body(request)
        payload, action_id = body.any("payload"), body.text("action_id", None, most=_LONGEST_ID)
        turn = body.whole("tick", None)
        told = await self._calls.act(request.path_params["id"], token, payload, action_id, turn)
        return replies.result(request, told)

    async def leave(self, request: Any) -> Any:
        """Leave a seat to an agent."""
        session_id, token = request.path_params["id"], _token(request)
        ended = (await self._calls.look(session_id, token)).position.state in ENDED
        if not ended:
            await self._calls.leave(session_id, token, "left")
        return replies.result(request, {"session_id": session_id, "left": not ended})


def _seat(seat: int, token: str) -> dict[str, Any]:
    return {"player_id": player_id(seat), "player_token": token}


def _token(request: Any) -> str:
    """Return the token that a request shows.

    Raises:
        RefusedError: it shows none.
    """
    found: str = request.headers.get("x-player-token", "")
    if not found:
        raise RefusedError(401, "INVALID_TOKEN", "X-Player-Token is missing: the player_token of a seat")
    return found
