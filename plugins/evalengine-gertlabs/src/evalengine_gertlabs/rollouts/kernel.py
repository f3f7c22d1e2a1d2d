"""A process that plays episodes, one question after the other, each answered once.

Frames are a length of 4 bytes and a pickle, of (number, verb, arguments) to the process, of (number, how, value) from
it, with how one of "done", "refused", "failed". Both ends are ours; agents from outside sit in processes below.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import socket
import struct
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from evalengine import references, wire
from evalengine.errors import GameError
from evalengine_gertlabs.rollouts import playouts, shown
from evalengine_gertlabs.rollouts.episodes import Episode
from evalengine_gertlabs.rollouts.once import RefusedError
from evalengine_gertlabs.rollouts.settings import Asked, Refused, Setting, Stepped
from evalengine_gertlabs.rollouts.turns import turns_since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.contracts import Game
    from evalengine_gertlabs.rollouts.episodes import Row

LENGTH = struct.Struct("<I")
_GAMES = 64  # that are kept made
Gone = Refused(404, "EPISODE_NOT_FOUND", "there is no such live episode")


class Kernel:
    """The episodes of one process; its public methods are what it can be asked."""

    def __init__(self) -> None:
        self._episodes: dict[str, Episode] = {}
        self._games: dict[tuple[str, str], Game] = {}

    def open(self, settings: Sequence[Setting]) -> list[tuple[bytes, int, bytes, bool]]:
        """Begin episodes that stand alike; return what is told of each, its tick, others' turns, and if it is over."""
        first: Episode | None = None
        made = []
        for setting in settings:
            game = self._game(setting)
            forks = first is not None and game.spec.clone == "copy"
            match = first.match.fork(setting.spec) if forks and first is not None else None
            episode = Episode(setting, game, match)
            first = first or episode
            made.append(episode)
        opened = [self._opened(episode) for episode in made]
        self._episodes |= {one.setting.id: one for one in made if not one.over}
        return opened

    def _opened(self, episode: Episode) -> tuple[bytes, int, bytes, bool]:
        turns = episode.open()
        told = episode.initial()
        if episode.over:
            episode.close()
        return told, episode.match.turn, turns, episode.over

    def revive(self, setting: Setting, rows: Sequence[Row]) -> int:
        """Go on with an episode from what was stored; return its tick."""
        episode = Episode(setting, self._game(setting))
        episode.repeat(rows)
        self._episodes[setting.id] = episode
        return episode.match.turn

    def step(self, asked: Sequence[Asked]) -> list[Stepped | Refused | str]:
        """Step episodes, each by itself; a text says that it failed, and is lost."""
        return [self._stepped(one) for one in asked]

    def _stepped(self, asked: Asked) -> Stepped | Refused | str:
        episode = self._episodes.get(asked.episode)
        if episode is None:
            return Gone
        try:
            stepped = episode.step(asked)
        except RefusedError as error:
            return error.refused
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the border: a broken game loses its episode only
            self.drop([asked.episode])
            return _told(error)
        if stepped.done:
            self.drop([asked.episode])
        return stepped

    def probe(self, episode_id: str) -> bytes | None:
        """Return where an episode stands, as JSON; None: there is none."""
        episode = self._episodes.get(episode_id)
        return None if episode is None else episode.probe()

    def state(self, episode_id: str) -> tuple[int, bytes, list[int], list[int]] | None:
        """Return what forks and playouts begin from: the tick, all turns, the seats on turn and those that failed."""
        episode = self._episodes.get(episode_id)
        if episode is None:
            return None
        match = episode.match
        asked = [request.seat for request in match.requests()]
        return match.turn, turns_since(match, 0) or wire.pack_turns(([], [], [])), asked, sorted(match.fallen)

    def legal(self, episode_id: str, seat: int) -> list[Any]:
        """Return the listed actions of a seat that is asked, of JSON's types."""
        requests = self._episodes[episode_id].match.requests()
        legal = next((request.legal for request in requests if request.seat == seat), None)
        return [] if legal is None else json.loads(shown.as_json(list(legal)))

    def drop(self, ids: Sequence[str]) -> None:
        """Forget episodes."""
        for episode_id in ids:
            if (episode := self._episodes.pop(episode_id, None)) is not None:
                episode.close()

    def play_out(self, setting: Setting, seat: int, given: tuple[Any] | None) -> playouts.Played | str:
        """Play one match out; a text says that it failed."""
        try:
            return playouts.play_out(setting, self._game(setting), seat, given)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            return _told(error)

    def _game(self, setting: Setting) -> Game:
        """Return a game, made once.

        Raises:
            GameError: it is not what it was.
        """
        spec, config = setting.game
        key = spec.name, repr(sorted(config.items()))
        if key not in self._games:
            if len(self._games) >= _GAMES:
                self._games.clear()
            self._games[key] = references.build_game(spec, config)
        made = self._games[key]
        if made.spec.version != spec.version:
            msg = f"game {spec.name!r} is version {made.spec.version}, the episode began with {spec.version}"
            raise GameError(msg)
        return made


def _told(error: BaseException) -> str:
    traceback.print_exc()
    return references.one_line(error)[:300]


def serve(connection: socket.socket) -> None:
    """Answer until the connection ends."""
    kernel = Kernel()
    waiting: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, waiting), daemon=True).start()
    while True:
        number, verb, arguments = waiting.get()
        try:
            reply = number, "done", getattr(kernel, verb)(*arguments)
        except Exception as error:  # noqa: BLE001 - the border: whoever asked is told
            reply = number, "failed", _told(error)
        data = pickle.dumps(reply)
        with contextlib.suppress(OSError):  # it hung up: the reader ends this process
            connection.sendall(LENGTH.pack(len(data)) + data)


def _read(connection: socket.socket, waiting: queue.SimpleQueue[Any]) -> None:
    """Take questions; end the process with whoever asks, whatever it is in the middle of."""
    with connection.makefile("rb") as told, contextlib.suppress(OSError):
        while len(head := told.read(LENGTH.size)) == LENGTH.size:
            # From the process that started this one, and from nobody else.
            waiting.put(pickle.loads(told.read(*LENGTH.unpack(head))))  # noqa: S301 - see above
    os._exit(0)


def main(descriptor: int, nice: int) -> None:
    """Serve on an inherited socket."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it decides
    os.nice(nice)
    os.dup2(2, 1)  # what games print must not mix with results
    sys.stdout = sys.stderr
    serve(socket.socket(fileno=descriptor))
