"""Matches played out from where an episode stands, by agents in all seats: what an action, or a position, is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import wire
from evalengine.match import Match
from evalengine.model import Fault
from evalengine_gertlabs.rollouts import shown
from evalengine_gertlabs.rollouts.seating import Sitting

if TYPE_CHECKING:
    from evalengine.contracts import Game
    from evalengine_gertlabs.rollouts.settings import Setting

NONE: Any = object()


class Played(NamedTuple):
    """What came of one playout.

    Attributes:
        score, won: of the seat; None where it failed, or is alone; fault: why it failed.
    """

    ticks: int
    score: float | None = None
    won: float | None = None
    fault: str = ""


def play_out(setting: Setting, game: Game, seat: int, given: tuple[Any] | None) -> Played:
    """Play a match out, the first action of a seat given where it is not None.

    Args:
        setting: a fork, with agents in all seats.

    Raises:
        GameError: the game failed.
    """
    branch = setting.spec.branch
    assert branch is not None
    match = Match.resume(setting.spec, game, wire.unpack_turns(branch.turns))
    begun, known = match.turn, len(match.log[2])
    sitting = Sitting(setting, game, match)
    try:
        if given is not None and (reason := _inject(match, sitting, seat, given[0])):
            return Played(match.turn - begun, fault=reason)
        while not match.over:
            requests = list(match.requests())
            _answer(match, sitting.asked(requests))
    finally:
        sitting.leave(match)
    assert match.result is not None
    faults = match.log[2][known:]
    if faults:
        turn, who, fault = faults[0]
        return Played(match.turn - begun, fault=f"seat p{who} in tick {turn}: {fault.kind}")
    places = match.result.places
    won = None if len(places) == 1 else float(places[seat] == 1)
    return Played(match.turn - begun, match.result.scores[seat], won)


def _inject(match: Match, sitting: Sitting, seat: int, given: Any) -> str:
    """Play the first turn with an action of a seat; return why it is refused, "" when it is not."""
    requests = list(match.requests())
    mine = next(request for request in requests if request.seat == seat)
    action = shown.action_of(match.game, mine, given)
    if type(action) is Fault:
        return f"the action is refused: {action.detail}"
    answers = sitting.asked([request for request in requests if request.seat != seat])
    _answer(match, {request.seat: answers.get(request.seat, action) for request in requests})
    return ""


def _answer(match: Match, answers: dict[int, Any]) -> None:
    for seat, answer in answers.items():
        if type(answer) is Fault:
            match.fault(seat, answer)
        else:
            match.answer(seat, answer)
