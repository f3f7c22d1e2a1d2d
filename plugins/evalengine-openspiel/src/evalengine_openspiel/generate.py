"""Write table.py and the tables of the README from what the installed pyspiel says.

python -m evalengine_openspiel.generate
"""

from __future__ import annotations

import pprint
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine_openspiel.fields import SEED_PARAMETER, fields_of
from evalengine_openspiel.not_fitting import NOT_FITTING
from evalengine_openspiel.notes import FILES, FOLLOWS, INSIDE, NOTES, PRINTING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "string"}
_SEATS = ("players", "numPlayers", "num_players")  # what the number of seats is called
_LINES, _TURNS = 4, 120  # random matches, and turns of each, that texts of actions are compared in

HEAD = '''"""The games of OpenSpiel that fit. Written by `python -m evalengine_openspiel.generate`; not to be edited."""

# fmt: off
# ruff: noqa: E501, Q000 - lines and quotes as pprint writes them

from __future__ import annotations

from typing import Any

OPEN_SPIEL = {version!r}

GAMES: dict[str, dict[str, Any]] = {games}
'''


def rows() -> dict[str, dict[str, Any]]:
    """Return what the installed pyspiel says of the games that fit, by name."""
    import pyspiel

    # Games written in Python are registered when somebody imports them: they are not part of the table.
    kinds = {kind.short_name: kind for kind in pyspiel.registered_games() if not kind.short_name.startswith("python_")}
    return {name: _row(name, kinds[name]) for name in sorted(kinds.keys() - NOT_FITTING.keys())}


def _row(name: str, kind: Any) -> dict[str, Any]:
    import pyspiel

    inside = INSIDE.get(name, {})
    fixed = {key: value for key, value in PRINTING.items() if key in kind.parameter_specification}
    config = dict(_config(name, kind, fixed))
    games = [key for key in config if type(kind.parameter_specification[key]) is dict]
    given = {
        key: pyspiel.game_parameters_from_string(str(inside[key])) if key in games else inside[key] for key in inside
    }
    game = pyspiel.load_game(name, {**fixed, **given})
    tags, rules = NOTES[name]
    samples = _samples(game)
    runtime = game.get_type()
    return {
        "title": kind.long_name if kind.long_name != name else name.replace("_", " ").capitalize(),
        "rules": rules,
        "tags": ["openspiel", *tags.split()],
        "actions": game.num_distinct_actions(),
        "tensor": bool(runtime.provides_observation_tensor or _remembers(runtime)),
        "samples": samples,
        "action_text": _action_text(game, by_state=name not in INSIDE),
        "fixed": fixed,
        "always": sorted(inside),
        "games": games,
        "config": config,
        "fields": fields_of(game),
    }


def _remembers(kind: Any) -> bool:
    hidden = kind.information.name == "IMPERFECT_INFORMATION"
    return hidden and bool(kind.provides_information_state_tensor)


def _config(name: str, kind: Any, fixed: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the parameters less those for printing, files, and the seed that a match gives."""
    for key, value in sorted(kind.parameter_specification.items()):
        if key in fixed or key in FILES or key == SEED_PARAMETER.get(name):
            continue
        default = 0 if key in FOLLOWS.get(name, ()) else INSIDE.get(name, {}).get(key, value)
        schema = {"type": _TYPES[type(value)], "default": default}
        if key in _SEATS and kind.min_num_players <= default <= kind.max_num_players:
            schema |= {"minimum": kind.min_num_players, "maximum": kind.max_num_players}
        yield key, schema


def _random_line(game: Any, number: int) -> Iterator[tuple[Any, list[int]]]:
    """Yield the states of a random match in which somebody has a choice, with the seats that have."""
    rng = random.Random(number)
    state, turns = game.new_initial_state(), 0
    while not state.is_terminal() and turns < _TURNS:
        if state.is_chance_node():
            actions, weights = zip(*state.chance_outcomes(), strict=True)
            state.apply_action(rng.choices(actions, weights)[0])
            continue
        together = state.is_simultaneous_node()
        seats = range(game.num_players()) if together else [state.current_player()]
        legal = {seat: state.legal_actions(seat) for seat in seats}
        yield state, [seat for seat in seats if legal[seat]]
        turns += 1
        chosen = [rng.choice(options) if options else 0 for options in legal.values()]
        if together:
            state.apply_actions(chosen)
        else:
            state.apply_action(chosen[0])


def _samples(game: Any) -> bool:
    """Say whether OpenSpiel can draw the hidden part of a state anew, and the seat then sees what it saw."""
    kind = game.get_type()
    if kind.information.name != "IMPERFECT_INFORMATION":
        return False
    for state, seats in _random_line(game, 0):
        for seat in seats:
            try:
                sample = state.resample_from_infostate(seat, random.Random(1).random)
            except Exception:  # noqa: BLE001 - OpenSpiel's way to say that it cannot
                return False
            if kind.provides_information_state_string and (
                sample.information_state_string(seat) != state.information_state_string(seat)
            ):
                return False
    return True


def _action_text(game: Any, *, by_state: bool) -> str:
    """Return where the text of an action can be had without its state and seat: "game", "first state" or ""."""
    sources = {"game": game.action_to_string}
    if by_state:  # a transform's state may crash the process when asked for actions of another state
        sources["first state"] = game.new_initial_state().action_to_string
    for source, text in sources.items():
        if all(_same_text(game, text, number) for number in range(_LINES)):
            return source
    return ""


def _same_text(game: Any, text: Any, number: int) -> bool:
    for state, seats in _random_line(game, number):
        for seat in seats:
            for action in state.legal_actions(seat):
                try:
                    found = text(0, action)
                except Exception:  # noqa: BLE001 - OpenSpiel's way to say that it cannot
                    return False
                if found != state.action_to_string(seat, action):
                    return False
    return True


# ------------------------------------------------------------------------------------------ README


def readme_tables(games: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables of the README."""
    lines = ["| game | seats | what it is | parameters |", "|---|---|---|---|"]
    for name, row in games.items():
        parameters = ", ".join(f"`{key}`" for key in row["config"]) or "none"
        lines.append(f"| `openspiel:{name}` | {row['fields']['default_seats']} | {_words(row)} | {parameters} |")
    lines += ["", "Registered by OpenSpiel, but not listed:", "", "| game | why not |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in NOT_FITTING.items()]
    return "\n".join(lines)


def _words(row: Mapping[str, Any]) -> str:
    fields = row["fields"]
    words = [tag for tag in row["tags"] if tag != "openspiel"]
    words += ["hidden"] * (fields["information"] == "hidden") + ["chance"] * fields["chance"]
    words += ["simultaneous"] * (fields["dynamics"] == "simultaneous")
    return ", ".join(words)


BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def with_tables(readme: str, games: Mapping[str, Mapping[str, Any]]) -> str:
    """Return `readme` with its tables written anew."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{readme_tables(games)}\n{END}{after}"


def main() -> None:
    """Write both files."""
    from importlib import metadata

    here = Path(__file__).parent
    games = rows()
    text = pprint.pformat(games, width=116, sort_dicts=False, compact=True)
    (here / "table.py").write_text(HEAD.format(version=metadata.version("open_spiel"), games=text), encoding="utf-8")
    readme = here.parents[1] / "README.md"
    if readme.exists():
        readme.write_text(with_tables(readme.read_text(encoding="utf-8"), games), encoding="utf-8")


if __name__ == "__main__":
    main()
