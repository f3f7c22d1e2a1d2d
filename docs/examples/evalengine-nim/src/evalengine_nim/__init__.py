"""Nim with one heap, and an agent that plays it perfectly."""

from evalengine import AgentSpec, GameSpec, hookimpl

COUNTERS = {
    "type": "integer",
    "default": 21,
    "minimum": 5,
    "maximum": 100,
    "description": "at most, at the start",
}


@hookimpl
def evalengine_games():
    return [
        GameSpec(
            name="nim",
            version="1",
            doc="Two seats in turn take 1 to 3 counters of a heap.\n"
            "Who takes the last one wins. The heap's size is drawn.\n"
            "An action is how many to take.",
            factory="evalengine_nim.rules:Nim",
            config={"counters": COUNTERS},
            max_turns=100,
            chance=True,
            tags=("heap",),
        )
    ]


@hookimpl
def evalengine_agents():
    return [
        AgentSpec(
            name="nim-perfect",
            version="1",
            doc="Leave a multiple of four.",
            factory="evalengine_nim.rules:Perfect",
            fits="nim",
        )
    ]
