"""What the server offers over HTTP, described for programs: OpenAPI 3.1. Plugins add theirs by `Server.describe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Described = dict[tuple[str, str], "Mapping[str, Any]"]
"""Operations by path and method."""

LONGEST_WAIT_S = 60.0
MOST_JOBS = 100  # a page
LARGEST = (1 << 63) - 1  # number of a job
_BODY_MIB = 4

_ERROR = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}
_SECONDS = {"type": ["number", "null"], "description": "Since 1970."}
_JOB = {
    "type": "object",
    "required": ["id", "kind", "state", "progress", "request", "result", "error", "created", "started", "finished"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "kind": {"type": "string"},
        "state": {"enum": ["queued", "running", "completed", "failed", "cancelled"]},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "request": {"type": "object"},
        "result": {"description": "What came of it, null until it is completed."},
        "error": {"type": ["string", "null"]},
        "created": {"type": "number"},
        "started": _SECONDS,
        "finished": _SECONDS,
    },
}
_REFUSALS = {
    "400": "What was sent cannot be used.",
    "401": "A key is needed.",
    "402": "A quota is spent.",
    "403": "The key lacks the scope, or the page is of another site.",
    "404": "There is no such thing, or it is another's.",
    "409": "It does not go together with how things stand.",
    "413": f"The body has more than {_BODY_MIB} MiB.",
    "421": "The server is not called so.",
    "429": "Too many requests: wait for Retry-After seconds.",
    "503": "The database cannot be used at the moment.",
}
_EVERYWHERE = ("421", "429", "503")


def operation(
    summary: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    refusals: tuple[str, ...] = (),
    parameters: tuple[Mapping[str, Any], ...] = (),
    body: Mapping[str, Any] | None = None,
    key: bool = True,
) -> Mapping[str, Any]:
    """Return an operation whose answer has the envelope of results.

    Args:
        data: a schema of what is in the envelope; body: one of the request's body;
        refusals: statuses beside those that any request may get; key: whether one is needed.
    """
    meta = {"type": "object", "required": ["request_id"], "properties": {"request_id": {"type": "string"}}}
    whole = {"type": "object", "required": ["data", "meta"], "properties": {"data": data, "meta": meta}}
    told = {str(status): {"description": summary, "content": {"application/json": {"schema": whole}}}}
    codes = (*_EVERYWHERE, *(("401", "403") if key else ()), *refusals)
    return {
        "summary": summary,
        "parameters": list(parameters),
        **({"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}} if body else {}),
        "responses": told | {code: {"$ref": f"#/components/responses/{code}"} for code in codes},
        "security": [{"key": []}, {"bearer": []}] if key else [],
    }


def parameter(name: str, where: str, schema: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """Return a parameter; `where`: "path" or "query"."""
    return {"name": name, "in": where, "required": where == "path", "schema": schema, "description": text}


def document(version: str, described: Described) -> dict[str, Any]:
    """Return the whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), one in {**_core(), **described}.items():
        paths.setdefault(path, {})[method] = one
    return {
        "openapi": "3.1.0",
        "info": {"title": "evalengine serve", "version": version},
        "paths": paths,
        "components": {
            "schemas": {"Job": _JOB, "Error": _ERROR},
            "responses": {code: _refusal(text) for code, text in _REFUSALS.items()},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _refusal(text: str) -> Mapping[str, Any]:
    error = {"$ref": "#/components/schemas/Error"}
    page = {"schema": {"type": "string"}}  # for who accepts HTML only
    return {"description": text, "content": {"application/json": {"schema": error}, "text/html": page}}


def _core() -> Described:
    job = {"$ref": "#/components/schemas/Job"}
    number = parameter("number", "path", {"type": "integer", "minimum": 1, "maximum": LARGEST}, "Of a job.")
    some = {"type": "object", "required": ["jobs"], "properties": {"jobs": {"type": "array", "items": job}}}
    page = (
        parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MOST_JOBS}, "At most so many."),
        parameter("before", "query", {"type": "integer", "minimum": 1, "maximum": LARGEST}, "Only older ones."),
    )
    wait = {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_S}
    asked = {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string"}, "request": {"type": ["object", "null"]}},
        "additionalProperties": False,
    }
    health = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
    text = {"description": "Counters.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    plain = operation("For Prometheus.", {}, key=False)
    file = {"description": "What an export wrote.", "content": {"*/*": {"schema": {"type": "string"}}}}
    written = operation("What an export wrote.", {}, parameters=(number,), refusals=("404",))
    return {
        ("/healthz", "get"): operation("200 while the database can be read.", health, key=False),
        ("/metrics", "get"): {**plain, "responses": {**plain["responses"], "200": text}},
        ("/api/jobs", "get"): operation("A key's jobs, the latest first.", some, parameters=page, refusals=("400",)),
        ("/api/jobs", "post"): operation(
            "Store a job; it begins when its turn comes.", job, status=201, body=asked, refusals=("400", "413")
        ),
        ("/api/jobs/{number}", "get"): operation(
            "A job; with `wait` when it has ended, or after so many seconds.",
            job,
            parameters=(number, parameter("wait", "query", wait, "Seconds.")),
            refusals=("400", "404"),
        ),
        ("/api/jobs/{number}/file", "get"): {**written, "responses": {**written["responses"], "200": file}},
        ("/api/jobs/{number}/cancel", "post"): operation("End a job.", job, parameters=(number,), refusals=("404",)),
    }
