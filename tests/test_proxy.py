"""The server behind nginx with TLS, by the very configuration of docs/server.md."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from served import LIMIT_S, Served, ended, job
from websockets.sync.client import connect

NAME = "arena.example.org"
DOCS = Path(__file__).resolve().parent.parent / "docs" / "server.md"
WHOLE = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{documented}
}}
"""


def documented(folder, port, upstream):
    """Return the configuration of the docs, with this machine's ports and files."""
    (found,) = re.findall(r"```text\n(server \{.*?)```", DOCS.read_text(), re.DOTALL)
    for old, new in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/arena.pem": f"{folder}/arena.pem",
        "/etc/ssl/arena.key": f"{folder}/arena.key",
        "http://127.0.0.1:8080": f"http://127.0.0.1:{upstream}",
    }.items():
        assert old in found, f"docs/server.md has no {old!r}"
        found = found.replace(old, new)
    return found


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """A server, and the port of nginx in front of it."""
    if shutil.which("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("there is no nginx, or no openssl")
    folder = tmp_path_factory.mktemp("proxy")
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
    files = ["-keyout", folder / "arena.key", "-out", folder / "arena.pem"]
    subprocess.run([*made.split(), *files], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Served(folder, "--allow-host", NAME, "--trust-proxy", "127.0.0.1", "--rate", "0") as served:
        text = WHOLE.format(folder=folder, documented=documented(folder, port, served.port))
        (folder / "nginx.conf").write_text(text)
        with subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf"]) as nginx:
            try:
                _wait(port, folder)
                yield served, port, _trust(folder)
            finally:
                nginx.terminate()


def _wait(port, folder):
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end, (folder / "error.log").read_text()
            time.sleep(0.02)


def _trust(folder):
    return ssl.create_default_context(cafile=folder / "arena.pem")


def client(proxied, **headers):
    """Return a client that comes from another address than the proxy's and checks the certificate."""
    _, port, trust = proxied
    transport = httpx.HTTPTransport(verify=trust, local_address="127.0.0.2")
    made = httpx.Client(base_url=f"https://127.0.0.1:{port}", transport=transport, headers={"host": NAME, **headers})
    made.event_hooks["request"] = [lambda request: request.extensions.update(sni_hostname=NAME)]
    return made


def test_requests_and_jobs_pass_the_proxy(proxied):
    served, *_ = proxied
    with client(proxied, **{"x-api-key": served.key("admin")}) as one:
        assert one.get("/healthz").json()["data"] == {"status": "ok"}
        assert ended(one, job(one, "count"))["state"] == "completed"
        assert one.get("/metrics").status_code == 403  # the proxy's


def test_who_asks_is_told_by_the_proxy_and_by_nobody_else(proxied):
    with client(proxied) as one:
        assert one.post("/echo", content=b"x").json()["client"] == "127.0.0.2"
        forged = one.post("/echo", content=b"x", headers={"x-forwarded-for": "1.2.3.4"})
        assert forged.json()["client"] == "127.0.0.2"


def test_pages_of_the_site_may_ask_and_others_may_not(proxied):
    with client(proxied) as one:
        for origin, status in ((f"https://{NAME}", 200), ("https://evil.example.org", 403), ("null", 403)):
            assert one.post("/echo", content=b"x", headers={"origin": origin}).status_code == status
        assert one.get("/healthz", headers={"host": "evil.example.org"}).status_code == 421


def test_bodies_are_as_large_as_without_the_proxy(proxied):
    with client(proxied) as one:
        assert one.post("/echo", content=b"x" * (4 << 20)).json()["bytes"] == 4 << 20
        assert one.post("/echo", content=b"x" * ((4 << 20) + 1)).status_code == 413


def test_websockets_pass_the_proxy(proxied):
    _, port, trust = proxied
    for origin in (None, f"https://{NAME}"):
        made = socket.create_connection(("127.0.0.1", port))
        with connect(f"wss://{NAME}:{port}/talk", sock=made, ssl=trust, origin=origin) as talk:
            talk.send("x" * 100_000)
            assert talk.recv(LIMIT_S) == "x" * 100_000
