"""A game of OpenSpiel as a Game. pyspiel is imported when a game is made.

Observation: {"string": text, "tensor": [floats]}. Both are OpenSpiel's information state (all that the seat has seen
so far) where information is hidden and the game provides one, else its observation; "tensor" only where there is one.
Action: int, OpenSpiel's own.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from evalengine import ConfigError, Game, GameError, State
from evalengine_openspiel.fields import SEED_PARAMETER, TEAMS, fields_of, is_sampled
from evalengine_openspiel.table import GAMES

if TYPE_CHECKING:
    import random

    from evalengine import GameSpec

# pyspiel.PlayerId, as numbers: comparing with its enum costs more than the rest of a turn.
_CHANCE, _TOGETHER, _OVER = -1, -2, -4
_SEATS = [(seat,) for seat in range(128)]
_SEED_BITS = 31  # OpenSpiel's integers are signed, and -1 asks for a seed of the clock


def __getattr__(name: str) -> Callable[..., OpenSpielGame]:
    """Return the factory of a listed game: `evalengine_openspiel.game:NAME`."""
    if name not in GAMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return functools.partial(OpenSpielGame, name)


class OpenSpielGame(Game):
    """The rules of one game in one configuration."""

    def __init__(self, name: str, /, **config: Any) -> None:
        """Load `name` with `config`.

        Raises:
            ConfigError: OpenSpiel refuses it, or a game inside it cannot be played here.
        """
        self._name = name
        self._arguments = _arguments(name, config)
        self._seed_parameter = SEED_PARAMETER.get(name)
        self.line_game = self._load()
        kind = self.line_game.get_type()
        self._refuse_odd(kind)
        self.seats: int = self.line_game.num_players()
        self.has_rewards = kind.reward_model.name == "REWARDS"
        self.text_of, self.tensor_of = _what_seats_see(kind)
        self._action_text = _ACTION_TEXTS[GAMES[name]["action_text"]](self.line_game)
        self._position = SamplingPosition if GAMES[name]["samples"] else Position

    def initial(self, seats: int, rng: random.Random) -> Position:
        if seats != self.seats:
            msg = f"game {self._name!r} has {self.seats} seats in this configuration, not {seats}"
            raise GameError(msg)
        if self._seed_parameter is None:
            return self._position(self, self.line_game.new_initial_state()).settle(rng)
        seed = rng.getrandbits(_SEED_BITS)
        return SeededPosition(self, self.seeded(seed), seed).settle(rng)

    def seeded(self, seed: int) -> Any:
        """Return a first state of OpenSpiel that draws luck of its own from `seed`."""
        return self._load(**{str(self._seed_parameter): seed}).new_initial_state()

    def teams(self, seats: int) -> Sequence[Sequence[int]]:
        return TEAMS.get(self._name) or super().teams(seats)

    def action_to_str(self, action: int) -> str:
        if type(action) is not int or not 0 <= action < self.line_game.num_distinct_actions():
            return str(action)  # OpenSpiel does not check it
        return self._action_text(action)

    def adapt(self, spec: GameSpec) -> GameSpec:
        return dataclasses.replace(spec, **fields_of(self.line_game))

    def _load(self, **more: Any) -> Any:
        import pyspiel

        try:
            return pyspiel.load_game(self._name, {**self._arguments, **more})
        except Exception as error:
            msg = f"game 'openspiel:{self._name}' with {self._arguments!r}: {_first_line(error)}"
            raise ConfigError(msg) from error

    def _refuse_odd(self, kind: Any) -> None:
        if kind.dynamics.name == "MEAN_FIELD":
            msg = f"game 'openspiel:{self._name}': the game inside it is a mean-field game and has no seats"
            raise ConfigError(msg)
        if is_sampled(kind) and self._seed_parameter is None:
            msg = f"game 'openspiel:{self._name}': the game inside it draws luck that cannot be replayed"
            raise ConfigError(msg)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _arguments(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenSpiel is given: nothing that is at its default, since some defaults follow from others."""
    row = GAMES[name]
    given: dict[str, Any] = dict(row["fixed"])
    for key, value in config.items():
        schema = row["config"][key]
        if value == schema["default"] and key not in row["always"]:
            continue
        given[key] = float(value) if schema["type"] == "number" else value
    for key in row["games"]:
        given[key] = _game_inside(name, key, given[key])
    return given


def _game_inside(name: str, key: str, text: str) -> Any:
    import pyspiel

    try:
        inside = pyspiel.game_parameters_from_string(text)
        sampled = is_sampled(pyspiel.load_game(text).get_type())
    except Exception as error:
        msg = f"game 'openspiel:{name}': {key}={text!r} is no game of OpenSpiel: {_first_line(error)}"
        raise ConfigError(msg) from error
    if sampled:
        msg = f"game 'openspiel:{name}': {key}={text!r} draws luck that cannot be replayed"
        raise ConfigError(msg)
    return inside


_Seen = Callable[[Any, int], Any]


def _what_seats_see(kind: Any) -> tuple[_Seen, _Seen | None]:
    """Return how a seat's text and numbers are read from a state."""
    import pyspiel

    state = pyspiel.State
    hidden = kind.information.name == "IMPERFECT_INFORMATION"
    past = hidden and kind.provides_information_state_string
    text = state.information_state_string if past or not kind.provides_observation_string else state.observation_string
    if hidden and kind.provides_information_state_tensor:
        return text, state.information_state_tensor
    return text, state.observation_tensor if kind.provides_observation_tensor else None


def _text_by_game(game: Any) -> Callable[[int], str]:
    return functools.partial(game.action_to_string, 0)


def _text_by_first_state(game: Any) -> Callable[[int], str]:
    return functools.partial(game.new_initial_state().action_to_string, 0)


# Where an action's text depends on the state or on the seat, its number is all that can be said without them.
_ACTION_TEXTS: Mapping[str, Callable[[Any], Callable[[int], str]]] = {
    "game": _text_by_game,
    "first state": _text_by_first_state,
    "": lambda _game: str,
}


class Position(State):
    """A state of OpenSpiel in which somebody has a choice, or which is over; changes itself."""

    __slots__ = ("_before", "_game", "_line", "_movers", "_together")

    def __init__(self, game: OpenSpielGame, line: Any) -> None:
        self._game = game
        self._line = line
        self._movers: tuple[int, ...] = ()
        self._together = False
        self._before: list[float] | None = None  # returns before the last turn

    def settle(self, rng: random.Random) -> Position:
        """Draw luck, and pass nodes where nobody has a choice, until somebody has or it is over."""
        line = self._line
        while (mover := line.current_player()) < 0:
            if mover == _CHANCE:
                self._draw(rng)
            elif mover == _TOGETHER:
                seats = tuple(seat for seat in range(self._game.seats) if line.legal_actions(seat))
                if seats:
                    self._together, self._movers = True, seats
                    return self
                line.apply_actions([0] * self._game.seats)
            elif mover == _OVER:
                self._movers = ()
                return self
            else:
                msg = f"OpenSpiel says that {mover} is to move, which is no seat"
                raise GameError(msg)
        self._together, self._movers = False, _SEATS[mover]
        return self

    def _draw(self, rng: random.Random) -> None:
        """Draw one outcome: the first, in OpenSpiel's order, whose cumulated probability exceeds one random number."""
        left = rng.random()
        drawn = None
        for action, probability in self._line.chance_outcomes():
            if probability > 0.0:
                drawn = action  # the last one, should rounding leave a rest
                left -= probability
                if left < 0.0:
                    break
        self._line.apply_action(drawn)

    def to_move(self) -> Sequence[int]:
        return self._movers

    def legal(self, seat: int) -> Sequence[int]:
        found: list[int] = self._line.legal_actions(seat)
        return found

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Position:
        line = self._line
        if self._game.has_rewards:
            self._before = line.returns()
        if self._together:
            # A seat without a choice is not asked; OpenSpiel's own simulations put 0 for it (tests/basic_tests.cc).
            line.apply_actions([actions.get(seat, 0) for seat in range(self._game.seats)])
        else:
            line.apply_action(actions[self._movers[0]])
        return self.settle(rng)

    def scores(self) -> tuple[float, ...]:
        return tuple(self._line.returns())

    def rewards(self) -> tuple[float, ...] | None:
        if self._before is None:
            return None
        # Not OpenSpiel's rewards(): those are of the last node, which may have been luck.
        return tuple(now - before for now, before in zip(self._line.returns(), self._before, strict=True))

    def clone(self) -> Position:
        return type(self)(self._game, self._line.clone()).at(self)

    def at(self, other: Position) -> Position:
        """Take over where `other` stands; OpenSpiel's own state is the caller's."""
        self._movers, self._together, self._before = other._movers, other._together, other._before
        return self

    def view(self, seat: int) -> dict[str, Any]:
        game = self._game
        if game.tensor_of is None:
            return {"string": game.text_of(self._line, seat)}
        return {"string": game.text_of(self._line, seat), "tensor": game.tensor_of(self._line, seat)}

    def render(self, seat: int | None = None) -> str:
        """Return OpenSpiel's text; for a seat that is to move, with the texts of its actions."""
        if seat is None:
            return str(self._line)
        text: str = self._game.text_of(self._line, seat)
        if seat not in self._movers:
            return text
        options = (f"{action}={self._line.action_to_string(seat, action)}" for action in self.legal(seat))
        return f"{text.rstrip()}\nActions: {'  '.join(options)}"

    def svg(self, seat: int | None = None) -> str:
        return text_document(self.render(seat))


class SamplingPosition(Position):
    """A state of a game whose hidden part OpenSpiel can draw anew."""

    __slots__ = ()

    def sample(self, seat: int, rng: random.Random) -> Position:
        try:
            line = self._line.resample_from_infostate(seat, rng.random)
        except Exception as error:
            msg = f"OpenSpiel cannot sample this state for seat {seat}: {_first_line(error)}"
            raise GameError(msg) from error
        return SamplingPosition(self._game, line).at(self)


class SeededPosition(Position):
    """A state of a game that draws its luck inside OpenSpiel, from a generator of the game's."""

    __slots__ = ("_seed",)

    def __init__(self, game: OpenSpielGame, line: Any, seed: int) -> None:
        super().__init__(game, line)
        self._seed = seed

    def clone(self) -> Position:
        # OpenSpiel's own clone shares its generator with the original.
        line = self._game.seeded(self._seed)
        for action in self._line.history():
            line.apply_action(action)
        return SeededPosition(self._game, line, self._seed).at(self)


_LINE_HEIGHT, _LETTER, _MARGIN = 18, 8.5, 10
_UNPRINTABLE = re.compile("[^\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_document(text: str) -> str:
    """Return `text` as one SVG document, a line a line."""
    lines = [_UNPRINTABLE.sub(" ", line) for line in text.expandtabs().splitlines()] or [""]
    width = 2 * _MARGIN + _LETTER * max(map(len, lines))
    height = 2 * _MARGIN + _LINE_HEIGHT * len(lines)
    rows = "".join(
        f'<text x="{_MARGIN}" y="{_MARGIN + _LINE_HEIGHT * (number + 0.75):g}" xml:space="preserve">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'font-family="monospace" font-size="14" fill="#1B1B1B"><title>{escape(" ".join(lines))}</title>'
        f'<rect width="{width:g}" height="{height:g}" fill="#FFFFFF"/>{rows}</svg>'
    )
