"""The games of OpenSpiel for evalengine, as `openspiel:NAME`. Listing them does not import pyspiel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import hookimpl
from evalengine_openspiel.not_fitting import NOT_FITTING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec

__all__ = ["NOT_FITTING", "evalengine_games"]


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List the games of OpenSpiel that fit."""
    from evalengine_openspiel.specs import specs

    return specs()
