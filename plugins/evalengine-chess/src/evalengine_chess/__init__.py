"""Chess for evalengine: the game `chess` and the command `evalengine pgn`. Listing them does not import the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec

__all__ = ["evalengine_games"]


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List chess."""
    from evalengine_chess.specs import CHESS

    return [CHESS]
