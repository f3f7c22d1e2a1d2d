"""A match that continues another: brought to where it begins, and what its seats saw and did until then."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, overload

from evalengine import wire
from evalengine.contracts import Info, Observation
from evalengine.errors import GameError
from evalengine.match import Match
from evalengine.model import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.contracts import Game
    from evalengine.model import Branch, MatchSpec

Pairs = list[tuple[Any, Any]]


class Parents:
    """The latest parent, as far as it was needed: its branches lie one behind another, and are not replayed each."""

    def __init__(self) -> None:
        self._known: tuple[str, int] | None = None  # the parent, and of which game
        self._match: Match | None = None  # at the turn of the latest branch
        self._turns: list[dict[int | None, Any]] = []  # that it has played

    def begin(self, spec: MatchSpec, game: Game) -> Match:
        """Return the match where its agents are asked first; it may be over there.

        Raises:
            GameError: the parent's turns do not fit the game.
        """
        branch = _branch_of(spec)
        turns = wire.unpack_turns(branch.turns)
        if game.spec.clone != "copy":
            return Match.resume(spec, game, turns)
        match = self._at(spec, branch, game, turns[: branch.turn]).fork(spec)
        match.replay(turns[branch.turn :])
        return match

    def _at(self, spec: MatchSpec, branch: Branch, game: Game, turns: list[dict[int | None, Any]]) -> Match:
        """Return the parent after `turns`."""
        known, match = (branch.parent, spec.game_no), self._match
        if match is None or self._known != known or turns[: len(self._turns)] != self._turns:
            # With the luck of its own parents, and never with the branch's.
            own = spec._replace(opening=0, branch=branch._replace(luck_seed=None))
            match, self._turns = Match.resume(own, game, ()), []
        match.replay(turns[len(self._turns) :])
        self._known, self._match, self._turns = known, match, turns
        return match


class Past(Sequence[tuple[Any, Any]]):
    """What a seat saw and did in the parent before the branch, as (observation, action); replayed when it is read."""

    def __init__(self, spec: MatchSpec, game: Game, seat: int, wrap: Callable[..., Any]) -> None:
        self._pairs = functools.cache(lambda: list(_pairs(spec, game, seat, wrap)))

    @overload
    def __getitem__(self, place: int) -> tuple[Any, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Pairs: ...
    def __getitem__(self, place: int | slice) -> tuple[Any, Any] | Pairs:
        return self._pairs()[place]

    def __len__(self) -> int:
        return len(self._pairs())


def past(spec: MatchSpec, game: Game, info: Info, *, outside: bool) -> Sequence[tuple[Any, Any]]:
    """Return the past of the seat of `info`, with observations as its agent in this process or `outside` has them."""
    return Past(spec, game, info.seat, _plain if outside else functools.partial(_Then, info=info))


def _pairs(spec: MatchSpec, game: Game, seat: int, wrap: Callable[..., Any]) -> Any:
    """Yield what a seat was asked, turns of the opening left out, and what it did; an action held for it, too."""
    branch = _branch_of(spec)
    match = Match.resume(spec._replace(opening=0), game, ())
    for number, turn in enumerate(wire.unpack_turns(branch.turns)):
        if number >= spec.opening:
            for request in match.requests():
                if request.seat == seat:
                    done = turn[None] if None in turn else turn[seat]
                    action = None if isinstance(done, Fault) else done  # the game's stand-in played for it
                    # Now: the state moves on, and may be changed in place.
                    yield wrap(view=request.view, legal=_listed(request.legal), seat=seat, turn=number), action
        match.replay([turn])


def _listed(legal: Sequence[Any] | None) -> list[Any] | None:
    return None if legal is None else list(legal)


def _plain(**fields: Any) -> dict[str, Any]:
    return fields


class _NoState:
    """Stands where the state of a turn long gone would."""

    def _refuse(self, *_: Any) -> NoReturn:
        msg = "an observation of the past has view and legal, but no state"
        raise GameError(msg)

    clone = sample = refuse = render = _refuse


class _Then(Observation):
    """An observation of a turn of the parent."""

    __slots__ = ("_view",)

    def __init__(self, view: Any, legal: Sequence[Any] | None, seat: int, turn: int, info: Info) -> None:
        super().__init__(_NoState(), seat, turn, info)  # type: ignore[arg-type]  # it refuses
        self._view, self.legal = view, legal

    @property
    def view(self) -> Any:
        """What the seat saw."""
        return self._view


def lucks(branch: Branch | None) -> tuple[tuple[int, int], ...]:
    """Return the lucks of a match that is itself a branch or None, as a branch of it has them: `Branch.earlier`."""
    if branch is None:
        return ()
    before = tuple((since, seed) for since, seed in branch.earlier)
    return before if branch.luck_seed is None else (*before, (branch.turn, branch.luck_seed))


def first_asked(spec: MatchSpec) -> int:
    """Return the first turn that a match's own agents were asked in: what is before is the opening, or a parent's."""
    branch = spec.branch
    if branch is None:
        return spec.opening
    return max(spec.opening, branch.turn + (branch.seat is not None))


def _branch_of(spec: MatchSpec) -> Branch:
    assert spec.branch is not None
    return spec.branch
