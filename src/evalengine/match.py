"""Match: one match as a state machine without clock, socket, process or hook, in the manner of h11.

    match = Match(spec, game)
    while not match.over:
        for request in match.requests():
            match.answer(request.seat, action_of(request))
    match.result

A turn is resolved when every seat that acts in it has an answer or a fault, never by order of arrival.
"""

from __future__ import annotations

import bisect
import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalengine.contracts import Game, Info, Observation, Request, State
from evalengine.errors import GameError
from evalengine.faults import crash, illegal
from evalengine.match_rules import Rules, fallen_scores, places_of, plain_scores
from evalengine.model import Answer, Fault, MatchResult, MatchSpec, Termination
from evalengine.seeding import derive_at, stream

if TYPE_CHECKING:
    import random

    from evalengine.model import Action

Turn = Mapping[int | None, Any]
"""One turn: {seat: action or Fault}; the key None stands for the only seat that is to move."""

# Read once: an enum's `.value` costs 0.2 us each time.
_RULES, _TURN_LIMIT, _FAULT = Termination.RULES.value, Termination.TURN_LIMIT.value, Termination.FAULT.value

_made = tuple.__new__  # a named tuple's own __new__ costs twice as much
_PAIR = 2  # sides: with fewer there is nobody to play against
_FIRST, _SECOND, _LEVEL = (1, 2), (2, 1), (1, 1)  # places of two seats that play each other
_TURN_AND_SEAT = operator.itemgetter(0, 1)
_OPENING_TRIES = 8  # random openings of one length, before a shorter one is tried
_SPENT = 1 << 40  # below it, what is left of a derived number is too little to draw evenly from


@functools.cache
def _opening_path(length: int, attempt: int, turn: int, seat: int) -> str:
    return repr(("opening", length, attempt, turn, seat))


def _rules_of(game: Game, seats: int) -> Rules:
    # A name that no game takes for something of its own.
    known: dict[int, Rules] = game.__dict__.setdefault("_evalengine_rules", {})
    if seats not in known:
        known[seats] = Rules(game.spec, seats, game.teams(seats))
    return known[seats]


class Match:
    """One match, played by whoever drives it: a worker, a replay, a person, a server.

    Attributes:
        spec, game, state: what is played and where it stands; turn: the turn that is asked now;
        result: the MatchResult once it is over, else None;
        infos: what agents gave beside their actions, as (turn, seat, info).
    """

    __slots__ = (
        "_actions",
        "_answers",
        "_checks_legal",
        "_fallen",
        "_faults",
        "_max_turns",
        "_requests",
        "_rules",
        "_who",
        "game",
        "infos",
        "result",
        "spec",
        "state",
        "turn",
    )

    state: State
    turn: int
    result: MatchResult | None
    infos: list[tuple[int, int, Any]]
    _checks_legal: bool
    _requests: list[Request] | None

    def __init__(self, spec: MatchSpec, game: Game) -> None:
        self._begin(spec, game)
        if spec.opening and not self.over:
            self._open()

    @classmethod
    def resume(cls, spec: MatchSpec, game: Game, turns: Iterable[Turn]) -> Match:
        """Return the match after `turns`, opening included: a replay, or its first part.

        Raises:
            GameError: the turns do not fit the game; it or its luck is not what it was.
        """
        match = cls.__new__(cls)
        match._begin(spec, game)  # noqa: SLF001 - its own
        match.replay(turns)
        return match

    def fork(self, spec: MatchSpec) -> Match:
        """Return a match of `spec` that stands where this one does, between two turns, and shares nothing with it.

        Raises:
            GameError: the game has no clone().
        """
        made = Match.__new__(Match)
        for name in Match.__slots__:
            value = getattr(self, name)
            setattr(made, name, value.copy() if type(value) in {list, dict, set} else value)
        made.spec, made.state = spec, self.state.clone()
        made._requests = None  # noqa: SLF001 - its own
        return made

    def replay(self, turns: Iterable[Turn]) -> None:
        """Go on with turns as `resume` takes them.

        Raises:
            GameError: they do not fit the game.
        """
        for turn in turns:
            self._replay(turn)

    # ------------------------------------------------------------------------------ driving it

    @property
    def over(self) -> bool:
        """Whether nobody is asked any more."""
        return self.result is not None

    def requests(self) -> Sequence[Request]:
        """Return who must act now and has not answered; empty when the match is over."""
        if self._requests is None:
            self._requests = (
                [] if self.over else [Request(self.state, seat, self.turn) for seat in self.state.to_move()]
            )
        answers = self._answers
        return [request for request in self._requests if request.seat not in answers] if answers else self._requests

    def refusal(self, seat: int, action: Action) -> str | None:
        """Return why this action would be refused now, or None; without consequence."""
        self._awaited(seat)
        return self.state.refuse(seat, action)

    def answer(self, seat: int, action: Action, info: Any = None) -> None:
        """Give the action of a seat that is asked; a refused one becomes a Fault."""
        if self._moved(seat, action):
            if info is not None:
                self.infos.append((self.turn - 1, seat, info))
            return
        self._awaited(seat)
        reason = self.state.refuse(seat, action)
        if info is not None:
            self._note(seat, info)
        self._take(seat, action if reason is None else illegal(action, reason))

    def _moved(self, seat: int, action: Action) -> bool:
        """Take the plain number of the only seat that was asked, if it is possible; what most turns are."""
        requests = self._requests
        if type(action) is not int or not requests or len(requests) > 1:
            return False
        request = requests[0]
        if request.seat != seat:
            return False
        if self._checks_legal:
            legal = request.legal
            if legal is None or action not in legal or type(legal[0]) is not int:
                return False
        elif self.state.refuse(seat, action) is not None:
            return False
        self.move(seat, action)
        return True

    def move(self, seat: int, action: Action) -> Sequence[int]:
        """Take a legal action of the only seat that is to move; return who moves next, nobody when it is over."""
        self._actions.append(action)
        self._who.append(seat)
        self._requests = None
        turn = self.turn
        self.state = state = self.state.apply({seat: action}, self._rules.no_luck or self._luck(turn))
        self.turn = turn = turn + 1
        movers = state.to_move()
        if not movers:
            self._finish(_RULES)
        elif turn >= self._max_turns:
            self._finish(_TURN_LIMIT)
            return ()
        return movers

    def fault(self, seat: int, fault: Fault, info: Any = None) -> None:
        """Report what a seat that is asked did wrong instead of answering."""
        self._awaited(seat)
        if info is not None:
            self._note(seat, info)
        self._take(seat, fault)

    def advance(  # noqa: C901 - inlined by hand: a call costs as much as the rest of a turn
        self, acts: Sequence[Callable[[Observation], Any] | None], infos: Sequence[Info], clock: Callable[[], int]
    ) -> list[int]:
        """Let in-process agents play on until the match is over or a seat without one must act.

        This is the fast path: `answer` once a turn, but for one mover and with nothing looked up twice.

        Args:
            acts: by seat, what to ask; None for a seat that somebody else drives.
            infos: by seat, what the agent was told at the start.
            clock: nanoseconds.

        Returns:
            Nanoseconds of thought, one for each action asked for, in their order.
        """
        thought: list[int] = []
        state, turn, last = self.state, self.turn, self._max_turns
        no_luck, checks_legal = self._rules.no_luck, self._checks_legal
        actions, who = self._actions, self._who
        while self.result is None:
            movers = state.to_move()
            if len(movers) != 1:
                self.state, self.turn = state, turn
                if not movers:
                    self._finish(_RULES)
                elif not self._advance_together(movers, acts, infos, clock, thought):
                    break
                state, turn = self.state, self.turn
                continue
            seat = movers[0]
            act = acts[seat]
            if act is None:
                break
            observation = Observation(state, seat, turn, infos[seat])
            if checks_legal:  # else nobody may need them
                try:
                    observation.legal = legal = state.legal(seat)
                except Exception:  # noqa: BLE001 - told as to an agent that looks
                    legal = observation.legal
            began = clock()
            try:
                action = act(observation)
            except GameError:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the agent border: a failing agent is data
                action = crash(error)
            thought.append(clock() - began)
            if (
                type(action) is not int
                or not checks_legal
                or legal is None
                or action not in legal
                or type(legal[0]) is not int
            ):
                self.state, self.turn = state, turn
                action = self._checked(seat, action)
                if type(action) is Fault:
                    self._take(seat, action)
                    state, turn = self.state, self.turn
                    continue
            actions.append(action)
            who.append(seat)
            state = state.apply({seat: action}, no_luck or self._luck(turn))
            turn += 1
            if turn >= last:
                self.state, self.turn = state, turn
                self._finish(_RULES if not state.to_move() else _TURN_LIMIT)
        self.state, self.turn = state, turn
        self._requests = None
        return thought

    # ------------------------------------------------------------------------- what was played

    @property
    def turns(self) -> list[dict[int | None, Any]]:
        """The turns so far as `resume` takes them, opening included."""
        faults = {(turn, seat): fault for turn, seat, fault in self._faults}
        actions = iter(self._actions)
        found: list[dict[int | None, Any]] = []
        for number, who in enumerate(self._who):
            seats = (who,) if who >= 0 else seats_of(~who)
            found.append({seat: faults.get((number, seat)) or next(actions) for seat in seats})
        return found

    @property
    def log(self) -> tuple[list[Any], list[int], list[tuple[int, int, Fault]]]:
        """The turns as they are stored: actions, by turn the seat or ~mask of seats, faults.

        A fault has no action; a mask has bit k set for seat k.
        """
        return self._actions, self._who, self._faults

    @property
    def lists_legal(self) -> bool:
        """Whether the game accepts what it lists and nothing else."""
        return self._checks_legal

    @property
    def sides(self) -> tuple[tuple[int, ...], ...]:
        """The seats of each side."""
        return self._rules.sides

    @property
    def fallen(self) -> frozenset[int]:
        """The seats of the sides that fell by a fault; where others still play, they are not asked any more."""
        return frozenset(seat for side in self._fallen for seat in self._rules.sides[side])

    # -------------------------------------------------------------------------------- inside

    def _begin(self, spec: MatchSpec, game: Game) -> None:
        self.spec = spec
        self.game = game
        rules = self._rules = _rules_of(game, len(spec.agents))
        limit, lower = rules.spec.max_turns, spec.max_turns
        self._max_turns = min(limit, lower) if lower else limit
        self._restart()

    def _restart(self) -> None:
        self.turn = 0
        self.result = None
        self.infos = []
        self._actions: list[Any] = []
        self._who: list[int] = []
        self._faults: list[tuple[int, int, Fault]] = []
        self._fallen: set[int] = set()  # sides
        self._answers: dict[int, Any] = {}
        self._requests = None
        rules = self._rules
        luck = rules.no_luck or stream(self.spec.seed, "initial")
        self.state = self.game.initial(rules.seats, luck)
        # The default refuse() is membership; then the fast path need not call it.
        self._checks_legal = type(self.state).refuse is State.refuse
        if not self.state.to_move():
            self._finish(_RULES)

    def _luck(self, turn: int) -> random.Random:
        branch = self.spec.branch
        if branch is None:
            return stream(self.spec.seed, "turn", turn)
        if branch.luck_seed is not None and turn >= branch.turn:
            return stream(branch.luck_seed, "turn", turn)
        before = (seed for since, seed in reversed(branch.earlier) if turn >= since)
        return stream(next(before, self.spec.seed), "turn", turn)

    def _awaited(self, seat: int) -> None:
        if all(request.seat != seat for request in self.requests()):
            msg = f"seat {seat} is not asked in turn {self.turn}"
            raise ValueError(msg)

    def _note(self, seat: int, info: Any) -> None:
        bisect.insort(self.infos, (self.turn, seat, info), key=_TURN_AND_SEAT)

    def _checked(self, seat: int, action: Any) -> Any:
        """Return the action that an agent's return value stands for, or a Fault."""
        if type(action) is Fault:
            return action
        if type(action) is Answer:
            if action.info is not None:
                self._note(seat, action.info)
            action = action.action
            if type(action) is Fault:
                return action
        reason = self.state.refuse(seat, action)
        return action if reason is None else illegal(action, reason)

    def _advance_together(
        self,
        movers: Sequence[int],
        acts: Sequence[Callable[[Observation], Any] | None],
        infos: Sequence[Info],
        clock: Callable[[], int],
        thought: list[int],
    ) -> bool:
        """Ask the seats that have not answered in a turn of several; False when somebody else drives one of them."""
        answers = self._answers
        asked = [seat for seat in movers if seat not in answers] if answers else movers
        for seat in asked:
            if acts[seat] is None:
                return False
        state, turn = self.state, self.turn
        for seat in asked:
            act = acts[seat]
            observation = Observation(state, seat, turn, infos[seat])
            began = clock()
            try:
                action = act(observation)  # type: ignore[misc]  # none is None, see above
            except GameError:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the agent border: a failing agent is data
                action = crash(error)
            thought.append(clock() - began)
            answers[seat] = self._checked(seat, action)
        self._resolve(movers)
        return True

    def _take(self, seat: int, answer: Any) -> None:
        self._answers[seat] = answer
        movers = self.state.to_move()
        if len(self._answers) == len(movers):
            self._resolve(movers)

    def _resolve(self, movers: Sequence[int]) -> None:
        """End the turn: every acting seat has an action or a fault."""
        answers, self._answers = self._answers, {}
        self._requests = None
        if len(movers) > 1:
            order = sorted(movers)
            if list(answers) != order:
                # By seat, not by arrival: the game may go through its actions in their order.
                answers = {seat: answers[seat] for seat in order}
        mask = 0
        faulted = []
        for seat, answer in answers.items():
            mask |= 1 << seat
            if type(answer) is Fault:
                self._faults.append((self.turn, seat, answer))
                faulted.append(seat)
            else:
                self._actions.append(answer)
        self._who.append(movers[0] if len(movers) == 1 else ~mask)
        falling = faulted and self._falling(faulted, answers)
        if falling:
            self._fall(falling, answers)
        else:
            self._apply(answers)

    def _falling(self, faulted: Sequence[int], answers: dict[int, Any]) -> Sequence[int]:
        """Put the stand-in action where the game has one; return the seats of `faulted` that fall for want of it."""
        late = self._rules.spec.late
        if late == "forfeit":
            return faulted
        # apply() never sees a refused action, not even the game's own.
        falling = [seat for seat in faulted if self.state.refuse(seat, late) is not None]
        answers.update((seat, late) for seat in faulted if seat not in falling)
        return falling

    def _apply(self, answers: Mapping[int, Any]) -> None:
        self.state = self.state.apply(answers, self._rules.no_luck or self._luck(self.turn))
        self._next_turn()

    def _next_turn(self) -> None:
        self.turn += 1
        if not self.state.to_move():
            self._finish(_RULES)
        elif self.turn >= self._max_turns:
            self._finish(_TURN_LIMIT)

    def _fall(self, faulted: Sequence[int], answers: dict[int, Any]) -> None:
        """End the match for the sides of `faulted`, or for all when the game cannot go on without them."""
        sides = self._rules.sides
        falling = {self._rules.side_of[seat] for seat in faulted}
        self._fallen |= falling
        can_go_on = len(sides) > _PAIR and type(self.state).forfeit is not State.forfeit
        if not can_go_on or len(sides) - len(self._fallen) < _PAIR:
            self.turn += 1
            self._finish(_FAULT)
            return
        for side in sorted(falling):
            for seat in sides[side]:
                self.state = self.state.forfeit(seat)
        movers = sorted(self.state.to_move())
        if any(self._rules.side_of[seat] in self._fallen for seat in movers):
            msg = f"game {self._rules.spec.name!r}: forfeit() left a seat to move that it was told to go on without"
            raise GameError(msg)
        rest = {seat: answers[seat] for seat in movers if seat in answers}
        if movers and len(rest) == len(movers):
            self._apply(rest)
        else:  # whoever moves next was not asked yet: the fault took the turn
            self._next_turn()

    def _replay(self, turn: Turn) -> None:
        if self.over:
            msg = f"the match was over after {self.turn} turns, but more are recorded"
            raise GameError(msg)
        asked = list(self.state.to_move())
        if None in turn:
            if len(asked) != 1:
                msg = f"turn {self.turn}: seats {asked} are to move, but one is recorded"
                raise GameError(msg)
            turn = {asked[0]: turn[None]}
        if set(asked) != set(turn):
            msg = f"turn {self.turn}: seats {asked} are to move, but {list(turn)} are recorded"
            raise GameError(msg)
        for seat, action in turn.items():
            if type(action) is Fault:
                self._answers[seat] = action  # type: ignore[index]
                continue
            reason = self.state.refuse(seat, action)  # type: ignore[arg-type]
            if reason is not None:
                msg = f"turn {self.turn}: seat {seat} did {action!r}, which the game refuses now: {reason}"
                raise GameError(msg)
            self._answers[seat] = action  # type: ignore[index]
        self._resolve(asked)

    # -------------------------------------------------------------------------------- openings

    def _open(self) -> None:
        """Play the opening: random legal actions that do not end the match, the same for a whole rotation."""
        spec, rules = self.spec, self._rules
        known = spec.seed, spec.opening, self._max_turns
        if rules.opened[0] == known:  # by an earlier match of the rotation: drawn once, then put on the board
            for drawn in rules.opened[1]:
                self._put(dict(drawn))
            return
        for length in range(spec.opening, 0, -1):
            for attempt in range(_OPENING_TRIES):
                opening = self._draw_opening(length, attempt)
                if opening is not None:
                    rules.opened = known, opening
                    return
                self._restart()

    def _draw_opening(self, length: int, attempt: int) -> list[dict[int, Any]] | None:
        """Play and return the actions of random turns; None when they end the match."""
        opening: list[dict[int, Any]] = []
        # The digits of one derived number: a generator costs as much as the rest of a small match.
        luck = 0
        for turn in range(length):
            drawn = {}
            state = self.state
            for seat in state.to_move():
                legal = state.legal(seat)
                if not legal:  # actions that cannot be listed cannot be drawn either
                    return opening
                if luck < _SPENT:
                    luck = derive_at(self.spec.seed, _opening_path(length, attempt, turn, seat))
                luck, place = divmod(luck, len(legal))
                drawn[seat] = legal[place]
            opening.append(dict(drawn))
            if not self._put(drawn):
                return None
        return opening

    def _put(self, drawn: dict[int, Any]) -> bool:
        """Play a turn of the opening; return whether the match goes on."""
        if len(drawn) > 1 or self.turn + 1 >= self._max_turns:
            self._answers = drawn
            self._resolve(self.state.to_move())
            return self.result is None
        ((seat, action),) = drawn.items()  # as _resolve would, with less ado
        self._actions.append(action)
        self._who.append(seat)
        self.state = state = self.state.apply(drawn, self._rules.no_luck or self._luck(self.turn))
        self.turn += 1
        return bool(state.to_move())

    # ---------------------------------------------------------------------------------- result

    def _finish(self, termination: str) -> None:
        rules = self._rules
        scores = plain_scores(self.state.scores(), rules)
        if rules.duel and not self._fallen:
            one, other = scores
            places: tuple[int, ...] = _FIRST if one > other else _SECOND if one < other else _LEVEL
        else:
            if self._fallen:
                scores = fallen_scores(scores, rules, self._fallen, unplayed=termination == _FAULT)
            places = places_of(scores, rules, self._fallen, unplayed=termination == _FAULT)
        self.result = _made(MatchResult, (scores, places, termination, self.turn, tuple(self._faults)))


def seats_of(mask: int) -> tuple[int, ...]:
    """Return the seats whose bits are set, in order."""
    return tuple(seat for seat in range(mask.bit_length()) if mask >> seat & 1)
