"""A PettingZoo environment in the midst of a match, as a State."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from evalengine import GameError, State
from evalengine_pettingzoo.drawing import text_document
from evalengine_pettingzoo.snapshots import copied
from evalengine_pettingzoo.spaces import action_in, is_plain, legal_of, plain

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine_pettingzoo.game import EnvironmentGame

_MASK = "action_mask"


class Position(State):
    """A state that changes itself: an environment, what was done to it, and what its rewards add up to."""

    __slots__ = ("_env", "_game", "_last", "_movers", "_past", "_rewards", "_seed", "_totals")

    def __init__(self, game: EnvironmentGame, env: Any, seed: int) -> None:
        seats = len(game.agents)
        self._game, self._env, self._seed = game, env, seed
        self._past: list[Mapping[int, Any]] = []  # actions by turn, for a copy that plays them again
        self._last: dict[int, Any] = {}  # by seat: the observation that stays when the environment gives no more
        self._totals = [0.0] * seats
        self._rewards = [0.0] * seats  # of the last turn
        self._movers: tuple[int, ...] = ()

    @classmethod
    def fitting(cls, spaces: Sequence[Any]) -> type[Self]:
        """Return the class for these action spaces: one that asks them where actions cannot be listed."""
        raise NotImplementedError

    @classmethod
    def begun(cls, game: EnvironmentGame, seed: int) -> Self:
        """Return the first state of a new environment."""
        state = cls(game, game.environment(), seed)
        state.reset()
        return state

    def __del__(self) -> None:
        if self._past and not self._movers:
            self._game.released(self._env)

    def reset(self) -> None:
        """Begin a match in the environment."""
        raise NotImplementedError

    def _observation(self, seat: int) -> Any:
        raise NotImplementedError

    def _info(self, seat: int) -> Mapping[str, Any]:
        raise NotImplementedError

    def _step(self, actions: Mapping[int, Any]) -> None:
        raise NotImplementedError

    def to_move(self) -> Sequence[int]:
        return self._movers

    def legal(self, seat: int) -> Sequence[Any] | None:
        if not self._movers:
            return ()  # the mask of the end may still allow something
        found = legal_of(self._game.spaces[seat], self._mask(seat))
        if found == ():
            msg = f"the environment asks {self._game.agents[seat]!r}, but its action mask is empty"
            raise GameError(msg)
        return found

    def _mask(self, seat: int) -> Any:
        seen = self._observation(seat)
        mask = seen.get(_MASK) if isinstance(seen, dict) else None
        return self._info(seat).get(_MASK) if mask is None else mask

    def apply(self, actions: Mapping[int, Any], rng: random.Random) -> Self:
        self._past.append(dict(actions))
        self._step(actions)
        return self

    def _gained(self, rewards: Mapping[Any, Any]) -> None:
        self._rewards = [0.0] * len(self._totals)
        for agent, reward in rewards.items():
            seat = self._game.seat_of[agent]
            self._rewards[seat] = float(reward)
            self._totals[seat] += self._rewards[seat]

    def scores(self) -> tuple[float, ...]:
        return tuple(self._totals)

    def rewards(self) -> tuple[float, ...] | None:
        return tuple(self._rewards) if self._past else None

    def view(self, seat: int) -> dict[str, Any]:
        seen = self._observation(seat)
        if isinstance(seen, dict) and _MASK in seen:
            rest = {key: value for key, value in seen.items() if key != _MASK}
            return plain(rest if "observation" in rest else {"observation": rest})  # type: ignore[no-any-return]
        return {"observation": plain(seen)}

    def clone(self) -> Self:
        if not self._game.copies:
            return self.begun(self._game, self._seed).after(self._past)
        return type(self)(self._game, copied(self._env), self._seed).at(self)

    def after(self, past: Sequence[Mapping[int, Any]]) -> Self:
        """Play turns."""
        for actions in past:
            self._past.append(actions)
            self._step(actions)
        return self

    def at(self, other: Position) -> Self:
        """Take over where `other` stands; the environment is the caller's."""
        self._past, self._last = other._past[:], dict(other._last)
        self._totals, self._rewards, self._movers = other._totals[:], other._rewards[:], other._movers
        return self

    def render(self, seat: int | None = None) -> str:
        """Return the environment's own text where it has one and the seat may see all; else the observation's."""
        if self._game.draws and (seat is None or self._game.spec.information == "perfect"):
            return str(self._env.render())
        seats = range(len(self._totals)) if seat is None else (seat,)
        return "\n".join(f"{self._game.agents[one]}: {self.view(one)['observation']}" for one in seats)

    def svg(self, seat: int | None = None) -> str:
        return text_document(self.render(seat))


class AecPosition(Position):
    """Of an AEC environment: one seat after the other."""

    __slots__ = ("_seen",)

    def __init__(self, game: EnvironmentGame, env: Any, seed: int) -> None:
        super().__init__(game, env, seed)
        self._seen: dict[int, Any] = {}  # by seat, in this turn: for the mask and for the view

    @classmethod
    def fitting(cls, spaces: Sequence[Any]) -> type[Self]:
        return cls if all(map(is_plain, spaces)) else _AecAsking  # type: ignore[return-value]

    def reset(self) -> None:
        self._env.reset(seed=self._seed)
        self._settle()

    def _settle(self) -> None:
        """Let those go for whom it is over, as PettingZoo wants it, until somebody must act or nobody is left."""
        env = self._env
        while env.agents:
            agent = env.agent_selection
            seat = self._game.seat_of[agent]
            if not (env.terminations[agent] or env.truncations[agent]):
                self._movers = (seat,)
                return
            self._last[seat] = env.observe(agent)
            env.step(None)
        self._movers = ()

    def _observation(self, seat: int) -> Any:
        if seat in self._last:
            return self._last[seat]
        if seat not in self._seen:
            self._seen[seat] = self._env.observe(self._game.agents[seat])
        return self._seen[seat]

    def _info(self, seat: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._env.infos.get(self._game.agents[seat], {})
        return found

    def _step(self, actions: Mapping[int, Any]) -> None:
        (seat,) = self._movers
        self._seen = {}
        self._env.step(self._taken(seat, actions[seat]))
        self._gained(self._env.rewards)
        self._settle()

    def _taken(self, _seat: int, action: Any) -> Any:
        return action


class ParallelPosition(Position):
    """Of a parallel environment: all live seats at once, less those whose mask leaves them nothing."""

    __slots__ = ("_idle", "_infos")

    @classmethod
    def fitting(cls, spaces: Sequence[Any]) -> type[Self]:
        return cls if all(map(is_plain, spaces)) else _ParallelAsking  # type: ignore[return-value]

    def reset(self) -> None:
        observations, infos = self._env.reset(seed=self._seed)
        self._take(observations, infos, {})

    def _take(self, observations: Mapping[Any, Any], infos: Mapping[Any, Any], over: Mapping[Any, bool]) -> None:
        seat_of = self._game.seat_of
        self._last.update((seat_of[agent], seen) for agent, seen in observations.items() if agent in seat_of)
        self._infos: Mapping[Any, Any] = infos
        live = [seat_of[agent] for agent in self._env.agents if not over.get(agent)]
        self._idle = [seat for seat in live if self._has_nothing(seat)]
        self._movers = tuple(sorted(seat for seat in live if seat not in self._idle))
        if self._idle and not self._movers:
            msg = "the environment goes on, but every action mask is empty"
            raise GameError(msg)

    def _has_nothing(self, seat: int) -> bool:
        mask = self._mask(seat)
        return mask is not None and not any(mask)

    def at(self, other: Position) -> Self:
        assert isinstance(other, ParallelPosition)
        self._idle, self._infos = other._idle, other._infos  # noqa: SLF001 - one of its own class
        return super().at(other)

    def _observation(self, seat: int) -> Any:
        return self._last[seat]

    def _info(self, seat: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._infos.get(self._game.agents[seat], {})
        return found

    def _step(self, actions: Mapping[int, Any]) -> None:
        game = self._game
        taken = {game.agents[seat]: self._taken(seat, action) for seat, action in actions.items()}
        taken |= {game.agents[seat]: game.spaces[seat].start for seat in self._idle}
        observations, rewards, terminations, truncations, infos = self._env.step(taken)
        self._gained({agent: reward for agent, reward in rewards.items() if agent in game.seat_of})
        over = {agent: terminations.get(agent) or truncations.get(agent) for agent in game.agents}
        self._take(observations, infos, over)

    def _taken(self, _seat: int, action: Any) -> Any:
        return action


class _Asking(Position):
    """A state of which some action space holds other things than whole numbers: the space says what fits."""

    __slots__ = ()

    def refuse(self, seat: int, action: Any) -> str | None:
        if self.legal(seat) is not None:
            return super().refuse(seat, action)
        try:
            action_in(self._game.spaces[seat], action)
        except ValueError as error:
            return str(error)
        return None

    def _taken(self, seat: int, action: Any) -> Any:
        return action_in(self._game.spaces[seat], action)


class _AecAsking(_Asking, AecPosition):
    __slots__ = ()


class _ParallelAsking(_Asking, ParallelPosition):
    __slots__ = ()
