"""All routes of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.web.pages.catalogue_pages import CataloguePages
from evalengine.web.pages.entry_pages import EntryPages
from evalengine.web.pages.job_pages import JobPages
from evalengine.web.pages.live_pages import LivePages
from evalengine.web.pages.opening_pages import OpeningPages
from evalengine.web.pages.run_pages import RunPages
from evalengine.web.pages.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalengine.web.house import Server


def routes(server: Server, *, local: bool) -> tuple[Sequence[Any], Callable[[Any], Any]]:
    """Return them, and what tells people that an address is none.

    Args:
        local: whether a person at this machine needs no key.
    """
    site = Site(server, local=local)
    runs, live = RunPages(site), LivePages(site)
    parts = (EntryPages(site, runs), runs, live, OpeningPages(site, live), CataloguePages(site), JobPages(site))
    return [route for part in parts for route in part.routes()], site.nowhere
