"""Results that are JSON already: put into the envelope as they are, never read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalengine_gertlabs.rollouts.settings import Refused


def raw(request: Any, data: bytes, status: int = 200) -> Any:
    """Return an answer with the envelope of results around JSON."""
    from starlette.responses import Response

    meta = json.dumps({"request_id": request.state.request_id}).encode()
    return Response(b'{"data":' + data + b',"meta":' + meta + b"}", status, media_type="application/json")


def entry(episode_id: str, result: bytes) -> bytes:
    """Return a result, a JSON object, as one of a batch."""
    head = json.dumps({"episode_id": episode_id, "ok": True}, separators=(",", ":"))
    return head[:-1].encode() + b"," + result[1:]


def refused(episode_id: str, error: Refused, **more: Any) -> bytes:
    """Return a refusal as one of a batch."""
    told = {"code": error.code, "message": error.message, **more}
    return json.dumps({"episode_id": episode_id, "ok": False, "error": told}, separators=(",", ":")).encode()
