"""The rules as pytest classes: subclass one, say what is tested, and every rule is a test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import checkup, planning
from evalengine.contracts import Game
from evalengine.errors import UsageError
from evalengine.model import GameSpec
from evalengine.plugins import Plugins
from evalengine.testing.checking import Verdict, ordered, tried
from evalengine.testing.finding import subjects
from evalengine.testing.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class GameContract:
    """What every game must hold, a test a rule.

    Attributes:
        game: a GameSpec, a name ("hex(size=5)"), the path of a plugin with one game, or a made Game;
        config: its parameters, where `game` does not say them; seed: what all tries are derived from;
        matches: random ones a rule at most; rule_s: seconds a rule, but for what it needs at least.
    """

    game: ClassVar[Any] = None
    config: ClassVar[Mapping[str, Any]] = {}
    seed: ClassVar[int] = 1
    matches: ClassVar[int] = 24
    rule_s: ClassVar[float] = 0.2
    _shared: ClassVar[Subject]

    @classmethod
    def subject(cls) -> Subject:
        """Return the game under test; the tests of a class share it."""
        if "_shared" not in vars(cls):
            found = _found(cls.game, cls.config)
            found.seed, found.matches, found.rule_s = cls.seed, cls.matches, cls.rule_s
            cls._shared = found
        return cls._shared


def _found(game: Any, config: Mapping[str, Any]) -> Subject:
    if isinstance(game, GameSpec):
        return Subject(spec=game, config=dict(config))
    if isinstance(game, Game):
        return Subject(spec=game.spec, config=dict(game.config))
    if not isinstance(game, str | Path):
        msg = f"game = {game!r}: give a GameSpec, a name or a path"
        raise UsageError(msg)
    found = subjects(str(game), Plugins())
    if len(found) != 1:
        msg = f"game = {str(game)!r} names {len(found)} games: name one"
        raise UsageError(msg)
    (one,) = found
    one.config = {**one.config, **config}
    return one


def _put_tests() -> None:
    """Give GameContract a test for each rule."""
    for rule in ordered():
        name = f"test_{rule.name}"
        method = _test_of(rule.name)
        method.__name__, method.__qualname__, method.__doc__ = name, f"GameContract.{name}", rule.doc
        setattr(GameContract, name, method)


def _test_of(name: str) -> Callable[[GameContract], None]:
    def test(self: GameContract) -> None:
        if type(self) is GameContract or self.game is None:
            _skip("subclass GameContract and set game")
        rule = next(rule for rule in ordered() if rule.name == name)
        _say(tried(rule, self.subject()))

    return test


_put_tests()


def _say(verdict: Verdict) -> None:
    if verdict.outcome == "FAIL":
        _fail(f"{verdict.rule}: {verdict.line}")


def _fail(told: str) -> None:
    import pytest

    pytest.fail(told, pytrace=False)


def _skip(why: str) -> None:
    import pytest

    pytest.skip(why)


class AgentContract:
    """What every agent must hold: it loads, starts, answers legally and in time, and repeats itself.

    Attributes:
        agent: as `evalengine run` takes it: a name or a path; games: what it plays, an expression, the first that fits;
        sandbox: what contains it.
    """

    agent: ClassVar[Any] = None
    games: ClassVar[str | None] = None
    sandbox: ClassVar[str] = "auto"

    def test_loads(self) -> None:
        """It can be imported, or its program be found."""
        self._check("loads")

    def test_starts(self) -> None:
        """It is ready within the limit."""
        self._check("starts")

    def test_answers(self) -> None:
        """It answers each question of a match with a legal action."""
        self._check("answers")

    def test_limits(self) -> None:
        """It keeps within the limits of time, memory, processes and its folder."""
        self._check("limits")

    def test_repeats(self) -> None:
        """It plays the same match again under the same seed."""
        self._check("repeats")

    def _check(self, what: str) -> None:
        if self.agent is None:
            _skip("subclass AgentContract and set agent")
        found = _findings(str(self.agent), self.games, self.sandbox)
        finding = next((finding for finding in found if finding.what == what), None)
        if finding is not None and not finding.works:
            _fail(f"{what}: {finding.told}")
        if finding is None:
            broken = next((finding for finding in found if not finding.works), None)
            _fail(f"{what}: not reached{f', since {broken.what}: {broken.told}' if broken else ''}")


@cache
def _findings(agent: str, games: str | None, sandbox: str) -> list[checkup.Finding]:
    plugs = Plugins()
    if games:
        planning.load_local(games, plugs)
    return list(checkup.checked(agent, games, sandbox, plugs))
