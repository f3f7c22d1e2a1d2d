"""PettingZoo and evalengine: environments as games, `pettingzoo:NAME`, and games as environments.

`to_aec` and `to_parallel` make an environment of a game. Listing the games imports neither PettingZoo nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import AgentSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec
    from evalengine_pettingzoo.aec import SeatsInTurn as SeatsInTurn
    from evalengine_pettingzoo.aec import to_aec as to_aec
    from evalengine_pettingzoo.layouts import Field as Field
    from evalengine_pettingzoo.layouts import Layout as Layout
    from evalengine_pettingzoo.parallel import SeatsAtOnce as SeatsAtOnce
    from evalengine_pettingzoo.parallel import to_parallel as to_parallel

_MODULE_OF = {
    "Field": "layouts",
    "Layout": "layouts",
    "SeatsAtOnce": "parallel",
    "SeatsInTurn": "aec",
    "to_aec": "aec",
    "to_parallel": "parallel",
}
__all__ = [
    "Field",
    "Layout",
    "SeatsAtOnce",
    "SeatsInTurn",
    "evalengine_agents",
    "evalengine_games",
    "to_aec",
    "to_parallel",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List the environments of PettingZoo and mpe2, and `pettingzoo:make` for all others."""
    from evalengine_pettingzoo.specs import specs

    return specs()


@hookimpl
def evalengine_agents() -> Sequence[AgentSpec]:
    """List the agent that samples any space of actions."""
    return [
        AgentSpec(
            name="pettingzoo-random",
            version="1",
            doc="Draw from the legal actions, or from the space of actions where they cannot be listed.",
            factory="evalengine_pettingzoo.agent:Sampler",
            fits="pettingzoo",
        )
    ]
