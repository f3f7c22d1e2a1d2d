"""What hostile agents are set upon, so that it can be seen from outside what they reached."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - where an agent that nothing contains leaves files
_VARIABLE = "EVALENGINE_CANARY"
_CANARY = "import sys; sys.stdin.read()"


class Bait:
    """What an attack is after: a file, a folder, listeners, a process, a variable; all with one secret word.

    A context manager: at its end all is removed.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_hex(16)
        os.environ[_VARIABLE] = self.secret  # as a key of a paid service would stand there
        self.canary = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-S", "-c", _CANARY, self.secret], stdin=subprocess.PIPE, start_new_session=True
        )
        self.folder = Path(tempfile.mkdtemp(prefix="evalengine-attack-"))
        self.open, self.agent = self.folder / "open", self.folder / "agent"
        self.file = self.open / "secret.txt"
        for folder, mode in ((self.folder, 0o755), (self.open, 0o777), (self.agent, 0o777)):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)  # whatever the umask
        self.file.write_text(self.secret)
        self.file.chmod(0o666)
        self.name = f"evalengine-{secrets.token_hex(8)}"
        self.factors = secrets.randbits(30) | 1, secrets.randbits(30) | 1
        self.listeners = dict(self._listeners())

    def _listeners(self) -> Iterator[tuple[str, socket.socket]]:
        local = ("127.0.0.1", 0)
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, local),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, local),
            ("unix", socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "socket")),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.name}"),
        ):
            made = socket.socket(family, kind)
            made.bind(address)
            if kind == socket.SOCK_STREAM:
                made.listen()
            yield name, made
        (self.folder / "socket").chmod(0o777)

    def place(self, source: Path, memory_mib: int | None) -> None:
        """Put the agent in `source` and what it must know into the agent's folder."""
        target = {
            "file": str(self.file),
            "folder": str(self.open),
            "pid": self.canary.pid,
            "tcp": self.listeners["tcp"].getsockname()[1],
            "udp": self.listeners["udp"].getsockname()[1],
            "unix": str(self.folder / "socket"),
            "abstract": self.name,
            "factors": self.factors,
            "memory_mib": memory_mib,
            "name": self.name,
            "places": _PLACES,
        }
        (self.agent / "target.json").write_text(json.dumps(target))
        shutil.copyfile(source, self.agent / "agent.py")
        for path in self.agent.iterdir():
            path.chmod(0o666)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(_VARIABLE, None)
        self.canary.kill()
        self.canary.communicate()
        for listener in self.listeners.values():
            listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        for place in (*_PLACES, str(Path.home()), str(Path.cwd()), *sys.path):  # where `keep` may have left something
            with contextlib.suppress(OSError):
                Path(place, self.name).unlink()
