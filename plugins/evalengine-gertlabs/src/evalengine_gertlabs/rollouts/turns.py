"""The turns of a match: begun after some of them, and those since a tick packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import wire
from evalengine.match import Match

if TYPE_CHECKING:
    from evalengine.contracts import Game
    from evalengine_gertlabs.rollouts.settings import Setting


def begun(setting: Setting, game: Game) -> Match:
    """Return the match of an episode where it begins.

    Raises:
        GameError: the game failed, or is not what it was.
    """
    branch = setting.spec.branch
    return (
        Match(setting.spec, game)
        if branch is None
        else Match.resume(setting.spec, game, wire.unpack_turns(branch.turns))
    )


def turns_since(match: Match, tick: int) -> bytes:
    """Return the turns of a match since a tick, packed; b"" where there are none."""
    actions, who, faults = match.log
    if tick >= match.turn:
        return b""
    late = [(turn - tick, seat, fault) for turn, seat, fault in faults if turn >= tick]
    done = sum(_size(seats) for seats in who[tick:]) - len(late)
    return wire.pack_turns((actions[len(actions) - done :], who[tick:], late))


def _size(who: int) -> int:
    return 1 if who >= 0 else (~who).bit_count()
