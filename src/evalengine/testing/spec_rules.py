"""Rules of what a spec says, of other configurations, and of speed."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from evalengine import references
from evalengine.errors import EvalengineError, GameError
from evalengine.match import Match
from evalengine.model import API, GameSpec, MatchSpec
from evalengine.plugins import fits_api
from evalengine.testing.breaches import Breach
from evalengine.testing.rules import rule
from evalengine.testing.subject import Line, Subject, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[A-Za-z0-9_]+|[a-z0-9_]+:[A-Za-z0-9_./-]+")
_TAG = re.compile(r"[A-Za-z0-9_.-]+")
_FOLLOW = frozenset({"hidden", "chance", "simultaneous", "teams", "multiplayer"})
_WORDS = frozenset({"and", "or", "not"})
_TYPES = ("integer", "number", "boolean", "string", "array", "object")
_LONGEST_DOC = 2000  # characters
_MOST_TURNS = 1_000_000
_SLOWEST_TURN_S = 0.25  # on average: a match of 100 turns would take half a minute
_EDGE_S = 5.0  # for one match at an edge of the configuration


@rule("spec", needs_play=False)
def spec(subject: Subject) -> str:
    """The GameSpec is whole: name, version, rules text, tags, seats, bounds, parameters."""
    for one in (subject.spec, subject.game.spec):
        for wrong, field, remedy in _wrong_in(one):
            raise Breach(wrong, remedy, call=f"GameSpec({field}=)")
    for name, schema in subject.spec.config.items():
        _check_parameter(name, schema)
    return f"{subject.spec.name} {subject.spec.version}, {subject.spec.min_seats} to {subject.spec.max_seats} seats"


def _wrong_in(one: GameSpec) -> Iterator[tuple[str, str, str]]:  # noqa: C901 - one a field
    """Yield what is wrong with a spec: what, the field, what to do."""
    if not isinstance(one.name, str) or not _NAME.fullmatch(one.name) or one.name in _WORDS:
        yield f"{one.name!r} is no name", "name", "Use a-z, 0-9 and _, or PREFIX:NAME"
    if not isinstance(one.version, str) or not one.version.strip():
        yield f"{one.version!r} is no version", "version", 'Give a text that changes when matches would, "1"'
    if not isinstance(one.doc, str) or not one.doc.strip():
        yield "the rules are not told", "doc", "Tell the rules and what an action is, in about three lines"
    elif len(one.doc) > _LONGEST_DOC or not all(line.isprintable() for line in one.doc.splitlines()):
        yield f"{len(one.doc)} characters, or some that steer terminals", "doc", "Tell the rules in about three lines"
    for tag in one.tags:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag) or tag in _WORDS:
            yield f"{tag!r} is no tag", "tags", "Use words of letters, digits, _ . -"
        elif tag in _FOLLOW:
            yield f"{tag!r} follows from other fields", "tags", "Leave it out, and set the field"
    yield from _wrong_numbers(one)
    for field, kind in get_type_hints(GameSpec).items():
        options = get_args(kind)
        if field in {"dynamics", "information", "utility", "clone", "branching"} and getattr(one, field) not in options:
            yield f"{getattr(one, field)!r} is none of {', '.join(options)}", field, "Choose one of them"
    try:
        fits = fits_api(one.api, API)
    except (ValueError, TypeError, AttributeError):
        fits = False
    if not fits:
        yield f"{one.api!r} does not hold for {API[0]}.{API[1]}", "api", "Give a range like '>=0.1,<2'"


def _wrong_numbers(one: GameSpec) -> Iterator[tuple[str, str, str]]:
    seats = (one.min_seats, one.default_seats, one.max_seats)
    if any(type(count) is not int for count in seats) or not 1 <= seats[0] <= seats[1] <= seats[2]:
        yield f"min {seats[0]}, default {seats[1]}, max {seats[2]}", "min_seats", "Let 1 <= min <= default <= max"
    if type(one.max_turns) is not int or not 1 <= one.max_turns <= _MOST_TURNS:
        yield f"{one.max_turns!r} turns", "max_turns", f"Give the most turns that the rules allow, 1 to {_MOST_TURNS}"
    bounds = (one.min_score, one.max_score)
    if any(not isinstance(bound, int | float) or not math.isfinite(bound) for bound in bounds) or bounds[0] > bounds[1]:
        yield f"scores from {bounds[0]!r} to {bounds[1]!r}", "min_score", "Give finite bounds that scores keep within"
    if type(one.opening_turns) is not int or one.opening_turns < 0:
        yield f"{one.opening_turns!r} opening turns", "opening_turns", "Give a number, 0 for none"


def _check_parameter(name: str, schema: Mapping[str, Any]) -> None:
    call = f"GameSpec(config={{{name!r}: ...}})"
    if "default" not in schema:
        told = f"the parameter {name!r} has no default"
        raise Breach(told, "Give its type, default and description", call=call)
    if schema.get("type", "string") not in _TYPES:
        told = f"the parameter {name!r} is of type {schema['type']!r}"
        raise Breach(told, f"Use one of {', '.join(_TYPES)}", call=call)
    try:
        references.configured("the game", {name: schema}, {name: schema["default"]})
    except EvalengineError as error:
        raise Breach(f"its own default is refused: {error}", "Repair the default or the bounds", call=call) from error


@rule("configurations")
def configurations(subject: Subject) -> str:
    """Each parameter at its least, its most and its other values makes a game that keeps the spec."""
    tried = 0
    began = time.perf_counter()
    for config in _edges(subject.spec):
        inner = ", ".join(f"{key}={value!r}" for key, value in config.items())
        other = dataclasses.replace(subject, config={**subject.config, **config}, ref=f"{subject.spec.name}({inner})")
        try:
            game = other.make()
        except Breach as breach:
            if "ConfigError" in breach.told:  # refused in words: a value that does not go with the others
                continue
            raise
        _check_edge(other, game)
        tried += 1
        if time.perf_counter() - began > 4 * subject.rule_s:
            break
    return f"{tried} of them played" if tried else "it has no parameters"


def _edges(spec: GameSpec) -> Iterator[dict[str, Any]]:
    for name, schema in spec.config.items():
        values = [False, True] if schema.get("type") == "boolean" else list(schema.get("enum", ()))
        values += [schema[bound] for bound in ("minimum", "maximum") if bound in schema]
        yield from ({name: value} for value in values if value != schema.get("default"))


def _check_edge(subject: Subject, game: Any) -> None:
    line = Line(subject, game, game.spec.default_seats, subject.seed)
    call = f"{subject.ref}: to_move()"
    until = time.perf_counter() + min(_EDGE_S, 4 * subject.rule_s)
    line.looks()
    while line.movers():
        if line.turn >= game.spec.max_turns:
            if game.spec.max_turns == subject.spec.max_turns and line.turn < _MOST_TURNS:
                return _check_limit(subject, line, call)
            break
        line.play()
        if time.perf_counter() > until:
            return None
    scores = [float(score) for score in line.call("scores", line.state.scores)]
    low, high = game.spec.min_score, game.spec.max_score
    if not all(low - 1e-9 <= score <= high + 1e-9 for score in scores):
        told = f"{subject.ref} ended with {shown(tuple(scores))}, outside of {low:g} to {high:g}"
        raise line.breach(told, "Let Game.adapt return the spec with the bounds of this configuration", "scores()")
    line.looks()
    return None


def _check_limit(subject: Subject, line: Line, call: str) -> None:
    """Refuse a configuration whose matches do not end within the max_turns of another.

    Raises:
        Breach: none of a few does.
    """
    for seed in range(3):
        again = Line(subject, line.game, line.seats, seed)
        while again.movers() and again.turn < line.game.spec.max_turns:
            again.play()
        if not again.movers():
            return
    told = f"no match of {subject.ref} ended within max_turns, {line.game.spec.max_turns}"
    raise line.breach(told, "Let Game.adapt return the spec with the max_turns of this configuration", call)


@rule("opening")
def opening(subject: Subject) -> str:
    """The kernel can play the spec's random opening, and the match goes on after it."""
    turns, played = subject.game.spec.opening_turns, 0
    for seats, seed in subject.all_seeds()[:3]:
        try:
            match = Match(MatchSpec(0, 0, 0, seed, tuple(range(seats)), turns), subject.game)
        except GameError as error:
            raise Breach(str(error), "Repair what it names", call="Match()", seed=seed) from error
        played = max(played, match.turn)
    if played < turns:
        told = f"of {turns} random turns only {played} can be played before the match is over"
        raise Breach(told, "Give fewer opening_turns", call="GameSpec(opening_turns=)", seed=subject.seed)
    return f"{turns} random turns"


@rule("speed")
def speed(subject: Subject) -> str:
    """A turn takes so little time that thousands of matches can be played."""
    figures = measured(subject, subject.rule_s)
    if figures["turn_s"] > _SLOWEST_TURN_S:
        told = f"a turn takes {figures['turn_s']:.2f} s on average"
        raise Breach(told, "Do less in apply() and legal()", call="apply()", seed=subject.seed)
    return f"{1 / figures['turn_s']:,.0f} turns/s, {figures['matches_per_s']:,.1f} random matches/s on one core"


def measured(subject: Subject, seconds: float) -> dict[str, float]:
    """Play random matches for some time; return turn_s, turns_per_match, matches_per_s, matches."""
    began = time.perf_counter()
    turns = matches = 0
    for place in range(1_000_000):
        line = Line(subject, subject.game, subject.game.spec.default_seats, place)
        while line.movers() and line.turn < line.game.spec.max_turns:
            line.play()
            if time.perf_counter() - began > 10 * seconds + 1:
                break
        turns += line.turn
        matches += 1
        if time.perf_counter() - began > seconds:
            break
    spent = time.perf_counter() - began
    return {
        "turn_s": spent / max(1, turns),
        "turns_per_match": turns / matches,
        "matches_per_s": matches / spent,
        "matches": float(matches),
    }
