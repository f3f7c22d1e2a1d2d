"""Runs: the list of them, standings while they are played and after, faults, matches, one match, an agent in a run."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from evalengine.web.pages import addresses, forms, match_rows
from evalengine.web.pages.reading import RUNS
from evalengine.web.pages.site import MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_LARGEST = 1 << 40
_BEGIN = "evalengine run --games strategy -n 500"
_DATA = ("meta", "turns-0", "list-0")


class RunPages:
    """Answers for all of it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reading = site.reading

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import Route

        return [
            Route(path, self._site.answering(("pages",), function))
            for path, function in (
                ("/runs/{run:int}", self.board),
                ("/runs/{run:int}/boards/{board:int}", self.board),
                ("/runs/{run:int}/about", self.about),
                ("/runs/{run:int}/faults", self.faults),
                ("/runs/{run:int}/agents/{agent:int}", self.agent),
                ("/runs/{run:int}/matches", self.matches),
                ("/runs/{run:int}/matches/{no:int}", self.match),
                ("/runs/{run:int}/matches/{no:int}/{name}.json", self.data),
            )
        ]

    async def runs(self, request: Any, visitor: Visitor) -> Any:
        """List runs, with the standings of the latest."""
        before = forms.whole(request.query_params.get("before", ""), _LARGEST)
        found = await self._reading.call(self._reading.listed, before)
        shown: dict[str, Any] = {"latest": None}
        if found and before is None and found[0]["reached"]:
            shown = await self._latest(found[0])
        return self._site.page(
            "runs", "runs", visitor, runs=found[:RUNS], more=found[RUNS - 1]["id"] if len(found) > RUNS else None,
            begin=_BEGIN, **shown,
        )  # fmt: skip

    async def _latest(self, run: dict[str, Any]) -> dict[str, Any]:
        """Return the standings of a run for a page that is not of it alone."""
        try:
            found = await self._board(run["id"], 0)
        except Exception as error:  # noqa: BLE001 - a run whose game is not installed must not hide the others
            self._site.server.log(f"run {run['id']} cannot be shown: {error}")
            return {"latest": None}
        return {
            "latest": found["facts"],
            "link": _links(run["id"]),
            "board": found["board"],
            "numbers": found["numbers"],
        }

    async def _board(self, run: int, board: int, *, whole: bool = False) -> dict[str, Any]:
        read = functools.partial(self._reading.board, whole=whole)
        found: dict[str, Any] | None = await self._reading.call(read, run, board)
        if found is None:
            raise MissingError(board, f"board of run {run}: number", f"Its boards: evalengine standings {run}")
        return found

    async def board(self, request: Any, visitor: Visitor) -> Any:
        """Show standings."""
        run, board = await self._run(request), request.path_params.get("board", 0)
        whole = request.query_params.get("whole") == "1"
        found = await self._board(run["id"], board, whole=whole)
        return self._page("run_board", run, visitor, found, here=f"board-{board}")

    async def about(self, request: Any, visitor: Visitor) -> Any:
        """Show what fixed a run."""
        run = await self._run(request)
        return self._page("run", run, visitor, await self._board(run["id"], 0), here="run")

    async def faults(self, request: Any, visitor: Visitor) -> Any:
        """Show the faults of a run."""
        run = await self._run(request)
        faults = await self._reading.call(self._reading.faults, run["id"])
        return self._page("faults", run, visitor, await self._board(run["id"], 0), here="faults", faults=faults)

    async def agent(self, request: Any, visitor: Visitor) -> Any:
        """Show an agent in a run: what it is, where it stands, its faults and logs."""
        run, number = await self._run(request), request.path_params["agent"]
        found = await self._board(run["id"], 0)
        if number >= len(found["facts"]["agents"]):
            raise MissingError(
                number, f"agent of run {run['id']}: number", "Its agents stand on the page of its standings."
            )
        agent = found["facts"]["agents"][number]
        line = next((line for line in found["board"]["lines"] if line["agent"] == agent["name"]), None)
        told = await self._reading.call(self._reading.agent, run["id"], number)
        return self._page("agent", run, visitor, found, here="", agent=agent, agent_no=number, line=line, **told)

    # --------------------------------------------------------------------------------- matches

    async def matches(self, request: Any, visitor: Visitor) -> Any:
        """List matches, filtered, in parts."""
        run = await self._run(request)
        wish = match_rows.wish_of(request.query_params)
        names = await self._reading.call(self._reading.names, run["id"])
        part = await self._reading.call(self._reading.rows, run["id"], wish)
        return self._site.page(
            "match_list", "runs", visitor, link=_links(run["id"]), facts=names, here="matches", part=part,
            wish=wish, chosen=wish.filters, goes_on=run["goes_on"],
        )  # fmt: skip

    async def match(self, request: Any, visitor: Visitor) -> Any:
        """Show a match in the player."""
        run, no = await self._run(request), request.path_params["no"]
        names = await self._reading.call(self._reading.names, run["id"])
        if not await self._reading.call(lambda store: store.match(run["id"], no) is not None):
            raise MissingError(no, f"match of run {run['id']}: number", f"Look at one: evalengine show {run['id']}/0")
        return self._site.page("match", "runs", visitor, link=_links(run["id"]), facts=names, here="", no=no)

    async def data(self, request: Any, _visitor: Visitor) -> Any:
        """Answer with what the player loads."""
        from starlette.responses import JSONResponse

        run, no, name = (request.path_params[key] for key in ("run", "no", "name"))
        if name not in _DATA or await self._reading.call(self._reading.numbers, run) is None:
            raise MissingError(name, "part")
        found = await self._reading.call(self._reading.player, run, no)
        if found is None:
            raise MissingError(no, f"match of run {run}: number")
        return JSONResponse(found[name])

    # ------------------------------------------------------------------------------------ inside

    async def _run(self, request: Any) -> dict[str, Any]:
        number = request.path_params["run"]
        found: dict[str, Any] | None = await self._reading.call(self._reading.numbers, number)
        if found is None:
            raise MissingError(number, "run", f"Those there are stand under Runs; begin one: {_BEGIN}")
        if found["kind"] == "live" and found["state"] != "done":
            raise MissingError(number, "stored run", "Look for it under Live.")
        return found

    def _page(self, template: str, run: dict[str, Any], visitor: Visitor, records: dict[str, Any], **more: Any) -> Any:
        return self._site.page(
            template, "runs", visitor, link=_links(run["id"]), goes_on=run["goes_on"], **records, **more
        )


def _links(run: int) -> Any:
    return functools.partial(addresses.link, run=run)
