"""WebSocket support for live play and spectating.

Wraps websocket-client in a small context-managed iterator. Player connections
authenticate by sending the player token as the first message; spectator
connections send the API key as an upgrade header.
"""

import json

from . import exceptions

try:
    from websocket import create_connection
    from websocket import WebSocketConnectionClosedException as _Closed
except ImportError as e:  # pragma: no cover - websocket-client is a hard dependency
    raise ImportError("websocket-client is required: pip install websocket-client") from e


def ws_url(base_url, path):
    """Turn an http(s) API base URL into a ws(s) URL for the given path."""
    scheme, _, rest = base_url.partition("://")
    ws_scheme = "wss" if scheme == "https" else "ws"
    return f"{ws_scheme}://{rest}{path}"


class PlaySocket:
    """A live session WebSocket. Iterate it to receive parsed JSON messages.

    Use as a context manager so the connection is always closed::

        with client.play.spectate(session_id) as ws:
            for msg in ws:
                if msg["type"] == "game_completed":
                    break
    """

    def __init__(self, url, headers=None, player_token=None, timeout=60.0):
        header = [f"{k}: {v}" for k, v in (headers or {}).items()]
        self._ws = create_connection(url, header=header, timeout=timeout)
        if player_token:
            self.send({"type": "auth", "token": player_token})
            msg = self.recv()
            if not msg or msg.get("type") != "connected":
                self.close()
                raise exceptions.AuthenticationError(
                    f"player WebSocket auth failed: {msg.get('message') if msg else 'connection closed'}"
                )
            self.player_id = msg.get("player_id")

    def send(self, message):
        self._ws.send(json.dumps(message))

    def recv(self):
        """Receive and parse one message, or return None if the socket closed."""
        try:
            raw = self._ws.recv()
        except _Closed:
            return None
        if not raw:
            return None
        return json.loads(raw)

    def send_action(self, payload, action_id=None):
        msg = {"type": "action", "payload": payload}
        if action_id is not None:
            msg["action_id"] = action_id
        self.send(msg)

    def delegate(self, provider_id, model=None, **kwargs):
        """Delegate this turn's action to an LLM provider (server-side inference)."""
        msg = {"type": "delegate", "provider_id": provider_id, "model": model, **kwargs}
        self.send({k: v for k, v in msg.items() if v is not None})

    def ping(self):
        self.send({"type": "ping"})

    def __iter__(self):
        while True:
            msg = self.recv()
            if msg is None:
                return
            yield msg

    def close(self):
        try:
            self._ws.close()
        except Exception:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
