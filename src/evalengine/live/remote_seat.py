"""What stands in a match where somebody elsewhere sits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.seats import Seat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.contracts import Info, Request
    from evalengine.model import MatchResult


class RemoteSeat(Seat):
    """A seat that is asked through the queue of its table, and never here."""

    closes = False

    def __init__(self, info: Info) -> None:
        self.info = info

    def ask(self, request: Request) -> None:
        """Raise."""
        raise NotImplementedError

    def answer(self) -> tuple[Any, Any, int]:
        """Raise."""
        raise NotImplementedError

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:  # noqa: ARG002 - nobody is told
        """Do nothing: who sits there is told of the end by the server."""
        return {}
