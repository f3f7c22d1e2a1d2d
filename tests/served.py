"""A server in a process of its own, in a folder of its own, and what asks it. No tests here."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import time
from pathlib import Path

import httpx
from commandline import LEAVE_OUT, process, started

from evalengine.web.keys import Keys
from evalengine.web.rows import Rows

LIMIT_S = 60
PLUGIN = """
import asyncio, contextlib, os, pathlib, signal, time
import evalengine
from evalengine import JobKind, RefusedError, hookimpl

NONE = {"until": {"type": "string", "default": ""}}


@hookimpl
def evalengine_jobs():
    home = "house_plugin"
    return [
        JobKind(name="count", factory=f"{home}:count", parameters=NONE, scope="play"),
        JobKind(name="crash", factory=f"{home}:crash"),
        JobKind(name="die", factory=f"{home}:die"),
        JobKind(name="noise", factory=f"{home}:noise"),
        JobKind(name="nan", factory=f"{home}:nan"),
        JobKind(name="usage", factory=f"{home}:usage"),
    ]


def count(work):
    work.keep(processes=work.kept.get("processes", 0) + 1)
    work.report(0.25)
    pathlib.Path(f"began-{work.number}").write_text(str(os.getpid()))
    while work.request["until"] and not pathlib.Path(work.request["until"]).exists():
        time.sleep(0.01)
    return work.kept


def crash(work):
    raise ValueError("lost \\x1b[31m\\nand more")


def usage(work):
    raise evalengine.UsageError("nobody wants that")


def die(work):
    os.kill(os.getpid(), signal.SIGKILL)


def noise(work):
    print("to stdout \\x1b[2J")
    os.write(2, b"x" * 200_000 + b"\\xff\\n")
    return {}


def nan(work):
    return {"value": float("nan")}


@hookimpl
def evalengine_routes(server):
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    async def echo(request):
        return JSONResponse({"bytes": len(await request.body()), "client": request.client.host})

    async def secret(request):
        return JSONResponse({"name": server.require(request, "play").name})

    async def crash(request):
        raise ValueError("secret of the server \\x1b[31m")

    async def full(request):
        raise evalengine.ExitCode and __import__("evalengine.errors").errors.StorageError("/secret/path is full")

    async def stuck(request):
        def hold():
            pathlib.Path("stuck").touch()
            time.sleep(600)
        return await server.call(hold)

    async def half(request):
        async def parts():
            yield b"some"
            raise ValueError("in the middle")
        return StreamingResponse(parts())

    async def teapot(request):
        raise RefusedError(418, "TEAPOT", "<b>short and stout</b>", more="extra")

    async def talk(socket):
        await socket.accept()
        while True:
            text = await socket.receive_text()
            if text == "crash":
                raise ValueError("lost")
            await socket.send_text(text)

    async def flood(socket):
        await socket.accept()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    await socket.send_text("x" * 65536)

    async def closed(socket):
        server.require(socket, "play")
        await socket.accept()

    async def began():
        server.log("plugin began \\x1b[31m")

    async def ended():
        server.log("plugin ended")

    server.on_start(began)
    server.on_stop(ended)
    server.allow_body("/large", 6 << 20)
    posts = [Route(path, echo, methods=["POST"]) for path in ("/echo", "/large")]
    gets = [Route(f"/{f.__name__}", f) for f in (secret, crash, full, stuck, half, teapot)]
    sockets = [WebSocketRoute(f"/{f.__name__}", f) for f in (talk, flood, closed)]
    return [*posts, *gets, *sockets]
"""


class Served:
    """`evalengine serve` on a free port, the plugin above loaded. Used as a context manager."""

    def __init__(self, folder, *options, env=None, preexec_fn=None):
        self.folder = folder
        (folder / "house_plugin.py").write_text(PLUGIN)
        self._errors = (folder / "server.log").open("a")
        self.process = started(
            "serve", "--port", "0", "--db", "arena.db", "-p", "house_plugin", *LEAVE_OUT, *options,
            cwd=folder, env=env, stderr=self._errors, preexec_fn=preexec_fn,
        )  # fmt: skip
        try:
            self.ready = self._first_line()
            self.url = re.search(r"http://\S+", self.ready)[0]
        except BaseException:
            self.end()
            raise
        self.port = int(self.url.rpartition(":")[2])
        self.netloc = self.url.removeprefix("http://")

    def _first_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        line = self.process.stdout.readline() if ready else ""
        assert line, f"no ready line:\n{self.log}"
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except BaseException:
                self.process.kill()
                self.process.wait()
                raise
        self.process.stdout.close()
        self._errors.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT_S)
        self.end()

    @property
    def log(self):
        return (self.folder / "server.log").read_text()

    def key(self, *scopes, name=None):
        """Return a new key; made by the command where it has a name, else without waiting for a process."""
        if name is not None:
            return made_key(self.folder, *scopes, name=name)
        with Rows(self.folder / "arena.db") as rows:
            return Keys(rows).create(f"key-{os.urandom(4).hex()}", scopes)

    def client(self, *scopes, **headers):
        """Return a client of its own key."""
        key = {"x-api-key": self.key(*scopes)} if scopes else {}
        return httpx.Client(base_url=self.url, headers=key | headers, timeout=LIMIT_S)

    def raw(self, data, *, limit_s=10):
        """Send bytes; return what comes back: until the server closes, or a whole answer is there."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=limit_s) as connection:
            connection.sendall(data)
            found = b""
            with contextlib.suppress(ConnectionResetError):
                while not is_whole(found) and (part := connection.recv(1 << 16)):
                    found += part
            return found


def is_whole(answer):
    """Say whether an answer has come to its end."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end and length and len(body) >= int(length[1]))


def made_key(folder, *scopes, name=None):
    name = name or f"key-{os.urandom(4).hex()}"
    words = [word for scope in scopes for word in ("--scope", scope)]
    done = process("keys", "create", name, *words, "--db", "arena.db", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def job(client, kind, **request):
    """Ask for a job; return its number."""
    answer = client.post("/api/jobs", json={"kind": kind, "request": request})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"]


def ended(client, number, wait=30):
    """Wait for a job's end; return it."""
    found = client.get(f"/api/jobs/{number}", params={"wait": wait}).json()["data"]
    assert found["state"] in {"completed", "failed", "cancelled"}, json.dumps(found)
    return found


def connections(port):
    """Return how many connections a server of this machine has open, as the kernel knows them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)


def until(condition, what, limit_s=LIMIT_S):
    """Wait until something holds; return it."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {limit_s} s: {what}"
        time.sleep(0.02)
    return found
