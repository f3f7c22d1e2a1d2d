"""One episode where it is played: its match, stepped by actions of the policy's seats; others' agents answer here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.model import Fault, FaultKind, Termination
from evalengine_gertlabs.rollouts import shown
from evalengine_gertlabs.rollouts.once import RefusedError, again
from evalengine_gertlabs.rollouts.seating import Sitting, ask_all
from evalengine_gertlabs.rollouts.settings import Asked, Setting, Stepped, seat_name
from evalengine_gertlabs.rollouts.turns import begun, turns_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine.contracts import Game, Request
    from evalengine.match import Match

_LEVEL = 0.5  # of a win, when the first place is shared
Row = tuple[int, bytes, bytes | None]
"""A stored step: the tick that it was done in, its turns, the digest of its actions; None: nobody asked for it."""


class Episode:
    """A match and who sits in it.

    Args:
        match: where it stands, of a fork whose sibling is there already; None: from its beginning.

    Raises:
        GameError: the game failed.
    """

    def __init__(self, setting: Setting, game: Game, match: Match | None = None) -> None:
        self.setting = setting
        self.match = begun(setting, game) if match is None else match
        self.last: Stepped | None = None
        self._digest = b""
        self._sitting: Sitting | None = None
        if len(setting.policy) < len(setting.agents):
            self._sitting = Sitting(setting, game, self.match)
        self._eliminated: frozenset[int] = frozenset()
        self._look()
        self.scores = self._scores()

    def close(self) -> None:
        """End the agents."""
        if self._sitting is not None:
            self._sitting.leave(self.match)

    # ------------------------------------------------------------------------------- to begin

    def open(self) -> bytes:
        """Let others do what comes before the policy's first turn; return these turns."""
        turns = self._advance(self.match.turn)
        self.scores = self._scores()
        return turns

    def repeat(self, rows: Sequence[Row]) -> None:
        """Go through stored steps once more, so that the last is known as it was when it was done."""
        for tick, turns, digest in rows:
            before = self.scores
            for turn in wire.unpack_turns(turns):
                if self._sitting is not None:
                    ask_all(self.match, self._sitting.seats)  # so that they know what they knew
                self.match.replay([turn])
                self._look()
            self.scores = self._scores()
            if digest is not None:
                self.last, self._digest = self._stepped(before, tick, turns), digest

    def initial(self) -> bytes:
        """Return what a reset or a fork answers, as JSON."""
        setting, spec = self.setting, self.match.game.spec
        scores = self._by_seat(self.scores)
        limit = setting.spec.max_turns or spec.max_turns
        told = {
            **self._position(),
            "game": setting.slug,
            "player_count": len(setting.agents),
            "max_ticks": min(limit, spec.max_turns),
            "initial_score": scores[seat_name(setting.policy[0])],
            "initial_scores": scores,
            **setting.facts,
            **(self._ending() if self.match.over else {}),
        }
        return self._written(told)

    def probe(self) -> bytes:
        """Return where it stands, without what its seats see, as JSON."""
        spec = self.match.game.spec
        limit = min(self.setting.spec.max_turns or spec.max_turns, spec.max_turns)
        facts = {"game": self.setting.slug, "player_count": len(self.setting.agents), "max_ticks": limit}
        return shown.as_json({**self._position(), **facts, **self.setting.facts})

    # -------------------------------------------------------------------------------- to step

    def step(self, asked: Asked) -> Stepped:
        """Do a step, or return what the last one gave if it is asked for once more.

        Raises:
            RefusedError: it cannot be done; GameError: the game failed, the episode is lost.
        """
        match, tick = self.match, self.match.turn
        if asked.expected is not None and asked.expected != tick:
            return again(self.last, self._digest, asked, tick)
        if match.over:
            raise RefusedError(409, "EPISODE_COMPLETE", f"episode {self.setting.id} is over: reset begins another")
        given = self._given(asked)
        before = self.scores
        self._take(given)
        turns = self._advance(tick)
        self.scores = self._scores()
        self.last, self._digest = self._stepped(before, tick, turns), asked.digest
        return self.last

    def _given(self, asked: Asked) -> dict[int, Any]:
        """Return the actions by seat, of the policy's seats that are on turn.

        Raises:
            RefusedError: they do not say whose they are.
        """
        on_turn = [request.seat for request in self.match.requests() if request.seat in self.setting.policy]
        if asked.actions is None:
            if len(on_turn) > 1:
                names = ", ".join(map(seat_name, on_turn))
                raise RefusedError(400, "VALIDATION_ERROR", f"seats {names} act at once: give actions by seat")
            return {on_turn[0]: asked.action}
        known = {seat_name(seat): seat for seat in self.setting.policy}
        for name in asked.actions:
            if name not in known:
                told = f"actions names {name[:40]!r}; your seats are {', '.join(known)}"
                raise RefusedError(400, "VALIDATION_ERROR", told)
        given = {known[name]: action for name, action in asked.actions.items() if known[name] in on_turn}
        if not given:
            names = ", ".join(map(seat_name, on_turn))
            raise RefusedError(400, "VALIDATION_ERROR", f"no action is of a seat on turn: {names}")
        return given

    def _take(self, given: dict[int, Any]) -> None:
        """Play the turn that is asked: the others' agents first, since the state moves on with the last answer."""
        match = self.match
        requests = list(match.requests())
        answers: dict[int, Any] = {}
        for request in requests:
            if request.seat in given:
                answers[request.seat] = shown.action_of(match.game, request, given[request.seat])
            elif request.seat in self.setting.policy:
                answers[request.seat] = Fault(FaultKind.PROTOCOL.value, "no action was given")
        if self._sitting is not None:
            answers.update(self._sitting.asked([one for one in requests if one.seat not in answers]))
        self._answer(requests, answers)

    def _answer(self, requests: Iterable[Request], answers: dict[int, Any]) -> None:
        for seat in [request.seat for request in requests]:
            if type(answers[seat]) is Fault:
                self.match.fault(seat, answers[seat])
            else:
                self.match.answer(seat, answers[seat])
        self._look()

    def _advance(self, since: int) -> bytes:
        """Play on while only others are asked; return the turns since a tick.

        What nobody of the policy can change any more is not played.
        """
        match = self.match
        while not match.over and self._sitting is not None and not self._failed_all():
            requests = list(match.requests())
            if any(request.seat in self.setting.policy for request in requests):
                break
            self._answer(requests, self._sitting.asked(requests))
        return turns_since(match, since)

    # -------------------------------------------------------------------------------- to tell

    @property
    def over(self) -> bool:
        """Whether it takes no step any more."""
        return self.match.over or self._failed_all()

    def _failed_all(self) -> bool:
        return self.match.fallen.issuperset(self.setting.policy)

    def _look(self) -> None:
        """Note who is out by the game's own rules: whom a game for all at once does not ask while it goes on."""
        match = self.match
        if match.over or match.game.spec.dynamics != "simultaneous":
            return
        asked = {request.seat for request in match.requests()}
        self._eliminated = frozenset(set(self.setting.policy) - asked - match.fallen)

    def _scores(self) -> tuple[float, ...]:
        match = self.match
        if match.result is not None:
            return match.result.scores
        low, fallen = match.game.spec.min_score, match.fallen
        return tuple(low if seat in fallen else float(score) for seat, score in enumerate(match.state.scores()))

    def _places(self) -> tuple[int, ...]:
        match = self.match
        if match.result is not None:
            return match.result.places
        means = [(seat not in match.fallen, score) for seat, score in enumerate(self.scores)]
        return tuple(1 + sum(other > mine for other in means) for mine in means)

    def _by_seat(self, values: Sequence[Any]) -> dict[str, Any]:
        return {seat_name(seat): values[seat] for seat in self.setting.policy}

    def _position(self) -> dict[str, Any]:
        match, policy = self.match, self.setting.policy
        asked = {} if self.over else {request.seat: request for request in match.requests()}
        out = match.fallen | self._eliminated
        return {
            "episode_id": self.setting.id,
            "tick": match.turn,
            "done": self.over,
            "policy_seat": seat_name(policy[0]),
            "policy_seats": [seat_name(seat) for seat in policy],
            "on_turn_seats": [seat_name(seat) for seat in policy if seat in asked],
            "failed_seats": [seat_name(seat) for seat in policy if seat in out],
            "eliminated_seats": [seat_name(seat) for seat in policy if seat in self._eliminated],
            "turn_based": match.game.spec.dynamics == "sequential",
        }

    def _written(self, told: dict[str, Any]) -> bytes:
        """Return what is told with what the policy's seats see, as JSON; each is written once."""
        asked = {} if self.over else {request.seat: request for request in self.match.requests()}
        seen = {seat: shown.as_json(self._seen(seat, asked.get(seat))) for seat in self.setting.policy}
        each = b",".join(b'"%b":%b' % (seat_name(seat).encode(), one) for seat, one in seen.items())
        first = seen[self.setting.policy[0]]
        return b'%b,"observation":%b,"observations":{%b}}' % (shown.as_json(told)[:-1], first, each)

    def _seen(self, seat: int, request: Request | None) -> Any:
        if request is not None:
            return shown.observation(request)
        with contextlib.suppress(Exception):  # who is not asked may have nothing to see, least of all at the end
            return shown.view(self.match.state.view(seat))
        return None

    def _stepped(self, before: Sequence[float], tick: int, turns: bytes) -> Stepped:
        rewards = self._by_seat([now - then for now, then in zip(self.scores, before, strict=True)])
        told = {**self._position(), "reward": rewards[seat_name(self.setting.policy[0])], "rewards": rewards}
        won = None
        if self.over:
            told |= self._ending()
            won = self._won()
        return Stepped(self._written(told), self.match.turn, tick, turns, self.over, won)

    def _ending(self) -> dict[str, Any]:
        primary = seat_name(self.setting.policy[0])
        scores = self._by_seat(self.scores)
        found: dict[str, Any] = {"score": scores[primary], "scores": scores, "completion_reason": self._reason()}
        places = self._places()
        if len(places) > 1:  # alone there is no rank
            ranks = self._by_seat(places)
            outcomes = self._by_seat([_outcome(place, places) for place in places])
            found |= {"rank": ranks[primary], "ranks": ranks, "outcome": outcomes[primary], "outcomes": outcomes}
        return found

    def _reason(self) -> str:
        match = self.match
        if match.result is None:
            return "policy_failed"
        if match.result.termination == Termination.FAULT.value:
            mine = match.fallen & set(self.setting.policy)
            return "policy_failed" if mine else "opponent_failed"
        limited = match.result.termination == Termination.TURN_LIMIT.value
        return "max_ticks" if limited and match.turn < match.game.spec.max_turns else "game_complete"

    def _won(self) -> float | None:
        places = self._places()
        if len(self.setting.policy) == len(places):
            return None
        best = min(places[seat] for seat in self.setting.policy)
        return {"win": 1.0, "draw": _LEVEL, "loss": 0.0}[_outcome(best, places)]


def _outcome(place: int, places: Sequence[int]) -> str:
    if place > 1:
        return "loss"
    return "win" if places.count(1) == 1 else "draw"
