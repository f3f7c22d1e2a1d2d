"""What a person asked for -> games, agents and the plan of a run."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalengine import forfeits, plugins, references
from evalengine.contracts import Contest, Game, Plan
from evalengine.errors import AgentError, NothingToPlayError, UsageError
from evalengine.expressions import Expression
from evalengine.model import AgentSpec, GameSpec, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from evalengine.plugins import Plugins

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)=(?P<ref>.+)", re.DOTALL)
_OPENING = re.compile(r"none|random:(?P<turns>\d{1,3})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a run is asked to be; stored with it, so that it can be resumed."""

    games: str  # an expression
    kind: str = "run"  # or "live": one match with remote seats; what continues stored matches says so itself
    agents: tuple[str, ...] = ()  # references
    callables: tuple[AgentSpec, ...] = ()  # agents that are no references: functions of the caller
    opponents: str = ""  # "bundled", "none" or references; "" decides by the number of agents
    matches: int | None = None
    rounds: int | None = None
    seed: int = 0
    rater: str | None = None  # None: a fit with intervals by places, mean where scores count
    rater_options: Mapping[str, Any] = field(default_factory=dict)  # of `rate --rebuild`, less anchors
    anchors: Mapping[str, float] = field(default_factory=dict)  # by agent's name: the rating that it is held at
    pairing: str = "round-robin"
    opening: str = ""  # "", "none" or "random:K"
    limits: Limits = field(default_factory=Limits)
    agent_limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by agent's name: what differs
    absent_ok: tuple[str, ...] = ()  # agents in agent_limits that need not play
    sandbox: str = "auto"  # a sandbox's name, "none", or "auto": the strongest that works
    isolation: Literal["match", "run"] = "match"  # how long an agent's process is kept
    bind: tuple[str, ...] = ()  # folders that contained agents may read
    broken: str = ""  # agents that cannot be played: "forfeit", "refuse", or "" by how many others are named
    sprt: str = ""  # the sequential test that ends the run: "elo0=0,elo1=20"
    until: str = ""  # or what must be settled: "top=3", "separated"
    select: str = ""  # -k: an expression over substrings of match ids
    deselect: tuple[str, ...] = ()
    failed_of: int | None = None  # --lf: the run whose faults and voids are played again
    continues: Mapping[str, Any] | None = None  # exploring.Continues, of a run that continues stored matches
    added_to: int | None = None  # --add: the run whose matches come first, their results reused where they are known
    first_of: int | None = None  # --ff: the run whose faults and voids are dispatched first


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenGame:
    """A game of a run, made.

    Attributes:
        ref: as people write it, with the parameters that are not defaults.
    """

    ref: str
    spec: GameSpec  # as listed
    config: Mapping[str, Any]  # what was asked for, "seats" not included
    game: Game
    seats: int

    @property
    def sides(self) -> tuple[tuple[int, ...], ...]:
        """The seats of each side."""
        return tuple(tuple(side) for side in self.game.teams(self.seats))


# --------------------------------------------------------------------------------------- games


def choose_games(text: str, known: Plugins) -> list[ChosenGame]:
    """Return the games that an expression over names, tags, configured names and paths selects, by name.

    Raises:
        UnknownNameError: a word is neither; ConfigError: a parameter is wrong; NothingToPlayError: nothing is left.
    """
    expression = Expression(text)
    local = load_local(text, known)
    games = known.games()
    words = {name: plugins.words_of(spec) for name, spec in games.items()}
    chosen: dict[str, ChosenGame] = {}
    for ref in _candidates(expression, games, local):
        name, _ = references.split_reference(ref)
        if expression.holds(lambda word, ref=ref, name=name: _word_holds(word, ref, name, words, local)):  # type: ignore[misc]
            game = _make(ref, games[name])
            chosen.setdefault(game.ref, game)
    if not chosen:
        msg = f"no game fits {text!r}. See: evalengine games"
        raise NothingToPlayError(msg)
    return list(chosen.values())


def load_local(text: str, known: Plugins) -> dict[str, frozenset[str]]:
    """Load the plugins at the paths in an expression; return the names of their games by path."""
    return {word: known.load_path(Path(word)) for word in Expression(text).words if is_path(word)}


def select_games(text: str | None, known: Plugins) -> list[GameSpec]:
    """Return the listed games that an expression selects, by name; all without one.

    Raises:
        UnknownNameError: a word is no game and no tag.
    """
    games = known.games()
    if not text:
        return [games[name] for name in sorted(games) if games[name].listed]
    expression = Expression(text)
    chosen = _candidates(expression, games)
    words = {name: plugins.words_of(games[name]) for name in chosen if name in games}
    return [games[name] for name in words if expression.holds(words[name].__contains__)]


def is_path(word: str) -> bool:
    """Say whether a word of an expression over games is a path of this machine, whose plugin would be loaded."""
    word = word.partition("(")[0]
    return word.startswith((".", "/", "~")) or word.endswith(".py") or (":" not in word and "/" in word)


def _candidates(
    expression: Expression, games: Mapping[str, GameSpec], local: Mapping[str, frozenset[str]] | None = None
) -> list[str]:
    """Return the references that the expression may select: all listed games, and those it names or configures.

    Raises:
        UnknownNameError: a word names nothing.
    """
    every_word = {word for spec in games.values() for word in plugins.words_of(spec)}
    configured = []
    for word in dict.fromkeys(expression.words):
        if "(" in word and not is_path(word):
            references.find("game", references.split_reference(word)[0], games, "evalengine games")
            configured.append(word)
        elif word not in every_word and not is_path(word):
            kind = "game or tag"
            raise references.unknown(kind, word, sorted(every_word), "evalengine games")
    named = set(expression.words).union(*(local or {}).values())
    return [*(name for name in sorted(games) if games[name].listed or name in named), *configured]


def _word_holds(
    word: str, ref: str, name: str, words: Mapping[str, frozenset[str]], local: Mapping[str, frozenset[str]]
) -> bool:
    if word in local:
        return name in local[word]
    if "(" in word:
        return word == ref
    # A bare name means the game as it comes; its tags hold for every configuration.
    return word in words[name] and (word != name or "(" not in ref)


def _make(ref: str, spec: GameSpec) -> ChosenGame:
    _, config = references.split_reference(ref)
    seats = config.pop("seats", None) if "seats" not in spec.config else None
    game = references.build_game(spec, config)
    fits = game.spec
    if seats is None:
        seats = fits.default_seats
    if type(seats) is not int or not fits.min_seats <= seats <= fits.max_seats:
        msg = f"game {ref!r}: seats must be from {fits.min_seats} to {fits.max_seats}, not {seats!r}"
        raise UsageError(msg)
    told = {name: value for name, value in game.config.items() if value != spec.config[name]["default"]}
    if seats != fits.default_seats:
        told["seats"] = seats
    inner = ", ".join(f"{name}={_written(value)}" for name, value in sorted(told.items()))
    return ChosenGame(
        ref=f"{spec.name}({inner})" if inner else spec.name, spec=spec, config=config, game=game, seats=seats
    )


def _written(value: Any) -> str:
    """Return a value as a reference holds it, so that it is read back as it was."""
    bare = isinstance(value, str) and value.isidentifier() and not keyword.iskeyword(value)
    return str(value) if bare else repr(value)


# -------------------------------------------------------------------------------------- agents


def choose_agents(settings: Settings, games: Sequence[ChosenGame], known: Plugins) -> tuple[list[AgentSpec], str]:
    """Return the agents that play, and a line for the header when opponents were added.

    Raises:
        UnknownNameError, AgentError: a reference means nothing or cannot be used.
    """
    bundled = known.agents()
    named = forfeits.found(settings.agents, lambda ref: find_agent(ref, known, bundled)) + list(settings.callables)
    opponents = _opponents(settings, named, games, known, bundled)
    given = {place for place, ref in enumerate(settings.agents) if split_name(ref)[0]}
    agents = _distinct([*named, *opponents], given)
    forfeits.check(settings.broken, agents, len(named))
    _check_fit(agents[: len(named)], games)
    if not opponents or not named:
        return agents, ""
    who = ", ".join(agent.name for agent in agents[: len(named)])
    others = ", ".join(agent.name for agent in agents[len(named) :])
    missing = _hidden_by(agents[: len(named)], bundled) if settings.opponents in {"", "bundled"} else []
    note = f"; not the bundled {', '.join(missing)}, whose name is taken" if missing else ""
    return agents, f"opponents of {who}: {others}{note}"


def _check_fit(named: Sequence[AgentSpec], games: Sequence[ChosenGame]) -> None:
    """Refuse an agent that can play none of the games.

    Raises:
        AgentError: there is one.
    """
    for agent in named:
        if agent.fits and not any(fits(agent, game) for game in games):
            refs = ", ".join(game.ref for game in games)
            msg = f"agent {agent.name!r} plays only games that are {agent.fits!r}: none of {refs} is"
            raise AgentError(msg)


def _hidden_by(named: Sequence[AgentSpec], bundled: Mapping[str, AgentSpec]) -> list[str]:
    """Return the bundled opponents whose names agents from outside have."""
    taken = {agent.name for agent in named if agent.kind != "trusted"}
    made = [configure_agent(spec, {}).name for spec in bundled.values() if spec.opponent]
    return [name for name in made if name in taken]


def _opponents(
    settings: Settings,
    named: Sequence[AgentSpec],
    games: Sequence[ChosenGame],
    known: Plugins,
    bundled: Mapping[str, AgentSpec],
) -> list[AgentSpec]:
    wish = settings.opponents or ("bundled" if len(named) < 2 else "none")  # noqa: PLR2004 - two can play each other
    if wish == "none":
        return []
    if wish != "bundled":
        return [find_agent(ref, known, bundled) for ref in split_references(wish)]
    made = [configure_agent(spec, {}) for spec in bundled.values() if spec.opponent]
    taken = {agent.name for agent in named}
    fitting = [agent for agent in made if any(fits(agent, game) for game in games)]
    return [agent for agent in fitting if agent.name not in taken]


def split_references(text: str) -> list[str]:
    """Return the parts of a list with commas, those within parentheses left alone."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def find_agent(ref: str, known: Plugins, bundled: Mapping[str, AgentSpec]) -> AgentSpec:
    """Return the agent that `[NAME=]REF` stands for.

    Raises:
        UnknownNameError: nobody knows it; AgentError: it cannot be used.
    """
    name, ref = split_name(ref)
    spec = _load(ref, known, bundled)
    if name:
        spec = replace(spec, name=name)
    if not _NAME.fullmatch(spec.name) or "-vs-" in spec.name:
        msg = f"{spec.name!r} is no name for an agent: 1 to 40 letters, digits, '_', '.' or '-', without '-vs-'"
        raise AgentError(msg)
    return spec


def split_name(ref: str) -> tuple[str, str]:
    """Return name ("" when none is given) and reference of `NAME=REF`."""
    found = _NAMED.fullmatch(ref)
    return (found["name"], found["ref"]) if found else ("", ref)


def _load(ref: str, known: Plugins, bundled: Mapping[str, AgentSpec]) -> AgentSpec:
    if re.fullmatch(r"[A-Za-z0-9_-]+(\(.*\))?", ref, re.DOTALL):
        name, config = references.split_reference(ref)
        if name in bundled:
            return configure_agent(bundled[name], config)
    loaded: AgentSpec | None = known.hook.evalengine_load_agent(ref=ref)
    if loaded is None:
        kind = "agent"
        raise references.unknown(kind, ref, bundled, "evalengine agents, or give a path")
    return loaded


def configure_agent(spec: AgentSpec, config: Mapping[str, Any]) -> AgentSpec:
    """Return a bundled agent with all its parameters, named after them.

    Raises:
        ConfigError: a parameter is wrong.
    """
    whole = references.configured(f"agent {spec.name!r}", spec.parameters, config)
    name = spec.label.format(**whole) if spec.label else spec.name
    return replace(spec, config=whole, name=name)


def _distinct(agents: Sequence[AgentSpec], given: Collection[int]) -> list[AgentSpec]:
    """Return the agents with names that differ: clashing ones take their folder's, but for those at the places `given`.

    Raises:
        AgentError: they still clash.
    """
    counts = Counter(agent.name for agent in agents)
    renamed = [
        _by_folder(agent) if counts[agent.name] > 1 and place not in given else agent
        for place, agent in enumerate(agents)
    ]
    still = [name for name, count in Counter(agent.name for agent in renamed).items() if count > 1]
    if still:
        clashing = [agent for agent, after in zip(agents, renamed, strict=True) if after.name == still[0]]
        same = len({(agent.path, agent.argv) for agent in clashing}) == 1  # no folder tells them apart
        msg = f"two agents are called {clashing[0].name if same else still[0]!r}: name them, as in a=REF b=REF"
        raise AgentError(msg)
    return renamed


def _by_folder(agent: AgentSpec) -> AgentSpec:
    if agent.kind == "trusted" and not forfeits.is_stand_in(agent):
        return agent
    path = Path(agent.path or _last_own(agent))
    folder = path.name if path.is_dir() else path.parent.name
    return replace(agent, name=folder) if _NAME.fullmatch(folder) and "-vs-" not in folder else agent


def _last_own(agent: AgentSpec) -> str:
    """Return the file that a program is called after, as far as it is known: the last one that its words name."""
    return str(Path((agent.argv[0], *(word for word in agent.argv if word in agent.files))[-1]).absolute())


def fits(agent: AgentSpec, game: ChosenGame) -> bool:
    """Say whether an agent can play a game."""
    words = plugins.words_of(game.game.spec) | {game.spec.name}
    return not agent.fits or Expression(agent.fits).holds(words.__contains__)


# ---------------------------------------------------------------------------------------- plan


def make_plan(settings: Settings, games: Sequence[ChosenGame], agents: Sequence[AgentSpec]) -> Plan:
    """Return what the pairing decides from.

    Raises:
        NothingToPlayError: no game has enough agents.
    """
    contests, short = [], []
    for game_no, game in enumerate(games):
        able = tuple(number for number, agent in enumerate(agents) if fits(agent, game))
        if len(able) < len(game.sides):
            short.append(f"{game.ref} needs {len(game.sides)} agents, {len(able)} fit")
            continue
        opening = opening_turns(settings.opening, game.game.spec)
        contests.append(Contest(game_no=game_no, ref=game.ref, sides=game.sides, agents=able, opening=opening))
    if not contests:
        msg = f"nothing to play: {'; '.join(short)}. Add agents, or --opponents bundled"
        raise NothingToPlayError(msg)
    return Plan(seed=settings.seed, contests=tuple(contests), matches=settings.matches, rounds=settings.rounds)


def opening_turns(text: str, spec: GameSpec) -> int:
    """Return the random turns before the first question: `none`, `random:K`, or "" for the game's own.

    Raises:
        UsageError: it is neither.
    """
    if not text:
        return spec.opening_turns
    found = _OPENING.fullmatch(text)
    if found is None:
        msg = f"--opening {text!r}: write none or random:K"
        raise UsageError(msg)
    return int(found["turns"] or 0)


def opening_line(contests: Iterable[Contest]) -> str:
    """Return how matches open, for the header."""
    turns = sorted({contest.opening for contest in contests})
    if turns == [0]:
        return ""
    span = str(turns[0]) if len(turns) == 1 else f"{turns[0]} to {turns[-1]}"
    return f"openings: {span} random turn{'' if turns == [1] else 's'}"


# --------------------------------------------------------------------------------- match names


def match_name(game_ref: str, agents: Iterable[str], match_no: int) -> str:
    """Return a match's id as people write it: GAME::A-vs-B[match_no]."""
    return f"{game_ref}::{'-vs-'.join(agents)}[{match_no}]"


def selector(text: str, deselect: Sequence[str]) -> Callable[[str], bool] | None:
    """Return what says whether a match id is selected by -k and --deselect; None when all are.

    Raises:
        UsageError: the expression cannot be parsed.
    """
    if not text and not deselect:
        return None
    expression = Expression(text) if text else None

    def selected(name: str) -> bool:
        lower = name.lower()
        chosen = expression is None or expression.holds(lambda word: word.lower() in lower)
        return chosen and not any(name.startswith(prefix) for prefix in deselect)

    return selected
