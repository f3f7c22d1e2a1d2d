"""What a plugin implements: Game, State, Agent, Pairing, Rater, Sandbox, Reporter; and what an agent is given."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import seeding
from evalengine.errors import GameError
from evalengine.model import Rating

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from evalengine.model import (
        Action,
        Answer,
        GameSpec,
        MatchResult,
        MatchSpec,
        Rated,
        RaterInfo,
        Scores,
        Standing,
        Standings,
        View,
    )

# ---------------------------------------------------------------------------------------- games


class Game(ABC):
    """Rules. An instance is made once a process from its configuration and plays many matches."""

    spec: GameSpec  # set by the loader
    config: Mapping[str, Any]  # set by the loader; every parameter, defaults included

    @abstractmethod
    def initial(self, seats: int, rng: random.Random) -> State:
        """Return the first state of a match of `seats` seats, chance already resolved with `rng`."""

    def teams(self, seats: int) -> Sequence[Sequence[int]]:
        """Return the sides as lists of seats, in order of their first seat; default: each seat alone."""
        return [[seat] for seat in range(seats)]

    def action_to_str(self, action: Action) -> str:
        """Return `action` as people write it."""
        return str(action)

    def action_from_str(self, text: str) -> Action | None:  # noqa: ARG002 - for those who override it
        """Return the action that `action_to_str` writes as `text`, possible now or not; None: not known.

        A game that knows spares engines, whose moves come as texts, a search through all that is legal.
        """
        return None

    def adapt(self, spec: GameSpec) -> GameSpec:
        """Return `spec` as this configuration makes it (max_turns of a larger board ...). Called once."""
        return spec


class State(ABC):
    """A position, used in a line: after `apply` the old one is not used again.

    So a game may change itself and return self, or be immutable.
    """

    __slots__ = ()

    @abstractmethod
    def to_move(self) -> Sequence[int]:
        """Return the seats that act now: none when it is over, several when they act at once."""

    @abstractmethod
    def view(self, seat: int) -> View:
        """Return what `seat` sees: a msgpack value (lists, not tuples) or a numpy array. Never changes the state."""

    def entry(self, seat: int, name: str) -> Any:
        """Return `view(seat)[name]`, which the caller does not change; KeyError: there is none.

        Engines read few entries, each turn: a game may spare them the others. It must say what the view says.
        """
        return self.view(seat)[name]

    @abstractmethod
    def legal(self, seat: int) -> Sequence[Action] | None:
        """Return the actions open to a seat that is to move, all of one type; None when they cannot be listed.

        Of too many to list it may return a few, always the same as far as they are possible, if `refuse` takes all.
        """

    def refuse(self, seat: int, action: Action) -> str | None:
        """Return why `action` is not possible now, or None. Default: membership in `legal`, types exact."""
        legal = self.legal(seat)
        if legal is None or contains(legal, action):
            return None
        return "not a legal action"

    @abstractmethod
    def apply(self, actions: Mapping[int, Action], rng: random.Random) -> State:
        """Return the state after the acting seats did `actions`. Never sees a refused action."""

    @abstractmethod
    def scores(self) -> Scores:
        """Return a float by seat, higher is better, in every state that max_turns can reach."""

    def rewards(self) -> Scores | None:
        """Return what the last turn gave by seat, or None when the game does not say."""
        return None

    def clone(self) -> State:
        """Return a state that shares nothing mutable with this one."""
        msg = f"{type(self).__name__} has no clone()"
        raise GameError(msg)

    def sample(self, seat: int, rng: random.Random) -> State:  # noqa: ARG002 - for those who override it
        """Return a state that is consistent with all that `seat` has seen. Hidden information only."""
        msg = f"{type(self).__name__} has no sample()"
        raise GameError(msg)

    def forfeit(self, seat: int) -> State:  # noqa: ARG002 - for those who override it
        """Return the state in which play goes on without `seat`. Games of more than two sides only."""
        msg = f"{type(self).__name__} has no forfeit()"
        raise GameError(msg)

    def render(self, seat: int | None = None) -> str:
        """Return the position as text; of `seat`'s view only, when given."""
        return str(self.view(seat or 0))

    def svg(self, seat: int | None = None) -> str:  # noqa: ARG002 - for those who override it
        """Return the position as one well-formed SVG document; of `seat`'s view only, when given."""
        msg = f"{type(self).__name__} has no svg()"
        raise GameError(msg)

    def touches(self, seat: int, action: Action) -> Sequence[tuple[float, float, float, float]]:  # noqa: ARG002 - as above
        """Return where on the drawing of `svg` a person does `action`: rectangles (x, y, width, height).

        One after another: from a cell to a cell are two. None by default: it is chosen from a list. Provisional.
        """
        return ()


def contains(legal: Sequence[Action], action: Action) -> bool:
    """Say whether `action` is one of `legal`, types exact: True is not 1 and 1.0 is not 1."""
    if type(action) is int:
        return action in legal and type(legal[0]) is int
    return any(_same(option, action) for option in legal)


def _same(a: Action, b: Action) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        # A key too: 1, 1.0 and True are one to a dict.
        kinds = {(type(key), key) for key in a} == {(type(key), key) for key in b}
        return kinds and all(_same(a[key], b[key]) for key in a)
    return bool(a == b)


# --------------------------------------------------------------------------------------- agents


class Info:
    """What an agent is told before a match.

    Attributes:
        game: the game's name; config: its parameters; information: "perfect" or "hidden";
        seat: the agent's own; seats: how many there are; sides: as lists of seats;
        seed: the agent's own 63-bit seed in this match, on a path that no luck of the game is on;
        turn_s, match_s: the limits, None without one; increment_s: what each answer gives back to match_s;
        clock: what seconds are, "cpu" or "wall"; None: nothing is limited;
        run_folder: a folder beside the database that trusted agents of one run may share, not made yet; "" without one;
        waiting: a context to wait for a network in, so that other matches of this process play meanwhile;
        past: in a branch, this seat's own (observation, action) pairs so far, the action None where it made a fault;
            else empty.
    """

    # What most matches leave as it is stands in the class: an Info is made for each seat of each match.
    __slots__ = ("__dict__", "_game", "seat", "seed", "sides")
    turn_s: float | None = None
    match_s: float | None = None
    increment_s: float = 0.0
    clock: str | None = None
    past: Sequence[tuple[Any, Action]] = ()
    run_folder: str = ""
    waiting: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    _rng: random.Random | None = None

    def __init__(self, game: Game, seat: int, sides: Sequence[Sequence[int]], seed: int) -> None:
        self._game = game
        self.seat = seat
        self.sides = sides
        self.seed = seed

    @property
    def game(self) -> str:
        """The game's name."""
        return self._game.spec.name

    @property
    def config(self) -> Mapping[str, Any]:
        """The game's parameters."""
        return self._game.config

    @property
    def rules(self) -> str:
        """The game's rules in a few lines. For trusted in-process agents only, as the next."""
        return self._game.spec.doc

    def action_to_str(self, action: Action) -> str:
        """Return an action as people write it."""
        return self._game.action_to_str(action)

    def action_from_str(self, text: str) -> Action | None:
        """Return the action that the game writes as `text`, possible now or not; None: not known."""
        return self._game.action_from_str(text)

    @property
    def information(self) -> str:
        """What seats see of the state: "perfect" or "hidden"."""
        return self._game.spec.information

    @property
    def seats(self) -> int:
        """How many seats play."""
        return sum(map(len, self.sides))

    @property
    def rng(self) -> random.Random:
        """The agent's own generator in this match, seeded when it is first used."""
        if self._rng is None:
            self._rng = seeding.stream(self.seed, "rng")
        return self._rng


# Raised as they are while an agent looks: the latter two may be the agent's own doing.
_OWN = (GameError, RecursionError, MemoryError)


class Request:
    """One question of the kernel: `seat` must act in `turn`. `legal` and `view` are computed when read.

    Read them before the answer: the state moves on afterwards.

    Attributes:
        legal: the actions open to the seat; None when they cannot be listed.
    """

    # `legal` is empty until it is read, or until the kernel puts it there: a property costs as much as small games.
    __slots__ = ("_state", "legal", "seat", "turn")
    legal: Sequence[Action] | None

    def __init__(self, state: State, seat: int, turn: int) -> None:
        self._state = state
        self.seat = seat
        self.turn = turn  # from 0, opening turns included

    def __getattr__(self, name: str) -> Any:
        if name != "legal":
            raise AttributeError(name)
        try:
            self.legal = self._state.legal(self.seat)
        except _OWN:
            raise
        except Exception as error:
            raise self._failed(error, "legal") from error
        return self.legal

    @property
    def view(self) -> View:
        """What the seat sees."""
        try:
            return self._state.view(self.seat)
        except _OWN:
            raise
        except Exception as error:
            raise self._failed(error, "view") from error

    @property
    def _entries(self) -> Callable[[int, str], Any] | None:
        """What returns single entries of the view; None: the game has all of them together only."""
        return None if type(self._state).entry is State.entry else self._state.entry

    @property
    def takes_more(self) -> bool:
        """Whether the game judges actions by itself, and so may take more than `legal` lists."""
        return type(self._state).refuse is not State.refuse

    def refusal(self, action: Action) -> str | None:
        """Return why the game would refuse `action` now, or None; not for agents from outside."""
        return self._state.refuse(self.seat, action)

    def _failed(self, error: Exception, method: str) -> GameError:
        """Return what the game's error is to whoever asks: never the fault of the agent that looks."""
        return GameError(f"{type(self._state).__name__}.{method}() failed: {type(error).__name__}: {error}")


class Observation(Request):
    """What an agent is asked with: item and attribute access alike, falling through to a view that is a mapping.

    Attributes:
        view, legal, seat, turn: as in the request; game: the game's name;
        clock_s: seconds of the limit left, None without one; config: the game's parameters.
    """

    __slots__ = ("_info",)
    clock_s: float | None = None

    def __init__(self, state: State, seat: int, turn: int, info: Info) -> None:
        # Not super().__init__(): this runs once a turn, and the call costs as much as the rest.
        self._state = state
        self.seat = seat
        self.turn = turn
        self._info = info

    @property
    def game(self) -> str:
        """The game's name."""
        return self._info.game

    @property
    def config(self) -> Mapping[str, Any]:
        """The game's parameters."""
        return self._info.config

    @property
    def state(self) -> State:
        """A state to search from; for trusted in-process agents only.

        With perfect information a copy of the position; else, each time it is read, a new sample of
        what the position may be, drawn with the agent's own generator.
        """
        perfect = self._info.information == "perfect"
        try:
            return self._state.clone() if perfect else self._state.sample(self.seat, self._info.rng)
        except _OWN:
            raise
        except Exception as error:
            raise self._failed(error, "clone" if perfect else "sample") from error

    @property
    def text(self) -> str:
        """The position as people read it, of what the seat sees only; for trusted in-process agents only."""
        try:
            return self._state.render(self.seat)
        except _OWN:
            raise
        except Exception as error:
            raise self._failed(error, "render") from error

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key) if key in OBSERVATION_FIELDS else self.view[key]

    def __getattr__(self, name: str) -> Any:
        if name == "legal":
            return super().__getattr__(name)
        view = self.view
        if isinstance(view, dict) and name in view:
            return view[name]
        msg = f"the observation has no {name!r}; its view is {type(view).__name__}"
        raise AttributeError(msg)


OBSERVATION_FIELDS = frozenset({"view", "legal", "seat", "turn", "game", "clock_s", "config"})


class Agent:
    """A competitor that keeps something between its turns; made anew for each match.

    A function `act(observation)` is an agent too.
    """

    def start(self, info: Info) -> None:
        """Prepare for a match."""

    def act(self, observation: Observation) -> Action | Answer:
        """Return an action, or an Answer(action, info) whose info is stored beside it."""
        raise NotImplementedError

    def end(self, result: MatchResult) -> None:
        """Take note of the result. Never called after a fault of one's own."""


# -------------------------------------------------------- pairings, raters, sandboxes, reporters


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """One game of a run with the agents that can play it."""

    game_no: int
    ref: str  # the game as it was asked for: "hex(size=5)"
    sides: tuple[tuple[int, ...], ...]  # the seats of each side
    agents: tuple[int, ...]  # indices into the run's agents
    opening: int  # random turns before the first question
    max_turns: int = 0  # 0: the game's own


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that a pairing decides from, but for results."""

    seed: int
    contests: tuple[Contest, ...]
    matches: int | None = None  # exactly so many, or
    rounds: int | None = None  # so many whole rotations of every cell


class Pairing(ABC):
    """Who meets whom, and when to stop. Pure: the plan, the options and what `round` is given fix it.

    The factory takes the plan, and the parameters of its `PluginSpec` as keywords.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @abstractmethod
    def round(self, round_no: int, standings: Standings) -> Iterator[MatchSpec] | None:
        """Return round `round_no` as a lazy stream of whole rotations, or None when all rounds are played.

        A round begins when every match of the rounds before it is rated. It may be asked for again with the same
        arguments, after a kill too, and must then be the same. `match_no` counts from 0 in each round here; a run
        numbers its matches over all rounds. Rounds may be empty.

        Args:
            round_no: from 0;
            standings: the board of all earlier rounds, with the numbers of its agents, and who met whom with what
                result in `standings.pairs`; empty in round 0. Matches that were voided, or that -k left out, have no
                result: nothing may depend on there being one.
        """

    @abstractmethod
    def sizes(self) -> Mapping[int, int] | None:
        """Return how many matches all rounds have by game_no, None when that depends on results."""

    def rounds(self) -> int | None:
        """Return how many rounds there are; None, the default: `round` tells."""
        return None

    def describe(self) -> Iterable[str]:
        """Return lines for the header: how the matches split over games, cells and seat orders."""
        return ()


class Rater(ABC):
    """A formula of strength, fed in match_no order; what it does not support is refused by its `info`."""

    info: ClassVar[RaterInfo]

    @abstractmethod
    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""

    @abstractmethod
    def rating(self, agent: int) -> tuple[float, float]:
        """Return (rating, sigma) of an agent by its index; the prior when it has not played."""

    def table(self, agents: Sequence[int]) -> Sequence[Rating]:
        """Return a line for each of `agents`, best first; equal ratings share a rank.

        This one is for online raters: it knows no intervals and does not count matches.
        """
        found = sorted(((*self.rating(agent), agent) for agent in agents), key=lambda line: (-line[0], line[2]))
        lines: list[Rating] = []
        for place, (rating, sigma, agent) in enumerate(found, 1):
            rank = lines[-1].rank if lines and lines[-1].rating == rating else place
            lines.append(Rating(agent=agent, rating=rating, se=sigma, rank=rank))
        return lines

    @abstractmethod
    def dump(self) -> bytes:
        """Return the whole state, so that `load` continues bit-identically."""

    @abstractmethod
    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned."""


class Sandbox(ABC):
    """A way to contain the processes of agents from outside.

    What it does, it does inside: `module` is imported in the process that agents are forked from and has a class
    `Enclosure`, made with (plan, whose) in a process of one agent in one seat, kept over its matches. `found` holds
    what it found of the kernel; `fork()` forks a match's process; `contain(job)` contains that process for ever, before
    a byte of the agent is read, and changes in `job` where the agent finds its things. `evalengine_host.namespaces`
    is one. Where `job["processes"]` is 1 the agent must not be able to start another: only its own CPU is read then.
    Whether a sandbox works is found out by doing just that.

    Attributes:
        name: as it is listed; module: "" when it contains nothing;
        private_tmp: agents have a /tmp of their own, whose size the module bounds; else `job["tmp"]` is a folder;
        strength: `--sandbox auto` takes the strongest that works; the bundled ones have 20 and 10.
    """

    name: str = ""
    module: ClassVar[str] = ""
    strength: ClassVar[int] = 0
    private_tmp: ClassVar[bool] = False

    def plan(self) -> Mapping[str, Any]:
        """Return what its module needs, in msgpack's types."""
        return {}

    def describe(self, found: Mapping[str, Any]) -> tuple[str, str]:
        """Return what it gives on this machine, in a line, and what would make it better, "" when nothing would."""
        return f"works: {dict(found)}", ""

    @abstractmethod
    def remedy(self, failure: str) -> str:
        """Return what a person can do about a failure to set it up, as a sentence."""


class Reporter(ABC):
    """Puts standings into text for stdout."""

    @abstractmethod
    def standings(self, run: Mapping[str, Any], standings: Sequence[Standing]) -> str:
        """Return the board of a run; `run` has the keys of `--format json` less the standings."""
