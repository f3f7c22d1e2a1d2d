"""What a report tells of a run but for its matches: facts, boards, histories, faults, as plain records."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import findings, planning
from evalengine.errors import UsageError
from evalengine.exploring import Continues
from evalengine.model import FaultKind, Termination
from evalengine.scopes import SKILL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.boards import Board
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

KINDS = (*(kind.value for kind in FaultKind), Termination.VOID.value)

_NO_OPTIONS: Mapping[str, Any] = {}
_MOST_CROSSED = 40  # agents of a cross table; its cells grow with their square
_MOST_DRAWN = 10  # agents of a history: more lines than that nobody can follow
_MOST_POINTS = 200  # of a line
_MOST_FAULTS = 2_000  # that are looked at,
_MOST_ALIKE = 5  # and of them told one by one, of an agent and kind
_MOST_GROUPS = 100
_MOST_TRACEBACK = 8_000  # characters


class Line(NamedTuple):
    """An agent's history: (matches of the run, rating, lo, hi), bounds None where the rater has none."""

    agent: str
    points: Sequence[tuple[int, float, float | None, float | None]]


# ---------------------------------------------------------------------------------------- facts


def facts(run: Run, store: Store) -> dict[str, Any]:
    """Return what fixed a run and what became of it."""
    row = store.run(run.number)
    finished = run.complete
    return {
        "number": run.number,
        "state": run.state,
        "complete": finished,
        "command": row["command"],
        "kind": run.kind,
        "continues": Continues.of(run.entry.settings).told() if run.entry.settings.continues else None,
        "asked": run.entry.settings.games,
        # Whoever knows the seed of a run that goes on knows the luck of matches still to be played.
        "seed": run.seed if finished else None,
        "started": row["started"],
        "seconds": run.seconds,
        "per_s": run.played / run.seconds if run.seconds else None,
        "matches": run.played - run.unused,
        "total": run.total,
        "unused": run.unused,
        "voids": run.voids,
        "faulted": run.faulted,
        "versions": row["versions"],
        "sandbox": row["sandbox"],
        "limits": row["limits"],
        "isolation": run.entry.settings.isolation,
        "pairing": run.entry.settings.pairing,
        "stopping": None if run.stopping is None else run.stopping.line(),
        "openings": planning.opening_line(run.entry.plan.contests),
        "unsteady": run.unsteady,
        "games": list(_games(run)),
        "agents": list(_agents(run)),
    }


def _games(run: Run) -> Iterator[dict[str, Any]]:
    played = run.played_by_game()
    openings = {contest.game_no: contest.opening for contest in run.entry.plan.contests}
    for number, game in enumerate(run.entry.games):
        spec = game.game.spec
        yield {
            "ref": game.ref,
            "version": spec.version,
            "seats": game.seats,
            "opening": openings.get(number, 0),
            "matches": played.get(number, 0),
            "by_score": run.rated_games[number].by_score,
            "doc": spec.doc,
        }


def _agents(run: Run) -> Iterator[dict[str, Any]]:
    played = run.matches_by_agent()
    given = run.entry.settings.agents
    for number, agent in enumerate(run.entry.agents):
        yield {
            "name": agent.name,
            "kind": agent.kind,
            "version": agent.version[:16],
            "given": given[number] if number < len(given) else "",
            "note": agent.note,
            "pinned": agent.pinned,
            "matches": played.get(agent.name, 0),
        }


# --------------------------------------------------------------------------------------- boards


def boards(run: Run, store: Store, plugs: Plugins, raters: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the boards of a run, its own first.

    Args:
        raters: others to show beside the one that ranks; where one does not fit a game, that game has none of them.

    Raises:
        UnknownNameError: there is no such rater; UsageError: one does not support the run's own games.
    """
    for number, board in enumerate(run.boards.boards):
        shown = findings.Scope(run, board.scope or None, plugs)
        rated = _rated(shown, store, raters, required=number == 0)
        told = _board(run, store, number)
        agents = [run.entry.agents[agent].name for agent in shown.agents]
        evidence, ranked = shown.evidence, [line["agent"] for line in told["lines"]]
        yield {
            **told,
            "raters": rated,
            "cross": cross_table(findings.cross_rows(evidence, shown.agents, shown.names), ranked),
            "reliability": {
                row["agent"]: row for row in findings.reliability_rows(evidence, shown.agents, shown.names)
            },
            "agents": agents,
            "matches": evidence.matches,
            **findings.summary(evidence, shown.names),
        }


def glance(run: Run, store: Store, number: int) -> dict[str, Any]:
    """Return what is known of a board without reading its matches: of a run of any length, soon."""
    told, board = _board(run, store, number), run.boards.boards[number]
    ranked = [line["agent"] for line in told["lines"]]
    return {
        **told, "raters": {}, "cross": cross_table(list(_counted(run, store, board)), ranked),
        "draw_ratio": None, "first_seat": None, "intransitivity": None,
    }  # fmt: skip


def _board(run: Run, store: Store, number: int) -> dict[str, Any]:
    board = run.boards.boards[number]
    lines = [asdict(line) for line in run.boards.standings(board)]
    return {
        "number": number,
        "scope": board.scope,
        "games": [run.entry.games[game].ref for game in board.games],
        "rater": board.rater_name,
        "by_score": board.by_score,
        "lines": lines,
        "groups": len({line["component"] for line in lines}),
        "histories": list(_histories(run, store, board, lines)),
    }


def _counted(run: Run, store: Store, board: Board) -> Iterator[dict[str, Any]]:
    """Yield the rows of a cross table from the counts that are kept while a run is played."""
    names = [agent.name for agent in run.entry.agents]
    met: dict[tuple[int, int], list[int]] = {}
    sql = "select game_no, first, second, wins, draws, losses from pair_count where run = ?"
    for game_no, first, second, *counts in store.iterate(sql, run.number):
        if game_no in board.games and first != second:
            for pair, found in (((first, second), counts), ((second, first), counts[::-1])):
                before = met.setdefault(pair, [0, 0, 0])
                met[pair] = [had + more for had, more in zip(before, found, strict=True)]
    for (one, other), (wins, draws, losses) in met.items():
        score = (wins + draws / 2) / (wins + draws + losses)
        yield {"agent": names[one], "against": names[other], "wins": wins, "draws": draws, "losses": losses,
               "score": score}  # fmt: skip


def _rated(
    shown: findings.Scope, store: Store, raters: Sequence[str], *, required: bool
) -> dict[str, list[dict[str, Any]]]:
    """Read a board's results; return the tables of other raters than the one that ranks."""
    beside = {} if shown.usual == shown.board.rater_name else {shown.usual: _NO_OPTIONS}
    try:
        return shown.rated(store, dict.fromkeys(raters, _NO_OPTIONS) | beside)
    except UsageError:
        if required:
            raise
        return shown.rated(store, beside)


def cross_table(rows: Sequence[Mapping[str, Any]], ranked: Sequence[str]) -> dict[str, Any] | None:
    """Return rows and columns of a cross table, the best first; None without a match of two agents."""
    if not rows:
        return None
    names = ranked[:_MOST_CROSSED]
    found = {(row["agent"], row["against"]): row for row in rows}
    cells = [[None if one == other else found.get((one, other)) for other in names] for one in names]
    return {"agents": names, "cells": cells, "left_out": len(ranked) - len(names)}


def _histories(run: Run, store: Store, board: Board, ranked: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a history by each rater that has one: {"rater", "lines"}, of the best agents, to where they stand now.

    Args:
        ranked: the lines of the board.
    """
    numbers = {agent.name: number for number, agent in enumerate(run.entry.agents)}
    for name in dict.fromkeys([board.rater_name, SKILL]):
        lines = []
        for line in ranked[:_MOST_DRAWN]:
            points = _points(store, run.number, board.scope, name, numbers[line["agent"]])
            if name == board.rater_name and points and points[-1][0] < run.boards.watermark:
                points.append((run.boards.watermark, line["rating"], line["lo"], line["hi"]))
            lines.append(Line(line["agent"], points))
        drawn = [line for line in lines if len(line.points) > 1]
        if drawn:
            yield {"rater": name, "lines": drawn, "left_out": max(0, len(ranked) - _MOST_DRAWN)}


def _points(
    store: Store, run: int, scope: str, rater: str, agent: int
) -> list[tuple[int, float, float | None, float | None]]:
    sql = """select matches, rating, lo, hi from rating_history
        where run = ? and scope = ? and rater = ? and agent_no = ? order by matches"""
    points = [(row[0], row[1], row[2], row[3]) for row in store.iterate(sql, run, scope, rater, agent)]
    step = -(-len(points) // _MOST_POINTS) or 1
    return points[::-1][::step][::-1]  # from the end, which must be there


# --------------------------------------------------------------------------------------- faults


def faults(run: Run, store: Store) -> dict[str, Any]:
    """Return faults by agent and kind, each with the first of them."""
    by_agent = [fault._asdict() | {"first_of": []} for fault in run.agent_faults()]
    groups = {(row["agent"] or None, row["kind"]): row["first_of"] for row in by_agent[:_MOST_GROUPS]}
    for row in store.first_faults(run.number, KINDS, _MOST_FAULTS):
        named = _named(run, store, row)
        group = groups.get((named["agent"], row["kind"]))
        if group is not None and len(group) < _MOST_ALIKE:
            group.append(named)
    total = sum(run.faults.values()) + run.voids
    return {"by_agent": by_agent, "played": run.matches_by_agent(), "total": total}


def _named(run: Run, store: Store, row: Mapping[str, Any]) -> dict[str, Any]:
    match = store.match(run.number, row["match_no"])
    assert match is not None
    seats = [run.entry.agents[seat["agent_no"]].name for seat in store.seats(run.number, row["match_no"])]
    return {
        **row,
        "traceback": shortened(row["traceback"]),
        "name": planning.match_name(run.entry.games[match["game_no"]].ref, seats, row["match_no"]),
        "agent": None if row["seat"] is None else seats[row["seat"]],
    }


def shortened(text: str, most: int = _MOST_TRACEBACK) -> str:
    """Return a text, or its two ends where it is longer than `most` characters: an error stands at the end."""
    if len(text) <= most:
        return text
    return f"{text[: most // 4]}\n... {len(text) - most} characters are left out here ...\n{text[-(most * 3 // 4) :]}"
