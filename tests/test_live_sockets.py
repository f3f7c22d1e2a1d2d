"""Live matches over real WebSockets: clients that read nothing, that are dead, that send too much."""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from served import Served, connections, until
from websockets.sync.client import connect

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
IMPATIENT = """
import os
import time

from evalengine import hookimpl
from evalengine.web import serve, uvicorn_server

serve.DEAD_S, serve.PING_S = 1.0, 0.3
uvicorn_server.EndingSocket.dead_s = 1.0


@hookimpl
def evalengine_routes(server):
    from starlette.routing import Route, WebSocketRoute
    from starlette.responses import JSONResponse
    from starlette.websockets import WebSocketDisconnect

    async def drown(socket):
        await socket.accept()
        try:
            while True:
                await socket.send_text("x" * 65536)
        except WebSocketDisconnect:
            server.log("drown ended")

    async def silent(socket):
        await socket.accept()
        try:
            await socket.receive_text()
        except WebSocketDisconnect:
            server.log("silent ended")

    async def counts(request):
        return JSONResponse(dict(server.live.counts))

    return [WebSocketRoute("/drown", drown), WebSocketRoute("/silent", silent), Route("/counts", counts)]
"""
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def serving(folder, *options):
    (folder / "impatient.py").write_text(IMPATIENT)
    paths = [str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]
    env = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return Served(folder, "-p", "live_routes", "-p", "impatient", "--rate", "0", *options, env=env)


def upgraded(served, path):
    """Return a raw connection on which a WebSocket is open."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", served.port))
    made.sendall(UPGRADE.format(path=path).encode())
    assert made.recv(12) == b"HTTP/1.1 101"
    return made


def playing(served, turns):
    """Play some turns; return the longest that an answer took, in seconds."""
    longest = 0.0
    with connect(f"ws://{served.netloc}/bench/play", compression=None) as own:
        question = json.loads(own.recv(timeout=30))
        for _ in range(turns):
            began = time.monotonic()
            own.send(str(question[2][0]))
            question = json.loads(own.recv(timeout=30))
            longest = max(longest, time.monotonic() - began)
    return longest


def counts(served):
    return httpx.get(f"{served.url}/counts").json()


def test_clients_that_read_nothing_are_dropped_and_harm_nobody(tmp_path):
    with serving(tmp_path) as served, contextlib.ExitStack() as stack:
        resident = rss_mib(served.process.pid)
        for _ in range(20):
            stack.enter_context(upgraded(served, "/drown"))
        assert playing(served, 30) < 5.0  # as long as it takes on a busy machine, not as long as they are waited for
        until(lambda: served.log.count("drown ended") == 20, "all are dropped", 30)
        until(lambda: connections(served.port) <= 1, "their connections are gone", 30)
        assert rss_mib(served.process.pid) < resident + 40


def rss_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.fixture
def far(tmp_path):
    """A place from which the network can be cut: a network namespace with one cable to us."""
    name = f"far{os.getpid()}"
    commands = [
        f"ip netns add {name}",
        f"ip link add {name} type veth peer name away netns {name}",
        f"ip addr add 10.231.7.1/30 dev {name}",
        f"ip link set {name} up",
        f"ip -n {name} addr add 10.231.7.2/30 dev away",
        f"ip -n {name} link set away up",
    ]
    if shutil.which("ip") is None:
        pytest.skip("there is no ip to make a network with")
    try:
        for command in commands:
            if subprocess.run(command.split(), capture_output=True, check=False).returncode:
                pytest.skip("only root can make a network")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)


CLIENT = """
import socket, sys, time
made = socket.create_connection(("10.231.7.1", int(sys.argv[1])))
made.sendall(sys.argv[2].replace("localhost", "10.231.7.1").encode())
assert made.recv(12) == b"HTTP/1.1 101"
print("open", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_a_client_whose_network_is_cut_is_dropped(tmp_path, far):
    with serving(tmp_path, "--host", "0.0.0.0") as served:
        command = ["ip", "netns", "exec", far, sys.executable, "-c", CLIENT, str(served.port)]
        with subprocess.Popen([*command, UPGRADE.format(path="/silent")], stdout=subprocess.PIPE, text=True) as client:
            try:
                assert client.stdout.readline() == "open\n"
                subprocess.run(["ip", "link", "set", far, "down"], check=True)  # no FIN will ever come
                until(lambda: "silent ended" in served.log, "it is dropped", 30)
            finally:
                client.kill()


def test_spectators_that_vanish_leave_no_feed_behind(tmp_path):
    with serving(tmp_path) as served, connect(f"ws://{served.netloc}/bench/play", compression=None) as player:
        live_id, _, legal = json.loads(player.recv(timeout=30))
        watching = [upgraded(served, f"/bench/watch/{live_id}") for _ in range(30)]
        until(lambda: counts(served)["feeds"] == 31, "all follow")
        for number, one in enumerate(watching):
            if number % 2:  # with a reset
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.close()
        player.send(str(legal[0]))
        assert json.loads(player.recv(timeout=30))[1] == 2
        until(lambda: counts(served)["feeds"] == 1, "nobody else follows")


@pytest.mark.slow
def test_a_thousand_spectators_are_all_told_and_leave_nothing(tmp_path):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with serving(tmp_path) as served, connect(f"ws://{served.netloc}/bench/play", compression=None) as player:
        live_id, _, legal = json.loads(player.recv(timeout=30))
        before = rss_mib(served.process.pid)
        watching = [upgraded(served, f"/bench/watch/{live_id}") for _ in range(1000)]
        until(lambda: counts(served)["feeds"] == 1001, "all follow")
        player.send(str(legal[0]))
        assert json.loads(player.recv(timeout=60))[1] == 2
        for one in watching:
            seen = b""
            while b"[2, " not in seen:
                seen += one.recv(1 << 16)
        assert rss_mib(served.process.pid) < before + 100
        for one in watching:
            one.close()
        until(lambda: connections(served.port) <= 2, "all are gone")
