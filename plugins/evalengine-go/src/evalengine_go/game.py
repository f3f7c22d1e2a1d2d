"""Go by area: seats in turn put a stone on a point and take chains without liberties; more area wins.

Rules: Tromp and Taylor's (1995) without suicide, as on the Computer Go Server: black begins; a stone may not bring back
an earlier position; after two passes in a row all stones on the board count as alive.

Observation: see the README.
Action: int, the point, row * size + column from the top left; size * size passes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalengine import ConfigError, Game
from evalengine_go.position import Position
from evalengine_go.tables import tables

if TYPE_CHECKING:
    import random

    from evalengine import GameSpec

_TURNS_A_POINT = 3


class Go(Game):
    """The rules in one configuration.

    Attributes:
        rules: as KataGo's `kata-set-rules` takes them; turn_keys: by colour that is to move, what it adds to a key.
    """

    def __init__(self, size: int, komi: float, superko: str) -> None:
        """Prepare the board.

        Raises:
            ConfigError: komi is not a multiple of a half.
        """
        if not (2 * float(komi)).is_integer():
            msg = f"game 'go': komi must be a multiple of 0.5, not {komi!r}"
            raise ConfigError(msg)
        self.komi = float(komi)
        self.tables = tables(size)
        self.rules = {"ko": superko.upper(), "scoring": "AREA", "suicide": False}
        self.turn_keys = (0, self.tables.turn_key if superko == "situational" else 0)

    def adapt(self, spec: GameSpec) -> GameSpec:
        return replace(spec, max_turns=_TURNS_A_POINT * self.tables.points)

    def initial(self, seats: int, rng: random.Random) -> Position:
        """Return the empty board."""
        return Position(self)

    def action_to_str(self, action: int) -> str:
        """Return the vertex of the Go Text Protocol: A1 is bottom left, no column I; or pass."""
        known = type(action) is int and 0 <= action <= self.tables.points
        return self.tables.vertices[action] if known else str(action)
