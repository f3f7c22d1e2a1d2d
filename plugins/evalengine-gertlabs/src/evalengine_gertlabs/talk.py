"""One open WebSocket: messages are JSON objects, sent within a limit, read no faster than a rate."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.observations import written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SEND_S = 20.0  # for one message to be taken; who reads more slowly is dropped
PER_S, BURST = 100.0, 200.0  # messages of a client that are read in a second, and at once
_NORMAL, _GOING_AWAY, _POLICY = 1000, 1012, 1008  # codes of WebSockets' ends


class DroppedError(Exception):
    """The client is gone, or so slow that it is as good as gone."""


class Talk:
    """An accepted WebSocket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._tokens, self._when = BURST, time.monotonic()

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a message.

        Raises:
            DroppedError: the client does not take it.
        """
        await self.send_text(written({"type": kind, **fields}))

    async def send_text(self, text: str) -> None:
        """Send a message that is written already.

        Raises:
            DroppedError: as `send`.
        """
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send({"type": "websocket.send", "text": text})
        except (TimeoutError, RuntimeError, OSError) as error:
            raise DroppedError from error
        except Exception as error:
            if type(error).__name__ in {
                "ClientDisconnected",
                "WebSocketDisconnect",
            }:  # the server's and the framework's
                raise DroppedError from error
            raise

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Give what the client sends, slower than it would where it sends too fast; what is none is answered."""
        while True:
            text = await self._heard()
            if text is None:
                return
            found = _parsed(text)
            if found is None:
                await self.refuse("INVALID_MESSAGE", "a message is a JSON object with a type")
            else:
                yield found

    async def first(self, limit_s: float) -> dict[str, Any] | None:
        """Return the first message, None when it does not come in time, or is none."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                text = await self._heard()
                return None if text is None else _parsed(text)
        return None

    async def refuse(self, code: str, message: str, **more: Any) -> None:
        """Tell the client what it did wrong."""
        await self.send("error", code=code, message=message, **more)

    async def close(self, *, refused: bool = False, stopping: bool = False) -> None:
        """End it: the server reads on until the client has ended it, too, and then closes the connection."""
        code = _POLICY if refused else _GOING_AWAY if stopping else _NORMAL
        with contextlib.suppress(Exception):  # whatever it is: the connection is gone, or goes with this call's return
            async with asyncio.timeout(SEND_S):
                await self._socket.send({"type": "websocket.close", "code": code, "reason": ""})

    async def _heard(self) -> str | bytes | None:
        await self._wait_turn()
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            return None
        text = message.get("text")
        found: str | bytes = text if text is not None else message.get("bytes", b"")
        return found

    async def _wait_turn(self) -> None:
        """Take one of the tokens of reading; while none is left the client's messages wait in its own machine."""
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._when) * PER_S) - 1
        self._when = now
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / PER_S)


def _parsed(text: str | bytes) -> dict[str, Any] | None:
    """Return a message as an object with a type, None when it is nothing of the kind."""
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None


def _no_number(text: str) -> None:
    msg = f"{text} is no number"
    raise ValueError(msg)
