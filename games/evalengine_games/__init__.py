"""The bundled games, registered as anybody's are: through the entry-point group `evalengine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List the bundled games."""
    from evalengine_games.specs import SPECS

    return SPECS
