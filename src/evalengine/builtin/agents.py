"""The bundled agents as data: listing them imports none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import AgentSpec, __version__, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence


def _spec(name: str, factory: str, doc: str, **fields: Any) -> AgentSpec:
    return AgentSpec(name=name, version=__version__, doc=doc, factory=f"evalengine.builtin.{factory}", **fields)


def _count(default: int, maximum: int, description: str) -> dict[str, Any]:
    return {"type": "integer", "default": default, "minimum": 1, "maximum": maximum, "description": description}


AGENTS = (
    _spec("random", "simple:Random", "Draw each action evenly from the legal ones.", opponent=True),
    _spec("first", "simple:First", "Do the first legal action."),
    _spec(
        "greedy",
        "simple:Greedy",
        "Look one action ahead and take the best score of its own.\n"
        "Where others act at the same time or something is hidden, it guesses that once a turn.",
        fits="searchable",
        opponent=True,
    ),
    _spec(
        "minimax",
        "minimax:Minimax",
        "Search `depth` actions ahead by alpha-beta, with the game's scores at the leaves.",
        parameters={"depth": _count(2, 64, "actions to look ahead, its own first")},
        label="minimax-{depth}",
        fits="searchable and sequential and perfect and (zero or constant) and not (chance or multiplayer)",
        opponent=True,
    ),
    _spec(
        "mcts",
        "mcts:Mcts",
        "Monte Carlo tree search: `simulations` random playouts a turn, guided by UCT.\n"
        "Decoupled where seats act at once; a new sample a simulation where something is hidden.",
        parameters={"simulations": _count(25, 1_000_000, "playouts a turn")},
        label="mcts-{simulations}",
        fits="searchable",
        opponent=True,
    ),
    _spec(
        "tit-for-tat",
        "dilemma:TitForTat",
        "Cooperate first, then do what the other did last.",
        fits="prisoners_dilemma",
        opponent=True,
    ),
    _spec("always-cooperate", "dilemma:AlwaysCooperate", "Cooperate.", fits="prisoners_dilemma", opponent=True),
    _spec("always-defect", "dilemma:AlwaysDefect", "Defect.", fits="prisoners_dilemma", opponent=True),
    _spec(
        "kuhn-equilibrium",
        "kuhn:Equilibrium",
        "Play an equilibrium of Kuhn poker (Kuhn 1950): nobody wins against it in the long run.",
        parameters={
            "alpha": {
                "type": "number",
                "default": 0.2,
                "minimum": 0,
                "maximum": 1 / 3,
                "description": "how often the first seat bets the lowest card: all of 0..1/3 are equilibria",
            }
        },
        fits="kuhn_poker",
        opponent=True,
    ),
    _spec(
        "value-trader",
        "market:ValueTrader",
        "Bid `margin` hundredths below the mean value of each good, and offer as far above it.",
        parameters={
            "margin": {
                "type": "integer",
                "default": 10,
                "minimum": 0,
                "maximum": 90,
                "description": "how far from the mean, in hundredths of it",
            }
        },
        fits="market_simulator",
        opponent=True,
    ),
)


@hookimpl
def evalengine_agents() -> Sequence[AgentSpec]:
    """List the bundled agents."""
    return AGENTS
