"""Playing a run: matches -> scheduler -> results -> store -> ratings -> hooks. The only module that sees all."""

from __future__ import annotations

import gc
import itertools
import math
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import adding, boards, rounds, sandboxes, submissions
from evalengine.entry import chosen_by, failed_matches
from evalengine.errors import StopError, StorageError
from evalengine.model import Fault, Limits, MatchResult, MatchSpec, Orders, Played, Termination
from evalengine.repeats import Repeats
from evalengine.reuse_keys import Keys
from evalengine.scheduler import Scheduler
from evalengine.waiting import CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.entry import Entry
    from evalengine.launcher import Launcher
    from evalengine.plugins import Plugins
    from evalengine.rounds import Round
    from evalengine.runs import Run
    from evalengine.store import Store, Stored

_LOG_BUDGET = 64 << 20  # bytes of logs a run; half of it for matches without a fault
_CHUNK = 1_000  # results that are read back, or reused, at once
_MIN_HUNG_S = 60.0
_YOUNG = 20_000  # objects, before a collection looks at them
_FEW = 10_000  # matches of a round that are counted before it is played
_GRACE_S = 0.5  # over the turn limit, for matches that run when somebody stops the run
_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time


class Listener:
    """What hears of a run while it goes on; a command line, a notebook. Does nothing by itself."""

    def started(self, run: Run) -> None:
        """The plan stands and nothing is played yet."""

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Results are stored; called often without any, so that a display can move."""

    def note(self, text: str) -> None:
        """Something that a person should know."""


class _Stop:
    """Whether somebody asked the run to end: once gently, twice at once."""

    def __init__(self) -> None:
        self.asked = self.at_once = False
        self.reason = ""

    def __call__(self, number: int, _frame: object) -> None:
        if self.at_once:
            return  # it ends already; a third one must not break into that
        if self.asked:
            self.at_once = True
            raise KeyboardInterrupt
        self.asked = True
        self.reason = signal.Signals(number).name

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGINT and SIGTERM, where this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for reference cycles less often: a batch of results is 10,000 tuples, of which none is part of one."""
    before = gc.get_threshold()
    if before[0]:  # else somebody switched them off
        gc.set_threshold(max(before[0], _YOUNG), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Player:
    """Plays what is left of a run: the loop from results to store, ratings, hooks."""

    def __init__(self, run: Run, store: Store, plugs: Plugins, listener: Listener, max_failed: int) -> None:
        self._run = run
        self._store = store
        self._plugs = plugs
        self._listener = listener
        self._max_failed = max_failed
        self._failed_before = run.voids + run.faults.total()
        self._order: Iterator[int] | None = None
        self._next_no = 0
        self._keys = Keys(run.entry)
        self._log_bytes = int(store.run(run.number)["log_bytes"])
        self._tells_matches = bool(plugs.hook.evalengine_match_done.get_hookimpls())
        self._repeats = Repeats(run.entry.agents)
        self.stop = _Stop()

    def play(self, workers: int, launcher: Launcher | None) -> None:
        """Play to the end, or until somebody stops it."""
        run = self._run
        scheduler = Scheduler(
            _orders(run, self._store, self._plugs),
            workers,
            hung_s=_longest_s(run, self._most_turns()),
            worker_lost=self._worker_lost,
            launcher=launcher,
        )
        with scheduler, _rare_collections():
            self._play_rounds(scheduler)
            self.save_all()
            if not (self.stop.asked or run.decided):
                self._play_again(scheduler)
        if run.decided and not self.stop.asked and self._repeats.specs():
            with Scheduler(_orders(run, self._store, self._plugs), 1) as fresh:  # the others were told to end
                self._play_again(fresh)

    def save_all(self) -> None:
        """Save ratings and rule as they are: nothing follows."""
        run = self._run
        with self._store.transaction():
            run.boards.save(last=True)
            if run.stopping is not None:
                run.stopping.save(self._store, run.number, last=True)

    def _play_rounds(self, scheduler: Scheduler) -> None:
        run = self._run
        limit_s = max(limits.turn_s or 2.0 for limits in _every_limits(run))
        began, already = time.monotonic(), run.seconds
        current: Round | None = rounds.resumed(run, self._store)
        again = bool(run.resumed)
        while current is not None:
            specs = current.specs(run, self._plugs)
            if specs is None or self.stop.asked or run.decided:
                return
            self._set_order(current)
            self._catch_up()
            if run.decided:
                return
            if run.entry.settings.added_to is not None:
                self._reuse(current, run.entry.settings.added_to, again=again)
                again = True
            left, total = self._sized(self._left(specs, current, again=again))
            for done in scheduler.play(left, total):
                run.seconds = already + time.monotonic() - began
                self.take(*done)
                if run.decided and not scheduler.cancelled:
                    scheduler.cancel(limit_s + _GRACE_S)
                if self.stop.asked and not scheduler.cancelled:
                    scheduler.cancel(limit_s + _GRACE_S)
                    told = f"{self.stop.reason}: nothing new begins; what runs ends within {limit_s + _GRACE_S:g} s"
                    self._listener.note(f"{told}, or at once on the next Ctrl-C")
            if self.stop.asked or run.decided:
                return
            current, again = self._end_round(current), False

    def _reuse(self, current: Round, before: int, *, again: bool) -> None:
        """Store those results of a round that another run has already, by game, agents, seed and limits."""
        run, store = self._run, self._store
        known = adding.known(store, before)
        specs = self._left(current.specs(run, self._plugs) or iter(()), current, again=again)
        while chunk := list(itertools.islice(specs, _CHUNK)):
            there = [(spec, known[key]) for spec in chunk if (key := self._keys.of(spec)) in known]
            with store.transaction():
                for spec, source in there:
                    run.faults.update(adding.copy(store, run.number, spec, source))
                results = [store.stored(run.number, spec.match_no, 1)[0] for spec, _ in there]
                counts = boards.pair_counts(run.rated_games, results)
                store.add_pairs((run.number, *key, *count) for key, count in counts.items())
                self._rate(results)
            run.played += len(there)

    def _end_round(self, ended: Round) -> Round | None:
        """Tell of a round whose matches are all rated; return the next, None after the last."""
        run, hook = self._run, self._plugs.hook.evalengine_round_done
        last = run.entry.pairing.rounds() == ended.round_no + 1
        if last and not hook.get_hookimpls():
            return None  # without a look at who met whom, which may be millions of pairs
        following = None if last else rounds.following(ended, run, self._store, self._plugs)
        standings = rounds.after(run, self._store, 1 << 39) if following is None else following.standings
        hook(round_no=ended.round_no, standings=standings)
        return following

    def _sized(self, specs: Iterator[MatchSpec]) -> tuple[Iterator[MatchSpec], int | None]:
        """Return matches with their number, as far as it is known without planning very many."""
        if self._run.entry.pairing.rounds() == 1:
            return specs, self._total_left()
        first = list(itertools.islice(specs, _FEW + 1))
        return itertools.chain(first, specs), len(first) if len(first) <= _FEW else None

    def _play_again(self, scheduler: Scheduler) -> None:
        """Play one match of each agent from outside again, to say which do not repeat themselves."""
        run = self._run
        games = [game.game for game in run.entry.games]
        for specs, rows, _ in scheduler.play(self._repeats.specs()):
            with redirect_stdout(sys.stderr):
                self._repeats.compare(specs, rows, games)
            if self.stop.asked:
                return
        run.unsteady = sorted({*run.unsteady, *(run.entry.agents[number].name for number in self._repeats.unsteady)})
        for name in run.unsteady:
            self._listener.note(f"{name} is not deterministic under its seed: another run may end with other standings")
        self._store.set_run(run.number, unsteady=run.unsteady)

    def _most_turns(self) -> int:
        return max(game.game.spec.max_turns for game in self._run.entry.games)

    def _total_left(self) -> int | None:
        total = self._run.total
        return None if total is None else total - self._run.played

    def _set_order(self, current: Round) -> None:
        """Begin the order of rating: the plan's own, from the first match that is not rated."""
        run = self._run
        if chosen_by(run.entry) is None:
            self._next_no = run.boards.watermark
            return
        order = (spec.match_no for spec in current.specs(run, self._plugs) or ())
        rated = run.boards.watermark - current.stored
        self._order = itertools.chain(itertools.islice(order, rated, None), itertools.repeat(-1))
        self._next_no = next(self._order)

    def _catch_up(self) -> None:
        """Rate what was stored before a kill, but waited for an earlier result."""
        with self._store.transaction():
            self._rate(())

    def _rate(self, results: Sequence[Stored]) -> None:
        run, before = self._run, self._run.decided
        self._next_no = run.boards.take(results, self._order, self._next_no)
        run.boards.save()
        if run.stopping is not None:
            if run.decided and not before:
                self._uncount()  # first: once the decision is stored, nothing after it is read back
            run.stopping.save(self._store, run.number)

    def _uncount(self) -> None:
        """Take out of the counts by pair what ended before the decision was known, but comes after it."""
        run = self._run
        next_no = run.boards.watermark
        while chunk := self._store.stored(run.number, next_no, _CHUNK):
            counts = boards.pair_counts(run.rated_games, chunk)
            self._store.take_pairs(run.number, ((run.number, *key, *count) for key, count in counts.items()))
            next_no = chunk[-1][0] + 1

    def _left(self, specs: Iterator[MatchSpec], current: Round, *, again: bool) -> Iterator[MatchSpec]:
        """Yield what is not stored yet, in the order of dispatch.

        Args:
            again: some of the round may be stored.
        """
        run = self._run
        left = _without(specs, self._store.match_nos(run.number)) if again else specs
        first_of = run.entry.settings.first_of
        if first_of is None:
            return left
        first = set(failed_matches(self._store, first_of))
        rest = current.specs(run, self._plugs) or iter(())
        if again:
            rest = _without(rest, self._store.match_nos(run.number))
        return itertools.chain(
            (spec for spec in left if spec.match_no in first), (spec for spec in rest if spec.match_no not in first)
        )

    def take(self, specs: Sequence[MatchSpec], rows: Sequence[Played], worker: int) -> None:
        """Store results with all that follows from them, in one transaction; then tell of them."""
        run = self._run
        if rows:
            results = list(map(_stored_of, specs, rows))
            with self._store.transaction():
                keys = list(map(self._keys.of, specs))
                self._store.write(run.number, specs, rows, keys, worker)
                self._write_logs(rows)
                if not run.decided:
                    counts = boards.pair_counts(run.rated_games, results)
                    self._store.add_pairs((run.number, *key, *count) for key, count in counts.items())
                self._rate(results)
                self._store.set_run(run.number, seconds=run.seconds)
            self._repeats.note(specs, rows)
            run.played += len(rows)
            run.count(rows)
            failed = run.voids + run.faults.total() - self._failed_before
            if self._max_failed and failed >= self._max_failed and not self.stop.asked:
                self.stop.asked, self.stop.reason = True, f"{self._max_failed} faults or voids"
            if self._tells_matches:
                for spec, row in zip(specs, rows, strict=True):
                    self._plugs.hook.evalengine_match_done(spec=spec, result=_result_of(row))
        self._listener.played(run, specs, rows)

    def _write_logs(self, rows: Sequence[Played]) -> None:
        """Keep logs of faults, and of others while half of the budget lasts."""
        kept = []
        for row in rows:
            for seat, stream, text in row.logs:
                budget = _LOG_BUDGET if row.faults else _LOG_BUDGET // 2
                size = len(text.encode())
                if self._log_bytes + size <= budget:
                    self._log_bytes += size
                    kept.append((row.match_no, seat, stream, text))
        if kept:
            self._store.write_logs(self._run.number, kept)
            self._store.set_run(self._run.number, log_bytes=self._log_bytes)

    def note(self, text: str) -> None:
        """Tell a person."""
        self._listener.note(text)

    def _worker_lost(self, worker_no: int, reason: str) -> None:
        self.note(f"worker {worker_no} was lost ({reason}); its matches are played again elsewhere")
        self._plugs.hook.evalengine_worker_lost(worker=worker_no, reason=reason)


def _every_limits(run: Run) -> list[Limits]:
    return [run.entry.settings.limits, *(agent.limits for agent in run.entry.agents if agent.limits is not None)]


def _longest_s(run: Run, turns: int) -> float:
    """Return the seconds without the end of a turn after which a worker is hung, whoever plays."""
    waits_s = max(agent.waits_s for agent in run.entry.agents)
    return max(2 * waits_s, *(_hung_s(limits, turns) for limits in _every_limits(run)))


def _hung_s(limits: Limits, turns: int = 0) -> float:
    """Return the seconds without the end of a turn after which a worker is hung; a match has `turns` at most."""
    bank_s = None if limits.match_s is None else limits.match_s + turns * limits.increment_s
    turn_s = bank_s if limits.turn_s is None else limits.turn_s
    if turn_s is None or limits.start_s is None:
        return math.inf  # an agent may think, or start, as long as it likes
    return max(_MIN_HUNG_S, 10 * turn_s, 6 * limits.start_s)


def _result_of(row: Played) -> MatchResult:
    faults = tuple((turn, seat, Fault._make(fault)) for turn, seat, fault in row.faults)
    return MatchResult(row.scores, row.places, row.termination, row.turns, faults)


def _stored_of(spec: MatchSpec, row: Played) -> Stored:
    match_no, game_no, rotation, _, agents, _, _, _ = spec
    _, scores, places, termination, _, _, _, _, _, _, faults, _, _ = row
    # A seat that faulted in several turns counts once, as where results are read back.
    faulted = [agents[seat] for seat in {seat: None for _, seat, _ in faults}] if faults else ()
    return match_no, game_no, termination, agents, scores, places, faulted, rotation


def _without(specs: Iterator[MatchSpec], done: Iterator[int]) -> Iterator[MatchSpec]:
    """Yield the matches whose numbers are not in `done`, which ascends."""
    # Read at once, since what is stored meanwhile must not vanish from the plan; a byte a match, not a set of objects.
    stored = bytearray()
    for number in done:
        stored.extend(bytes(number + 1 - len(stored)))
        stored[number] = 1
    return (spec for spec in specs if spec.match_no >= len(stored) or not stored[spec.match_no])


def _orders(run: Run, store: Store, plugs: Plugins) -> Orders:
    return orders(run.entry, store, plugs, run.concurrency, str(store.folder_of(run.number)))


def orders(entry: Entry, store: Store, plugs: Plugins, concurrency: int = 1, run_folder: str = "") -> Orders:
    """Return what a worker must know of a run, whose agents were copied below the store's folder."""
    outside = any(agent.kind != "trusted" for agent in entry.agents)
    cores = tuple(sorted(os.sched_getaffinity(0))) if outside and hasattr(os, "sched_getaffinity") else ()
    return Orders(
        games=tuple((game.spec, dict(game.config)) for game in entry.games),
        agents=tuple(submissions.located(agent, store.agents_folder) for agent in entry.agents),
        limits=entry.settings.limits,
        isolation=entry.settings.isolation,
        versions=tuple(game.game.spec.version for game in entry.games),
        sys_path=tuple(str(Path(path or ".").absolute()) for path in sys.path),
        containment=sandboxes.containment(entry.sandbox, plugs, entry.settings.bind),
        cores=cores,
        concurrency=concurrency,
        run_folder=run_folder,
    )


def play(
    run: Run,
    store: Store,
    plugs: Plugins,
    *,
    workers: int,
    listener: Listener | None = None,
    max_failed: int = 0,
    concurrency: int | None = None,
    launcher: Launcher | None = None,
) -> Run:
    """Play what is left of a run, and return it; afterwards its state is "done", "stopped" or "interrupted".

    Args:
        max_failed: end as Ctrl-C does after so many faults and voids; 0: never;
        concurrency: matches at once in a worker that wait for a network;
        launcher: one that was started before, for the first match to come sooner; closed afterwards.

    Raises:
        RunLockedError: another process writes it; StorageError: it could not be stored, what was is intact.
    """
    listener = listener or Listener()
    lock = store.lock(run.number)
    try:
        run.workers, run.concurrency = workers, concurrency or CONCURRENCY
        store.set_run(run.number, state="running", pid=os.getpid())
        run.state = "running"
        plugs.hook.evalengine_run_start(run=_told(run))
        player = _Player(run, store, plugs, listener, max_failed)
        with player.stop.listening():
            listener.started(run)
            _play_locked(player, run, plugs, store, launcher)
    finally:
        store.unlock(lock)
    return run


def record(
    run: Run,
    store: Store,
    plugs: Plugins,
    specs: Sequence[MatchSpec],
    rows: Sequence[Played],
    *,
    locked: bool = False,
) -> None:
    """Store and rate all matches of a run that were played elsewhere, and end it; hooks hear of it as of any run.

    Those that are stored, since a process was killed in the middle of this, are not stored again.

    Args:
        locked: nobody else can write the run: it need not be locked.

    Raises:
        StorageError: it could not be stored.
    """
    lock = None if locked else store.lock(run.number)
    try:
        plugs.hook.evalengine_run_start(run=_told(run))
        player = _Player(run, store, plugs, Listener(), 0)
        run.seconds = sum(row.seconds for row in rows)
        there = set(store.match_nos(run.number))
        left = [(spec, row) for spec, row in zip(specs, rows, strict=True) if spec.match_no not in there]
        player.take([spec for spec, _ in left], [row for _, row in left], 0)
        player.save_all()
        run.state = "done"
        _record_end(run, store)
        if plugs.hook.evalengine_run_done.get_hookimpls():  # else nobody reads what is slow to sum up
            plugs.hook.evalengine_run_done(run=run.summary())
    finally:
        if lock is not None:
            store.unlock(lock)


def _play_locked(player: _Player, run: Run, plugs: Plugins, store: Store, launcher: Launcher | None) -> None:
    run.state = "interrupted"
    try:
        whole = _play_out(player, run, launcher)
        if run.decided:
            run.state = "stopped"
            run.recount()
        elif whole:
            run.state = "done"
    finally:
        _record_end(run, store)
        plugs.hook.evalengine_run_done(run=run.summary())


def _play_out(player: _Player, run: Run, launcher: Launcher | None) -> bool:
    """Play what is left; say whether nothing is any more."""
    try:
        if not _complete(run):
            player.play(run.workers, launcher)
        else:  # it was killed after its last match, before all was saved
            player.save_all()
    except KeyboardInterrupt:  # the second one
        return False
    except StorageError:
        raise
    except StopError as error:  # a result of the run, not of a wrong use: what is stored is told as after Ctrl-C
        player.note(str(error))
        return False
    return not player.stop.asked or _complete(run)


def _complete(run: Run) -> bool:
    return run.decided or (run.total is not None and run.played >= run.total)


def _record_end(run: Run, store: Store) -> None:
    with suppress(StorageError):  # a full disk: the state stays "running", and --resume works all the same
        store.set_run(run.number, state=run.state, ended=time.time(), seconds=run.seconds)


def _told(run: Run) -> dict[str, Any]:
    return {"run": run.number, "seed": run.seed, "state": run.state, "matches": run.played, "db": str(run.db)}
