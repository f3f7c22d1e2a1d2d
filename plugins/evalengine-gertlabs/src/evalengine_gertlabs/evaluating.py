"""The job that evaluates submissions: matches against opponents, counted, rated."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from evalengine import UsageError, references, seeding
from evalengine_gertlabs import league, opponents, source, works
from evalengine_gertlabs.billing import settle
from evalengine_gertlabs.played import Arena
from evalengine_gertlabs.works import Doing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from evalengine import AgentSpec, Run, Work

_ERRORS = 20  # that are told of an evaluation
_DETAIL = 2_000  # characters


def evaluate(work: Work) -> dict[str, Any]:
    """Evaluate the submissions that a job is of, one after another; return what came of them."""
    with Doing(work) as doing, Arena(doing) as arena:
        wanted: Sequence[str] = doing.row.params["submissions"]
        pool = opponents.Pool(**doing.row.params["pool"])
        told, played = [], 0
        for place, name in enumerate(wanted):
            rows = doing.rows.read("select * from gert_submission where id = ?", name)
            share = (place / len(wanted), (place + 1) / len(wanted))
            agent = source.agent(work.db, name, rows[0]["digest"], rows[0]["entry"])
            seed = seeding.derive(int(doing.row.params["seed"]), name)
            run = measured(doing, arena, rows[0]["game"], [agent], doing.row.params["match_count"], pool, seed, share)
            found = recorded(doing, run, rows[0]["game"], [name])
            told.append(found[name])
            played += run.played
        doing.rows.together(lambda connection: settle(connection, doing.row.ticket, played))
        if len(told) == 1 and not doing.row.params["batch"]:
            return told[0]
        return {"evaluations": told, "submission_ids": list(wanted)}


def measured(  # noqa: PLR0917 - what an evaluation is
    doing: Doing, arena: Arena, game: str, agents: Sequence[AgentSpec], matches: int, pool: opponents.Pool, seed: int,
    share: tuple[float, float], name: str = "",
) -> Run:  # fmt: skip
    """Return the run in which agents met their opponents, so many matches each.

    Raises:
        UsageError: the game is not there any more.
    """
    work = doing.work

    def choose() -> dict[str, Any]:
        spec = references.find("game", game, work.plugins.games())
        sides = len(references.build_game(spec, {}).teams(spec.default_seats))
        others = opponents.chosen(doing, spec, sides, pool, agents)
        pairing = f"gauntlet(challengers={len(agents)})" if sides == 2 else "round-robin"  # noqa: PLR2004 - sides
        return {
            "games": game, "specs": [*agents, *others], "opponents": "none", "matches": matches * len(agents),
            "seed": seed, "pairing": pairing,
        }  # fmt: skip

    run = arena.evaluate(name or f"run-{agents[0].name}", share, choose)
    sql = "insert into gert_run values (?, ?, ?, ?, ?) on conflict do nothing"
    doing.rows.change(sql, run.number, doing.row.owner, game, doing.row.ticket, time.time())
    return run


def recorded(doing: Doing, run: Run, game: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Store what a run says of submissions, with the ratings of all of the game's; return it by submission."""
    tally = league.Tally(run.matches)
    with league.alone(doing.work.db):
        return _rated(doing, run, game, names, tally)


def _rated(doing: Doing, run: Run, game: str, names: Sequence[str], tally: league.Tally) -> dict[str, dict[str, Any]]:
    lines = league.fitted(doing.rows, game, tally.pairs, run.number)
    told = {name: _told(doing, name, run, tally, lines.get(name)) for name in names}

    def store(connection: sqlite3.Connection) -> None:
        league.store(connection, run.number, game, tally.pairs)
        league.save(connection, lines)
        for name, found in told.items():
            sql = """update gert_evaluation set run = ?, finished = ?, elo = ?, result = ?
                where submission = ? and work = ?"""
            values = run.number, time.time(), found["elo_rating"], json.dumps(found), name, doing.row.ticket
            connection.execute(sql, values)

    doing.rows.together(store)
    return told


def _told(doing: Doing, name: str, run: Run, tally: league.Tally, line: Mapping[str, Any] | None) -> dict[str, Any]:
    wins, draws, losses, score = tally.agents.get(name, [0, 0, 0, 0.0])
    played = int(wins + draws + losses)
    errors = _errors(run, name)
    return {
        "submission_id": name,
        "job_id": works.name_of(doing.work.number),
        "elo_rating": None if line is None else round(line["rating"], 2),
        "elo_lo": None if line is None else _rounded(line["lo"]),
        "elo_hi": None if line is None else _rounded(line["hi"]),
        "rating_formula": league.FORMULA,
        "matches_played": played,
        "wins": int(wins),
        "draws": int(draws),
        "losses": int(losses),
        "mean_score": score / played if played else None,
        "matches_faulted": sum(error["matches"] for error in errors),
        "opponents": sorted({other for pair in tally.pairs if name in pair for other in pair} - {name}),
        "errors": errors,
        "run": run.number,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _errors(run: Run, name: str) -> list[dict[str, Any]]:
    """Return what went wrong for a submission: kinds of faults, how often, where first, and what it said itself."""
    found = [fault for fault in run.agent_faults() if fault.agent == name]
    return [
        {
            "kind": fault.kind,
            "matches": fault.matches,
            "match": fault.first,
            "tick": fault.turn,
            "message": fault.detail[:_DETAIL],
        }
        for fault in found[:_ERRORS]
    ]


def check(request: Mapping[str, Any], *_: Any) -> None:
    """Refuse a job that somebody asks for by hand.

    Raises:
        UsageError: it has no ticket.
    """
    ticket = request.get("ticket")
    if not isinstance(ticket, str) or not ticket:
        msg = "jobs of this kind are begun by the routes below /api/v1"
        raise UsageError(msg)
