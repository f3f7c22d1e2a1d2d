"""The part of a run that a command tells of: its own board's games, or one of them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from evalengine import evidence, references, scopes
from evalengine.cli import tables, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.boards import Board
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store


def board_of(run: Run, game: str | None) -> Board:
    """Return the board of a game, or the run's own.

    Raises:
        UnknownNameError: the run has no such game.
    """
    boards = {board.scope: board for board in run.boards.boards}
    if game is None:
        return boards[""]
    games = {chosen.ref: boards.get(chosen.ref, boards[""]) for chosen in run.entry.games}  # one alone has no own
    return references.find(f"game in run {run.number}:", game, games)  # type: ignore[type-var]  # boards are found by scope


class Scope:
    """Games of a run with their agents and evidence."""

    def __init__(self, run: Run, game: str | None, plugs: Plugins) -> None:
        self.board = board_of(run, game)
        self.names = [agent.name for agent in run.entry.agents]
        self.agents = self.board.agents
        self.evidence = evidence.Evidence(run.rated_games, self.board.games)
        self._run = run
        self._plugs = plugs

    @property
    def usual(self) -> str:
        """The rater with intervals that fits the games."""
        if self.board.by_score:
            return "mean"
        if len(self.agents) > scopes.MOST_FITTED:
            return self.board.rater_name  # a fit would take minutes
        two = all(len(self._run.rated_games[number].sides) == 2 for number in self.board.games)  # noqa: PLR2004 - sides
        return "bt" if two else "plackett-luce"

    def own_options(self, rater: str) -> dict[str, Any]:
        """Return the options with which a rater ranks this board; of any other rater those are none."""
        if rater != self.board.rater_name:
            return {}
        return {**self.board.options, **self._run.entry.settings.rater_options}

    def rated(
        self, store: Store, raters: Mapping[str, Mapping[str, Any]], faults: str = "loss"
    ) -> dict[str, list[dict[str, Any]]]:
        """Read the run once; return a table of each rater, by its name.

        Raises:
            UnknownNameError, ConfigError: a rater or an option; UsageError: it does not support the results.
        """
        kept: evidence.Faults = "ignore" if faults == "ignore" else "loss"
        self.evidence = evidence.Evidence(self._run.rated_games, self.board.games, kept)
        fed = [
            evidence.Fed(name, evidence.make_rater(name, options, self.names, self._plugs), kept)
            for name, options in raters.items()
        ]
        self.evidence.read(store, self._run.number, fed)
        return {one.label: tables.rating_rows(one.rater, self.evidence, self.agents, self.names) for one in fed}


def print_rows(form: str, record: Mapping[str, Any], key: str, title: str) -> None:
    """Print a record as JSON, its rows of `key` as CSV, or them as a table of ratings."""
    if form == "json":
        text.out(json.dumps(record, indent=2))
    elif form == "csv":
        text.out(as_csv(record[key]))
    else:
        for line in (text.rule(f"run {record['run']} (by {title})"), *tables.rating_lines({title: record[key]})):
            text.out(line)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of the same keys as CSV, with a head."""
    if not rows:
        return ""
    made = io.StringIO()
    writer = csv.DictWriter(made, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue().rstrip("\n")
