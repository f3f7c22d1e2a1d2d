"""The server's process: its lock, its socket, its ready line, its end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import logging
import math
import os
import resource
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from evalengine import database
from evalengine.errors import ExitCode, StoreError, UsageError
from evalengine.web import hosts, lines
from evalengine.web.app import application
from evalengine.web.house import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from evalengine.plugins import Plugins

_NEEDED = ("starlette", "uvicorn", "websockets", "prometheus_client")
_LAST_S = 3.0  # for threads, once all else has ended
_GRACE_S = 5  # for requests that run when the server is to end
_MOST_CONNECTIONS = 4_000
_SPARE_FILES = 256  # descriptors for all but connections
_MESSAGE_BYTES = 1 << 20  # of a WebSocket's message from a client
PING_S = 20.0
DEAD_S = 30.0  # that a client takes nothing of what it is sent, pings too, after which its connection ends


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a server is run; see `evalengine serve --help`."""

    host: str
    port: int
    allow_hosts: tuple[str, ...] = ()
    trust_proxies: tuple[str, ...] = ()
    jobs: int = 1
    rate: float = 0.0
    keep_days: float = 0.0  # 0: for good
    login: bool = False
    verbose: bool = False


def serve(db: Path, options: Options, plugs: Plugins, wanted: Sequence[str], say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        say: is told the one line by which a program knows that the server is ready, and where.

    Raises:
        UsageError: the port is taken, the database is another's or served already, a library is missing.
    """
    check_libraries()
    from evalengine.web.uvicorn_server import EndingSocket, PunctualProtocol, UvicornServer

    with _alone(db), _socket(options) as listener:
        connections = _open_files() - _SPARE_FILES
        server = Server(db, plugs, wanted, options.jobs, options.keep_days * 86_400 or math.inf)
        names = hosts.make(options.host, options.allow_hosts)
        # Through a proxy everybody may come from this machine's own address.
        local = not (options.login or options.trust_proxies)
        app = application(server, names, options.rate, local=local, verbose=options.verbose)
        _log_by_lines()
        url = f"http://{_shown(options.host)}:{listener.getsockname()[1]}"
        config = _config(app, (PunctualProtocol, EndingSocket), options, min(connections, _MOST_CONNECTIONS))
        process = UvicornServer(config, server.close, lambda: say(f"evalengine serving {url} (db {db})"))
        asyncio.run(_until_told(server, process, listener))


def check_libraries() -> None:
    """Refuse to serve without the libraries of the extra.

    Raises:
        UsageError: one is missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        msg = f"evalengine serve needs {', '.join(missing)}: pip install 'evalengine[web]'"
        raise UsageError(msg)


@contextlib.contextmanager
def _alone(db: Path) -> Iterator[None]:
    """Hold the lock of the one server of a database.

    Raises:
        StoreError: another has it.
    """
    database.connect(db, create=True).close()  # its folder, and whether it is one of ours at all
    with database.told(db):
        lock = _lock(db.with_name(f"{db.name}-server.lock"))
    try:
        yield
    finally:
        database.unlock(lock)


def _lock(path: Path) -> IO[str]:
    try:
        handle = database.locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text() if path.exists() else ""
        msg = f"this database is served already, by {holder or 'another process'}: stop it, or name another with --db"
        raise StoreError(msg) from None
    handle.truncate(0)
    handle.write(f"pid {os.getpid()} since {time.strftime('%H:%M')}")
    handle.flush()
    return handle


@contextlib.contextmanager
def _socket(options: Options) -> Iterator[socket.socket]:
    """Listen.

    Raises:
        UsageError: the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    where = f"{_shown(options.host)}:{options.port}"
    # The protocol is named for asyncio: it sends small answers at once (TCP_NODELAY) only where it is told to be TCP.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # of Linux; connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(DEAD_S * 1000))
        try:
            listener.bind((options.host, options.port))
            listener.listen(2048)
        except (OSError, OverflowError) as error:
            told = getattr(error, "strerror", None) or error
            msg = f"cannot listen at {where}: {told}. Name another --port (0 takes a free one) or --host"
            raise UsageError(msg) from None
        yield listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _open_files() -> int:
    """Raise the limit of open files, of which a connection is one, as far as we may; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wish = _MOST_CONNECTIONS + _SPARE_FILES
    most = wish if hard == resource.RLIM_INFINITY else min(wish, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return wish if soft == resource.RLIM_INFINITY else soft


def _config(app: Any, protocols: tuple[type, type], options: Options, connections: int) -> Any:
    import uvicorn

    return uvicorn.Config(
        app,
        loop="asyncio",
        http=protocols[0],  # named, so that no other library that happens to be there changes what is accepted
        ws=protocols[1],
        ws_max_size=_MESSAGE_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=None,  # a client that computes answers no pings, and is not dead
        ws_per_message_deflate=False,  # costs each of a thousand spectators more than it saves
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(options.trust_proxies),
        forwarded_allow_ips=[*options.trust_proxies],
        limit_concurrency=connections,
        timeout_graceful_shutdown=_GRACE_S,
    )


class _Lines(logging.Handler):
    """Writes the records of a library into our log, in one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage().strip()
        lines.log(f"{text}: {lines.crash(error)}" if error is not None else text)


def _log_by_lines() -> None:
    for name in ("uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [_Lines()]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


async def _until_told(server: Server, process: Any, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, process.tell)
    async with server.living():
        await process.serve([listener])
    # All is stored and closed; what still holds a thread, a game that does not return, would hold the process.
    last = threading.Timer(_LAST_S, _end)
    last.daemon = True
    last.start()


def _end() -> None:
    lines.log("what a request began has not ended: the server ends without it")
    os._exit(ExitCode.OK)
