"""What is shown of a match while it is played: to each remote seat what it is asked, to everybody what all may see."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.model import Fault

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from evalengine.contracts import Request
    from evalengine.match import Match


def questions(requests: Sequence[Request], remote: Container[int]) -> dict[int, bytes]:
    """Return what remote seats are asked, packed: view and legal actions, None when they cannot be listed."""
    return {
        request.seat: wire.pack([request.view, None if request.legal is None else list(request.legal)])
        for request in requests
        if request.seat in remote
    }


def public(match: Match, last: Mapping[int, Any]) -> tuple[bytes | None, dict[int, str] | None]:
    """Return what everybody may see: a view, packed, and what was done last, as text; nothing of a hidden game.

    Args:
        last: actions and faults of the turn before, by seat.
    """
    if match.game.spec.information != "perfect":
        return None, None
    seat = next(iter(match.state.to_move()), 0)  # whoever: each sees all
    view = None
    with contextlib.suppress(Exception):  # of a position that is over a game may show nothing
        view = wire.pack(match.state.view(seat))
    told = {seat: what.kind if type(what) is Fault else match.game.action_to_str(what) for seat, what in last.items()}
    return view, told


def packed_info(info: Any) -> bytes | None:
    """Return an agent's info as bytes; what of a trusted agent's cannot be packed as its repr."""
    try:
        return None if info is None else wire.pack(info)
    except Exception:  # noqa: BLE001 - whatever an agent's own value does when it is packed
        return wire.pack(repr(info)[:1000].encode(errors="backslashreplace").decode())
