"""Pages: plain records in templates. It knows neither the store nor where pages go.

All text is escaped by the templates, and control characters are taken out of all of it: names, logs and tracebacks are
anybody's.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine.report import charts
from evalengine.report.frames import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
STATIC = HERE / "static"

_HEAT_STEPS = 10


class Pages:
    """The templates, ready to be filled.

    Args:
        link: makes the address of a page from its kind ("board", "matches", "match", ...) and what it shows;
        folders: of templates beside those here, which may extend and include these.
    """

    def __init__(self, link: Callable[..., str], *folders: Path) -> None:
        import jinja2

        self._made = jinja2.Environment(
            loader=jinja2.FileSystemLoader([*folders, HERE / "templates"]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            # Not what templates made themselves, which is safe already.
            finalize=lambda value: clean(value) if type(value) is str else value,
        )
        self._made.globals.update(link=link, history=charts.history, intervals=charts.intervals)
        self._made.filters.update(
            percent=_percent, rating=_rating, when=_when, rank=_rank, heat=heat, shell=shlex.quote, seconds=_seconds,
            bounds=_bounds, count=_count,
        )  # fmt: skip

    def filled(self, template: str, **records: Any) -> str:
        """Return a page: a template with what it shows."""
        return self._made.get_template(f"{template}.html").render(records)


def heat(score: float) -> int:
    """Return the step of the colour scale for a score, 0 to 10; 5 is even."""
    return round(score * _HEAT_STEPS)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _rating(value: float | None) -> str:
    """Return a rating: whole where it is large, as those on Elo's scale are."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"  # noqa: PLR2004 - three figures either way


def _bounds(line: Mapping[str, Any]) -> str:
    if line["lo"] is None or line["hi"] is None:
        return "\N{EN DASH}"
    return f"{_rating(line['lo'])} to {_rating(line['hi'])}"


def _rank(line: Mapping[str, Any]) -> str:
    low, high = line["rank_lo"], line["rank_hi"]
    if low is None or low == high:
        return "\N{EN DASH}" if line["rank"] is None else str(line["rank"])
    return f"{low}\N{EN DASH}{high}"


def _count(number: int) -> str:
    return f"{number:,}"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))


def _seconds(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 - two minutes are still told in seconds
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 - two hours
