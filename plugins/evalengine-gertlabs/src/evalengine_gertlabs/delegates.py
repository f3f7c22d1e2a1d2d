"""Single turns that a player hands to a provider: asked for an action, and told why when the last one was refused."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine.errors import LiveError, Why
from evalengine_gertlabs.asking import AskingError
from evalengine_gertlabs.observations import observation

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.providers import Provider
    from evalengine_gertlabs.seat_calls import SeatCalls

_AT_ONCE = 8  # each keeps a thread waiting


class Delegates:
    """Providers as they choose for one turn."""

    def __init__(self, api: Api, calls: SeatCalls) -> None:
        self._api = api
        self._calls = calls
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def payload(self, session_id: str, token: str, provider: Provider, model: str | None) -> tuple[Any, int]:
        """Return what a provider would do in the turn that the seat of a token is asked now, and that turn.

        Raises:
            LiveError: the seat is not asked now; RefusedError: 502, the provider did not answer.
        """
        looked = await self._calls.look(session_id, token)
        asked = observation(looked.position, looked.feedback)
        if asked is None:
            raise LiveError(Why.ASKED, "this seat is not asked now")
        listed = await self._api.live.show(session_id)
        rules = await self._api.server.call(self._api.catalog.prompt_of, listed.game)
        try:
            async with self._room:
                return await _in_thread(lambda: provider.choose(rules, asked, model)), looked.position.turn
        except AskingError as error:
            raise RefusedError(502, "PROVIDER_FAILED", str(error)) from error


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Return what a function returns that may take minutes; the server's other work and its end do not wait for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def told(set_it: Callable[[Any], None], value: Any) -> None:
        if not done.done():  # else nobody waits any more
            set_it(value)

    def run() -> None:
        try:
            answer = done.set_result, function()
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            answer = done.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(told, *answer)

    threading.Thread(target=run, daemon=True).start()
    return await done
