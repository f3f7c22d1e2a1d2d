"""The steps of a match: what each seat was shown and did, turn by turn, played again from what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.exports.values import plain
from evalengine.model import Fault, Termination

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.match import Match
    from evalengine.replays import StoredMatch

_FAULT = Termination.FAULT.value


def steps_of(match: StoredMatch) -> list[dict[str, Any]]:
    """Return the steps of a finished match in their order, as mappings by the step's own columns.

    Raises:
        StoreError: the stored actions do not fit the game.
    """
    found: list[dict[str, Any]] = []
    latest: dict[int, dict[str, Any]] = {}  # by seat
    told = False  # whether the game says what a turn brought
    thought = _thought(match)
    infos = {(turn, seat): info for turn, seat, info in match.infos}
    end = len(match.turns)
    for number, now in enumerate(match.replayed()):
        # The turn that a side fell in was never applied: the state's rewards are those of the turn before.
        fell = number == end and match.row["termination"] == _FAULT
        rewards = now.state.rewards() if number and not fell else None
        if rewards is not None:
            told = True
            for seat, step in latest.items():
                step["reward"] += float(rewards[seat])
        if number < end:
            for step in _asked(match, now, match.turns[number], infos, thought[number]):
                found.append(step)
                latest[step["seat"]] = step
    result = match.result
    for seat, step in latest.items():
        step["reward"] = step["reward"] if told else float(result.scores[seat])
    for step in found:
        step["score"], step["place"] = float(result.scores[step["seat"]]), result.places[step["seat"]]
    return found


def _thought(match: StoredMatch) -> list[Sequence[int] | None]:
    """Return by turn the microseconds of its seats, ascending; None in the opening, where nobody is asked."""
    left = list(match.think_us)
    found: list[Sequence[int] | None] = []
    for turn in reversed(match.turns):
        count = len(turn)
        found.append(left[-count:] if len(left) >= count else None)
        del left[-count:]
    return found[::-1]


def _asked(
    match: StoredMatch,
    now: Match,
    turn: Mapping[int | None, Any],
    infos: Mapping[tuple[int, int], Any],
    thought: Sequence[int] | None,
) -> Iterator[dict[str, Any]]:
    """Yield what each seat of a turn saw and did, before it is applied: some games change their state in place."""
    requests = sorted(now.requests(), key=lambda request: request.seat)
    for place, request in enumerate(requests):
        done = turn[None] if None in turn else turn[request.seat]
        fault = done if isinstance(done, Fault) else None
        legal = request.legal
        yield {
            "turn": now.turn,
            "seat": request.seat,
            "agent": None if thought is None else match.agents[request.seat],
            "view": plain(request.view),
            "legal": None if legal is None else plain(list(legal)),
            "action": None if fault else plain(done),
            "action_text": None if fault else match.game.action_to_str(done),
            "fault": fault and str(fault.kind),
            "info": plain(infos.get((now.turn, request.seat))),
            "reward": 0.0,
            "think_us": None if thought is None else thought[place],
        }
