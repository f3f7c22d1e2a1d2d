"""What the stored results of a run say: counts of pairs, seats and faults, and any rater's table, in one pass.

Results are read in match_no order, a thousand at a time; what is kept grows with the pairs of agents, not with matches.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evalengine import rating, references
from evalengine.errors import ConfigError, UsageError
from evalengine.model import Rated, Termination
from evalengine.statistics.counts import PAIRED
from evalengine.statistics.rotations import RotationCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalengine.boards import RatedGame
    from evalengine.contracts import Rater
    from evalengine.plugins import Plugins
    from evalengine.store import Store, Stored

Faults = Literal["loss", "ignore"]
Pair = tuple[int, int]

_VOID = Termination.VOID.value
_CHUNK = 1000
_WINS, _DRAWS, _LOSSES = range(3)
NO_ANCHORS = "none"
"""Instead of `NAME=RATING`: without those that the run has."""

_FARTHEST = 1e9  # rating points; no scale has more
_TWO = 2  # sides: what pairs, seats and rotations are told of


class Fed(NamedTuple):
    """A rater with what it is called."""

    label: str
    rater: Rater
    faults: Faults  # "ignore": it sees matches without a fault only


@dataclass(slots=True)
class GameCounts:
    """What the results of one game say of the game itself."""

    matches: int = 0
    draws: int = 0
    first_seat: list[int] = field(default_factory=lambda: [0, 0, 0])  # wins, draws, losses; of games of two sides


class Evidence:
    """Counts of some games of a run; agents are their numbers.

    Attributes:
        pairs: wins, draws and losses of the agent with the lower number, by pair;
        first_seat: the same of whoever sat first, by pair, of games of two sides;
        played, faulted: matches by agent; voids are in neither; rated: those of them that counts contain;
        matches, draws: of all agents; by_game: the same by game, and how whoever sat first fared;
        voids: matches that count nowhere.
    """

    def __init__(self, games: Sequence[RatedGame], chosen: Iterable[int], faults: Faults = "loss") -> None:
        self._games = games
        self._chosen = set(chosen)
        self._faults = faults
        self._rotations = {number: RotationCounts() for number in self._chosen if len(games[number].sides) == _TWO}
        self.pairs: dict[Pair, list[int]] = {}
        self.first_seat: dict[Pair, list[int]] = {}
        self.played: Counter[int] = Counter()
        self.faulted: Counter[int] = Counter()
        self.rated: Counter[int] = Counter()
        self.matches = self.draws = self.voids = 0
        self.by_game = {games[number].ref: GameCounts() for number in sorted(self._chosen)}

    def read(self, store: Store, run: int, raters: Sequence[Fed] = ()) -> None:
        """Take all stored results of a run, and give them to raters.

        Raises:
            UsageError: a rater does not support a result.
        """
        for chunk in chunks(store, run):
            found = list(self._count(chunk))
            for fed in raters:
                results = [rated for rated, faulted in found if not (faulted and fed.faults == "ignore")]
                _check(fed.rater, results)
                fed.rater.update(results)

    def _count(self, chunk: Iterable[Stored]) -> Iterator[tuple[Rated, bool]]:
        for stored in chunk:
            if stored[1] not in self._chosen:
                continue
            if stored[2] == _VOID:
                self.voids += 1
                continue
            rated, faulted = as_rated(self._games, stored), stored[6]
            self.played.update(set(rated.agents))
            self.faulted.update(set(faulted))
            if not (faulted and self._faults == "ignore"):
                self._count_pairs(stored[0], rated)
            yield rated, bool(faulted)

    def _count_pairs(self, match_no: int, rated: Rated) -> None:
        agents, places = rated.agents, rated.ranks
        self.matches += 1
        self.rated.update(set(agents))
        drawn = places.count(1) > 1
        self.draws += drawn
        game = self.by_game[self._games[rated.game].ref]
        game.matches += 1
        game.draws += drawn
        for one in range(len(agents) - 1):
            for other in range(one + 1, len(agents)):
                self._count_pair(agents[one], agents[other], places[one], places[other])
        if len(agents) == _TWO and agents[0] != agents[1]:
            first, second = sorted(agents)
            won = 1 + (places[0] > places[1]) - (places[0] < places[1])
            game.first_seat[won] += 1
            self.first_seat.setdefault((first, second), [0, 0, 0])[won] += 1
            self._rotations[rated.game].feed(match_no, _names(agents), rated.rotation, 1 - won / 2)

    def _count_pair(self, one: int, other: int, place: int, beside: int) -> None:
        if one == other:
            return
        if one > other:
            one, other, place, beside = other, one, beside, place
        self.pairs.setdefault((one, other), [0, 0, 0])[1 + (place > beside) - (place < beside)] += 1

    def counts(self, one: int, other: int) -> tuple[int, int, int]:
        """Return the wins, draws and losses of `one` against `other`."""
        wins, draws, losses = self.pairs.get((min(one, other), max(one, other)), (0, 0, 0))
        return (wins, draws, losses) if one < other else (losses, draws, wins)

    def pentanomial(self, one: int, other: int) -> tuple[int, ...]:
        """Return the rotations of two of `one` against `other`: LL, LD, DD+WL, WD, WW."""
        key, turned = _key(one, other)
        found = [rotations.pairs.get(key, [0] * PAIRED) for rotations in self._rotations.values()]
        total = tuple(map(sum, zip(*found, strict=True))) if found else (0,) * PAIRED
        return total[::-1] if turned else total

    def groups(self, agents: Iterable[int]) -> list[list[int]]:
        """Return the agents by what results connect; each that has none is alone."""
        home = {agent: [agent] for agent in agents}
        for one, other in self.pairs:
            if one in home and other in home and home[one] is not home[other]:
                home[one] += home[other]
                home.update(dict.fromkeys(home[other], home[one]))
        return [group for agent, group in home.items() if group[0] == agent]

    def free_pairs(self, names: Sequence[str]) -> dict[tuple[str, str], tuple[int, ...]]:
        """Return the counts of each pair of games of two sides, as `intransitivity` takes them.

        They are of rotations of two where every pair has some, else of single matches.
        """
        paired = {pair: self.pentanomial(*pair) for pair in self.first_seat}
        whole = all(map(sum, paired.values()))
        return {
            (names[one], names[other]): paired[one, other] if whole else self.counts(one, other)[::-1]
            for one, other in self.first_seat
        }


def chunks(store: Store, run: int, limit: int | None = None) -> Iterator[list[Stored]]:
    """Yield a run's stored matches in match_no order, the first `limit` of them."""
    next_no = 0
    while chunk := store.stored(run, next_no, _CHUNK if limit is None else min(_CHUNK, limit)):
        yield chunk
        next_no = chunk[-1][0] + 1
        if limit is not None:
            limit -= len(chunk)
            if not limit:
                return


def as_rated(games: Sequence[RatedGame], stored: Stored) -> Rated:
    """Return a stored match as raters see it."""
    _, game_no, _, agents, scores, places, _, rotation = stored
    sides = games[game_no].sides
    if len(agents) == len(sides):
        return Rated(agents, places, scores, rotation, game_no)
    return Rated(
        tuple(agents[seats[0]] for seats in sides),
        tuple(places[seats[0]] for seats in sides),
        tuple(sum(scores[seat] for seat in seats) / len(seats) for seats in sides),
        rotation,
        game_no,
    )


def make_rater(name: str, options: Mapping[str, Any], agents: Sequence[str], plugs: Plugins) -> Rater:
    """Return a rater with its options; keys of `anchors` and `prior` are agents' names.

    Raises:
        UnknownNameError: there is no such rater, or no such agent; ConfigError: an option is unknown or out of range.
    """
    numbers = {agent: number for number, agent in enumerate(agents)}
    known = {agent: agent for agent in agents}
    for option in ("anchors", "prior"):
        given = options.get(option) or {}
        for agent in given if isinstance(given, dict) else ():
            references.find(f"agent in {option} of the run:", agent, known, "evalengine standings")  # type: ignore[type-var]  # names are found by name
    return rating.made(name, options, numbers, plugs)


def parse_options(texts: Iterable[str], anchors: Iterable[str] = ()) -> dict[str, Any]:
    """Return a rater's options from `key=value` (Python's literals, else text) and `NAME=RATING`, or `none`.

    Raises:
        ConfigError: one of them has no such form.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key.isidentifier() or not equals:
            msg = f"-o {text!r} is no option of a rater: write key=value, as in -o scale=400"
            raise ConfigError(msg)
        if key == "anchors":
            msg = f"-o {text!r}: write --anchor NAME=RATING for each agent"
            raise ConfigError(msg)
        try:
            found[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found[key] = value
    if given := list(anchors):
        found["anchors"] = {} if given == [NO_ANCHORS] else parse_anchors(given)
    return found


def parse_anchors(texts: Iterable[str]) -> dict[str, float]:
    """Return ratings by agent's name from `NAME=RATING`.

    Raises:
        ConfigError: one of them has no such form, or an agent is named twice.
    """
    found: dict[str, float] = {}
    for name, value in map(_anchor, texts):
        if name in found:
            msg = f"--anchor {name} is given twice, as {found[name]:g} and as {value:g}: leave one out"
            raise ConfigError(msg)
        found[name] = value
    return found


def _anchor(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.inf
    if not abs(value) < _FARTHEST:
        msg = f"--anchor {text!r} is no anchor: write NAME=RATING, as in --anchor random=1000"
        raise ConfigError(msg)
    return name, value


def _check(rater: Rater, results: Iterable[Rated]) -> None:
    for result in results:
        if told := rating.unsupported(rater.info, result):
            msg = f"{told}, and the run has such matches: take another with --rater, or one game with --game"
            raise UsageError(msg)


def _names(agents: Sequence[int]) -> tuple[str, str]:
    return str(agents[0]), str(agents[1])


def _key(one: int, other: int) -> tuple[tuple[str, str], bool]:
    first, second = _names((one, other))
    return ((second, first), True) if first > second else ((first, second), False)
