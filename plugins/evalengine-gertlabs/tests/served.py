"""A server in a process of its own, in a folder of its own, and what asks it. No tests here."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import httpx
from gertlabs import GertClient

from evalengine.web.keys import Keys
from evalengine.web.rows import Rows

LIMIT_S = 60  # for what takes milliseconds: the machine may be busy
SCOPES = ("play", "read", "run")
_OTHERS = sorted(
    plugin.name
    for plugin in metadata.entry_points(group="evalengine")
    if plugin.name not in {"builtin", "games", "gertlabs"}
)
LEAVE_OUT = [word for name in _OTHERS for word in ("-p", f"no:{name}")]


class Served:
    """`evalengine serve` on a free port. Used as a context manager.

    Args:
        settings: the text of evalengine.toml; options: further words of the command line; env: further variables.
    """

    def __init__(self, folder, *options, settings=None, env=None):
        self.folder = Path(folder)
        if settings is not None:
            (self.folder / "evalengine.toml").write_text(settings)
        self._errors = (self.folder / "server.log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evalengine", "serve", "--port", "0", "--db", "arena.db", *LEAVE_OUT, *options],
            cwd=self.folder,
            env=environment(**(env or {})),
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        try:
            self.url = re.search(r"http://\S+", self._first_line())[0]
        except BaseException:
            self.end()
            raise
        self.base_url = f"{self.url}/api/v1"
        self.port = int(self.url.rpartition(":")[2])

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
        """End it as a cut of power would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT_S)
        self.end()

    @property
    def log(self):
        return (self.folder / "server.log").read_text()

    def key(self, *scopes):
        """Return a new key, which is its own owner."""
        with Rows(self.folder / "arena.db") as rows:
            return Keys(rows).create(f"key-{os.urandom(4).hex()}", scopes or SCOPES)

    def client(self, *scopes, key=None, **options):
        """Return the SDK's client, of a new key if none is given."""
        return GertClient(api_key=key or self.key(*scopes), base_url=self.base_url, **options)

    def http(self, *scopes, **headers):
        """Return a plain client of a new key; without a key where no scope is given."""
        key = {"x-api-key": self.key(*scopes)} if scopes else {}
        return httpx.Client(base_url=self.base_url, headers=key | headers, timeout=LIMIT_S)


def environment(**more):
    """Return this process's environment without what would change a server or a client."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVALENGINE_", "GERT_"))}
    return kept | more


def until(condition, what, limit_s=LIMIT_S):
    """Wait until something holds; return it."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {limit_s} s: {what}"
        time.sleep(0.02)
    return found
