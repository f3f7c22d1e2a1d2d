"""The games that this server has, as clients name them; what a client types is looked up here, and nowhere else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evalengine import Info, planning, references, stream
from evalengine.builtin.llm.prompt import plain, rules
from evalengine.plugins import tags_of
from evalengine_gertlabs import observations, replies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import AgentSpec, GameSpec
    from evalengine.planning import ChosenGame
    from evalengine.plugins import Plugins

LENGTHS = ("ticks", "rounds")
"""Parameters of games that say how long a match lasts."""
_KINDS = ("dynamics", "information", "luck", "seats")
_EXAMPLE = 1_500  # characters of an observation that is shown as an example
_AGREED = """\
You are sent observations and answer each with an action payload.
Observation: a JSON object. {keys} `_action_space` lists {some}actions that are legal now, or is null where only the \
rules say what is legal; `_rejection_feedback`, if it is there, says why your last action was refused: act again{rest}.
Action payload: {payload}"""


class Catalog:
    """The listed games of the installed plugins."""

    def __init__(self, plugs: Plugins) -> None:
        self._plugs = plugs
        self._games = {_slug(name): spec for name, spec in sorted(plugs.games().items()) if spec.listed}
        self._prompts: dict[str, str] = {}
        self.agents: Mapping[str, AgentSpec] = plugs.agents()

    def specs(self) -> Sequence[tuple[str, GameSpec]]:
        """Return all games with their slugs, in the order of these."""
        return sorted(self._games.items())

    def find(self, slug: str) -> GameSpec:
        """Return the game that a client names.

        Raises:
            RefusedError: 404, there is none.
        """
        found = self._games.get(_slug(slug)) if len(slug) <= 100 else None  # noqa: PLR2004 - longer than any name
        if found is None:
            what = f"game {slug[:100]!r}: GET /games lists them"
            raise replies.not_found(what)
        return found

    def tagged(self, tags: Sequence[str]) -> list[GameSpec]:
        """Return the games that have all of some tags."""
        return [spec for _, spec in self.specs() if {*tags} <= {*tags_of(spec)}]

    def chosen(self, spec: GameSpec, seats: int, config: Mapping[str, float]) -> ChosenGame:
        """Return a game, made for so many seats with these parameters; imports it, so not for the event loop.

        Raises:
            UsageError: it cannot be made so.
        """
        for name in config:
            if name not in spec.config:
                kind = f"parameter of {spec.name}"
                raise references.unknown(kind, name, spec.config)
        inner = ", ".join(f"{name}={value!r}" for name, value in {**config, "seats": seats}.items())
        (found,) = planning.choose_games(f"{spec.name}({inner})", self._plugs)
        return found

    # ----------------------------------------------------------------------------- what is told

    def record(self, spec: GameSpec) -> dict[str, Any]:
        """Return a game as lists show it."""
        return {
            "slug": slug(spec),
            "name": spec.name.replace("_", " ").replace(":", ": ").capitalize(),
            "description": spec.doc.split("\n", maxsplit=1)[0],
            "tags": list(tags_of(spec)),
            "min_players": spec.min_seats,
            "max_players": spec.max_seats,
            "default_players": spec.default_seats,
            "max_ticks": max((spec.config[name]["maximum"] for name in _lengths(spec)), default=spec.max_turns),
            "default_max_ticks": spec.max_turns,
            "turn_based": spec.dynamics == "sequential",
            "turn_isolated": False,
            "hidden_information": spec.information == "hidden",
            "supports_difficulty": False,
            "max_difficulty": 0,
            "supports_branching": spec.branching != "none",
            "version": spec.version,
        }

    def whole_record(self, spec: GameSpec) -> dict[str, Any]:
        """Return a game with all that is to know of it; the game is made for that."""
        prompt = self.prompt(self.chosen(spec, spec.default_seats, {}))
        return {**self.record(spec), "prompt": prompt, "rules": spec.doc, "parameters": dict(spec.config)}

    def prompt(self, game: ChosenGame) -> str:
        """Return what a model must know to play: the rules as every model is told them, and how to act here."""
        if game.ref not in self._prompts:
            if len(self._prompts) > 1_000:  # noqa: PLR2004 - of many lengths; made anew when they are asked for
                self._prompts.clear()
            self._prompts[game.ref] = _prompt(game)
        return self._prompts[game.ref]

    def prompt_of(self, ref: str) -> str:
        """Return the same of a game of a stored match, by its reference there."""
        if ref not in self._prompts:
            (game,) = planning.choose_games(ref, self._plugs)
            return self.prompt(game)
        return self._prompts[ref]

    def tags(self, *, counted: bool) -> dict[str, Any]:
        """Return all tags and how they are grouped."""
        games: dict[str, int] = {}
        groups: dict[str, set[str]] = {"kind": set(), **{kind: set() for kind in _KINDS}}
        for _, spec in self.specs():
            for tag in tags_of(spec):
                games[tag] = games.get(tag, 0) + 1
                groups[_GROUP.get(tag, "kind")].add(tag)
        shown = [{"tag": tag, **({"game_count": games[tag]} if counted else {})} for tag in sorted(games)]
        return {"tags": shown, "taxonomy": {name: sorted(tags) for name, tags in groups.items() if tags}}


_GROUP = {
    "simultaneous": "dynamics",
    "hidden": "information",
    "chance": "luck",
    "multiplayer": "seats",
    "teams": "seats",
}


def slug(spec: GameSpec) -> str:
    """Return a game's name as a part of a path."""
    return _slug(spec.name)


def shortened(spec: GameSpec, length: int) -> dict[str, float]:
    """Return the parameter of a game with which a match lasts at most so many turns; none where it has none."""
    return {name: min(length, spec.config[name]["maximum"]) for name in _lengths(spec)[:1]}


def _lengths(spec: GameSpec) -> list[str]:
    return [name for name in LENGTHS if "maximum" in spec.config.get(name, {})]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _prompt(game: ChosenGame) -> str:
    info = Info(game.game, 0, game.sides, 0)
    parts = [rules(info)]
    try:
        state = game.game.initial(game.seats, stream(0, "example"))
        seat = next(iter(state.to_move()), 0)
        view, legal = state.view(seat), state.legal(seat)
    except Exception:  # noqa: BLE001 - of a plugin's game, before its first turn; the rules are told all the same
        view, legal = None, None
    parts.append(_agreed(view, legal))
    if view is not None:
        example = json.dumps(observations.seen(view, legal), default=plain)
        cut = " ... (cut)" if len(example) > _EXAMPLE else ""
        parts.append(f"Example of an observation, of seat {seat} at the beginning:\n{example[:_EXAMPLE]}{cut}")
    return "\n\n".join(parts)


def _agreed(view: Any, legal: Any) -> str:
    """Return how observations and payloads look in a game."""
    keys = "Of its keys" if isinstance(view, dict) else "Of its keys, `view` is the position as your seat sees it;"
    rest = "; all others are the position as your seat sees it" if isinstance(view, dict) else ""
    lists = bool(legal) and isinstance(legal[0], list)
    sample = json.dumps(legal[0], default=plain) if legal else "..."
    payload = (
        "a JSON list, as the rules describe it; a single object is a list of it."
        if lists
        else f'one action, as `_action_space` writes it: [{{"action": {sample}}}], or shorter [{sample}] or {sample}.'
    )
    return _AGREED.format(keys=keys, some="some " * lists, rest=rest, payload=payload)
