"""The listed games: data, written by hand from Gymnasium's registry and pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from evalengine import GameSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "gymnasium:"
MAKE = "make"
_ADAPTER = 1  # goes up when this plugin makes recorded matches replay differently
_UNLIMITED = 1000  # turns, where an environment has no limit of steps

_TRUE, _FALSE = {"type": "boolean", "default": True}, {"type": "boolean", "default": False}
_DOC = "The score is the sum of rewards. The view has observation, reward and info, as step() returns them."


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One environment of Gymnasium.

    Attributes:
        low, high: scores that no match is below or above; turns: its own limit of steps, or ours where it has none;
        parameters: those of `gymnasium.make` that can be given.
    """

    doc: str
    turns: int
    low: float
    high: float
    tag: str
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_SUTTON = {"sutton_barto_reward": _FALSE}
_LAKE: Mapping[str, Mapping[str, Any]] = {
    "map_name": {"type": "string", "default": "4x4", "enum": ["4x4", "8x8"]},
    "is_slippery": _TRUE,
}

LISTED: Mapping[str, Listed] = {
    "CartPole-v1": Listed(
        doc="Push a cart left (0) or right (1) so that the pole on it stands; a point a step.",
        turns=500, low=-1, high=500, tag="classic_control", parameters=_SUTTON,
    ),
    "MountainCar-v0": Listed(
        doc="Push a car left (0), not (1) or right (2) until it swings out of a valley; a point lost a step.",
        turns=200, low=-200, high=0, tag="classic_control",
    ),
    "MountainCarContinuous-v0": Listed(
        doc="Push a car, [force from -1 to 1], until it swings out of a valley: 100 points less the force spent.",
        turns=999, low=-99.9, high=100, tag="classic_control",
    ),
    "Acrobot-v1": Listed(
        doc="Swing two links up: torque -1 (0), none (1) or 1 (2); a point lost a step.",
        turns=500, low=-500, high=0, tag="classic_control",
    ),
    "Pendulum-v1": Listed(
        doc="Swing a pendulum up and hold it: [torque from -2 to 2]; points lost by angle, speed and torque.",
        turns=200, low=-3255, high=0, tag="classic_control",
    ),
    "FrozenLake-v1": Listed(
        doc="Cross a lake to the goal: left (0), down (1), right (2), up (3); slippery ice moves you aside. A point.",
        turns=100, low=0, high=1, tag="toy_text", parameters=_LAKE,
    ),
    "CliffWalking-v1": Listed(
        doc="Walk round a cliff: up (0), right (1), down (2), left (3); a point lost a step, a hundred for a fall.",
        turns=200, low=-20_000, high=0, tag="toy_text", parameters={"is_slippery": _FALSE},
    ),
    "Taxi-v4": Listed(
        doc="Take a passenger to a hotel: down (0), up (1), right (2), left (3), pick up (4), drop (5).",
        turns=200, low=-2000, high=20, tag="toy_text", parameters={"is_rainy": _FALSE, "fickle_passenger": _FALSE},
    ),
    "Blackjack-v1": Listed(
        doc="Stick (0) or hit (1) until you have more than the dealer and no more than 21.",
        turns=22, low=-1, high=1.5, tag="toy_text", parameters={"natural": _FALSE, "sab": _TRUE},
    ),
}  # fmt: skip

_MAKE_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "id": {"type": "string", "default": "CartPole-v1", "description": "as gymnasium.make takes it: [MODULE:]NAME"},
    "kwargs": {"type": "string", "default": "{}", "description": "what it is made with, as a JSON object"},
    "turns": {"type": "integer", "default": 0, "minimum": 0, "description": "0: the environment's own limit, or 1000"},
    "min_score": {"type": "number", "default": -10_000.0, "description": "what an agent gets that makes a fault"},
    "max_score": {"type": "number", "default": 10_000.0, "description": "the most that can be reached"},
}


def specs() -> list[GameSpec]:
    """Return the listed games, and the one for all other environments."""
    version = f"{metadata.version('gymnasium')}+{_ADAPTER}"
    known = [_spec(name, version, found) for name, found in LISTED.items()]
    return [*known, _make(version)]


def _spec(name: str, version: str, found: Listed) -> GameSpec:
    return GameSpec(
        name=PREFIX + name,
        version=version,
        doc=f"{found.doc}\n{_DOC}",
        factory=f"evalengine_gymnasium.game:{name}",
        config=found.parameters,
        max_turns=found.turns,
        min_score=found.low,
        max_score=found.high,
        tags=("gymnasium", found.tag),
        **_COMMON,
    )


def _make(version: str) -> GameSpec:
    return GameSpec(
        name=PREFIX + MAKE,
        version=version,
        doc=f"Any environment that gymnasium.make makes.\n{_DOC}",
        factory=f"evalengine_gymnasium.game:{MAKE}",
        config=_MAKE_PARAMETERS,
        max_turns=_UNLIMITED,
        min_score=-10_000.0,
        max_score=10_000.0,
        listed=False,
        tags=("gymnasium",),
        **_COMMON,
    )


# "hidden": nobody is shown the environment itself, which knows the luck to come.
_COMMON: Mapping[str, Any] = {
    "min_seats": 1,
    "max_seats": 1,
    "default_seats": 1,
    "information": "hidden",
    "chance": True,
    "utility": "general",
    "clone": "copy",
    "branching": "same-luck",
}
