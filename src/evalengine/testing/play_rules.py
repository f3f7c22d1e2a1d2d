"""Rules of matches: they can be played, end, and say who won."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from numbers import Real
from typing import TYPE_CHECKING, Any

from evalengine.errors import GameError
from evalengine.match import Match
from evalengine.match_rules import mean_of
from evalengine.model import MatchSpec
from evalengine.testing.breaches import Breach
from evalengine.testing.rules import rule
from evalengine.testing.subject import listed, shown

if TYPE_CHECKING:
    from evalengine.testing.subject import Line, Subject

_ALMOST = 1e-9


@rule("plays")
def plays(subject: Subject) -> str:
    """Random matches can be played in each number of seats, and every method answers in them."""
    for line in subject.ended:
        line.looks()
    looked = 0
    for line in subject.positions():
        line.looks()
        looked += 1
    counts = subject.seats
    told = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{len(subject.ended)} matches of {told} seats, {looked} positions looked at"


@rule("types")
def types(subject: Subject) -> str:
    """Methods return what the contract says: seats, sequences, numbers, text."""
    spec = subject.game.spec
    for line in chain(subject.positions(), subject.ended):
        _check_movers(line, spec.dynamics)
        for seat in line.movers():
            legal = line.legal(seat)
            if not isinstance(legal, Sequence) or isinstance(legal, str | bytes):
                told = f"it returned {type(legal).__name__}, which is no sequence with an order"
                raise line.breach(told, "Return a list or a tuple", f"legal({seat})")
        _check_rewards(line)
    return f"to_move, legal, rewards of {len(subject.ended)} matches"


def _check_movers(line: Line, dynamics: str) -> None:
    movers = line.movers()
    call = "to_move()"
    if not isinstance(movers, Sequence):
        told = f"it returned {type(movers).__name__}"
        raise line.breach(told, "Return a list or tuple of seats, empty when it is over", call)
    wrong = [seat for seat in movers if type(seat) is not int or not 0 <= seat < line.seats]
    if wrong:
        told = f"{shown(wrong[0])} is no seat of a match of {line.seats}"
        raise line.breach(told, "Return plain numbers from 0 to the number of seats - 1", call)
    if len(set(movers)) < len(movers):
        raise line.breach(f"it returned {shown(movers)}, a seat twice", "Return each seat once", call)
    if len(movers) > 1 and dynamics == "sequential":
        told = f"{len(movers)} seats are to move at once, but the spec says dynamics='sequential'"
        raise line.breach(told, "Say dynamics='simultaneous', or return one seat", call)


def _check_rewards(line: Line) -> None:
    rewards = line.call("rewards", line.state.rewards)
    if rewards is not None and not _are_numbers(rewards, line.seats):
        told = f"it returned {shown(rewards)}, not {line.seats} finite numbers"
        raise line.breach(told, "Return a number for each seat, or None", "rewards()")


def _are_numbers(found: Any, seats: int) -> bool:
    values = listed(found) if isinstance(found, Sequence) or hasattr(found, "tolist") else None
    if not isinstance(values, list) or len(values) != seats:
        return False
    return all(isinstance(value, Real) or hasattr(value, "item") for value in values) and all(
        math.isfinite(value) for value in values
    )


@rule("ends")
def ends(subject: Subject) -> str:
    """A match ends by its rules, within max_turns."""
    lines = subject.ended
    limit = subject.game.spec.max_turns
    if subject.unfinished:
        line = lines[-1]
        told = f"a random match had not ended after {line.turn} turns; max_turns is {limit}"
        raise line.breach(told, "Let the rules end it, and give max_turns as the most that they allow", "to_move()")
    by_rules = [line for line in lines if not line.movers()]
    if not by_rules:
        line = lines[-1]
        told = f"none of {len(lines)} random matches had ended by the rules after max_turns, {limit}"
        remedy = (
            "Return no seat from to_move() when it is over, and give max_turns as the most turns that the rules allow"
        )
        raise line.breach(told, remedy, "to_move()")
    longest = max(line.turn for line in lines)
    return f"{len(by_rules)} of {len(lines)} matches by the rules, the longest after {longest} of {limit} turns"


@rule("scores")
def scores(subject: Subject) -> str:
    """Scores are finite numbers, one a seat, within min_score and max_score, in every position."""
    low, high = subject.game.spec.min_score, subject.game.spec.max_score
    seen: list[float] = []
    for line in chain(subject.ended, subject.positions()):
        found = line.call("scores", line.state.scores)
        if not _are_numbers(found, line.seats):
            told = f"it returned {shown(found)}, not {line.seats} finite numbers"
            raise line.breach(told, "Return a finite number for each seat, in every position", "scores()")
        slack = _ALMOST * max(1.0, abs(low), abs(high))
        out = [score for score in found if not low - slack <= score <= high + slack]
        if out:
            told = f"{shown(found)} is not within min_score={low:g} and max_score={high:g}"
            raise line.breach(told, "Give the spec's bounds as they are; who makes a fault gets min_score", "scores()")
        seen += map(float, found)
    return f"from {min(seen):g} to {max(seen):g}, of {low:g} to {high:g}"


@rule("utility")
def utility(subject: Subject) -> str:
    """What utility says of the sum of scores is true."""
    kind = subject.game.spec.utility
    sums: dict[int, float] = {}
    lines = [line for line in subject.ended if not line.movers()]
    for line in lines:
        found = [float(score) for score in line.call("scores", line.state.scores)]
        whole, slack = math.fsum(found), _ALMOST * max(1.0, *map(abs, found))
        remedy = "Say utility='general', or repair scores()"
        if kind == "zero" and abs(whole) > slack:
            told = f"the scores {shown(tuple(found))} add up to {whole:g}, but the spec says utility='zero'"
            raise line.breach(told, remedy, "scores()")
        if kind == "identical" and max(found) - min(found) > slack:
            told = f"the scores {shown(tuple(found))} differ, but the spec says utility='identical'"
            raise line.breach(told, remedy, "scores()")
        if kind == "constant" and abs(sums.setdefault(line.seats, whole) - whole) > slack:
            told = f"the scores add up to {whole:g}, in another match to {sums[line.seats]:g}; the spec says 'constant'"
            raise line.breach(told, remedy, "scores()")
    return f"{kind} in {len(lines)} matches"


@rule("places")
def places(subject: Subject) -> str:
    """Sides are lists of all seats, and the places of a result follow from its scores."""
    for line in subject.ended:
        sides = _sides(subject, line.seats)
        if subject.unfinished and line is subject.ended[-1]:
            continue
        match = _resumed(line)
        if match.result is None:
            told = f"the kernel goes on after turn {line.turn}, where to_move() said that it was over"
            raise line.breach(told, "Let to_move() depend on the state alone", "to_move()")
        again = [float(score) for score in line.call("scores", match.state.scores)]
        if list(match.result.scores) != again:
            told = f"it returned {shown(match.result.scores)}, and asked again {shown(tuple(again))}"
            raise line.breach(told, "Let scores() return the same as often as it is asked", "scores()")
        means = [mean_of(match.result.scores, side) for side in sides]
        for side, mean in zip(sides, means, strict=True):
            place = 1 + sum(other > mean for other in means)
            if any(match.result.places[seat] != place for seat in side):
                told = f"the scores {shown(match.result.scores)} give the places {match.result.places}"
                raise line.breach(told, "Higher is better, and a side is as good as the mean of its seats", "scores()")
    return f"{len(subject.ended)} results"


def _sides(subject: Subject, seats: int) -> list[list[int]]:
    call = f"teams({seats})"
    try:
        sides = [list(side) for side in subject.game.teams(seats)]
        whole = sorted(seat for side in sides for seat in side) == list(range(seats))
    except Exception as error:
        raise Breach(f"it raised {error!r}", "Return the sides as lists of seats", call=call) from error
    if not whole:
        raise Breach(f"{sides!r} does not hold each seat once", "Return each seat in one side", call=call)
    return sides


def _resumed(line: Line) -> Match:
    spec = MatchSpec(0, 0, 0, line.seed, tuple(range(line.seats)))
    try:
        return Match.resume(spec, line.game, line.done)
    except GameError as error:
        raise line.breach(
            str(error), "The same luck and actions must lead to the same match", "Match.resume()"
        ) from error


@rule("over")
def over(subject: Subject) -> str:
    """Actions are open exactly while a match goes on: to a seat that is to move, and to none at its end."""
    for line in subject.ended:
        if line.movers():
            continue
        for seat in range(line.seats):
            try:
                legal = line.state.legal(seat)
            except Exception:  # noqa: BLE001, S112 - to be asked then is not foreseen
                continue
            if legal is not None and len(legal):
                told = f"the match is over, and legal({seat}) still returns {shown(legal)}"
                raise line.breach(told, "Return nothing when nobody is to move", f"legal({seat})")
    for line in subject.positions():
        for seat in line.movers():
            legal = line.legal(seat)
            if legal is not None and not len(legal):
                told = f"seat {seat} is to move and has no action"
                raise line.breach(
                    told, "Leave it out of to_move(), or give it an action to pass with", f"legal({seat})"
                )
    return f"{len(subject.ended)} ends"
