"""The job of a build: it does all of the work itself, and leaves its exports to jobs that follow it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evalengine import UsageError, references, seeding
from evalengine.errors import NothingToPlayError
from evalengine_gertlabs import evaluating, generating, opponents, source, works
from evalengine_gertlabs.billing import settle
from evalengine_gertlabs.builds import CODE
from evalengine_gertlabs.played import Arena
from evalengine_gertlabs.selecting import BRANCHES
from evalengine_gertlabs.works import Doing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec, Work


def build(work: Work) -> dict[str, Any]:
    """Build the dataset of a job; return the jobs that export it.

    Raises:
        UsageError: nothing could be built; the text says why.
    """
    with Doing(work) as doing, Arena(doing) as arena:
        each = _evaluated if doing.row.params["mode"] == CODE else _explored
        games: Sequence[str] = doing.row.params["games"]
        told: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for place, name in enumerate(games):
            share = place / len(games), (place + 1) / len(games)
            try:
                game = references.find("game", name, work.plugins.games())
                told[name] = each(doing, arena, game, share)
            except (UsageError, NothingToPlayError) as error:
                problems[name] = str(error)
        if not told:
            msg = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
            raise UsageError(msg)
        played = sum(found["matches_played"] for found in told.values())
        doing.rows.together(lambda connection: settle(connection, doing.row.ticket, played))
        return {"games": told, "problems": problems, "matches_played": played, **_exports(doing)}


def _exports(doing: Doing) -> dict[str, Any]:
    params = doing.row.params
    kinds = params["export_types"] if params["mode"] == CODE else [BRANCHES]
    jobs = [works.name_of(doing.follow(kind, "export", _wish(doing, kind))) for kind in kinds]
    return {"export_job_ids": jobs} if params["mode"] == CODE else {"export_job_id": jobs[0]}


def _wish(doing: Doing, kind: str) -> dict[str, Any]:
    params = doing.row.params
    wish = {"kind": kind, "work": doing.row.ticket, "games": params["games"]}
    return {"wish": wish, "format": params["format"]}


def _evaluated(doing: Doing, arena: Arena, game: GameSpec, share: tuple[float, float]) -> dict[str, Any]:
    """Have the submissions of a game written, and play them against the game's opponents in one run."""
    params, work = doing.row.params, doing.work
    provider = generating.provider_of(params["provider"])
    names: list[str] = []
    for place in range(params["submission_count"]):
        found = generating.in_build(doing, game, place, provider, params["model"])
        if found is not None:
            names.append(found)
    if not names:
        msg = f"{provider.id} wrote nothing that can be used"
        raise UsageError(msg)
    agents = []
    for name in names:
        (row,) = doing.rows.read("select digest, entry from gert_submission where id = ?", name)
        agents.append(source.agent(work.db, name, row["digest"], row["entry"]))
        _begin_evaluation(doing, name)
    seed = seeding.derive(int(params["seed"]), game.name)
    pool = opponents.Pool("system")
    run = evaluating.measured(
        doing, arena, game.name, agents, params["match_count"], pool, seed, share, f"run-{game.name}"
    )
    told = evaluating.recorded(doing, run, game.name, names)
    best = max(told.values(), key=lambda line: line["elo_rating"] or 0.0)
    return {
        "run": run.number,
        "matches_played": run.played,
        "submissions": len(names),
        "not_written": params["submission_count"] - len(names),
        "best_submission_id": best["submission_id"],
    }


def _begin_evaluation(doing: Doing, name: str) -> None:
    sql = """insert into gert_evaluation (id, submission, owner, work, created) values (?, ?, ?, ?, ?)
        on conflict (submission, work) do nothing"""
    number = f"eval_{generating.new_id()[4:]}"
    doing.rows.change(sql, number, name, doing.row.owner, doing.row.ticket, time.time())


def _explored(doing: Doing, arena: Arena, game: GameSpec, share: tuple[float, float]) -> dict[str, Any]:
    """Play the parents of a game, then hold actions of their decisions and play on."""
    params = doing.row.params
    seed = seeding.derive(int(params["seed"]), game.name)
    middle = share[0] + (share[1] - share[0]) * 0.1

    def choose() -> dict[str, Any]:
        refs = _seated(doing, game)
        return {
            "games": game.name,
            "agents": refs,
            "opponents": "none",
            "matches": params["parent_count"],
            "seed": seed,
        }

    parents = arena.evaluate(f"parents-{game.name}", (share[0], middle), choose)
    asked = {
        "every": params["explore_interval"], "actions": params["max_actions"],
        "samples": params["samples_per_action"], "parents": params["parent_count"],
    }  # fmt: skip
    run = arena.explore(f"explore-{game.name}", (middle, share[1]), parents, seed, **asked)
    for number in (parents.number, run.number):
        sql = "insert into gert_run values (?, ?, ?, ?, ?) on conflict do nothing"
        doing.rows.change(sql, number, doing.row.owner, game.name, doing.row.ticket, time.time())
    return {"run": run.number, "parents": parents.number, "matches_played": parents.played + run.played}


def _seated(doing: Doing, game: GameSpec) -> tuple[str, ...]:
    """Return who plays the parents: the provider's agent, and as many bundled ones as a match needs besides."""
    provider = generating.provider_of(doing.row.params["provider"])
    known = doing.work.plugins.agents()
    first = provider.seat(game, known, doing.row.params["model"])
    others = [name for name in ("random", "first", "greedy", "mcts") if name != first and name in known]
    copies = [f"other-{number}=random" for number in range(game.default_seats)]
    return (first, *[*others, *copies][: max(1, game.default_seats - 1)])
