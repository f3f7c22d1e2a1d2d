"""One JSON line each way: docs/programs.md has the messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalengine.talk import Dialect, Question, Talk, TalkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.model import MatchResult


class JsonLines(Dialect):
    """A program of the project's own protocol."""

    strict = True

    def start(self) -> Talk[None]:
        """Tell of the match; nothing is answered."""
        self._tell({"type": "start", **self.told})
        yield from ()

    def ask(self, question: Question) -> Talk[tuple[Any, Any]]:
        """Ask with one line, and take the next for the answer."""
        self._tell(
            {
                "type": "act",
                "turn": question.turn,
                "seat": question.seat,
                "clock_s": question.clock_s,
                "legal": question.legal,
                "view": question.view,
            }
        )
        line = yield None
        try:
            value = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            why = "not JSON"
            raise TalkError(why, line) from None
        if not isinstance(value, dict):
            return value, None
        if "action" not in value:
            why = 'no "action" in'
            raise TalkError(why, line)
        return value["action"], value.get("info")

    def end(self, result: MatchResult) -> None:
        """Tell the result."""
        self._tell({"type": "end", "scores": result.scores, "places": result.places})

    def _tell(self, message: Mapping[str, Any]) -> None:
        self.say(json.dumps(message, default=_plain, separators=(",", ":")))


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else list(value)
