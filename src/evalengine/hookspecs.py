"""All hooks of evalengine.

*Lists* return specs, *edits* change what they are given, *tells* inform, *asks* take the first answer.

A plugin is an importable module (or an object) with functions of these names, marked by `evalengine.hookimpl`,
registered through the entry-point group `evalengine` or with `-p MODULE`. It may take fewer arguments than a hook has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import AgentSpec, GameSpec, JobKind, MatchResult, MatchSpec, PluginSpec, Standings

PROJECT = "evalengine"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def evalengine_games() -> Sequence[GameSpec]:  # type: ignore[empty-body]
    """List games."""


@hookspec
def evalengine_agents() -> Sequence[AgentSpec]:  # type: ignore[empty-body]
    """List trusted agents, which play in the worker's own process."""


@hookspec
def evalengine_raters() -> Sequence[PluginSpec]:  # type: ignore[empty-body]
    """List raters; each factory returns a Rater and takes its options as keywords."""


@hookspec
def evalengine_pairings() -> Sequence[PluginSpec]:  # type: ignore[empty-body]
    """List pairings; each factory takes a Plan, and its parameters as keywords, and returns a Pairing."""


@hookspec
def evalengine_sandboxes() -> Sequence[PluginSpec]:  # type: ignore[empty-body]
    """List sandboxes; each factory returns a Sandbox."""


@hookspec
def evalengine_reporters() -> Sequence[PluginSpec]:  # type: ignore[empty-body]
    """List reporters, one a `--format`; each factory returns a Reporter."""


@hookspec
def evalengine_exporters() -> Sequence[PluginSpec]:  # type: ignore[empty-body]
    """List export formats; each factory returns an Exporter and takes its parameters as keywords."""


@hookspec
def evalengine_jobs() -> Sequence[JobKind]:  # type: ignore[empty-body]
    """List kinds of jobs of the server; each factory is given a `Work` and returns what came of it, of JSON's types."""


@hookspec
def evalengine_routes(server: Any) -> Sequence[Any]:  # type: ignore[empty-body]
    """List routes of the server, Starlette's `Route`, `WebSocketRoute` and `Mount`.

    Called once when `evalengine serve` starts; `server` is an `evalengine.Server`: keys, jobs, database, its start and
    end. A plugin's routes come before the server's own.
    """


@hookspec(firstresult=True)
def evalengine_load_agent(ref: str) -> AgentSpec | None:
    """Return the agent that `ref` (what a person typed, without `NAME=`) stands for, None when it is of another kind.

    Raises:
        AgentError: it is of this kind, but cannot be used.
    """


@hookspec(firstresult=True)
def evalengine_pgn(match: Any) -> str | None:
    """Return a stored match, a `StoredMatch`, as one game of PGN; None when its game is not of this plugin.

    Called by `evalengine export pgn`; a game that no plugin answers for is written move by move.
    """


@hookspec
def evalengine_modify_matches(matches: list[MatchSpec]) -> None:
    """Change, drop or add matches in place, before they are numbered; called with chunks of whole rotations."""


@hookspec
def evalengine_run_start(run: Mapping[str, Any]) -> None:
    """Learn that a run begins or is resumed; `run` has the keys of `--format json` known by then."""


@hookspec
def evalengine_match_done(spec: MatchSpec, result: MatchResult) -> None:
    """Learn that a match ended and is stored; called in order of arrival."""


@hookspec
def evalengine_round_done(round_no: int, standings: Standings) -> None:
    """Learn that all matches of a round (counted from 0) are stored and rated, and the board after it.

    After a kill that came at just this moment, a second time.
    """


@hookspec
def evalengine_worker_lost(worker: int, reason: str) -> None:
    """Learn that a worker died or hung; its matches are played elsewhere."""


@hookspec
def evalengine_run_done(run: Mapping[str, Any]) -> None:
    """Learn that a run ended, however it did; `run` has the keys of `--format json`."""
