"""What a person asked a run to stop at: read, and checked against its games and agents."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import ConfigError, UsageError
from evalengine.statistics.stopping import ScoreStopping, SprtStopping, UntilSettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine.model import AgentSpec, MatchSpec
    from evalengine.planning import ChosenGame, Settings

CAP = 1_000_000  # matches, where nobody says how many: agents that are equal might never be told apart
WHOLE = 2  # matches of a rotation of two sides
_SIDES = 2
_SHOWN = 10  # agents in a message
_SPRT = ("elo0", "elo1", "alpha", "beta", "model")
_UNTIL = ("top", "separated", "margin", "alpha", "beats", "score")

Rule = SprtStopping | ScoreStopping | UntilSettled


def capped(settings: Settings) -> Settings:
    """Return the settings with a number of matches where a rule has none."""
    endless = settings.matches is None and settings.rounds is None
    return replace(settings, matches=CAP) if endless and _option(settings) else settings


def make(settings: Settings, games: Sequence[ChosenGame], agents: Sequence[AgentSpec], rotation: int) -> Rule | None:
    """Return the rule of a run, None when it has none.

    Args:
        rotation: matches of one, see `rotation_of`.

    Raises:
        UsageError: the rule cannot be read, or does not fit games and agents.
    """
    option = _option(settings)
    if not option:
        return None
    if settings.sprt and settings.until:
        msg = "--sprt and --until exclude each other: give one"
        raise UsageError(msg)
    _check_games(option, games)
    _check_choice(option, settings)
    names = [agent.name for agent in agents]
    try:
        return _sprt(settings.sprt, names, rotation) if settings.sprt else _until(settings.until, names, rotation)
    except ConfigError as error:  # the statistics know nothing of options
        msg = f"{option}: {str(error).replace('margin_elo', 'margin')}"
        raise ConfigError(msg) from None


def rotation_of(specs: Iterable[MatchSpec]) -> int:
    """Return how many matches a rotation of the plan has: 2, or 1 where seats are not changed."""
    first = list(itertools.islice(specs, 2))
    if len(first) < _SIDES:
        return 1
    one, other = first
    changed = one.agents != other.agents and sorted(one.agents) == sorted(other.agents)
    return WHOLE if changed and one.rotation == other.rotation else 1


def _option(settings: Settings) -> str:
    return "--sprt" if settings.sprt else "--until" if settings.until else ""


def _check_games(option: str, games: Sequence[ChosenGame]) -> None:
    if len(games) > 1:
        told = ", ".join(game.ref for game in games)
        msg = f"{option} decides on one game, {len(games)} are chosen ({told}): play them in runs of their own"
        raise UsageError(msg)
    (game,) = games
    if len(game.sides) != _SIDES:
        msg = f"{option} is for games of two sides, {game.ref} has {len(game.sides)}: leave it out"
        raise UsageError(msg)
    if game.game.spec.utility in ("general", "identical"):
        msg = f"{option} counts wins and draws, and in {game.ref} it is the scores that count: leave it out"
        raise UsageError(msg)


def _check_choice(option: str, settings: Settings) -> None:
    if settings.select or settings.deselect or settings.failed_of is not None:
        msg = f"{option} counts whole rotations, which -k, --deselect and --lf take apart: leave them or {option} out"
        raise UsageError(msg)


def _sprt(text: str, names: Sequence[str], rotation: int) -> SprtStopping:
    if len(names) != _SIDES:
        msg = f"it tests the first of two agents against the second, and {_playing(names)}. Name two"
        raise ConfigError(msg)
    parts = _parts(text, _SPRT)
    if "elo1" not in parts:
        msg = "elo1 is missing. Write what to test for, such as elo0=0,elo1=20"
        raise ConfigError(msg)
    model: Any = parts.pop("model", "normalized")
    numbers: dict[str, Any] = {key: _number(key, value) for key, value in parts.items()}
    return SprtStopping(*names, model=model, rotation=1 if model == "bayesian" else rotation, **numbers)


def _until(text: str, names: Sequence[str], rotation: int) -> UntilSettled | ScoreStopping:
    if len(names) < _SIDES:
        msg = f"it compares agents, and {_playing(names)}. Name two or more"
        raise ConfigError(msg)
    parts = _parts(text, _UNTIL)
    goals = [key for key in ("top", "separated", "beats") if key in parts]
    if len(goals) != 1 or parts.get("separated") or parts.get("beats"):
        msg = (
            f"{text!r} says not when. Write top=K, separated or beats, and after it alpha=A, margin=ELO (of the first "
            "two) or score=S (of beats) if need be"
        )
        raise ConfigError(msg)
    if foreign := {"margin"} & parts.keys() if goals == ["beats"] else {"score"} & parts.keys():
        msg = f"{text!r}: {goals[0]} knows no {foreign.pop()}. Leave it out"
        raise ConfigError(msg)
    if goals == ["beats"]:
        return _beats(parts, names, rotation)
    top = None
    if "top" in parts:
        top = int(parts["top"]) if parts["top"].isdecimal() else _number("top", parts["top"])
    return UntilSettled(
        list(names),
        top=top,  # type: ignore[arg-type]  # 2.5 is refused there, with the range
        alpha=_number("alpha", parts.get("alpha", "0.05")),
        margin_elo=_number("margin", parts.get("margin", "0")),
        rotation=rotation,
    )


def _beats(parts: Mapping[str, str], names: Sequence[str], rotation: int) -> ScoreStopping:
    if len(names) != _SIDES:
        msg = f"beats is about the first of two agents against the second, and {_playing(names)}. Name two"
        raise ConfigError(msg)
    return ScoreStopping(
        *names,
        threshold=_number("score", parts.get("score", "0.5")),
        alpha=_number("alpha", parts.get("alpha", "0.05")),
        rotation=rotation,
    )


def _playing(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return f"{len(names)} play{'s' * (len(names) == 1)}: {shown}"


def _parts(text: str, known: Sequence[str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = (word.strip() for word in part.partition("="))
        if key not in known:
            raise ConfigError(f"{references.unknown('setting', key, known)} Known: {', '.join(known)}")  # noqa: EM102, TRY003 - made there
        if key in parts:
            msg = f"{key} is given twice. Give it once"
            raise ConfigError(msg)
        parts[key] = value
    return parts


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = f"{key}={text} is no number. Write {key}= and a number"
        raise ConfigError(msg) from None
