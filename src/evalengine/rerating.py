"""Rating a stored run anew, with another rater or other options, without playing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import boards, evidence, run_rows
from evalengine.boards import Boards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.contracts import Rater
    from evalengine.planning import Settings
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_TABLES = ("rating", "rating_state", "rating_history", "tally")


def rebuild(run: Run, store: Store, rater: str, options: Mapping[str, Any], plugs: Plugins) -> None:
    """Make `rater` the run's own: ratings, state and history are stored anew, in one transaction.

    It rates what the run had rated: the results up to the first that is missing.

    Raises:
        RunLockedError: the run is being written; UsageError: the rater does not support its games or options.
    """
    own = {name: value for name, value in options.items() if name != "anchors"}
    anchors = options.get("anchors") or {}
    _renew(run, store, plugs, replace(run.entry.settings, rater=rater, rater_options=own, anchors=anchors))


def renew(run: Run, store: Store, plugs: Plugins, anchors: Mapping[str, float] | None = None) -> None:
    """Store ratings, state and history anew, as the run rates them: what was stored may be damaged.

    Args:
        anchors: instead of the run's own.

    Raises:
        RunLockedError: the run is being written; UsageError: its rater holds no rating fixed.
    """
    settings = run.entry.settings
    _renew(run, store, plugs, settings if anchors is None else replace(settings, anchors=anchors))


def _renew(run: Run, store: Store, plugs: Plugins, settings: Settings) -> None:
    names = [agent.name for agent in run.entry.agents]
    handle = store.lock(run.number)
    try:
        made = boards.make_boards(
            run.rated_games, settings.rater, _maker(names, settings.rater_options, plugs), settings.anchors
        )
        rated = Boards(store, run.number, run.rated_games, names, made)
        with store.transaction():
            for table in _TABLES:
                store.delete(table, run.number)
            _feed(rated, store, run)
            store.set_run(run.number, settings=run_rows.settings_row(settings))
    finally:
        store.unlock(handle)


def _maker(agents: Sequence[str], options: Mapping[str, Any], plugs: Plugins) -> Callable[..., Rater]:
    return lambda name, **own: evidence.make_rater(name, {**own, **options}, agents, plugs)


def _feed(rated: Boards, store: Store, run: Run) -> None:
    # What is rated is a prefix of the plan, so it is as many of the stored matches, in their order.
    order = itertools.chain(store.match_nos(run.number), itertools.repeat(1 << 40))
    next_no = next(order)
    for chunk in evidence.chunks(store, run.number, run.boards.watermark):
        next_no = rated.take(chunk, order, next_no)
        rated.save()
    rated.save(last=True)
