"""Rules of repetition: clones, the same seed, matches side by side, replays, faults."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from evalengine import wire
from evalengine.errors import EvalengineError, GameError
from evalengine.match import Match
from evalengine.model import Fault, FaultKind, MatchSpec
from evalengine.testing.breaches import Breach
from evalengine.testing.rules import rule
from evalengine.testing.subject import Line, differs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.testing.subject import Looks, Subject

_CHECKS = 8  # positions of a match that are cloned
_AHEAD = 6  # turns that a clone is played ahead of its original
_LONGEST = 120  # turns of a match that are compared
_UNSTEADY = (
    "Draw from the rng that initial() and apply() are given; use no clock, no set, nothing that another match left"
)


@rule("clone")
def clone(subject: Subject) -> str:
    """A clone stays as it was while the original is played on, and the other way round."""
    if subject.game.spec.clone == "none":
        return "its spec says that it has none"
    compared = 0
    often = _CHECKS / subject.typical
    for seats, seed in subject.seeds():
        line, alone = Line(subject, subject.game, seats, seed), Line(subject, subject.game, seats, seed)
        chosen = random.Random(seed)
        while True:
            if line.turn in {0, 1} or not line.movers() or chosen.random() < often:
                _check_clone(line, drawings=compared % 4 == 1)
                compared += 1
            if not line.movers() or line.turn >= line.game.spec.max_turns or (subject.late() and compared > _CHECKS):
                break
            actions = line.drawn(line.rng)
            line.play(actions)
            alone.play(actions)
            changed = differs(alone.looks(drawings=False), line.looks(drawings=False))
            if changed is not None:
                told = f"a match whose clones were played on goes another way: {changed} differs"
                raise line.breach(told, _SHARED, "clone()")
    return f"{compared} positions, clones played up to {_AHEAD} turns ahead of them"


_SHARED = "Copy in clone() what apply() changes: lists, sets, mappings, generators"


def _check_clone(line: Line, *, drawings: bool) -> None:
    before = line.looks(drawings=drawings)
    twin = line.cloned()
    changed = differs(before, twin.looks(drawings=drawings))
    if changed is not None:
        raise line.breach(f"{changed} of the clone differs", "Copy the whole state", "clone()")
    ahead, kept = line.cloned(), line.cloned()
    other = random.Random(line.turn)
    for turns in range(_AHEAD):
        if not ahead.movers() or ahead.turn >= ahead.game.spec.max_turns:
            break
        ahead.play(ahead.drawn(other))
        if turns == 0:
            _check_same(line, before, line.looks(drawings=drawings), "the original")
    _check_same(line, before, line.looks(drawings=drawings), "the original")
    _check_same(line, before, kept.looks(drawings=drawings), "another clone")


def _check_same(line: Line, before: Looks, now: Looks, what: str) -> None:
    changed = differs(before, now)
    if changed is not None:
        told = f"after a clone was played on, {changed} of {what} differs"
        raise line.breach(told, _SHARED, "clone()")


def _compare(one: Line, other: Line, told: str, remedy: str) -> None:
    """Play two matches with the same random actions; they must show the same."""
    while True:
        changed = differs(one.looks(drawings=one.turn < 2), other.looks(drawings=one.turn < 2))  # noqa: PLR2004 - slow
        if changed is not None:
            raise one.breach(told.format(changed), remedy, changed)
        if not one.movers() or one.turn >= min(_LONGEST, one.game.spec.max_turns):
            return
        actions = one.drawn(one.rng)
        one.play(actions)
        other.play(actions)


@rule("seed")
def seed(subject: Subject) -> str:
    """The same seed and the same actions give the same match."""
    compared = 0
    for seats, number in subject.seeds():
        one, other = subject.make(), subject.make()
        first, again = Line(subject, one, seats, number), Line(subject, other, seats, number)
        _compare(first, again, "the same seed and actions showed two things in {}", _UNSTEADY)
        compared += 1
    return f"{compared} matches, each by two fresh games"


@rule("alone")
def alone(subject: Subject) -> str:
    """Matches that are played at the same time, or after others, go as each of them alone."""
    remedy = "Keep what changes in the State: not in the Game, the class, or the module"
    compared = 0
    for seats, number in subject.seeds():
        shared = subject.make()
        first = Line(subject, subject.make(), seats, number)
        records = _recorded(first)
        played = Line(subject, shared, seats, number)
        beside = Line(subject, shared, seats, number + 1)
        for place, (actions, looks) in enumerate(records):
            changed = differs(looks, played.looks(drawings=False))
            if changed is not None:
                told = f"with another match beside it, {changed} differs from when it was played alone"
                raise played.breach(told, remedy, changed)
            if actions is not None:
                played.play(actions)
            if beside.movers() and beside.turn < beside.game.spec.max_turns:
                beside.play()
            elif place % 2:
                beside = Line(subject, shared, seats, number + 1)
        compared += 1
    return f"{compared} pairs of matches, turn by turn"


def _recorded(line: Line) -> Sequence[tuple[dict[int, object] | None, Looks]]:
    """Play a match; return its turns with what was seen before each, and at the end."""
    found: list[tuple[dict[int, object] | None, Looks]] = []
    while line.movers() and line.turn < min(_LONGEST, line.game.spec.max_turns):
        looks = line.looks(drawings=False)
        line.play()
        found.append((line.done[-1], looks))
    found.append((None, line.looks(drawings=False)))
    return found


@rule("replay")
def replay(subject: Subject) -> str:
    """A match that was stored is played again from its actions, with the same result."""
    for line in subject.ended:
        if subject.unfinished and line is subject.ended[-1]:
            continue
        spec = MatchSpec(0, 0, 0, line.seed, tuple(range(line.seats)))
        try:
            stored = wire.unpack_turns(wire.pack_turns(_log_of(line)))
            again = Match.resume(spec, subject.make(), stored)
        except EvalengineError as error:
            raise line.breach(f"its stored match does not replay: {error}", _UNSTEADY, "Match.resume()") from error
        except (TypeError, ValueError, OverflowError) as error:
            told = f"its actions cannot be stored: {error}"
            raise line.breach(told, "Use numbers, text or lists of them as actions", "legal()") from error
        twin: Line = object.__new__(Line)
        twin.__dict__.update(line.__dict__)
        twin.state = again.state
        changed = differs(line.looks(), twin.looks())
        if changed is not None:
            raise line.breach(f"after its replay {changed} differs", _UNSTEADY, changed)
    return f"{len(subject.ended)} matches to their ends"


def _log_of(line: Line) -> tuple[list[object], list[int], list[tuple[int, int, Fault]]]:
    actions = [turn[seat] for turn in line.done for seat in sorted(turn)]
    who = [next(iter(turn)) if len(turn) == 1 else ~sum(1 << seat for seat in turn) for turn in line.done]
    return actions, who, []


@rule("faults")
def faults(subject: Subject) -> str:
    """Who makes a fault is last with min_score, and play goes on without it where the game says so."""
    tried = 0
    for line in subject.positions():
        movers = line.movers()
        if not movers or line.turn >= line.game.spec.max_turns:
            continue
        seat = movers[line.turn % len(movers)]
        spec = MatchSpec(0, 0, 0, line.seed, tuple(range(line.seats)))
        try:
            match = Match.resume(spec, line.game, line.done)
            _fault(match, seat, line)
        except GameError as error:
            raise line.breach(str(error), "Repair forfeit()", f"forfeit({seat})") from error
        except Breach:
            raise
        except Exception as error:
            told = f"after a fault of seat {seat} the match broke: {type(error).__name__}: {error}"
            raise line.breach(told, "Repair forfeit(), or the spec's late action", f"forfeit({seat})") from error
        tried += 1
    return f"{tried} faults"


def _fault(match: Match, seat: int, line: Line) -> None:
    late = match.game.spec.late
    rng = random.Random(line.seed)
    match.fault(seat, Fault(FaultKind.CRASH.value, "tried"))
    while not match.over:
        for request in match.requests():
            if request.seat == seat and late == "forfeit":
                raise line.breach(f"seat {seat} forfeited and is asked again", "Leave it out", f"forfeit({seat})")
            options = request.legal
            if not options:
                return
            match.answer(request.seat, options[rng.randrange(len(options))])
    result = match.result
    assert result is not None
    if late == "forfeit" and (
        result.places[seat] != max(result.places) or result.scores[seat] != match.game.spec.min_score
    ):
        told = f"seat {seat} made a fault and got place {result.places[seat]}, score {result.scores[seat]:g}"
        raise line.breach(told, "Check teams() and min_score", f"forfeit({seat})")


@rule("luck")
def luck(subject: Subject) -> str:
    """Luck is declared where it is drawn."""
    if not subject.game.spec.chance:
        return "none is declared, and none was drawn"
    starts, tried = set(), 0
    for seats, number in subject.seeds():
        starts.add(str(Line(subject, subject.game, seats, number).looks(drawings=False)))
        tried += 1
    return f"declared; {tried} seeds gave {len(starts)} first positions"
