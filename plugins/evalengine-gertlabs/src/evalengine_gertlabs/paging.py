"""Lists by pages: a cursor says after which row the next page begins, so that new rows shift nothing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import RefusedError
from evalengine_gertlabs import fields, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST = 100
_LONGEST = 1_000  # characters of a cursor
_WHOLE = (1 << 63) - 1  # that the database knows


class Page(NamedTuple):
    """What a client asks for.

    Attributes:
        name: of the list; limit: most rows; after: the place of the last row that was given, None: from the start.
    """

    name: str
    limit: int
    after: tuple[Any, ...] | None

    @property
    def read(self) -> int:
        """How many rows to read: one more than are given says whether there is a next page."""
        return self.limit + 1


def page(request: Any, name: str, *kinds: type) -> Page:
    """Return the page of a list that a request asks for.

    Args:
        kinds: the types, `int`, `str` or `float`, of what a row's place is made of: its order's columns.

    Raises:
        RefusedError: 400 for a limit outside 1 to 100, and for a cursor that is none of this list.
    """
    query = fields.of_query(request)
    limit = query.whole("limit", MOST, least=1, most=MOST)
    cursor = query.any("cursor", "")
    return Page(name, limit, _place(cursor, name, kinds) if cursor != "" else None)


def reply(
    request: Any, wanted: Page, rows: Sequence[Any], place: Callable[[Any], tuple[Any, ...]], show: Callable[[Any], Any]
) -> Any:
    """Return the answer with a page of rows, of which one more than wanted may have been read.

    Args:
        place: returns a row's place, of the kinds that `page` was told; show: returns what a client is given of a row.
    """
    given = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    following = _cursor(wanted.name, place(given[-1])) if more else None
    return replies.result(request, {wanted.name: [show(row) for row in given], "next_cursor": following})


def _cursor(name: str, place: tuple[Any, ...]) -> str:
    data = json.dumps([name, *place], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _place(cursor: Any, name: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    found = _decoded(cursor)
    fits = isinstance(found, list) and found[:1] == [name] and [type(part) for part in found[1:]] == list(kinds)
    if not fits or any(isinstance(part, int) and abs(part) > _WHOLE for part in found):
        raise RefusedError(400, "INVALID_CURSOR", f"this is no cursor of {name}: begin without one")
    return tuple(found[1:])


def _decoded(cursor: Any) -> Any:
    """Return what a cursor holds, None when it is none of ours."""
    if not isinstance(cursor, str) or len(cursor) > _LONGEST or not cursor.isascii():
        return None
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(data)
        json.dumps(found, ensure_ascii=False).encode()  # halves of characters, which the database refuses
    except (ValueError, RecursionError):
        return None
    return found
