"""The games that pyspiel registers and that this plugin does not list, with the reason."""

from __future__ import annotations

_MEAN_FIELD = "a mean-field game: the state is a distribution over a population, not one position of several seats"
_FILE = "its rules are in a file named by a parameter, and a file cannot be part of what identifies a match"

NOT_FITTING: dict[str, str] = {
    "add_noise": (
        "the noise of a result is drawn when that end is first reached in the process, "
        "so the same match gets other scores after other matches"
    ),
    "cached_tree": "a cache for solvers: it plays as the game inside it does, and that game is listed",
    "crossword": "its actions are structs instead of numbers (action_structs_only), and it needs files of puzzles",
    "efg_game": _FILE,
    "mfg_crowd_modelling": _MEAN_FIELD,
    "mfg_crowd_modelling_2d": _MEAN_FIELD,
    "mfg_dynamic_routing": _MEAN_FIELD,
    "mfg_garnet": _MEAN_FIELD,
    "nfg_game": _FILE,
    "restricted_nash_response": "a transform for solvers: chance says whether a fixed policy stands in for a seat",
}
