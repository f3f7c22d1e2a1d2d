"""What a stored run's evidence says, as plain records: raters' tables, cross table, fault rates, circles."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from evalengine import evidence, references, scopes
from evalengine.model import Rating
from evalengine.statistics.counts import checked
from evalengine.statistics.cycles import intransitivity
from evalengine.statistics.estimates import estimate
from evalengine.statistics.pairs import reliability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.boards import Board
    from evalengine.contracts import Rater
    from evalengine.evidence import Evidence
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
    """The part of a run that is told of: its own board's games, or one of them, with agents and evidence."""

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
        return {one.label: rating_rows(one.rater, self.evidence, self.agents, self.names) for one in fed}


def rating_rows(rater: Rater, evidence: Evidence, agents: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a rater's table as mappings, best first."""
    lines = rater.table(agents)
    if any(line.matches is None for line in lines):  # it knows neither who has played nor what is connected
        lines = list(_by_group(rater, evidence, agents))
    fields = [name for name in Rating.__slots__ if name != "extra"]
    return [{**{name: getattr(line, name) for name in fields}, "agent": names[line.agent]} for line in lines]


def _by_group(rater: Rater, evidence: Evidence, agents: Sequence[int]) -> Iterator[Rating]:
    groups = sorted(evidence.groups(agents), key=len, reverse=True)
    for number, group in enumerate(groups):
        for line in rater.table(sorted(group)):
            played = evidence.rated[line.agent]
            rank = line.rank if played else None
            yield replace(line, matches=played, rank=rank, component=number, provisional=not played)


def reliability_rows(evidence: Evidence, agents: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return how often each agent faulted, with Wilson's interval of 95%."""
    return [
        {"agent": names[agent], **asdict(reliability(evidence.faulted[agent], evidence.played[agent]))}
        for agent in agents
    ]


def cross_rows(evidence: Evidence, agents: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return wins, draws, losses and score of every agent against every other that it met."""
    rows = []
    for one in agents:
        for other in agents:
            wins, draws, losses = evidence.counts(one, other)
            if one != other and (matches := wins + draws + losses):
                score = (wins + draws / 2) / matches
                rows.append(
                    {"agent": names[one], "against": names[other], "wins": wins, "draws": draws, "losses": losses,
                     "score": score}
                )  # fmt: skip
    return rows


def summary(evidence: Evidence, names: Sequence[str]) -> dict[str, Any]:
    """Return draw ratio, the first seat's advantage and the test for circles; None where there is nothing to tell."""
    seats = [sum(column) for column in zip(*evidence.first_seat.values(), strict=True)]
    free = evidence.free_pairs(names)
    return {
        "by_game": game_rows(evidence),
        "counted": evidence.matches,
        "draw_ratio": evidence.draws / evidence.matches if evidence.matches else None,
        "first_seat": asdict(estimate(checked(seats[::-1]))) if seats else None,
        "intransitivity": asdict(intransitivity(free)) if len(free) > 2 else None,  # noqa: PLR2004 - the least circle
    }


def game_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Return matches, draw ratio and the first seat's advantage of each game that has results."""
    return [
        {
            "game": game,
            "matches": counts.matches,
            "draw_ratio": counts.draws / counts.matches,
            "first_seat": asdict(estimate(checked(counts.first_seat[::-1]))) if any(counts.first_seat) else None,
        }
        for game, counts in evidence.by_game.items()
        if counts.matches
    ]
