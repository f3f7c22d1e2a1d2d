"""How a game's views become arrays of one shape, and numbers become its actions.

A game says what a seat sees as a msgpack value of any shape; a space of Gymnasium has one shape for good. A `Layout`
names the fields of a view with their shapes and bounds; `layouts_of.layout_of` knows those of the bundled games.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from evalengine import ConfigError, GameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import State

Array = np.ndarray[Any, np.dtype[Any]]
ABSENT = -1  # what stands for None, and for what a list does not have yet


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a view that is a mapping.

    Attributes:
        shape: of its numbers; low, high: their bounds;
        grows: a list, or one of lists, that gets longer: filled up with -1 to `shape`.
    """

    shape: tuple[int, ...] = ()
    low: float = 0
    high: float = 1
    grows: bool = False


@dataclass(frozen=True)
class Layout:
    """How a seat's view becomes one vector, and a number one of its actions.

    Attributes:
        actions: actions are the numbers 0 .. actions - 1; None: a number is a place in the list of legal actions;
        fields: of the view in the order of the vector, after the seat's own number, which comes first;
            None: the view as JSON in UTF-8, a byte a number, filled up with zeros;
        choices: where `actions` is None, the most legal actions that there may be at once;
        text_bytes: where `fields` is None, the longest JSON that there may be;
        dtype: of the vector.
    """

    actions: int | None = None
    fields: Mapping[str, Field] | None = None
    choices: int = 256
    text_bytes: int = 4096
    dtype: str = "int16"
    places: dict[str, slice] = field(init=False, default_factory=dict)  # of fields in the vector

    def __post_init__(self) -> None:
        if self.fields is None:
            return
        start = 1
        self.places["seat"] = slice(0, start)
        for name, one in self.fields.items():
            self.places[name] = slice(start, start + math.prod(one.shape))
            start = self.places[name].stop

    @property
    def action_count(self) -> int:
        """How many numbers there are to act by."""
        return self.choices if self.actions is None else self.actions

    def action_space(self) -> spaces.Discrete:
        """Return a new space of the actions."""
        return spaces.Discrete(self.action_count)

    def observation_space(self, seats: int) -> spaces.Dict:
        """Return a new space of what `observation` returns."""
        mask = spaces.Box(0, 1, (self.action_count,), np.int8)
        return spaces.Dict({"observation": self._vector_space(seats), "action_mask": mask})

    def _vector_space(self, seats: int) -> spaces.Box:
        if self.fields is None:
            return spaces.Box(0, 255, (self.text_bytes,), np.uint8)
        low, high = self._blank(), self._blank()
        low[0], high[0] = 0, seats - 1
        for name, one in self.fields.items():
            low[self.places[name]], high[self.places[name]] = one.low, one.high
        return spaces.Box(low, high, low.shape, np.dtype(self.dtype).type)

    def _blank(self) -> Array:
        return np.full(max(place.stop for place in self.places.values()), ABSENT, self.dtype)

    # ------------------------------------------------------------------------------- of a state

    def observation(self, state: State, seat: int, *, asked: bool) -> dict[str, Array]:
        """Return what `seat` sees, with a mask of what it can do now: nothing, unless it is asked."""
        return {
            "observation": self.vector(state.view(seat), seat),
            "action_mask": self.mask(state.legal(seat) if asked else ()),
        }

    def vector(self, view: Any, seat: int) -> Array:
        """Return the vector of a view, as an agent in a run is shown it too.

        Raises:
            GameError: its JSON is longer than `text_bytes`.
        """
        return self._as_text(view) if self.fields is None else self._as_vector(view, seat)

    def _as_text(self, view: Any) -> Array:
        text = json.dumps(view, separators=(",", ":"), default=_plain).encode()
        if len(text) > self.text_bytes:
            msg = f"the view has {len(text)} bytes as JSON: give layout=Layout(text_bytes=...) with as many or more"
            raise GameError(msg)
        vector = np.zeros(self.text_bytes, np.uint8)
        vector[: len(text)] = np.frombuffer(text, np.uint8)
        return vector

    def _as_vector(self, view: Any, seat: int) -> Array:
        vector = self._blank()
        vector[0] = seat
        for name, one in (self.fields or {}).items():
            value = view[name]
            if value is None:
                continue
            if one.grows:
                _fill(vector[self.places[name]].reshape(one.shape), value)
            else:
                vector[self.places[name]] = np.asarray(value).ravel()
        return vector

    def mask(self, legal: Sequence[Any] | None) -> Array:
        """Return a 1 for each number that stands for one of the legal actions.

        Raises:
            GameError: they are not listed, or more than `choices`.
        """
        mask = np.zeros(self.action_count, np.int8)
        if legal is None:
            msg = "the game does not list its actions, so they have no numbers"
            raise GameError(msg)
        if len(legal):
            mask[list(legal) if self.actions is not None else slice(self._places_of(legal))] = 1
        return mask

    def _places_of(self, legal: Sequence[Any]) -> int:
        if len(legal) > self.choices:
            msg = f"{len(legal)} actions are legal: give layout=Layout(choices=...) with as many or more"
            raise GameError(msg)
        return len(legal)

    def action(self, state: State, seat: int, number: Any) -> Any:
        """Return the action that `number` stands for; one that the game refuses where it stands for none.

        Raises:
            ValueError: it is no number of the action space.
        """
        if isinstance(number, np.ndarray) and number.ndim == 0:
            number = number[()]
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not whole or not 0 <= number < self.action_count:
            msg = f"seat {seat}: an action is a whole number from 0 to {self.action_count - 1}, not {number!r}"
            raise ValueError(msg)
        number = int(number)
        if self.actions is not None:
            return number
        legal = state.legal(seat) or ()
        return legal[number] if number < len(legal) else None


def _fill(target: Array, value: Sequence[Any]) -> None:
    rows = [(target, value)] if target.ndim == 1 else zip(target, value, strict=True)
    for row, numbers in rows:
        row[: len(numbers)] = numbers


def _plain(value: Any) -> Any:
    """Return an array as lists, a scalar as a number."""
    if hasattr(value, "tolist"):
        return value.tolist()
    msg = f"the view holds a {type(value).__name__}, which JSON does not know"
    raise ConfigError(msg)
