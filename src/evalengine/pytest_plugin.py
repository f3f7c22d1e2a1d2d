"""The pytest plugin: fixtures `play` and `beats`, so that claims about agents are tests.

Whoever has evalengine installed loads this with every pytest, so it imports nothing but pytest; what plays matches is
imported by the first test that plays.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalengine.proving import Results, Wish

_SEED_BITS = 63
_SEED: pytest.StashKey[int] = pytest.StashKey()
_IN_WORKER = "evalengine_seed"  # what xdist's workers are told


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("evalengine", "matches between game-playing agents (evalengine)")
    group.addoption(
        "--evalengine-seed",
        type=int,
        metavar="S",
        help="63 bits that all matches of all tests follow from. Default: the setting evalengine_seed, else drawn; a "
        "failing test names it.",
    )
    group.addoption(
        "--evalengine-db",
        metavar="FILE",
        help="Where matches are stored; workers of pytest-xdist add their names. Default: a file in each tmp_path.",
    )
    group.addoption(
        "--evalengine-workers",
        type=int,
        metavar="N",
        help="Processes that play. Default: one a core, shared among the workers of pytest-xdist.",
    )
    parser.addini("evalengine_seed", "63 bits that all matches of all tests follow from", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Fix the seed, once for all workers of pytest-xdist."""
    told = getattr(config, "workerinput", {}).get(_IN_WORKER)
    config.stash[_SEED] = _seed_of(config) if told is None else told


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the seed."""
    node.workerinput[_IN_WORKER] = node.config.stash[_SEED]


def _seed_of(config: pytest.Config) -> int:
    given = config.getoption("evalengine_seed")
    if given is None and (setting := config.getini("evalengine_seed").strip()):
        if not setting.isdecimal():
            msg = f"evalengine_seed must be a whole number, not {setting!r}"
            raise pytest.UsageError(msg)
        given = int(setting)
    if given is None:
        return int.from_bytes(os.urandom(8)) >> 1
    if not 0 <= given < 1 << _SEED_BITS:
        msg = f"--evalengine-seed must be from 0 to 2**{_SEED_BITS} - 1, not {given}"
        raise pytest.UsageError(msg)
    return cast("int", given)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Callable[..., Results]:
    """Play matches and return their results: `play("bot.py", "random", game="connect4", matches=100)`."""
    return _Table(request).play


@pytest.fixture
def beats(request: pytest.FixtureRequest) -> Callable[..., Results]:
    """Fail unless an agent is shown to beat another: `beats("bot.py", "random", game="connect4", matches=200)`."""
    return _Table(request).beats


class _Table:
    """Where one test plays."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._config = request.config
        self._calls = self._numbers(request.node)

    @staticmethod
    def _numbers(node: Any) -> Iterator[int]:
        """Return what numbers the calls of one test, whichever fixture is called."""
        if not hasattr(node, "_evalengine_calls"):
            node._evalengine_calls = iter(range(1 << 40))  # noqa: SLF001 - ours, on pytest's item
        numbers: Iterator[int] = node._evalengine_calls  # noqa: SLF001 - as above
        return numbers

    def play(self, *agents: Any, game: str, matches: int = 100, confidence: float = 0.95, **more: Any) -> Results:
        """Play exactly so many matches and return what they say of the first agent.

        Args:
            agents: as on the command line (paths: beside the test's file, else from where pytest runs), or functions
                and classes, which are trusted and play uncontained; the first is the one that is spoken of.
            game: as on the command line; confidence: of the bounds of the score.
            more: opening, limits, sandbox, isolation, bind, as `evalengine.run` takes them; seed, else the test's own.
        """
        __tracebackhide__ = True
        from evalengine import proving

        return self._guarded(proving.play, self._wish(agents, game, matches, confidence, **more))

    def beats(
        self,
        agent: Any,
        opponent: Any,
        *,
        game: str,
        confidence: float = 0.95,
        matches: int = 200,
        score: float = 0.5,
        **more: Any,
    ) -> Results:
        """Play until it is shown that an agent scores more than `score` against another, and return the results.

        An agent that does not is passed with a probability of at most 1 - confidence. Ends as soon as it is shown, or
        the opposite is, and after `matches` at the latest.

        Raises:
            AssertionError: it was not shown.
        """
        __tracebackhide__ = True
        from evalengine import proving

        wish = self._wish((agent, opponent), game, matches, confidence, threshold=score, **more)
        given = f"--evalengine-seed {self._config.stash[_SEED]}"
        return self._guarded(proving.claim, wish, f"pytest {given} {self._request.node.nodeid!r}")

    def _guarded(self, call: Callable[..., Results], *arguments: Any) -> Results:
        """Fail with one line where a person is to blame, or an agent cannot be played."""
        __tracebackhide__ = True
        from evalengine.errors import EvalengineError

        try:
            return call(*arguments)
        except EvalengineError as error:
            told = str(error)
        pytest.fail(told, pytrace=False)

    def _wish(
        self, agents: tuple[Any, ...], game: str, matches: int, confidence: float, seed: int | None = None, **more: Any
    ) -> Wish:
        from evalengine import proving, seeding

        node = self._request.node
        if seed is None:
            seed = seeding.derive(self._config.stash[_SEED], "pytest", node.nodeid, next(self._calls))
        return proving.Wish(
            agents=tuple(self._located(agent) for agent in agents),
            game=self._located(game),
            matches=matches,
            seed=seed,
            db=self._db(),
            workers=self._workers(),
            confidence=confidence,
            **more,
        )

    def _located(self, given: Any) -> Any:
        """Return a reference whose path, if it is one, is found from anywhere."""
        if isinstance(given, Path):
            given = str(given)
        if not isinstance(given, str) or not {".", "/"} & set(given):
            return given
        name, sign, ref = given.rpartition("=") if given.partition("=")[0].isidentifier() else ("", "", given)
        path, colon, inner = ref.partition(":")
        for folder in (self._request.path.parent, self._config.rootpath):
            if (folder / path).exists():
                return f"{name}{sign}{folder / path}{colon}{inner}"
        return given

    def _db(self) -> Path:
        given = self._config.getoption("evalengine_db")
        if given is None:
            return Path(self._request.getfixturevalue("tmp_path")) / "arena.db"
        path = Path(given).absolute()
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        return path.with_name(f"{path.stem}-{worker}{path.suffix}") if worker else path

    def _workers(self) -> int:
        given = self._config.getoption("evalengine_workers")
        if given is not None:
            return max(1, int(given))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
