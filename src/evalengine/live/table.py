"""One live match where it is played: its kernel and agents, and a queue on which its remote seats are heard."""

from __future__ import annotations

import contextlib
import queue
import time
from typing import TYPE_CHECKING, Any

import msgpack

from evalengine import branches, seeding, wire
from evalengine.contracts import Info
from evalengine.errors import EvalengineError, GameError, Why
from evalengine.faults import illegal
from evalengine.live import showing
from evalengine.live.messages import ACT, AT, CLOSE, DID, LEFT, OVER, REFUSED, SLOW
from evalengine.live.patience import Patience
from evalengine.live.remote_seat import RemoteSeat
from evalengine.live.saying import Saying
from evalengine.live.showing import packed_info
from evalengine.model import Branch, Fault, FaultKind
from evalengine.played import contended_row, own_faults, row_of, void_row
from evalengine.together import leave
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.contracts import Request
    from evalengine.live.messages import Setting
    from evalengine.match import Match
    from evalengine.model import Played
    from evalengine.seats import Seat

_SLOW_NS = 20_000_000  # of the processor for one answer, by which an agent in this process keeps others waiting
_GAME = "the game"
_PATIENCE = 10  # times its limit that an agent from outside is waited for: as in a run
_SWIFT_S = 0.005
_TRIES = 3  # of agents that failed and are not to blame
_clock = time.perf_counter_ns


class Closed(BaseException):
    """Nobody wants the match any more. No Exception: what passes through a worker must not void it."""


class _Again(BaseException):
    """An agent had to wait for a core, or what it runs in died: all start afresh and are asked again."""


class Table(Worker):
    """Plays one live match, in a thread of its own.

    Attributes:
        told: what the match is told, as `messages` has it; saying, patience: for the thread that watches this one.

    Args:
        say: takes what is to be stored and told, in the order of storing: lists of kinds with their fields, in
        msgpack's types.
    """

    own_session = True

    def __init__(self, setting: Setting, say: Callable[[Sequence[Sequence[Any]]], None]) -> None:
        super().__init__(setting.orders)
        self._setting = setting
        self.saying = Saying(say)
        self.patience = Patience(setting.hung_s)
        self._say = self.saying.say
        self._heard_s = 0.0  # since when nobody elsewhere is waited for
        self.told: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._done = {(turn, seat): (what, info, took) for turn, seat, what, info, took in setting.script}
        self._left = dict(setting.left)
        self._shown = -1  # the turn that was told of last
        self._asked_ns = 0  # since when remote seats are asked

    def play_out(self) -> None:
        """Play the match to its end and say its row; say nothing when it is closed before."""
        try:
            for left in reversed(range(_TRIES)):
                with contextlib.suppress(_Again):
                    self._say(OVER, list(self._played(left)))
                    self.saying.say_all()
                    return
        except Closed:
            return
        finally:
            self.close()

    def _played(self, tries: int) -> Played:
        spec, started, began = self._setting.spec, time.time(), _clock()
        seats: list[Seat] = []
        thought: list[int] = []
        match = None
        start_s = self._orders.limits.start_s
        self.patience.begins("the start", None if start_s is None else 2 * start_s)
        try:
            self.match = match = self._begun(spec)
            if not match.over:
                self._sit(match, seats)
            self._drive(match, seats, thought, tries)
            self.patience.begins("the end of the agents")
            contended = own_faults(match) and any(seat.contended for seat in seats)
            logs = self._closed(match, seats)
            seats = []
            if contended:
                return contended_row(match, _TRIES, started, _clock() - began)
            return row_of(match, logs, thought, started, _clock() - began)
        except (Exception, SystemExit) as error:
            # What agents run in may have been killed by anybody. A game that fails would do so again.
            if tries and isinstance(error, EvalengineError) and not isinstance(error, GameError):
                raise _Again from error
            return void_row(spec, match, error, started, _clock() - began)
        finally:
            leave(seats)

    def _asks(self, match: Match, seat: int) -> None:
        agent = self._orders.agents[match.spec.agents[seat]]
        if agent.kind == "trusted":
            self.patience.begins(f"agent {agent.name!r}", 2 * agent.waits_s)
        else:
            turn_s = self._limits(agent).turn_s
            self.patience.begins(f"agent {agent.name!r}", None if turn_s is None else _PATIENCE * turn_s)

    def _seat(self, info: Info, agent_no: int) -> Seat:
        if info.seat in self._setting.remote:
            return RemoteSeat(info)
        return super()._seat(info, agent_no)

    # ----------------------------------------------------------------------------------- a turn

    def _drive(self, match: Match, seats: list[Seat], thought: list[int], tries: int) -> None:
        for seat in seats:
            seat.settle()
        while not match.over:
            self.patience.begins(_GAME)
            self._hear_waiting(match)
            for number, since in self._left.items():
                if since <= match.turn and type(seats[number]) is RemoteSeat:
                    seats[number] = self._stand_in(match, number)
            turn, requests = match.turn, match.requests()
            if any((turn, request.seat) not in self._done for request in requests):
                self._show(match, requests)
            if self._hear_remote(match, seats, requests):
                continue  # one has left: who is asked in its place is new
            self._ask_agents(match, seats, requests, tries)
            for request in requests:
                what, info, took = self._done[turn, request.seat]
                thought.append(took)
                if type(what) is Fault:
                    match.fault(request.seat, what, info)
                else:
                    match.answer(request.seat, what, info)
        self._say_where(match, [], [], {})

    def _ask_agents(self, match: Match, seats: Sequence[Seat], requests: Sequence[Request], tries: int) -> None:
        """Ask the agents, those too whose answer is known, so that they know what they knew."""
        asked = [request for request in requests if type(seats[request.seat]) is not RemoteSeat]
        for request in asked:
            if seats[request.seat].act is None:  # it may take long
                self.saying.say_all()
            seats[request.seat].ask(request)
        # Agents in this process answer last: their thought must not run on the others' clocks.
        for request in sorted(asked, key=lambda one: seats[one.seat].act is not None):
            self._asks(match, request.seat)
            seat, used_ns = seats[request.seat], time.thread_time_ns()
            action, info, took = seat.answer()
            used_ns = time.thread_time_ns() - used_ns
            self.patience.begins(_GAME)
            if (match.turn, request.seat) in self._done:
                continue
            if type(action) is Fault:
                if seat.contended and tries:
                    raise _Again
            elif reason := match.refusal(request.seat, action):
                action = illegal(action, reason)
            self._do(match, request.seat, action, info, took)
            if used_ns > _SLOW_NS:
                self._say(SLOW)
                self.saying.swift = False

    def _do(  # noqa: PLR0917 - what is stored of an answer
        self, match: Match, seat: int, what: Any, info: Any, took_ns: int, ticket: int = 0
    ) -> None:
        """Take an answer, and say it."""
        self._done[match.turn, seat] = what, info, took_ns
        fault = list(what) if type(what) is Fault else None
        action = None if fault is not None else wire.pack(what)
        self._say(DID, match.turn, seat, action, fault, packed_info(info), took_ns // 1000, ticket)

    # ------------------------------------------------------------------------------ remote seats

    def _hear_remote(self, match: Match, seats: Sequence[Seat], requests: Sequence[Request]) -> bool:
        """Wait for the answers of remote seats; True when one has left instead."""
        remote = [request.seat for request in requests if type(seats[request.seat]) is RemoteSeat]
        self._asked_ns = _clock()
        while any((match.turn, seat) not in self._done for seat in remote):
            told = self._wait()
            if self._obey(match, told) and any(self._left.get(seat, 1 << 62) <= match.turn for seat in remote):
                return True
        return False

    def _wait(self) -> tuple[Any, ...]:
        """Return what the match is told next."""
        self.saying.swift = time.monotonic() - self._heard_s < _SWIFT_S
        self.saying.say_all()
        self.patience.waits()
        told = self.told.get()
        self.patience.begins(_GAME)
        self._heard_s = time.monotonic()
        return told

    def _hear_waiting(self, match: Match) -> None:
        """Obey what was said while nobody was asked."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._obey(match, self.told.get_nowait())

    def _obey(self, match: Match, told: tuple[Any, ...]) -> bool:
        """Do what the match is told; say whether a seat has left."""
        kind, *fields = told
        if kind == CLOSE:
            raise Closed
        if kind == ACT:
            self._act(match, *fields)
            return False
        seat, turn, reason, forfeits = fields
        return self._leave(match, seat, turn, reason, forfeits=forfeits)

    def _act(self, match: Match, ticket: int, seat: int, turn: int, packed: bytes) -> None:
        asked = match.turn == turn and (turn, seat) not in self._done and not self._has_left(seat, turn)
        if not asked or all(request.seat != seat for request in match.requests()):
            self._say(REFUSED, ticket, Why.ASKED.value, f"seat {seat} is not asked in turn {turn} any more")
            return
        action = msgpack.unpackb(packed, strict_map_key=False)
        if reason := match.refusal(seat, action):
            self._say(REFUSED, ticket, "", reason)
        else:
            self._do(match, seat, action, None, _clock() - self._asked_ns, ticket)

    def _leave(self, match: Match, seat: int, turn: int, reason: str, *, forfeits: bool) -> bool:
        """Hand a seat over, or take its fault.

        Args:
            turn: in which it was late, so that an answer that came meanwhile stands; -1: whenever it is.
        """
        answered = (match.turn, seat) in self._done
        if self._has_left(seat, match.turn + 1) or (turn >= 0 and (turn != match.turn or answered)):
            return False
        asked = any(request.seat == seat for request in match.requests())
        if forfeits and asked and not answered:
            self._do(match, seat, Fault(FaultKind.TIMEOUT.value, reason), None, _clock() - self._asked_ns)
            return False
        self._left[seat] = match.turn + answered
        self._say(LEFT, seat, self._left[seat], reason)
        if not self._setting.remote - self._left.keys():
            self.saying.say_all()
            raise Closed  # nobody is left for whom agents would go on
        return True

    def _has_left(self, seat: int, turn: int) -> bool:
        return self._left.get(seat, turn + 1) <= turn

    def _stand_in(self, match: Match, seat: int) -> Seat:
        """Return the seat of the agent that goes on for who has left, told of the past as in a branch."""
        spec, number = match.spec, self._setting.stand_in
        agent_seed = spec.seed if spec.branch is None else spec.branch.agent_seed
        info = Info(match.game, seat, match.sides, seeding.derive(agent_seed, "stand-in", seat))
        here = Branch("", match.turn, None, branches.lucks(spec.branch), turns=wire.pack_turns(match.log))
        outside = self._orders.agents[number].kind != "trusted"
        info.past = branches.past(spec._replace(branch=here), match.game, info, outside=outside)
        made = super()._seat(info, number)
        made.settle()
        return made

    # ---------------------------------------------------------------------------------- to show

    def _show(self, match: Match, requests: Sequence[Request]) -> None:
        """Say where the match stands, to each remote seat that is asked, and to all; once a turn."""
        if match.turn != self._shown:
            self._shown = match.turn
            questions = showing.questions(requests, self._setting.remote)
            answered = list(self._answers(match, match.turn))
            self._say_where(match, [request.seat for request in requests], answered, questions)

    def _say_where(self, match: Match, to_move: list[int], answered: list[int], questions: Mapping[int, bytes]) -> None:
        last = self._answers(match, match.turn - 1)
        self._say(AT, match.turn, to_move, answered, questions, *showing.public(match, last))

    def _answers(self, match: Match, turn: int) -> dict[int, Any]:
        """Return what was answered in a turn, by seat."""
        return {seat: self._done[turn, seat][0] for seat in range(len(match.spec.agents)) if (turn, seat) in self._done}
