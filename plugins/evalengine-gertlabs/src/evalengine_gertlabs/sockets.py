"""Play and watch over WebSockets.

A player shows the seat's token in its first message, and is told nothing before `connected`. Who comes late, or again,
is told the end. The server pings every 20 seconds and misses no answer: a client that computes does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine.errors import LiveError
from evalengine.live.values import ENDED, FAILED, WAITING
from evalengine_gertlabs import owners, players, replies, sessions
from evalengine_gertlabs.delegates import Delegates
from evalengine_gertlabs.observations import player_id, written
from evalengine_gertlabs.talk import DroppedError, Talk
from evalengine_gertlabs.wishes import NOTE, PRIVATE

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from evalengine.live.feeds import Feed
    from evalengine.live.values import Position
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.seat_calls import SeatCalls

_AUTH_S = 15.0  # for the first message


class Sockets:
    """The two kinds of sockets."""

    def __init__(self, api: Api, calls: SeatCalls) -> None:
        self._api = api
        self._calls = calls
        self._delegates = Delegates(api, calls)
        self._written: dict[str, tuple[Position, str]] = {}  # the last state by session: a thousand spectators share it

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import WebSocketRoute

        return [
            WebSocketRoute("/play/{id}/ws", self.play),
            WebSocketRoute("/spectate/{id}", self.spectate),
        ]

    # ------------------------------------------------------------------------------- a player

    async def play(self, socket: Any) -> None:
        """Let the holder of a token play its seat."""
        await socket.accept()
        talk, session_id = Talk(socket), socket.path_params["id"]
        with contextlib.suppress(DroppedError):
            token = await self._token(talk)
            if token is None:
                return
            try:
                feed = await self._api.live.subscribe(session_id, token)
            except LiveError as error:
                refused = replies.of_live(error)
                await talk.refuse(refused.code, refused.message)
                await talk.close(refused=True)
                return
            with contextlib.closing(feed):
                await self._seated(talk, session_id, token, feed)

    async def _token(self, talk: Talk) -> str | None:
        """Return the token that the first message shows; else refuse, and return None."""
        message = await talk.first(_AUTH_S) or {}
        token = message.get("token")
        if message.get("type") == "auth" and isinstance(token, str):
            return token
        await talk.refuse("INVALID_TOKEN", 'the first message must be {"type": "auth", "token": a player_token}')
        await talk.close(refused=True)
        return None

    async def _seated(self, talk: Talk, session_id: str, token: str, feed: Feed) -> None:
        assert feed.seat is not None
        with self._calls.following(session_id, feed.seat) as left:
            await talk.send("connected", player_id=player_id(feed.seat), session_id=session_id)
            player = players.Player(self._api, self._calls, self._delegates, talk, session_id, token, feed.seat)
            await self._until_one_ends(talk, player.tell(feed), player.listen(), self._lost(talk, left))

    @staticmethod
    async def _lost(talk: Talk, left: asyncio.Future[str]) -> None:
        """Tell a player that its seat is no longer its own."""
        why = await left
        await talk.send("player_failed", reason=why)

    # ---------------------------------------------------------------------------- a spectator

    async def spectate(self, socket: Any) -> None:
        """Let somebody watch: anybody, or of a private session its owner alone."""
        session_id = socket.path_params["id"]
        await self._check_may_watch(socket, session_id)
        feed = await self._api.live.subscribe(session_id)
        with contextlib.closing(feed), contextlib.suppress(DroppedError):
            await socket.accept()
            talk = Talk(socket)
            try:
                await self._until_one_ends(talk, self._show(talk, session_id, feed), _hear_pings(talk))
            finally:
                self._written.pop(session_id, None)  # made anew for the others, if there are any

    async def _check_may_watch(self, socket: Any, session_id: str) -> None:
        """Refuse at the upgrade, with a status of HTTP.

        Raises:
            RefusedError: it says why.
        """
        found = await sessions.find(self._api, session_id)
        if found.note[NOTE]["spectate_mode"] not in PRIVATE:
            return
        asker = await owners.reader(self._api, socket)
        if not asker.may_see(found.holder.removeprefix(sessions.holder(""))):
            raise RefusedError(403, "FORBIDDEN", "this session is private: its owner's keys watch it")

    async def _show(self, talk: Talk, session_id: str, feed: Feed) -> None:
        started = False
        async for position in feed:
            if not started and position.state not in {WAITING, FAILED}:
                started = True
                await talk.send("game_started", players=await players.players(self._api, session_id))
            if position.state in ENDED:
                await talk.send("game_completed", **players.end(position))
            else:
                await talk.send_text(self._state(session_id, position))

    def _state(self, session_id: str, position: Position) -> str:
        """Return what all spectators are told of a position, written once."""
        known = self._written.get(session_id)
        if known is None or known[0] is not position:
            message = {
                "type": "state",
                "status": position.state,
                "tick": position.turn,
                "data": position.view,
                "to_move": [player_id(seat) for seat in position.to_move],
                "last_actions": {player_id(seat): text for seat, text in (position.last or {}).items()},
            }
            known = self._written[session_id] = position, written(message)
        return known[1]

    # --------------------------------------------------------------------------------- both

    async def _until_one_ends(self, talk: Talk, *parts: Coroutine[Any, Any, None]) -> None:
        """Do all at once until one of them ends, or the server does; then close.

        Raises:
            DroppedError: the client is gone.
        """
        stop = asyncio.ensure_future(self._api.server.closing.wait())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await talk.close(stopping=stop in done)
        finally:
            for task in (stop, *tasks):
                task.cancel()
            await asyncio.gather(stop, *tasks, return_exceptions=True)


async def _hear_pings(talk: Talk) -> None:
    async for message in talk.messages():
        if message["type"] == "ping":
            await talk.send("pong")
        else:
            await talk.refuse("UNKNOWN_TYPE", "a spectator may send ping, and nothing else")
