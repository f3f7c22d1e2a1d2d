"""Where the pages are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

PARTS = (
    ("runs", "Runs"),
    ("live", "Live"),
    ("play", "Play"),
    ("games", "Games"),
    ("agents", "Agents"),
    ("jobs", "Jobs"),
)
_FIXED = {"runs": "/", "login": "/login", "logout": "/logout", "static": "/static/report/", "pages": "/static/pages/"}


def link(kind: str, number: int | str = 0, *, run: int | None = None, **query: Any) -> str:
    """Return the address of a page, as templates ask for it; of a part of a run where `run` is given."""
    if kind in _FIXED:
        return _with(_FIXED[kind], query)
    if run is not None and (found := _of_run(f"/runs/{run}", kind, number, query)) is not None:
        return found
    name = {"game": "games", "job": "jobs", "table": "live", "choose": "play"}.get(kind, kind)
    return _with(f"/{name}" if name == kind else f"/{name}/{quote(str(number), safe='')}", query)


def _of_run(here: str, kind: str, number: int | str, query: dict[str, Any]) -> str | None:
    if kind == "board":
        return _with(f"{here}/boards/{number}" if number else here, query)
    if kind == "match":
        return f"{here}/matches/{query.get('no', '')}"
    if kind == "data":
        return f"{here}/matches/{query['no']}/"
    if kind == "agent":
        return f"{here}/agents/{number}"
    parts = {"matches": "matches", "faults": "faults", "run": "about"}
    return _with(f"{here}/{parts[kind]}", query) if kind in parts else None


def _with(path: str, query: dict[str, Any]) -> str:
    told = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{path}?{told}" if told else path


def is_own(path: str) -> bool:
    """Say whether a text is the path of a page here, to which a browser may be sent."""
    return path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
