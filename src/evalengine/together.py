"""One of several matches that are played at the same time: it asks with the others and goes on with their answers."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from evalengine.match import Match
from evalengine.model import Fault
from evalengine.warm_seats import WarmSeat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalengine.contracts import Game, Request
    from evalengine.model import Action, MatchSpec
    from evalengine.seats import Seat

_clock = time.perf_counter_ns


class Together:
    """One of several matches that are played at the same time.

    Attributes:
        place: of its result; match, seats, thought: as a worker has them of a match;
        kept: whether all its agents are;
        error: what failed that is not an agent's, None so far; started, began: when, in seconds and by the clock.

    Args:
        sit: puts the seats of a match into a list, one by one.
    """

    def __init__(
        self, place: int, spec: MatchSpec, game: Callable[[int], Game], sit: Callable[[Match, list[Seat]], None]
    ) -> None:
        self.place = place
        self.spec = spec
        self.started, self.began = time.time(), _clock()
        self.match: Match | None = None
        self.seats: list[Seat] = []
        self.thought: list[int] = []
        self.kept = True
        self.error: BaseException | None = None
        self._asked: Sequence[Request] = ()
        self._sole: WarmSeat | None = None  # the only seat that was asked, with
        self._legal: Sequence[Action] = ()  # what it may do, if that are plain numbers
        try:
            self.match = match = Match(spec, game(spec.game_no))
            sit(match, self.seats)
            self._simple = match.lists_legal
            for seat in self.seats:
                if type(seat) is not WarmSeat:
                    self.kept = self._simple = False
                    break
            if not self.kept:
                self._acts = [seat.act for seat in self.seats]
                self._infos: list[Any] = [seat.act and seat.info for seat in self.seats]  # a kept agent has its own
                for seat in self.seats:
                    seat.settle()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken game voids its match only
            self.error = error

    def step(self) -> bool:
        """Take the answers to what was asked, and ask whoever moves next; return False when it is over."""
        match, sole = self.match, self._sole
        if self.error is not None or match is None:
            return False
        try:
            if sole is None:
                return self._step(match)
            action, info, took = sole.reply  # type: ignore[misc]  # it has answered
            if type(action) is not int or info is not None or action not in self._legal:
                return self._step(match)
            self.thought.append(took)
            movers = match.move(sole.number, action)
            self._sole, self._asked = None, ()
            return bool(movers) and (self._ask(match, movers) or self._ask_all(match))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            self.error = error
            return False

    def _ask(self, match: Match, movers: Sequence[int]) -> bool:
        """Ask with little ado, once a turn, if only a kept agent is to move whose actions are numbers on a list."""
        if len(movers) > 1 or not self._simple:
            return False
        seat, state = movers[0], match.state
        legal = state.legal(seat)
        if not legal or type(legal[0]) is not int:
            return False
        sole: WarmSeat = self.seats[seat]  # type: ignore[assignment]  # all are
        sole.put(match.turn, state.view(seat), legal)
        self._sole, self._legal = sole, legal
        return True

    def _ask_all(self, match: Match) -> bool:
        """Ask whoever is to move; return whether anybody is."""
        self._asked = asked = match.requests()
        for request in asked:
            self.seats[request.seat].ask(request)
        return bool(asked)

    def _step(self, match: Match) -> bool:
        """Do as `step` does, for whatever seats there are."""
        if self._sole is not None:  # what it answered is no number on the list
            self._asked, self._sole = match.requests(), None
        hear(match, self.seats, self._asked, self.thought)
        self._asked = ()
        if not self.kept:
            self.thought += match.advance(self._acts, self._infos, _clock)
        return not match.over and (self._ask(match, match.state.to_move()) or self._ask_all(match))


def hear(match: Match, seats: Sequence[Seat], requests: Sequence[Request], thought: list[int]) -> None:
    """Give the match the answers to its questions."""
    # Agents in this process answer last: their thought must not run on the others' clocks.
    if len(requests) > 1:
        order = sorted(requests, key=lambda request: seats[request.seat].act is not None)
        heard = {request.seat: seats[request.seat].answer() for request in order}
    else:
        heard = {request.seat: seats[request.seat].answer() for request in requests}
    for request in requests:
        action, info, took = heard[request.seat]
        thought.append(took)
        if type(action) is Fault:
            match.fault(request.seat, action, info)
        else:
            match.answer(request.seat, action, info)


def leave(seats: Iterable[Seat]) -> None:
    """End the seats of a match that failed."""
    for seat in seats:
        with contextlib.suppress(Exception):  # the first error is the one that is told
            seat.close(None, faulted=True)
