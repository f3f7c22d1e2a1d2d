"""Servers that agents ask over real sockets: scripted, threaded, with all that they were asked. No tests here."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LEGAL = re.compile(r"^\[\d+\] (.+)$", re.MULTILINE)


class Server:
    """A server on a free port of this machine. Used as a context manager.

    Attributes:
        asked: the JSON bodies of all requests; headers: their headers; at_once: how many were open together at most.
    """

    def __init__(self, answer) -> None:
        self._answer = answer
        self.asked: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.connections = self.at_once = self._open = 0
        self._guard = threading.Lock()
        self.ending = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                server.connections += 1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with server._guard:
                    number = len(server.asked)
                    server.asked.append(json.loads(body))
                    server.headers.append({name.lower(): value for name, value in self.headers.items()})
                    server._open += 1
                    server.at_once = max(server.at_once, server._open)
                try:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        server._answer(self, json.loads(body), number)
                finally:
                    with server._guard:
                        server._open -= 1

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()


def send(handler, status, body, **headers):
    """Answer with a status and a body: bytes as they are, else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def half(handler, body):
    """Promise an answer, send half of it and cut the connection."""
    data = json.dumps(body).encode()
    handler.send_response(200)
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def drip(handler, body, server, *, every_s=0.1):
    """Send a byte now and then, each soon enough for a limit between bytes, until the asker goes away."""
    data = json.dumps(body).encode()
    handler.send_response(200)
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    for byte in data:
        if server.ending.wait(every_s):
            return
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()


def hang(server):
    """Say nothing until the test is over."""
    server.ending.wait(60)


def legal_of(asked):
    """Return the texts of the legal actions that a model was told."""
    return LEGAL.findall(asked["messages"][1]["content"])


def completion(text, tokens=(100, 10), **more):
    """Return a chat completion as OpenAI's servers write it."""
    message = {"role": "assistant", "content": text}
    usage = (
        {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)} if tokens else None
    )
    found = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "stub-1.5",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    if usage is None:
        del found["usage"]
    return found | more


def play_first(handler, asked, _number):
    """Answer as a model that takes its first legal action."""
    send(handler, 200, completion(f"I think.\n\nACTION: {legal_of(asked)[0]}"))
