"""The test kit for authors: what every game and every agent must hold, as pytest classes.

    from evalengine.testing import GameContract


    class TestHexagon(GameContract):
        game = "hexagon"

Nothing is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalengine.testing.pytest_classes import AgentContract as AgentContract
    from evalengine.testing.pytest_classes import GameContract as GameContract

__all__ = ["AgentContract", "GameContract"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module("evalengine.testing.pytest_classes"), name)
