"""The socket of a player: what it is told, and what it says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine.errors import EvalengineError
from evalengine.live.values import ENDED, WAITING
from evalengine_gertlabs import replies, sessions
from evalengine_gertlabs.fields import Fields
from evalengine_gertlabs.observations import by_player, observation

if TYPE_CHECKING:
    from evalengine.live.feeds import Feed
    from evalengine.live.values import Position
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.delegates import Delegates
    from evalengine_gertlabs.seat_calls import SeatCalls
    from evalengine_gertlabs.talk import Talk

_LONGEST_ID = 200
_TRIES = 3  # of a provider in one turn


class Player:
    """The socket of one seat."""

    def __init__(  # noqa: PLR0917 - who it is, and whom it asks
        self, api: Api, calls: SeatCalls, delegates: Delegates, talk: Talk, session_id: str, token: str, seat: int
    ) -> None:
        self._api = api
        self._calls = calls
        self._delegates = delegates
        self._talk = talk
        self._session_id = session_id
        self._token = token
        self._seat = seat
        self._order = asyncio.Lock()  # what came of an action is told before what follows from it

    async def tell(self, feed: Feed) -> None:
        """Tell each question, and the end."""
        started = False
        async for position in feed:
            if not started and position.state != WAITING:
                started = True
                await self._talk.send("game_started", players=await players(self._api, self._session_id))
            async with self._order:
                if position.state in ENDED:
                    await self._talk.send("game_completed", **end(position))
                elif position.question is not None:
                    await self._ask(position)

    async def _ask(self, position: Position) -> None:
        feedback = self._calls.feedback(self._session_id, self._seat, position.turn)
        await self._talk.send("observation", data=observation(position, feedback), tick=position.turn)

    async def listen(self) -> None:
        """Do what the client says until it hangs up."""
        async for message in self._talk.messages():
            kind = message["type"]
            if kind == "action":
                await self._act(message)
            elif kind == "ping":
                await self._talk.send("pong")
            elif kind == "delegate":
                await self._delegate(message)
            else:
                await self._talk.refuse("UNKNOWN_TYPE", f"there is no message {kind[:40]!r}: action, delegate, ping")

    async def _act(self, message: dict[str, Any]) -> None:
        action_id, tick = message.get("action_id"), message.get("tick")
        if "payload" not in message:
            await self._talk.refuse("VALIDATION_ERROR", "payload is missing", field="payload")
            return
        named = action_id is None or (isinstance(action_id, str) and 0 < len(action_id) <= _LONGEST_ID)
        if not named or not (tick is None or type(tick) is int):
            wanted = f"action_id must be a text of 1 to {_LONGEST_ID} characters, and tick a whole number"
            await self._talk.refuse("VALIDATION_ERROR", wanted)
            return
        try:
            done = await self._answer(message["payload"], action_id, tick)
        except EvalengineError as error:
            await self._refused(error, action_id)
            return
        if not done:
            looked = await self._calls.look(self._session_id, self._token)
            if looked.position.question is not None:
                await self._ask(looked.position)

    async def _delegate(self, message: dict[str, Any]) -> None:
        """Have a provider act in this turn; one whose action is refused is told why and asked again."""
        fields = Fields(message)
        try:
            provider = self._api.providers.find(fields.text("provider_id"))
            model = fields.text("model", None)
            for left in reversed(range(_TRIES)):
                payload, turn = await self._delegates.payload(self._session_id, self._token, provider, model)
                if await self._answer(payload, None, turn, tell_refusal=not left):
                    return
        except (RefusedError, EvalengineError) as error:
            await self._refused(error, None)

    async def _answer(
        self, payload: Any, action_id: str | None, turn: int | None, *, tell_refusal: bool = True
    ) -> bool:
        """Act, and tell what came of it before anything else is told; say whether there is nothing more to do."""
        async with self._order:
            told = await self._calls.act(self._session_id, self._token, payload, action_id, turn)
            if told["accepted"] or tell_refusal:
                await self._talk.send("action_result", action_id=action_id, **told)
        return bool(told["accepted"] or told["seat_lost"])

    async def _refused(self, error: RefusedError | EvalengineError, action_id: str | None) -> None:
        refused = error if isinstance(error, RefusedError) else replies.refusal(error)
        await self._talk.refuse(refused.code, refused.message, action_id=action_id)


async def players(api: Api, session_id: str) -> list[dict[str, Any]]:
    """Return who plays a session, as `game_started` tells it."""
    found: list[dict[str, Any]] = sessions.view(await api.live.show(session_id))["players"]
    return found


def end(position: Position) -> dict[str, Any]:
    """Return how a session ended, as `game_completed` tells it."""
    return {
        "scores": by_player(position.scores),
        "places": by_player(position.places),
        "status": position.state,
        "failure_reason": position.reason or None,
        "tick": position.turn,
    }
