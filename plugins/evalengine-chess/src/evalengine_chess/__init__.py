"""Chess for evalengine: the game `chess` and the command `evalengine pgn`. Listing them does not import the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec, StoredMatch

__all__ = ["evalengine_games", "evalengine_pgn"]


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List chess."""
    from evalengine_chess.specs import CHESS

    return [CHESS]


@hookimpl
def evalengine_pgn(match: StoredMatch) -> str | None:
    """Return a match of chess as PGN."""
    if match.game.spec.name != "chess":
        return None
    from evalengine_chess.pgn import text_of_match

    return text_of_match(match)
