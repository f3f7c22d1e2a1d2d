"""What the routes of this API take, for `/api/openapi.json`; answers are described by their envelope alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalengine.web import openapi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine import Server

Fields = dict[str, "Mapping[str, Any]"]

_TEXT, _WHOLE, _NUMBER = {"type": ["string", "null"]}, {"type": ["integer", "null"]}, {"type": ["number", "null"]}
_FLAG, _TEXTS = {"type": ["boolean", "null"]}, {"type": ["array", "null"], "items": {"type": "string"}}
_ANY: dict[str, Any] = {}
_OBJECT = {"type": ["object", "null"]}
_CREDENTIALS: Fields = {"email": {"type": "string"}, "password": {"type": "string"}}
_PLAY: Fields = {
    "game": _TEXT, "tags": _TEXTS, "parameters": _OBJECT, "seats": _WHOLE, "player_count": _WHOLE, "vs_ai": _FLAG,
    "max_ticks": _WHOLE, "autostart": _FLAG, "ai_mode": _TEXT, "custom_provider_id": _TEXT, "spectate_mode": _TEXT,
}  # fmt: skip
_SUBMISSION: Fields = {
    "game": _TEXT, "language": _TEXT, "code": _TEXT, "files": _ANY, "custom_provider_id": _TEXT, "pipeline": _TEXT,
}  # fmt: skip
_EXPORT: Fields = {
    "export_type": _TEXT, "format": _TEXT, "min_percentile": _NUMBER, "tags": _TEXTS, "game_slug": _TEXT,
    "max_records": _WHOLE, "new_only": _FLAG, "dry_run": _FLAG,
}  # fmt: skip
_BUILD: Fields = {
    "mode": _TEXT, "game_slug": _TEXT, "game_slugs": _TEXTS, "game_tags": _TEXTS, "custom_provider_id": _TEXT,
    "submission_count": _WHOLE, "match_count": _WHOLE, "export_type": _TEXT, "export_format": _TEXT,
    "parent_count": _WHOLE, "samples_per_action": _WHOLE, "max_actions": _WHOLE, "explore_interval": _WHOLE,
    "dry_run": _FLAG,
}  # fmt: skip
_RESET: Fields = {"game": _TEXT, "tags": _TEXTS, "seed": _WHOLE, "opponent_seats": _WHOLE}
_STEP: Fields = {"action": _ANY, "actions": _OBJECT, "expected_tick": _WHOLE}
_TASKS: Fields = {"count": _WHOLE, "difficulty": _NUMBER, "kinds": _TEXTS, "variants": _TEXTS}
_RUN, _EPISODE = "/rollout-runs/{run_id}", "/rollout-runs/{run_id}/episodes/{episode_id}"

_GETS: dict[str, tuple[str, Fields]] = {
    "/games": ("Games, of a tag.", {"tag": _TEXT}),
    "/games/{slug}": ("A game with its rules.", {}),
    "/tags": ("Tags of games.", {"active": _FLAG}),
    "/play/{id}": ("Where a session stands for the seat of X-Player-Token.", {}),
    "/sessions": ("Own sessions, the newest first.", {"status": _TEXT, "game": _TEXT}),
    "/sessions/{id}": ("A session.", {}),
    "/sessions/{id}/logs": ("What was done in a session.", {}),
    "/sessions/{id}/branches": ("Sessions that continue one.", {}),
    "/sessions/{id}/branch-scores": ("Actions by the scores of branches.", {"tick": _WHOLE, "player_id": _TEXT}),
    "/org/providers": ("Providers.", {}),
    "/auth/balance": ("What is left of the quota.", {}),
    "/auth/usage": ("What was spent.", {}),
    "/submissions": ("Own submissions.", {"game": _TEXT, "mine": _FLAG}),
    "/submissions/{id}": ("A submission with its rating.", {}),
    "/submissions/{id}/evaluations": ("Its evaluations.", {}),
    "/jobs/{id}": ("A job, once it has ended or after a second and a half.", {}),
    "/jobs/{id}/branch-scores": ("Actions by the scores of an exploration.", {}),
    "/exports": ("Own exports.", {}),
    "/exports/{id}": ("An export.", {}),
    "/exports/{id}/download": ("Where its files are.", {}),
    "/rollout-runs": ("Own runs of rollouts.", {"status": _TEXT}),
    _EPISODE: ("An episode.", {}),
    "/tasks/info": ("Variants of tasks and their prices.", {"difficulty": _NUMBER}),
}
_LISTS = {"/games", "/sessions", "/auth/usage", "/submissions", "/exports"}
_POSTS: dict[str, tuple[str, Fields]] = {
    "/auth/register": ("Make an account.", _CREDENTIALS),
    "/auth/login": ("Log in.", _CREDENTIALS),
    "/auth/api-keys": ("Make a key; the cookie of a login and X-CSRF-Token are needed.", {"name": _TEXT}),
    "/play": ("Open a session.", _PLAY),
    "/play/{id}/join": ("Take a seat.", {}),
    "/play/{id}/act": ("Act for the seat of X-Player-Token.", {"payload": _ANY, "action_id": _TEXT, "tick": _WHOLE}),
    "/play/{id}/leave": ("Leave the seat of X-Player-Token.", {}),
    "/play/{id}/branch": ("Continue a session several times.", {"count": _WHOLE, "tick": _WHOLE, "luck": _TEXT}),
    "/submissions": ("Hand in an agent.", _SUBMISSION),
    "/submissions/evaluate": ("Rate several agents.", {"submission_ids": _TEXTS, "match_count": _WHOLE}),
    "/submissions/bulk-delete": ("Delete several agents.", {"submission_ids": _TEXTS}),
    "/submissions/{id}/evaluate": ("Rate an agent.", {"match_count": _WHOLE}),
    "/exports": ("Write files of rows.", _EXPORT),
    "/dataset-builds": ("Generate, evaluate or explore, then export.", _BUILD),
    "/rollout-runs": ("Open a run of rollouts.", {"max_episodes": _WHOLE, "max_ticks_per_episode": _WHOLE}),
    f"{_RUN}/extend": ("Let a run have more episodes.", {"additional_episodes": _WHOLE}),
    f"{_RUN}/close": ("Close a run.", {}),
    f"{_RUN}/episodes": ("Begin an episode.", _RESET),
    f"{_RUN}/steps": ("Step several episodes.", {"steps": {"type": "array", "items": {"type": "object"}}}),
    f"{_EPISODE}/step": ("Step an episode.", _STEP),
    f"{_EPISODE}/close": ("Close an episode.", {}),
    f"{_EPISODE}/fork": ("Copy an episode.", {"seed": _WHOLE}),
    f"{_EPISODE}/forks": ("Copy an episode several times.", {"op_key": _TEXT, "count": _WHOLE}),
    f"{_EPISODE}/score-actions": ("Rank actions by playouts.", {"actions": _ANY, "samples_per_action": _WHOLE}),
    f"{_EPISODE}/complete": ("Play an episode out, several times.", {"samples": _WHOLE}),
    "/tasks": ("Tasks to solve.", _TASKS),
    "/tasks/score": ("Points of replies.", {"task_id": _TEXT, "replies": _ANY}),
}
_OPEN = {"/auth/register", "/auth/login", "/auth/api-keys"}
_BY_TOKEN = {"/play/{id}", "/play/{id}/act", "/play/{id}/leave"}
_DELETES = {"/sessions/{id}": "End a session and forget it.", "/submissions/{id}": "Delete an agent."}
_REFUSALS = ("400", "402", "404", "409", "413")
_STATUSES = ("200", "201", "202", "204")


def describe(server: Server, base: str) -> None:
    """Describe all routes below `base`, but for WebSockets, forgetting what was exported, and files."""
    for path, (summary, query) in _GETS.items():
        pages = {"limit": {"type": "integer"}, "cursor": {"type": "string"}} if path in _LISTS else {}
        _describe(server, base, path, "get", summary, {**query, **pages}, None)
    for path, (summary, body) in _POSTS.items():
        _describe(server, base, path, "post", summary, {}, body)
    for path, summary in _DELETES.items():
        _describe(server, base, path, "delete", summary, {}, None)


def _describe(  # noqa: PLR0917 - a route's parts
    server: Server, base: str, path: str, method: str, summary: str, query: Fields, body: Fields | None
) -> None:
    named = [openapi.parameter(name, "path", {"type": "string"}, "Its id.") for name in re.findall(r"{(\w+)}", path)]
    asked = [openapi.parameter(name, "query", _plain(schema), "A filter.") for name, schema in query.items()]
    token = [openapi.parameter("X-Player-Token", "header", {"type": "string"}, "Of a seat.")]
    described = openapi.operation(
        summary,
        {},
        refusals=(*_REFUSALS, *(("401", "403") if path in _OPEN | _BY_TOKEN else ())),
        parameters=(*named, *asked, *(token if path in _BY_TOKEN else ())),
        body={"type": "object", "properties": body} if body else None,
        key=path not in _OPEN | _BY_TOKEN,
    )
    answer = described["responses"]["200"]
    empty = {"description": "Done."}
    answers = {status: empty if status == "204" else answer for status in _STATUSES}
    server.describe(base + path, method, {**described, "responses": {**answers, **described["responses"]}})


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without null, which a query cannot say."""
    kind = schema["type"]
    return {**schema, "type": kind if isinstance(kind, str) else kind[0]}
