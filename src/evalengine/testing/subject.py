"""A game under test: made anew as often as a rule likes, and played by hand, a call at a time."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalengine import references, wire
from evalengine.contracts import State
from evalengine.errors import GameError
from evalengine.model import GameSpec
from evalengine.seeding import derive, stream
from evalengine.testing.breaches import Breach, Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalengine.contracts import Game

Looks = dict[str, Any]
"""What a position shows, by the call that shows it."""

CALLS: deque[str] = deque(maxlen=1)
"""The call that was made last; what tells whether it returns."""

_LONGEST = 50_000  # turns of a random match
_POSITIONS = 12  # of a long match that are looked at
_PATIENCE_S = 10.0  # for one random match, before it is said never to end
_MOST_ACTIONS = 65_536  # of one position
_LEAST = 6  # positions, however slow the game


@dataclass(kw_only=True)
class Subject:
    """A game in one configuration, and how much is tried.

    Attributes:
        ref: as people write it; config: what was asked for; seed: what all tries are derived from;
        matches: random ones a rule at most; rule_s: seconds a rule, but for what it needs at least.
    """

    spec: GameSpec
    config: Mapping[str, Any] = field(default_factory=dict)
    ref: str = ""
    seed: int = 1
    matches: int = 12
    rule_s: float = 0.08

    def __post_init__(self) -> None:
        self.ref = self.ref or self.spec.name
        self.began = time.perf_counter()

    def make(self) -> Game:
        """Return the game, made anew.

        Raises:
            Broken: it cannot be.
        """
        try:
            game = references.build_game(self.spec, self.config)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Broken(references.one_line(error), "Repair what it names", call=f"making {self.ref}") from error
        adapted = game.spec
        if not isinstance(adapted, GameSpec) or adapted.name != self.spec.name:
            told = f"it returned {_shown(adapted)}, not the spec of {self.spec.name!r}"
            raise Broken(told, "Return dataclasses.replace(spec, ...), with its name", call="adapt()")
        return game

    @cached_property
    def game(self) -> Game:
        """One that many rules share."""
        return self.make()

    @property
    def seats(self) -> list[int]:
        """Each number of seats that it declares; a few of many."""
        spec = self.game.spec
        every = list(range(spec.min_seats, spec.max_seats + 1))
        return every if len(every) <= 4 else sorted({every[0], spec.default_seats, every[-1]})  # noqa: PLR2004 - a few

    def seeds(self) -> Iterator[tuple[int, int]]:
        """Yield (seats, seed) of random matches, each number of seats in turn, until the time of a rule is up."""
        self.began = time.perf_counter()
        counts = self.seats
        for number in range(max(self.matches, len(counts))):
            yield counts[number % len(counts)], derive(self.seed, "match", number) >> 32
            if self.late():
                return

    def late(self) -> bool:
        """Say whether the time of this rule is up."""
        return time.perf_counter() - self.began > self.rule_s

    def positions(self) -> Iterator[Line]:
        """Yield positions of random matches: the first, the last and some between, until the time is up."""
        seen, chance = 0, _POSITIONS / self.typical
        for seats, seed in self.seeds():
            line = Line(self, self.game, seats, seed)
            chosen = random.Random(seed)
            while True:
                over = not line.movers() or line.turn >= line.game.spec.max_turns
                if over or line.turn < 3 or chosen.random() < chance:  # noqa: PLR2004 - its first turns
                    yield line
                    seen += 1
                if over or (seen >= _LEAST and self.late()):
                    break
                line.play()

    @cached_property
    def typical(self) -> int:
        """Turns of a random match."""
        return max([1, *(line.turn for line in self.ended)])

    @cached_property
    def ended(self) -> list[Line]:
        """Random matches played out, each at its end; at least one for each number of seats.

        The last may be one that had not ended when patience was over: `unfinished` says so.
        """
        self.began = time.perf_counter()
        found: list[Line] = []
        for seats, seed in self.all_seeds():
            line = Line(self, self.make() if not found else found[0].game, seats, seed)
            found.append(line)
            if not self._played_out(line):
                self.unfinished = True
                break
            if time.perf_counter() - self.began > 3 * self.rule_s and len(found) >= len(self.seats):
                break  # many rules look at these matches
        return found

    unfinished = False

    def all_seeds(self) -> list[tuple[int, int]]:
        """Return (seats, seed) of all random matches."""
        counts = self.seats
        return [
            (counts[number % len(counts)], derive(self.seed, "match", number) >> 32)
            for number in range(max(self.matches, len(counts)))
        ]

    def _played_out(self, line: Line) -> bool:
        until = time.perf_counter() + _PATIENCE_S
        while line.movers() and line.turn < line.game.spec.max_turns:
            line.play()
            if line.turn >= _LONGEST or (not line.turn % 64 and time.perf_counter() > until):
                return False
        return True


class Undeclared:
    """Stands where a generator would, in games that declare no chance."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        told = f"it drew luck (rng.{name}), but its spec declares none"
        raise Breach(told, "Say chance=True in the GameSpec")


class Line:
    """One match, driven by hand.

    Attributes:
        game, seats, seed; state: where it stands; turn: from 0; done: the actions so far, by turn.
    """

    def __init__(self, subject: Subject, game: Game, seats: int, seed: int, luck: Any = None) -> None:
        """Begin a match.

        Args:
            luck: a function of (what, turn) that returns a generator; None: as the kernel draws it.
        """
        self.game, self.seats, self.seed = game, seats, seed
        self._fixed = None if game.spec.chance else Undeclared()
        self._luck = luck or (lambda what, turn: stream(seed, what) if what == "initial" else stream(seed, what, turn))
        self.turn = 0
        self.done: list[dict[Any, Any]] = []
        self.rng = random.Random(seed)
        self.matches_seats = "" if seats == subject.game.spec.default_seats else f" of {seats} seats"
        self.state: State = self.call("initial", game.initial, seats, self._fixed or self._luck("initial", 0))
        self._check_state("initial")

    def _check_state(self, method: str) -> None:
        if not isinstance(self.state, State):
            told = f"it returned {type(self.state).__name__}, not a State"
            raise self.breach(told, f"Return the state from {method}(), self if it changed itself", f"{method}()")

    def call(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of the game.

        Raises:
            Broken: it raised.
        """
        CALLS.append(name)
        try:
            return function(*arguments)
        except Breach as breach:
            raise self.located(breach, f"{name}()") from None
        except GameError as error:
            raise Broken(str(error), "Repair what it names", call=self.where(f"{name}()"), seed=self.seed) from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            told = f"{name}() raised {references.one_line(error)}{_place(error)}"
            shown = f"{name}({', '.join(map(_shown, arguments))})"
            raise Broken(told, "Repair what it names", call=self.where(shown), seed=self.seed) from error

    def where(self, call: str) -> str:
        """Return a call with the turn it was made in."""
        return f"{call} in turn {self.turn}{self.matches_seats}"

    def breach(self, told: str, remedy: str, call: str) -> Breach:
        """Return a breach that this position shows."""
        return Breach(told, remedy, call=self.where(call), seed=self.seed)

    def located(self, breach: Breach, call: str) -> Breach:
        """Return a breach with its place, where it has none."""
        if breach.seed is None:
            breach.seed, breach.call = self.seed, self.where(breach.call or call)
        return breach

    # --------------------------------------------------------------------------------- calls

    def movers(self) -> Sequence[int]:
        """Return who is to move."""
        found = self.call("to_move", self.state.to_move)
        if not isinstance(found, Sequence):
            told = f"it returned {_shown(found)}, of type {type(found).__name__}"
            raise self.breach(told, "Return a list or tuple of seats, empty when it is over", "to_move()")
        return found

    def legal(self, seat: int) -> Any:
        """Return what is open to a seat.

        Raises:
            Breach: more than an agent can be sent in each turn; told here, since every rule goes through the list.
        """
        found = self.call("legal", self.state.legal, seat)
        if isinstance(found, Sequence) and len(found) > _MOST_ACTIONS:
            told = f"it lists {len(found):,} actions, more than {_MOST_ACTIONS:,}: each question sends all of them"
            remedy = "Let an action be done in several turns, a part in each"
            raise self.breach(told, remedy, f"legal({seat})")
        return found

    def view(self, seat: int) -> Any:
        """Return what a seat sees."""
        return self.call("view", self.state.view, seat)

    def refuse(self, seat: int, action: Any) -> str | None:
        """Return why an action is not possible."""
        found: str | None = self.call("refuse", self.state.refuse, seat, action)
        return found

    def drawn(self, rng: random.Random) -> dict[int, Any]:
        """Return random legal actions of those who are to move.

        Raises:
            Breach: there are none.
        """
        return {seat: self._one_of(seat, self.legal(seat), rng) for seat in self.movers()}

    def _one_of(self, seat: int, legal: Any, rng: random.Random) -> Any:
        if legal is None:
            told = "it lists no actions, so no random match can be played"
            raise self.breach(
                told, "Return a sequence of actions; a sample of them if there are too many", f"legal({seat})"
            )
        try:
            return legal[rng.randrange(len(legal))]
        except (TypeError, KeyError, IndexError, ValueError) as error:
            told = f"seat {seat} is to move and legal({seat}) is {_shown(legal)}, from which nothing can be drawn"
            remedy = "Return a list or tuple of at least one action; leave the seat out of to_move() if it has none"
            raise self.breach(told, remedy, f"legal({seat})") from error

    def play(self, actions: Mapping[int, Any] | None = None) -> None:
        """Play a turn, a random one unless it is given."""
        chosen = dict(self.drawn(self.rng) if actions is None else actions)
        self.done.append(dict(chosen))
        self.state = self.call("apply", self.state.apply, chosen, self._fixed or self._luck("turn", self.turn))
        self._check_state("apply")
        self.turn += 1

    def looks(self, *, drawings: bool = True) -> Looks:
        """Return what the position shows of itself, by call; drawings are slower than the rest."""
        state, seats = self.state, range(self.seats)
        movers = self.movers()
        found: Looks = {"to_move()": list(movers)}
        found |= {f"view({seat})": packed(self.view(seat)) for seat in seats}
        found |= {f"legal({seat})": packed(listed(self.legal(seat))) for seat in movers}
        found["scores()"] = packed(listed(self.call("scores", state.scores)))
        found["rewards()"] = packed(listed(self.call("rewards", state.rewards)))
        if drawings:
            found |= {f"render({seat})": self.call("render", state.render, seat) for seat in (None, *seats)}
            found |= {f"svg({seat})": self.svg(seat) for seat in (None, *seats)}
        return found

    def svg(self, seat: int | None) -> Any:
        """Return a drawing; None when the game has none."""
        if type(self.state).svg is State.svg:
            return None
        return self.call("svg", self.state.svg, seat)

    def cloned(self) -> Line:
        """Return this match in a clone of its state.

        Raises:
            Breach: there is none.
        """
        twin: Line = object.__new__(Line)
        twin.__dict__.update(self.__dict__)
        twin.done = list(self.done)
        twin.rng = random.Random()
        twin.rng.setstate(self.rng.getstate())
        if type(self.state).clone is State.clone:
            told = f"{type(self.state).__name__} has no clone(), though its spec says clone={self.game.spec.clone!r}"
            raise self.breach(told, "Write one, or say clone='none' in the GameSpec", "clone()")
        twin.state = self.call("clone", self.state.clone)
        if not isinstance(twin.state, State):
            told = f"it returned {type(twin.state).__name__}, not a State"
            raise self.breach(told, "Return the copy", "clone()")
        return twin

    @property
    def clones(self) -> bool:
        """Whether its spec promises clones."""
        return self.game.spec.clone != "none"


def differs(one: Looks, other: Looks) -> str | None:
    """Return the first call that shows something else, None when none does."""
    keys = [key for key in one if one[key] != other.get(key)]
    return next(iter(keys), None) or next((key for key in other if key not in one), None)


def packed(value: Any) -> Any:
    """Return a value as bytes, so that it stays what it was; what msgpack does not know, as text."""
    try:
        return wire.pack(value)
    except Exception:  # noqa: BLE001 - a rule of its own says so
        return repr(value)


def listed(value: Any) -> Any:
    """Return a sequence as a list; whatever else as it is."""
    try:
        return None if value is None else list(value)
    except Exception:  # noqa: BLE001 - a rule of its own says so
        return value


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an author's object may break when it is shown
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a part of one line


shown = _shown


def _place(error: BaseException) -> str:
    """Return where an error was raised, as (file:line)."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" ({trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno})"
