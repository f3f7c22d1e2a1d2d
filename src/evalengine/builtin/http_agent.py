"""An agent behind a URL, asked as Kaggle's environments ask: POST {"action": "act", ...}, answered {"action": ...}."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import msgpack

from evalengine import Agent, Answer, Fault, FaultKind
from evalengine.builtin.network import NetworkError, network

if TYPE_CHECKING:
    from evalengine import Info, Observation
    from evalengine.builtin.network import Reply

_MOST_BYTES = 64 << 10  # of an answer
_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_RAISED = "BaseException::"  # how Kaggle's server tells what its agent raised


class HttpAgent(Agent):
    """Asks the server at `url` once a turn; answers with what it says, or with the fault that it is."""

    def __init__(self, url: str, environment: str, turn_s: float) -> None:
        self._url = url
        self._environment = environment
        self._turn_s = turn_s

    def start(self, info: Info) -> None:
        """Remember what each question says of the match."""
        self._info = info
        self._match = secrets.token_hex(8)  # one server may play many matches at once

    def act(self, observation: Observation) -> Any:
        """Return the server's answer."""
        body = json.dumps(self._question(observation), default=_plain).encode()
        try:
            with self._info.waiting():
                reply = network().post(self._url, body, {}, limit_s=self._turn_s, most_bytes=_MOST_BYTES)
        except NetworkError as error:
            return _fault(error.kind, str(error))
        return _answer(reply)

    def _question(self, observation: Observation) -> dict[str, Any]:
        info, view = self._info, observation.view
        asked = {
            "view": view,
            "legal": None if observation.legal is None else list(observation.legal),
            "seat": info.seat,
            "turn": observation.turn,
            "step": observation.turn,
            "game": info.game,
            "clock_s": self._turn_s,
            "remainingOverageTime": 0,
        }
        about = {"match": self._match, "seat": info.seat, "seats": info.seats, "sides": info.sides, "seed": info.seed}
        return {
            "action": "act",
            "configuration": {**info.config, "actTimeout": self._turn_s},
            "environment": self._environment or info.game,
            "state": {"observation": {**(view if isinstance(view, dict) else {}), **asked}},
            "info": about,
        }


def _plain(value: Any) -> Any:
    """Return what JSON does not know as lists, numbers or text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _answer(reply: Reply) -> Any:
    status = reply.status
    if status in _REDIRECTS:
        return _fault(FaultKind.PROTOCOL, f"status {status}: redirects are not followed; name the place itself")
    if status not in _OK:
        kind = FaultKind.CRASH if status in _SERVER_ERRORS else FaultKind.PROTOCOL
        return _fault(kind, f"status {status}: {_start(reply.body)}")
    try:
        said = json.loads(reply.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _fault(FaultKind.PROTOCOL, f"not JSON: {_start(reply.body)}")
    if not isinstance(said, dict) or "action" not in said:
        if isinstance(said, dict) and "error" in said:
            return Fault(FaultKind.CRASH.value, _line(str(said["error"])), str(said.get("trace", ""))[:8000])
        return _fault(FaultKind.PROTOCOL, f"no object with the key action: {_start(reply.body)}")
    return _action(said["action"], said.get("info"))


def _action(action: Any, info: Any) -> Any:
    if action == "DeadlineExceeded":
        return _fault(FaultKind.TIMEOUT, "the server says that its agent was too slow")
    if isinstance(action, str) and action.startswith(_RAISED):
        return _fault(FaultKind.CRASH, action.removeprefix(_RAISED))
    try:
        msgpack.packb([action, info])
    except (ValueError, OverflowError, TypeError, RecursionError):
        return _fault(FaultKind.ILLEGAL, "an action that cannot be stored")
    return action if info is None else Answer(action, info)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _fault(kind: FaultKind, detail: str) -> Fault:
    return Fault(kind.value, _line(detail))


def _start(body: bytes) -> str:
    return repr(body[:80].decode(errors="replace"))


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text.encode(errors="replace").decode()[:200])
