"""The kind of job "evaluate": a run, as `evalengine run` plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import expressions, forfeits, limits, planning, references, runner, runs
from evalengine.errors import InterruptedRunError, UsageError
from evalengine.launcher import Launcher
from evalengine.model import Limits
from evalengine.planning import Settings
from evalengine.playing import Listener, play
from evalengine.seeding import fresh_seed
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine.model import MatchSpec, Played
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.web.job_process import Work
    from evalengine.web.keys import Key

_SAME = ("games", "agents", "opponents", "matches", "rounds", "rater", "anchors", "pairing", "opening", "sprt", "until",
         "isolation", "broken", "select")  # fmt: skip


def check(request: Mapping[str, Any], key: Key, plugs: Plugins) -> None:
    """Refuse what cannot be a run, and what this key may not name.

    Raises:
        UsageError: it cannot work; the text says why.
    """
    _settings(request)
    expressions.Expression(request["games"])
    runner.check_numbers(request["matches"], request["rounds"], None, request["seed"])
    if not key.may("admin"):
        _check_names(request, plugs)


def evaluate(work: Work) -> dict[str, Any]:
    """Play a run, or what is left of the one that an earlier process of this job began; return its summary.

    Raises:
        InterruptedRunError: it was told to end; everything so far is stored. UsageError: it cannot be played.
    """
    with Launcher() as launcher, Store(work.db) as store:
        run = _run(work, store)
        workers = runner.default_workers()
        play(run, store, work.plugins, workers=workers, listener=_Progress(work), launcher=launcher)
        if not run.complete:
            msg = f"run {run.number} was told to end"
            raise InterruptedRunError(msg)
        return run.summary()


def _run(work: Work, store: Store) -> Run:
    if "run" in work.kept:
        run = runs.reopen(store, work.kept["run"], work.plugins)
        if not run.complete:
            runs.check_resumable(run, work.plugins, store.agents_folder)
        return run
    run = runs.begin(_settings(work.request), store, work.plugins, f"evalengine serve, job {work.number}")
    work.keep(run=run.number)
    return run


def _settings(request: Mapping[str, Any]) -> Settings:
    """Return the settings of a run.

    Raises:
        UsageError: a value cannot be one.
    """
    _check_types(request)
    forfeits.check_wish(request["broken"])
    own = Limits()._replace(**request["limits"])
    limits.check(own)
    seed = fresh_seed() if request["seed"] is None else request["seed"]
    values = {name: request[name] for name in _SAME} | {"agents": tuple(request["agents"])}
    return Settings(seed=seed, limits=own, **values)


def _check_types(request: Mapping[str, Any]) -> None:
    """Refuse what JSON Schema's types of our parameters leave open: the members of lists and objects."""
    if not all(isinstance(agent, str) for agent in request["agents"]):
        msg = f"job 'evaluate': agents must be a list of texts, not {request['agents']!r}"
        raise UsageError(msg)
    for name in request["limits"]:
        if name not in Limits._fields:
            kind = "limit"
            raise references.unknown(kind, name, Limits._fields, "evalengine run --help")
    for name, rating in request["anchors"].items():
        if type(rating) not in {int, float}:
            msg = f"job 'evaluate': the anchor of {name!r} must be a number, not {rating!r}"
            raise UsageError(msg)


def _check_names(request: Mapping[str, Any], plugs: Plugins) -> None:
    """Refuse everything but what is registered: a path, a program or an address is the machine's or the network's.

    Raises:
        UsageError: there is such a one.
    """
    known = plugs.agents()
    opponents = [] if request["opponents"] in {"", "bundled", "none"} else [request["opponents"]]
    refs = [*request["agents"], *(ref for text in opponents for ref in planning.split_references(text))]
    for ref in refs:
        bare = planning.split_name(ref)[1]
        if bare.partition("(")[0] not in known:
            _refuse("agent", ref)
        name, config = references.split_reference(bare)
        _check_values(known[name].parameters, config, ref)
    games = plugs.games()
    for word in expressions.Expression(request["games"]).words:
        if planning.is_path(word):
            _refuse("game", word)
        if "(" in word:
            name, config = references.split_reference(word)
            _check_values(games[name].config if name in games else {}, config, word)


def _check_values(parameters: Mapping[str, Any], config: Mapping[str, Any], ref: str) -> None:
    """Refuse texts that are free to be anything, which may be a file's name."""
    for name, value in config.items():
        if not isinstance(value, int | float) and "enum" not in parameters.get(name, {}):
            _refuse("value", f"{name} of {ref}")


def _refuse(what: str, named: str) -> None:
    msg = (
        f"{what} {named!r} is not one of those registered here, and only a key with the scope admin may name others: "
        "files, programs, addresses"
    )
    raise UsageError(msg)


class _Progress(Listener):
    """Tells the job how far its run is."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Iterable[Played]) -> None:  # noqa: ARG002 - the listener's
        """Report the share of the matches that are stored."""
        if run.total:
            self._work.report(run.played / run.total)
