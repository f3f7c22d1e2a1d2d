"""What a client sent, read field by field: a wrong type is a refusal that names the field, null is as if missing.

Fields that nobody asks for are left alone: newer clients send more of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evalengine.web import answers
from evalengine_gertlabs.replies import invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from evalengine import RefusedError

NEEDED: Any = object()
"""The default of a field that must be there."""
_LONGEST = 200  # characters of a text that is a name of something
_MOST = (1 << 53) - 1  # whole numbers that every reader of JSON knows exactly
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class Fields:
    """The fields of a body, or of a query, whose values are texts."""

    def __init__(self, values: Mapping[str, Any], *, query: bool = False) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._query = query

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def names(self) -> Collection[str]:
        """Return the names of the fields that are there."""
        return self._values.keys()

    def any(self, name: str, default: Any = NEEDED) -> Any:
        """Return a field as it is."""
        found = self._values.get(name, default)
        if found is NEEDED:
            msg = f"{name} is missing"
            raise invalid(msg, name)
        return found

    def text(self, name: str, default: Any = NEEDED, *, least: int = 1, most: int = _LONGEST) -> Any:
        """Return a text of so many characters."""
        found = self.any(name, default)
        if name in self._values and (not isinstance(found, str) or not least <= len(found) <= most):
            raise self._wrong(name, f"a text of {least} to {most} characters")
        return found

    def choice(self, name: str, options: Collection[str], default: Any = NEEDED) -> Any:
        """Return one of some texts."""
        found = self.any(name, default)
        if name in self._values and (not isinstance(found, str) or found not in options):
            raise self._wrong(name, f"one of {', '.join(options)}")
        return found

    def whole(self, name: str, default: Any = NEEDED, *, least: int = 0, most: int = _MOST) -> Any:
        """Return a whole number within bounds; 3.0 is one."""
        return self._number(name, default, least, most, whole=True)

    def number(self, name: str, default: Any = NEEDED, *, least: float = 0.0, most: float = _MOST) -> Any:
        """Return a number within bounds."""
        return self._number(name, default, least, most, whole=False)

    def flag(self, name: str, default: Any = NEEDED) -> Any:
        """Return true or false."""
        found = self.any(name, default)
        if name not in self._values:
            return found
        if self._query and isinstance(found, str):
            found = _FLAGS.get(found.lower())
        if not isinstance(found, bool):
            raise self._wrong(name, "true or false")
        return found

    def texts(self, name: str, default: Any = NEEDED, *, most: int = 100, longest: int = _LONGEST) -> Any:
        """Return a list of texts; a single one is a list of one."""
        found = self.any(name, default)
        if name not in self._values:
            return found
        found = [found] if isinstance(found, str) else found
        fits = isinstance(found, list) and len(found) <= most
        if not fits or not all(isinstance(one, str) and 0 < len(one) <= longest for one in found):
            raise self._wrong(name, f"a list of at most {most} texts of 1 to {longest} characters")
        return found

    def mapping(self, name: str, default: Any = NEEDED) -> Any:
        """Return an object."""
        found = self.any(name, default)
        if name in self._values and not isinstance(found, dict):
            raise self._wrong(name, "an object")
        return found

    def _number(self, name: str, default: Any, least: float, most: float, *, whole: bool) -> Any:
        found = self.any(name, default)
        if name not in self._values:
            return found
        told = f"a {'whole ' * whole}number from {least} to {most}"
        if self._query and isinstance(found, str):
            found = _read(found)
        if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
            raise self._wrong(name, told)
        if whole and found != int(found):
            raise self._wrong(name, told)
        return int(found) if whole else float(found)

    def _wrong(self, name: str, wanted: str) -> RefusedError:
        given = repr(self._values[name])
        return invalid(f"{name} must be {wanted}, not {given if len(given) <= 60 else given[:57] + '...'}", name)  # noqa: PLR2004 - of a message


def _read(text: str) -> int | float | None:
    """Return the number that a query's text is, None when it is none."""
    if len(text) > 30 or not text.isascii():  # noqa: PLR2004 - more digits than any number here
        return None
    try:
        return int(text) if text.lstrip("+-").isdecimal() else _finite(float(text))
    except ValueError:
        return None


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


async def of_body(request: Any) -> Fields:
    """Return the fields of a request's body, a JSON object or nothing.

    Raises:
        RefusedError: it is something else.
    """
    return Fields(await answers.body_json(request))


def of_query(request: Any) -> Fields:
    """Return the fields of a request's query; one that comes several times is a list."""
    many: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        many.setdefault(name, []).append(value)
    return Fields({name: values[0] if len(values) == 1 else values for name, values in many.items()}, query=True)
