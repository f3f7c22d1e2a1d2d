"""Runs that a job plays: each begun once, and gone on with by the process that does the job after a restart."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

from evalengine import continuing, runs
from evalengine.errors import InterruptedRunError
from evalengine.launcher import Launcher
from evalengine.planning import Settings
from evalengine.playing import Listener, play
from evalengine.runner import default_workers
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalengine.model import AgentSpec, MatchSpec, Played
    from evalengine.runs import Run
    from evalengine_gertlabs.works import Doing


class Arena:
    """The runs of a job. Used as a context manager.

    Attributes:
        store: the database, as runs are stored in it.
    """

    def __init__(self, doing: Doing) -> None:
        self._doing = doing
        self._work = doing.work
        self._open = contextlib.ExitStack()
        self.store = self._open.enter_context(Store(doing.work.db))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def evaluate(self, name: str, share: tuple[float, float], choose: Callable[[], dict[str, Any]]) -> Run:
        """Return a run, played to its end.

        Args:
            name: of the run among the job's; share: from which fraction of the job to which it is;
            choose: returns the fields of `Settings` when it has not begun yet, agents among them as specs.

        Raises:
            InterruptedRunError: it was told to end, all so far is stored; UsageError, NothingToPlayError: as `begin`.
        """

        def begin() -> Run:
            chosen = choose()
            agents: Sequence[AgentSpec] = chosen.pop("specs", ())
            settings = Settings(callables=tuple(agents), broken="forfeit", **chosen)
            return runs.begin(settings, self.store, self._work.plugins, self._command)

        return self._played(name, share, begin)

    def explore(self, name: str, share: tuple[float, float], parent: Run, seed: int, **wish: Any) -> Run:
        """Return a run that explores another's decisions, played to its end.

        Args:
            wish: every, actions, samples, parents, as `evalengine explore` has them.

        Raises:
            as `evaluate`; NothingToPlayError: there is no decision whose actions can be listed.
        """

        def begin() -> Run:
            asked = continuing.exploration(parent, None, None, **wish)
            return continuing.begin_exploration(parent, asked, {}, None, seed, self.store, self._work.plugins)

        return self._played(name, share, begin)

    @property
    def _command(self) -> str:
        return f"evalengine serve, job {self._work.number}"

    def _played(self, name: str, share: tuple[float, float], begin: Callable[[], Run]) -> Run:
        if name in self._work.kept:
            run = runs.reopen(self.store, self._work.kept[name], self._work.plugins)
            if not run.complete:
                runs.check_resumable(run, self._work.plugins, self.store.agents_folder)
        else:
            run = begin()
            self._work.keep(**{name: run.number})
        if not run.complete:
            with Launcher() as launcher:
                listener = _Share(self._doing, share)
                workers = default_workers()
                play(run, self.store, self._work.plugins, workers=workers, listener=listener, launcher=launcher)
        if not run.complete:
            msg = f"run {run.number} was told to end"
            raise InterruptedRunError(msg)
        self._work.report(share[1])
        return run


class _Share(Listener):
    """Tells the job how far it is by how far a run is."""

    def __init__(self, doing: Doing, share: tuple[float, float]) -> None:
        self._work = doing.work
        self._low, self._high = share

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Iterable[Played]) -> None:
        """Report."""
        if run.total:
            self._work.report(self._low + (self._high - self._low) * run.played / run.total)
