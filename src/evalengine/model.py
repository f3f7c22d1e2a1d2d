"""The values that cross a border: a process, a plugin, the database. No behaviour.

What exists once a run is a frozen dataclass. What exists once a match or a turn is a named tuple: it
is made 100,000 times a second, and msgpack packs it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Self

API = (0, 1)
"""(major, minor) of the public interface; a spec's `api` states the range it needs."""

Action = Any  # a msgpack value; plain ints in board and card games
View = Any  # a msgpack value or a numpy array
Scores = tuple[float, ...]  # by seat; higher is better


class FaultKind(StrEnum):
    """What a seat did wrong."""

    CRASH = "crash"  # an exception, a signal or an exit
    TIMEOUT = "timeout"  # a limit of time: turn, start or match, by CPU or by the wall clock
    ILLEGAL = "illegal"  # an action that the game refuses
    MEMORY = "memory"  # the limit of memory
    PROTOCOL = "protocol"  # bytes that are no answer
    PROCESSES = "processes"  # the limit of processes
    DISK = "disk"  # the limit of its private folder


class Termination(StrEnum):
    """Why a match ended."""

    RULES = "rules"  # the game says so
    TURN_LIMIT = "turn_limit"  # max_turns was reached
    FAULT = "fault"  # a side fell by a fault
    VOID = "void"  # the engine or the game failed; never rates


class Fault(NamedTuple):
    """What a seat did wrong, as the kernel or the driver saw it."""

    kind: str  # a FaultKind
    detail: str = ""  # one line for people
    traceback: str = ""  # the agent's own, when it has one


class Answer(NamedTuple):
    """An action with what the agent wants stored beside it."""

    action: Action
    info: Any = None  # a msgpack value


class Branch(NamedTuple):
    """Where a match was continued from."""

    parent: str  # RUN/MATCH_NO of the parent
    turn: int  # the first turn that is played anew
    luck_seed: int | None = None  # None: the parent's luck goes on
    earlier: tuple[tuple[int, int], ...] = ()  # where the parent is a branch: its lucks, as (first turn, seed)
    agent_seed: int = 0  # what the seeds of its agents follow from; none of the game's luck does
    sample: int = 0  # which of several that differ in their seeds only
    seat: int | None = None  # whose action was chosen in `turn`; None: nobody's
    action: Action = None  # what was chosen
    played: bool = False  # it is what the seat did in the parent
    turns: bytes = b""  # wire.pack_turns of all that is played before anybody is asked; not stored: the match has it


class MatchSpec(NamedTuple):
    """One match to play: what a pairing yields and a worker gets."""

    match_no: int  # dense from 0 within a run
    game_no: int  # index into the run's games
    rotation: int  # counted from 0 within its cell
    seed: int  # 63 bits, of the game and the rotation only
    agents: tuple[int, ...]  # by seat: indices into the run's agents
    opening: int = 0  # turns that the kernel plays at random
    max_turns: int = 0  # 0: the game's own limit
    branch: Branch | None = None


class MatchResult(NamedTuple):
    """What became of one match; by seat where it is a sequence."""

    scores: Scores
    places: tuple[int, ...]  # 1, 2, ...; equal when tied
    termination: str  # a Termination
    turns: int  # opening turns included
    faults: tuple[tuple[int, int, Fault], ...] = ()  # (turn, seat, fault) in order


class Played(NamedTuple):
    """One match as a worker sends it and the store keeps it; by seat where it is a sequence."""

    match_no: int
    scores: Scores
    places: tuple[int, ...]
    termination: str
    turns: int
    actions: bytes  # wire.pack_turns
    think_us: bytes  # msgpack: microseconds, one for each question in their order; a turn's seats ascending
    started: float  # seconds since the epoch
    seconds: float
    infos: bytes | None = None  # msgpack of (turn, seat, info)
    faults: tuple[tuple[int, int, tuple[str, str, str]], ...] = ()  # (turn, seat, Fault)
    logs: tuple[tuple[int, str, str], ...] = ()  # (seat, stream, text)
    error: str = ""  # why it is void


class Limits(NamedTuple):
    """What an untrusted agent may use; None: unlimited."""

    turn_s: float | None = 2.0  # a turn
    start_s: float | None = 10.0  # from its process to its first readiness
    match_s: float | None = None  # a match: a bank that all its turns are paid from
    memory_mib: int | None = 512
    increment_s: float = 0.0  # that each answer gives back to the bank
    clock: Literal["cpu", "wall"] | None = None  # what seconds are; None: wall for engines, cpu for all others
    processes: int | None = 1  # its own and those it starts; threads are not counted
    tmp_mib: int | None = 32  # its private folder
    log_kib: int = 64  # kept of its output, a match and seat


class Containment(NamedTuple):
    """How the agents from outside of a run are contained; what a worker must know of its sandbox."""

    name: str  # the sandbox's
    module: str  # of the class `Enclosure`; imported in the process that agents are forked from
    plan: Mapping[str, Any]  # for it, in msgpack's types
    folders: tuple[str, ...] = ()  # of --bind: agents may read them too
    private_tmp: bool = False  # agents have a /tmp of their own, whose size it bounds


Parameters = Mapping[str, Mapping[str, Any]]
"""Parameters by name, each a JSON Schema property: type, default, minimum, maximum, enum, description."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GameSpec:
    """A game as a plugin lists it: data, without importing the game."""

    name: str  # [a-z0-9_]+, or PREFIX:NAME
    version: str  # changes whenever a recorded match would replay differently
    doc: str  # rules in about three lines; people and language models read it
    factory: str  # "package.module:Class", called with the configuration
    config: Parameters = field(default_factory=dict)
    min_seats: int = 2
    max_seats: int = 2
    default_seats: int = 2
    max_turns: int
    dynamics: Literal["sequential", "simultaneous"] = "sequential"
    information: Literal["perfect", "hidden"] = "perfect"
    chance: bool = False
    teams: bool = False  # can be played in teams
    utility: Literal["zero", "constant", "general", "identical"] = "zero"
    min_score: float = -1.0  # what a faulter gets
    max_score: float = 1.0
    opening_turns: int = 0  # random turns before the first question, unless --opening says otherwise
    late: Any = "forfeit"  # or the action that stands in for a faulting seat's (real-time games)
    clone: Literal["copy", "serialize", "none"] = "copy"
    sample: bool = False  # hidden information: State.sample exists
    branching: Literal["full", "same-luck", "none"] = "full"
    listed: bool = True  # False: only its name chooses it, no tag and no "not"
    tags: tuple[str, ...] = ()  # its own; hidden, chance, simultaneous, teams, multiplayer follow
    api: str = ">=0.1"  # the evalengine.API it needs: comparisons that all hold, ">=0.1,<2"
    driver: str | None = None  # reserved: code that plays a whole match by itself


ENGINE_DIALECTS = frozenset({"uci", "xboard", "gtp"})
"""Of programs that keep clocks of their own, so that theirs is the wall's unless a person says otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSpec:
    """A competitor as a plugin lists it or `evalengine_load_agent` finds it."""

    name: str  # [A-Za-z0-9_.-]{1,40}, without "-vs-"
    version: str = ""  # bundled: the distribution's; submissions: the digest of their bytes
    doc: str = ""
    kind: Literal["trusted", "python", "program"] = "trusted"
    factory: str = ""  # trusted: "package.module:Class" or a function
    payload: bytes = b""  # trusted, instead of a factory: a callable serialised by dill
    config: Mapping[str, Any] = field(default_factory=dict)  # the factory's arguments
    parameters: Parameters = field(default_factory=dict)  # what `config` may hold
    label: str = ""  # its name once configured, as a format of its parameters: "mcts-{simulations}"
    fits: str = ""  # an expression over a game's words; "" fits all
    opponent: bool = False  # plays when nobody else is named
    path: str = ""  # python: a folder or a file; program: the resolved binary
    entry: str = ""  # python: "file.py" or "file.py:Name"
    argv: tuple[str, ...] = ()  # program: what is executed
    files: tuple[str, ...] = ()  # program: arguments and options that name files, whose bytes belong to the digest
    dialect: str = "json"  # program: how it speaks, a file of evalengine/dialects
    options: Mapping[str, str] = field(default_factory=dict)  # program: what its dialect makes of them
    note: str = ""  # what a person should know: which function was taken, for example
    pinned: bool = True  # False: its bytes cannot be fixed, so results are never reused
    waits_s: float = 0.0  # trusted: seconds that a turn may wait for a network; more than 0: many matches at once
    limits: Limits | None = None  # its own; None: the run's


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """All that a worker must know of a run; it crosses the process border once."""

    games: tuple[tuple[GameSpec, Mapping[str, Any]], ...]  # with their configuration
    agents: tuple[AgentSpec, ...]
    limits: Limits
    isolation: Literal["match", "run"] = "match"  # how long an agent's process is kept
    versions: tuple[str, ...] = ()  # of the games as they were made when the run began; empty: not known
    sys_path: tuple[str, ...] = ()
    containment: Containment | None = None  # of agents from outside
    cores: tuple[int, ...] = ()  # worker k runs on core k modulo their number; empty: anywhere
    concurrency: int = 1  # matches at once in a worker that wait for a network
    run_folder: str = ""  # Info.run_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One line of the board."""

    rank: int  # within its component; who has not played stands below all that have
    agent: str
    rating: float
    sigma: float  # TrueSkill's where `mu` is told, else the rater's own doubt; no interval
    matches: int
    wins: int
    draws: int
    losses: int
    score: float  # mean over matches: a win 1, a draw 1/2; the game's own where scores rank
    faults: int
    lo: float | None = None  # of the 95% interval of the rating; None: the rater offers none
    hi: float | None = None
    rank_lo: int | None = None  # the best and the worst rank that the intervals leave open
    rank_hi: int | None = None
    provisional: bool = False  # its results alone do not say how strong it is: none, too few, or all of one kind
    component: int = 0  # agents of different ones have never met, not even through others: ranks cannot be compared
    mu: float | None = None  # TrueSkill's mean, where it is computed


Pairs = Mapping[tuple[int, int, int], tuple[int, int, int, int]]
"""(wins, draws, losses, voids) by (game_no, first, second): of two agents, as the one in the earlier seat sees them."""


class Standings(tuple[Standing, ...]):  # noqa: SLOT001 - a tuple's subclass can have no slots with content
    """The board, best first, with what a pairing may know of the results behind it.

    Attributes:
        agents: the number of the agent of each line;
        pairs: of every two sides that met.
    """

    agents: tuple[int, ...]
    pairs: Pairs

    def __new__(cls, lines: Iterable[Standing] = (), agents: Sequence[int] = (), pairs: Pairs | None = None) -> Self:
        """Put a board together with what it comes from."""
        made = super().__new__(cls, lines)
        made.agents, made.pairs = tuple(agents), pairs or {}
        return made


NOTHING_YET = Standings()
"""Before the first round."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RaterInfo:
    """What a rater can rate; anything else is refused, never reduced."""

    name: str
    doc: str
    teams: bool = False
    ffa: bool = False
    draws: bool = True
    weights: str = ""  # which it takes: "match", how much a result counts; "agent", how much of it an agent played
    scores: bool = False  # rates by scores instead of places
    anchors: bool = False  # its option `anchors` holds ratings of agents fixed
    online: bool = True  # False: results are only counted as they come, and fitted when the table is asked for


class Rated(NamedTuple):
    """One result as a rater sees it, in match_no order.

    The matches of one rotation have the same `game`, `rotation` and agents, and come one after the other.
    """

    agents: Sequence[Any]  # by side: an agent, or the tuple of the members of a team of several
    ranks: Sequence[int]  # by side, the place: 1 is best, equal when tied
    scores: Sequence[float]  # by side: the mean of its seats
    rotation: int = -1  # as counted within its cell; -1: it stands alone
    game: int = 0
    weight: Any = 1.0  # of the result, a number; or lists of numbers, by side and agent


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    """One agent in a rater's table.

    Ranks hold within a component: agents that are connected by results. Those of different components have never met,
    not even through others, and nothing says who is stronger.
    """

    agent: int
    rating: float
    se: float  # standard error, or the rater's own measure of doubt where it offers no interval
    lo: float | None = None  # of the 95% interval; None: the rater offers none
    hi: float | None = None
    matches: int | None = None  # None: the rater does not count them
    rank: int | None = None  # None: it has not played
    rank_lo: int | None = None  # the best and the worst rank that the intervals leave open
    rank_hi: int | None = None
    provisional: bool = False  # its results alone do not say how strong it is: too few, or all of one kind
    component: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)  # what only this rater tells


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginSpec:
    """A named thing of one kind: a rater, a pairing, an executor, a sandbox, an exporter, a reporter or a command."""

    name: str
    factory: str  # "package.module:Class"
    doc: str = ""
    parameters: Parameters = field(default_factory=dict)  # of a pairing: what NAME(key=value) may hold


@dataclass(frozen=True, kw_only=True, slots=True)
class JobKind:
    """A kind of job of the server: what it is called, and the function that does one in a process of its own."""

    name: str
    factory: str  # "package.module:function"; given a Work, returns the result, of JSON's types
    doc: str = ""
    parameters: Parameters = field(default_factory=dict)  # what a request may hold; no default: it must
    scope: Literal["read", "play", "run", "admin"] = "run"  # that a key needs for it
    check: str = ""  # "package.module:function"; given request, key and plugins, raises UsageError to refuse it
