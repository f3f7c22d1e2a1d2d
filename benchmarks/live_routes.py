"""A plugin of the server for `sockets`: WebSockets that play and watch live matches, with nothing else around them.

evalengine serve -p live_routes
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from evalengine import hookimpl
from evalengine.errors import LiveError
from evalengine.live.values import Wish


@hookimpl
def evalengine_routes(server: Any) -> list[Any]:
    """Play at /bench/play?agent=NAME, one match after another; watch at /bench/watch/ID."""
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    async def play(socket: Any) -> None:
        agent, game = socket.query_params.get("agent", "random"), socket.query_params.get("game", "connect4")
        await socket.accept()
        live_id = ""
        try:
            while True:
                opened = await server.live.open(Wish(game=game, seats=[None, agent]))
                live_id, token = opened.id, opened.seats[0].token
                async for position in await server.live.subscribe(live_id, token):
                    if position.question is not None:
                        await socket.send_text(json.dumps([live_id, position.turn, list(position.question.legal)]))
                        action = json.loads(await socket.receive_text())
                        await server.live.act(live_id, token, action, turn=position.turn)
        except WebSocketDisconnect:
            if live_id:
                with contextlib.suppress(LiveError):
                    await server.live.close(live_id)

    written: dict[int, tuple[Any, str]] = {}

    async def watch(socket: Any) -> None:
        await socket.accept()
        feed = await server.live.subscribe(socket.path_params["id"])
        with contextlib.closing(feed), contextlib.suppress(WebSocketDisconnect):
            async for position in feed:
                if written.get(0, (None, ""))[0] is not position:  # a thousand spectators share it
                    written[0] = position, json.dumps([position.turn, position.state, position.view])
                await socket.send_text(written[0][1])
            await socket.close()

    return [WebSocketRoute("/bench/play", play), WebSocketRoute("/bench/watch/{id}", watch)]
