"""Ratings of any results, without a run: the public `rate`."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import ConfigError, UsageError
from evalengine.model import Rated
from evalengine.plugins import Plugins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalengine.contracts import Rater
    from evalengine.model import RaterInfo, Rating

_BY_AGENT = ("anchors", "prior")  # options whose keys are agents
_HUGE = 1e100  # squares of smaller numbers are finite
_KEYS = frozenset({"teams", "ranks", "scores", "weights", "rotation", "game"})


def rate(matches: Iterable[Mapping[str, Any]], rater: str = "bt", **options: Any) -> list[dict[str, Any]]:
    """Return a row for each agent, best first, of matches in the order in which they were played.

    Args:
        matches: records with `teams`, a list of agents' names by side; `ranks`, by side, 1 is best, equal when tied;
            and, where there are any, `scores` by side, `weights` (a number for the match, or by side and agent how
            much of it each played), `rotation` (equal for matches of the same agents that share seed and opening) and
            `game` (a name);
        rater: a name of `evalengine plugins`;
        options: the rater's own; the keys of `anchors` and `prior` are agents' names.

    Returns:
        Rows with agent, rating, se, lo, hi, matches, rank, rank_lo, rank_hi, provisional, component, and what else the
        rater tells. lo and hi are None where the rater has no 95% interval. Ranks hold within a component.

    Raises:
        UnknownNameError: there is no such rater;
        ConfigError: an option is unknown or out of range;
        UsageError: a record is malformed, or has what the rater does not support.
    """
    entries = _Entries()
    rated = [entries.rated(number, match) for number, match in enumerate(matches)]
    chosen = made(rater, options, entries.agents, Plugins())
    _check(chosen.info, rated, entries)
    chosen.update(rated if chosen.info.online else _by_rotation(rated))
    played = Counter(agent for result in rated for side in result.agents for agent in _members(side))
    return [
        _row(entries.names, replace(line, matches=played[line.agent]) if line.matches is None else line)
        for line in chosen.table(range(len(entries.names)))
    ]


class _Entries:
    """Agents and games as numbers, in the order in which they come up.

    Attributes:
        agents: numbers by name; without_scores, without_ranks: the first match that lacks them.
    """

    def __init__(self) -> None:
        self.agents: dict[str, int] = {}
        self._games: dict[Any, int] = {}
        self._rotations: dict[Any, int] = {}
        self.without_scores: int | None = None
        self.without_ranks: int | None = None

    @property
    def names(self) -> list[str]:
        return list(self.agents)

    def rated(self, number: int, match: Mapping[str, Any]) -> Rated:
        """Return a record as a rater sees it."""
        if not isinstance(match, Mapping) or not match.keys() <= _KEYS or "teams" not in match:
            told = sorted(match) if isinstance(match, Mapping) else match
            msg = f"match {number}: a record has teams, and of {', '.join(sorted(_KEYS))} what there is; not {told!r}"
            raise UsageError(msg)
        teams = _teams(number, match["teams"])
        ranks, scores = (_by_side(number, name, match.get(name), len(teams)) for name in ("ranks", "scores"))
        if ranks is None and self.without_ranks is None:
            self.without_ranks = number
        if scores is None and self.without_scores is None:
            self.without_scores = number
        rotation = match.get("rotation")
        return Rated(
            [self._side(team) for team in teams],
            ranks or [1] * len(teams),
            scores or [0.0] * len(teams),
            -1 if rotation is None else _numbered(self._rotations, number, "rotation", rotation),
            _numbered(self._games, number, "game", match.get("game")),
            _weight(number, match.get("weights"), teams),
        )

    def _side(self, team: Sequence[str]) -> int | tuple[int, ...]:
        members = tuple(self.agents.setdefault(name, len(self.agents)) for name in team)
        return members[0] if len(members) == 1 else members


def _numbered(known: dict[Any, int], number: int, name: str, value: Any) -> int:
    try:
        return known.setdefault(value, len(known))
    except TypeError:
        msg = f"match {number}: {name} must be a name or a number, not {value!r}"
        raise UsageError(msg) from None


def _teams(number: int, teams: Any) -> Sequence[Sequence[str]]:
    sound = isinstance(teams, Sequence) and not isinstance(teams, str) and teams
    if not sound or not all(isinstance(team, Sequence) and not isinstance(team, str) and team for team in teams):
        msg = f"match {number}: teams must be lists of agents' names, [['ann'], ['bob']], not {teams!r}"
        raise UsageError(msg)
    names = [name for team in teams for name in team]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        msg = f"match {number}: each agent is a name and takes part once, not {teams!r}"
        raise UsageError(msg)
    found: Sequence[Sequence[str]] = teams
    return found


def _by_side(number: int, name: str, values: Any, sides: int) -> Sequence[Any] | None:
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != sides:
        msg = f"match {number}: {name} must be a list with a number for each of {sides} teams, not {values!r}"
        raise UsageError(msg)
    if not all(_is_number(value) for value in values):
        msg = f"match {number}: {name} must be finite numbers, not {values!r}"
        raise UsageError(msg)
    return values


def _weight(number: int, weights: Any, teams: Sequence[Sequence[str]]) -> Any:
    if weights is None:
        return 1.0
    if _is_number(weights) and weights > 0:
        return weights
    lists = isinstance(weights, Sequence) and all(isinstance(part, Sequence) for part in weights)
    if not lists or [len(part) for part in weights] != [len(team) for team in teams]:
        msg = f"match {number}: weights must be a number above 0, or a list by team of a number an agent: {weights!r}"
        raise UsageError(msg)
    if not all(_is_number(value) and value >= 0 for part in weights for value in part):
        msg = f"match {number}: an agent's weight must be a finite number from 0 on, not {weights!r}"
        raise UsageError(msg)
    return weights


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE


def made(name: str, options: Mapping[str, Any], agents: dict[str, int], plugs: Plugins) -> Rater:
    """Return a rater with its options, agents' names in them as numbers; names that `agents` lacks are added to it.

    Raises:
        UnknownNameError: there is no such rater; ConfigError: an option is unknown or out of range.
    """
    spec = references.find("rater", name, plugs.listed("raters"), "evalengine plugins")
    make = references.imported(spec.factory, f"rater {name!r}")
    known = inspect.signature(make).parameters
    for option in options:
        if option not in known:
            msg = f"rater {name!r} has no option {option!r}; it has: {', '.join(known) or 'none'}"
            raise ConfigError(msg)
    numbered = {option: _numbered_keys(name, option, options[option], agents) for option in options}
    try:
        rater: Rater = make(**numbered)
    except (TypeError, ValueError) as error:
        msg = f"rater {name!r} does not take these options, {dict(options)!r}: {references.one_line(error)}"
        raise ConfigError(msg) from error
    return rater


def _numbered_keys(rater: str, option: str, value: Any, agents: dict[str, int]) -> Any:
    if option not in _BY_AGENT or value is None:
        return value
    if not isinstance(value, Mapping):
        msg = f"rater {rater!r}: {option} is a mapping by agent, not {value!r}"
        raise ConfigError(msg)
    # Who has a prior or an anchor and no match is in the table, too.
    return {agents.setdefault(agent, len(agents)): known for agent, known in value.items()}


def _check(info: RaterInfo, rated: Sequence[Rated], entries: _Entries) -> None:
    """Refuse what a rater would have to leave out.

    Raises:
        UsageError: a match has it.
    """
    for number, result in enumerate(rated):
        if told := unsupported(info, result):
            msg = f"match {number}: {told}: take another rater"
            raise UsageError(msg)
    lacks = entries.without_scores if info.scores else entries.without_ranks
    if lacks is not None:
        kind = "scores" if info.scores else "ranks"
        msg = f"match {lacks} has no {kind}, by which rater {info.name!r} rates: give them, or take another rater"
        raise UsageError(msg)


def unsupported(info: RaterInfo, result: Rated) -> str | None:
    """Return what of a result a rater cannot rate, or None."""
    sides, weight = len(result.agents), result.weight
    if sides > 2 and not info.ffa:  # noqa: PLR2004 - more than two sides is what the word means
        return f"rater {info.name!r} does not rate matches of {sides} sides"
    if not info.teams and any(isinstance(side, tuple) for side in result.agents):
        return f"rater {info.name!r} does not rate teams of several agents"
    if not info.draws and len(set(result.ranks)) < sides:
        return f"rater {info.name!r} does not rate draws"
    if weight != 1 and info.weights != ("agent" if isinstance(weight, Sequence) else "match"):
        return f"rater {info.name!r} does not take the weights {weight!r}"
    return None


def _by_rotation(results: Sequence[Rated]) -> list[Rated]:
    """Return results with the matches of a rotation one after the other, rotations in the order of their firsts."""
    groups: dict[Any, list[Rated]] = {}
    for number, result in enumerate(results):
        alone = result.rotation < 0
        key = number if alone else (result.game, result.rotation, tuple(sorted(map(_members, result.agents))))
        groups.setdefault(key, []).append(result)
    return [result for group in groups.values() for result in group]


def _members(side: int | tuple[int, ...]) -> tuple[int, ...]:
    return side if isinstance(side, tuple) else (side,)


def _row(names: Sequence[str], line: Rating) -> dict[str, Any]:
    row = {name: getattr(line, name) for name in type(line).__slots__ if name != "extra"}
    return {**row, "agent": names[line.agent], **line.extra}
