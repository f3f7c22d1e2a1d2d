"""The agents that sit in the seats which are not the policy's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from evalengine.faults import illegal
from evalengine.model import Fault, Limits, Orders
from evalengine.persons import person
from evalengine.seats import Seat
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.contracts import Game, Info, Request
    from evalengine.match import Match
    from evalengine.model import MatchResult
    from evalengine_gertlabs.rollouts.settings import Setting


class _Empty(Seat):
    """Where the policy sits."""

    closes = False

    def __init__(self, info: Info) -> None:
        self.info = info

    def ask(self, request: Request) -> None:
        raise NotImplementedError

    def answer(self) -> tuple[Any, Any, int]:
        raise NotImplementedError

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        return {}


class Sitting(Worker):
    """Makes and asks the agents of one match.

    Attributes:
        seats: of the match; those of the policy are never asked.
    """

    own_session = True

    def __init__(self, setting: Setting, game: Game, match: Match) -> None:
        agents = tuple(agent or person(seat) for seat, agent in enumerate(setting.agents))
        limits = setting.limits or Limits()
        super().__init__(Orders(games=(setting.game,), agents=agents, limits=limits, containment=setting.containment))
        self._made = game
        self._empty = {seat for seat, agent in enumerate(setting.agents) if agent is None}
        self.seats: list[Seat] = []
        if match.over:
            return
        try:
            self._sit(match, self.seats)
            for seat in self.seats:
                seat.settle()
        except BaseException:
            self.leave(match)
            raise

    def _game(self, game_no: int) -> Game:
        return self._made

    def _seat(self, info: Info, agent_no: int) -> Seat:
        return _Empty(info) if agent_no in self._empty else super()._seat(info, agent_no)

    def asked(self, requests: Sequence[Request]) -> dict[int, Any]:
        """Return the answers, actions or faults, of agents by seat."""
        return ask_all_of(requests, self.seats)

    def leave(self, match: Match) -> None:
        """End the agents."""
        faulted = set() if match.result is None else {seat for _, seat, _ in match.result.faults}
        for number, seat in enumerate(self.seats):
            with contextlib.suppress(Exception):  # the agent border: nobody needs it any more
                seat.close(match.result, faulted=number in faulted)
        self.seats = []
        self.close()


def ask_all(match: Match, seats: Sequence[Seat]) -> dict[int, Any]:
    """Ask the agents that are to act now."""
    return ask_all_of([one for one in match.requests() if not isinstance(seats[one.seat], _Empty)], seats)


def ask_all_of(requests: Sequence[Request], seats: Sequence[Seat]) -> dict[int, Any]:
    """Return answers by seat; agents in this process answer last: their thought must not run on the others' clocks."""
    for request in requests:
        seats[request.seat].ask(request)
    found: dict[int, Any] = {}
    for request in sorted(requests, key=lambda one: seats[one.seat].act is not None):
        action, _, _ = seats[request.seat].answer()
        if type(action) is not Fault and (reason := request.refusal(action)) is not None:
            action = illegal(action, reason)
        found[request.seat] = action
    return found
