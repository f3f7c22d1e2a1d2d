"""Source of agents without a model: recipes for the bundled games, with numbers filled in."""

from __future__ import annotations

from importlib import resources
from typing import Any, NamedTuple

MODEL = "recipes-1"
"""Changes whenever the same game and number would give other source."""
_HOME = resources.files("evalengine_gertlabs") / "recipes"
_OTHER = "other"
_GOLDEN = 0.6180339887498949
_HEAD = '''"""An agent for {game}, recipe {number} of {model}."""

CARE = {care}  # how often it thinks; else it acts at random
BLUFF = {bluff}
MARGIN = {margin}
EAGER = {eager}
STYLE = {style}
REACH = {reach}
TASTE = {taste}

'''
_FOOT = '''

class Agent:
    """Made anew for each match."""

    def start(self, info):
        """Keep the generator that this match gives us."""
        self.rng = info.rng

    def act(self, observation):
        """Return an action."""
        legal = observation.legal
        if legal and self.rng.random() >= CARE:
            return legal[self.rng.randrange(len(legal))]
        return choose(observation, self.rng)
'''


class Recipe(NamedTuple):
    """An agent's source, and what it is."""

    text: str
    notes: str


def write(game: str, number: int) -> Recipe:
    """Return the agent of a number for a game, always the same; no two numbers have the same."""
    known = game in known_games()
    values = _values(number)
    body = (_HOME / f"{game if known else _OTHER}.txt").read_text("utf-8")
    head = _HEAD.format(game=game if known else "any game", number=number, model=MODEL, **values)
    what = "" if known else ", and knows nothing of this game"
    return Recipe(head + body.rstrip("\n") + "\n" + _FOOT, f"thinks in {values['care']:.0%} of its turns{what}")


def known_games() -> frozenset[str]:
    """Return the games that there are recipes for."""
    return frozenset(item.name.removesuffix(".txt") for item in _HOME.iterdir()) - {_OTHER}


def _values(number: int) -> dict[str, Any]:
    """Return the numbers of a recipe: care is spread over 0 to 1, however many there are (Weyl 1916)."""

    def spread(offset: int) -> float:
        return ((number + offset) * _GOLDEN) % 1.0

    return {
        "care": 1.0 if number == 0 else round(0.05 + 0.95 * spread(0), 4),
        "bluff": round(spread(1) / 3, 4),
        "margin": round(0.01 + 0.08 * spread(2), 4),
        "eager": round(0.06 * spread(3), 4),
        "style": number % 4,
        "reach": 10 + int(150 * spread(4)),
        "taste": number,
    }
