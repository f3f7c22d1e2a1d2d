"""What a game's AEC and parallel environment share: the match that is played, the seats' names, spaces and rewards."""

from __future__ import annotations

import copy
import secrets
import sys
from typing import TYPE_CHECKING, Any, Self

import gymnasium
import numpy as np

from evalengine import ConfigError, Match, MatchSpec, State, Termination, derive, load_game
from evalengine_pettingzoo.layouts_of import layout_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import Game, MatchResult
    from evalengine_pettingzoo.layouts import Array, Layout

Observed = dict[str, Any]  # {"observation": vector, "action_mask": mask}
_TURN_LIMIT = Termination.TURN_LIMIT.value
_SEED_BITS = 63
_PAIR = 2  # seats: with more, some may be out of the game while others act


class Seating:
    """A game as PettingZoo's environments see it; agents are called `seat_0`, `seat_1`, ... in the game's order.

    Attributes:
        game: the game; match: the evalengine.Match that is played, None before the first reset;
        layout: how views become vectors, and numbers actions.
    """

    match: Match | None

    def __init__(
        self,
        name: str,
        *,
        seats: int | None = None,
        render_mode: str | None = None,
        max_cycles: int = 0,
        layout: Layout | None = None,
        **config: Any,
    ) -> None:
        self.game = game = load_game(name, **config)
        self._name, self._config = name, config
        self._seats = _seats_of(game, seats)
        self._max_turns = max_cycles
        self.possible_agents = [f"seat_{seat}" for seat in range(self._seats)]
        self.agents: list[str] = []
        self._seat = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self.match = None
        first = Match(self._spec(0), game).state
        self.layout = layout or layout_of(game, self._seats, first.view(0))
        self.observation_spaces = {agent: self.layout.observation_space(self._seats) for agent in self._seat}
        self.action_spaces = {agent: self.layout.action_space() for agent in self._seat}
        self.state_space = _joined([space["observation"] for space in self.observation_spaces.values()])
        _check_layout(self.layout, first, self.observation_spaces["seat_0"])
        self.metadata: dict[str, Any] = {
            "name": f"{game.spec.name}_v{game.spec.version}",
            "render_modes": ["human", "ansi", *(["svg"] if type(first).svg is not State.svg else [])],
            "render_fps": 1,
            "is_parallelizable": game.spec.dynamics == "simultaneous" and self._seats == _PAIR,
        }
        self.render_mode = self._render_mode(render_mode)
        self._seed: int | None = None

    def _render_mode(self, mode: str | None) -> str | None:
        if mode is not None and mode not in self.metadata["render_modes"]:
            msg = f"render_mode must be one of {', '.join(self.metadata['render_modes'])}, not {mode!r}"
            raise ConfigError(msg)
        return mode

    def _spec(self, seed: int) -> MatchSpec:
        return MatchSpec(0, 0, 0, seed, tuple(range(self._seats)), max_turns=self._max_turns)

    # ------------------------------------------------------------------------------------ spaces

    def observation_space(self, agent: str) -> gymnasium.spaces.Dict:
        """Return the space of what `agent` sees: "observation", a vector as `layout` says, and "action_mask"."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Discrete:
        """Return the space of the numbers that `agent` acts by."""
        return self.action_spaces[agent]

    # --------------------------------------------------------------------------------- the match

    def _begin(self, seed: int | None) -> Match:
        """Begin a match: of this seed; without one, of one that follows from the last; the first is drawn."""
        if seed is None:
            seed = secrets.randbits(_SEED_BITS) if self._seed is None else derive(self._seed, "reset")
        self._seed = seed
        self.match = match = Match(self._spec(seed), self.game)
        self.agents = self.possible_agents[:]
        self._out: set[int] = set()  # seats that were told that it is over for them
        return match

    @property
    def _playing(self) -> Match:
        if self.match is None:
            msg = "reset() must be called first"
            raise gymnasium.error.ResetNeeded(msg)
        return self.match

    def _movers(self) -> Sequence[int]:
        match = self._playing
        return () if match.over else match.state.to_move()

    def state(self) -> Array:
        """Return the vectors of all seats, one after the other, what is hidden from others included."""
        state = self._playing.state
        seen = [self.layout.observation(state, seat, asked=False) for seat in range(self._seats)]
        return np.concatenate([one["observation"] for one in seen])

    def view(self, agent: str) -> Any:
        """Return what `agent` sees as evalengine's own agents are shown it."""
        return self._playing.state.view(self._seat[agent])

    def action_to_str(self, agent: str, number: int) -> str:
        """Return the action that `number` stands for now, as people write it."""
        return self.game.action_to_str(self.layout.action(self._playing.state, self._seat[agent], number))

    def _observed(self, agent: str, *, asked: bool) -> dict[str, Array]:
        return self.layout.observation(self._playing.state, self._seat[agent], asked=asked)

    def _play(self, actions: Mapping[int, Any]) -> tuple[dict[str, float], dict[str, bool], dict[str, bool]]:
        """Play a turn; return reward, termination and truncation of each agent that was there before it.

        A reward is the whole score, given when it is over for the seat: a sum of rewards is a score of evalengine.
        """
        match = self._playing
        for seat, action in actions.items():
            match.answer(seat, action)
        result, fallen = match.result, match.fallen
        rewards, terminations, truncations = {}, {}, {}
        for agent in self.agents:
            seat = self._seat[agent]
            ends = (result is not None or seat in fallen) and seat not in self._out
            rewards[agent] = self._score(result, seat) if ends else 0.0
            rules = seat in fallen or result is None or result.termination != _TURN_LIMIT
            terminations[agent], truncations[agent] = ends and rules, ends and not rules
            if ends:
                self._out.add(seat)
        return rewards, terminations, truncations

    def _score(self, result: MatchResult | None, seat: int) -> float:
        return self.game.spec.min_score if result is None else result.scores[seat]

    def _infos(self) -> dict[str, dict[str, Any]]:
        """Return an info for each agent; who did something illegal finds it under "fault"."""
        found: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        for _, seat, fault in self._playing.log[2]:
            agent = self.possible_agents[seat]
            if agent in found:
                found[agent] = {"fault": f"{fault.kind}: {fault.detail}"}
        return found

    # -------------------------------------------------------------------------------- pictures

    def render(self) -> str | None:
        """Return the position as text or as an SVG document; in mode "human", print it."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: give one to to_aec or to_parallel")
            return None
        state = self._playing.state
        if self.render_mode == "svg":
            return state.svg()
        if self.render_mode == "ansi":
            return state.render()
        sys.stdout.write(f"{state.render()}\n")
        return None

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    # ----------------------------------------------------------------------------------- copies

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the game, which is loaded again by name, and the match, whose turns are played again."""
        state = self.__dict__.copy()
        del state["game"], state["match"]
        match = self.match
        state["_played"] = None if match is None else (match.spec, match.turns)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.restore(state, load_game(state["_name"], **state["_config"]))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.restore(copy.deepcopy(self.__getstate__(), memo), self.game)
        return made

    def restore(self, state: dict[str, Any], game: Game) -> None:
        """Become what `__getstate__` told of another."""
        played = state.pop("_played")
        self.__dict__.update(state)
        self.game = game
        self.match = None if played is None else Match.resume(played[0], game, played[1])


def _joined(spaces: Sequence[Any]) -> gymnasium.spaces.Box:
    low, high = (np.concatenate([getattr(space, end) for space in spaces]) for end in ("low", "high"))
    return gymnasium.spaces.Box(low, high, low.shape, spaces[0].dtype)


def _check_layout(layout: Layout, first: State, space: gymnasium.spaces.Dict) -> None:
    """Find out now what would be wrong with a layout in the first turn.

    Raises:
        ConfigError: it does not fit what seats see.
    """
    seat = first.to_move()[0]
    try:
        fits = space.contains(layout.observation(first, seat, asked=True))
    except (LookupError, TypeError, ValueError) as error:
        msg = f"the layout does not fit the view {first.view(seat)!r}: {type(error).__name__}: {error}"
        raise ConfigError(msg) from error
    if not fits:
        msg = f"the layout's bounds do not hold the view {first.view(seat)!r}"
        raise ConfigError(msg)


def _seats_of(game: Game, seats: int | None) -> int:
    spec = game.spec
    if seats is None:
        return spec.default_seats
    if not spec.min_seats <= seats <= spec.max_seats:
        msg = f"game {spec.name!r}: seats must be from {spec.min_seats} to {spec.max_seats}, not {seats!r}"
        raise ConfigError(msg)
    return seats
