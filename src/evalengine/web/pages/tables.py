"""What a page of a live match shows: the position, who is to move, what can be done; and doing it."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from evalengine.errors import LiveError, Why
from evalengine.live.values import ACTIVE, ENDED, Acted
from evalengine.web.pages import forms
from evalengine.web.pages.positions import Positions
from evalengine.web.pages.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.live.values import Listed, Position, Taken
    from evalengine.web.pages.positions import Box, Choice, Drawn
    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_MOST_BUTTONS = 24
_MOST_SHARED = 64  # panels that spectators share
_LARGEST_TURN = 1 << 40
_TWO = 2
_SQUARES = re.compile(r"([a-z]\d{1,2})[-x]?([a-z]\d{1,2}.*)")  # "b1a3": from, to, and what else is said


class Tables:
    """Live matches as pages show them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._live = site.server.live
        self.seats = Seats(site.server)
        self.positions = Positions(site.server.plugins)
        self._shared: OrderedDict[tuple[Any, ...], asyncio.Task[str]] = OrderedDict()

    async def panel(self, listed: Listed, taken: Taken | None, position: Position, refused: str = "") -> str:
        """Return the part of the page that changes with every turn."""
        if taken is not None or refused:
            return await self._panel(listed, taken, position, refused)
        key = listed.id, position.state, position.turn, tuple(position.to_move), tuple(position.left)
        if key not in self._shared:
            self._shared[key] = asyncio.ensure_future(self._panel(listed, None, position, ""))
            if len(self._shared) > _MOST_SHARED:
                self._shared.popitem(last=False)
        try:
            return await asyncio.shield(self._shared[key])
        except Exception:
            self._shared.pop(key, None)
            raise

    async def _panel(self, listed: Listed, taken: Taken | None, position: Position, refused: str) -> str:
        records = await self._records(listed, taken, position)
        return self._site.filled("live_table", refused=refused, **records)

    async def _records(self, listed: Listed, taken: Taken | None, position: Position) -> dict[str, Any]:
        seat = None if taken is None else taken.seat
        drawn = await self.drawn(listed.id, position.turn, seat)
        asked = position.question if position.state == ACTIVE else None
        choices: list[Choice] = []
        text = False
        if asked is not None and seat is not None:
            reading, turn = self._site.reading, position.turn
            choices = await reading.call(self.positions.choices, listed.id, turn, seat, asked.legal)
            text = await reading.call(self.positions.takes_text, listed.id, turn, asked.legal)
        return {
            "id": listed.id,
            "run": listed.run,
            "game": listed.game,
            "agents": listed.agents,
            "remote": listed.remote,
            "seat": seat,
            "position": position,
            "ended": position.state in ENDED,
            "asked": asked is not None,
            "drawn": drawn,
            "choices": choices,
            "few": len(choices) <= _MOST_BUTTONS,
            "takes_text": text,
            "spots": spots(choices) if drawn.box else [],
            "can_undo": seat is not None and position.state == ACTIVE and position.turn > 0 and len(listed.remote) == 1,
            "verdict": verdict(position, seat),
        }

    async def drawn(self, live_id: str, turn: int, seat: int | None) -> Drawn:
        """Return the position before a turn, as a seat sees it."""
        found: Drawn = await self._site.reading.call(self.positions.drawn, live_id, turn, seat)
        return found

    # --------------------------------------------------------------------------------- to act

    async def act(self, live_id: str, taken: Taken, told: Mapping[str, Any]) -> Acted:
        """Do what a person chose: {"turn", and "choice", the number of an action, or "text"}.

        Raises:
            LiveError: the match does not ask for it now, or it is none.
        """
        position = await self._live.observe(live_id, taken.token)
        turn = forms.whole(str(told.get("turn", "")), _LARGEST_TURN)
        if position.question is None or turn != position.turn:
            raise LiveError(Why.ASKED, "you are not asked for that now: look at the position and choose again")
        action = await self._action(live_id, told, position.question.legal)
        return await self._live.act(live_id, taken.token, action, turn=turn)

    async def _action(self, live_id: str, told: Mapping[str, Any], legal: Sequence[Any] | None) -> Any:
        text = str(told.get("text", "")).strip()
        if not text:
            number = forms.whole(str(told.get("choice", "")), len(legal or ()))
            if number is None or legal is None or number >= len(legal):
                raise LiveError(Why.VALUE, "choose an action, or write one")
            return legal[number]
        known, action = await self._site.reading.call(self.positions.typed, live_id, text, legal)
        if not known:
            raise LiveError(Why.VALUE, f"{text[:200]!r} is no action of this game: write it as those in the list are")
        return action

    async def undo(self, listed: Listed, taken: Taken, visitor: Visitor) -> str:
        """Take the last decision of a seat back, and what followed it: in a new match, whose id is returned.

        Raises:
            LiveError: nothing was decided yet; UsageError: the game cannot be continued.
        """
        done = await self._live.turns(listed.id)
        last = max((one.turn for one in done if one.seat == taken.seat), default=None)
        if last is None or len(listed.remote) != 1:
            raise LiveError(Why.STATE, "there is nothing to take back: you have not acted yet")
        (made,) = await self._live.branch(listed.id, last, luck="same", holder=visitor.holder)
        self.seats.note(made.id, visitor, made.seats[0])
        await self._live.close(listed.id, "taken back")
        return made.id


def spots(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """Return where a drawing can be touched first, each with its choice, or with where it can be touched then."""
    first: dict[Box, list[Choice]] = {}
    for choice in choices:
        if choice.touches:
            first.setdefault(choice.touches[0], []).append(choice)
    found = []
    for box, there in first.items():
        direct = next((choice for choice in there if len(choice.touches) == 1), None)
        # Of several with the same ends the last, which for promotions is the queen; the list has the others.
        ends = {choice.touches[-1]: choice for choice in there}
        targets = [] if direct else [{"box": end, "choice": choice} for end, choice in ends.items()]
        label = direct.text if direct else _label([choice.text for choice in ends.values()])
        found.append({"box": box, "choice": direct, "targets": targets, "label": label})
    return found


def _label(texts: Sequence[str]) -> str:
    """Return what is read aloud for where actions begin: the square and where they lead, if they are written so."""
    squares = [_SQUARES.fullmatch(text) for text in texts]
    starts = {found[1] for found in squares if found}
    if len(starts) != 1 or not all(squares):
        return f"from here: {', '.join(texts)}"
    return f"{starts.pop()}: from here to {', '.join(found[2] for found in squares if found)}"


def verdict(position: Position, seat: int | None) -> str:
    """Return how a match ended for a seat, "" when it has not, or for a spectator."""
    if position.places is None or seat is None:
        return ""
    mine, places = position.places[seat], list(position.places)
    if len(places) == 1:
        return "Over"
    if places.count(mine) == len(places):
        return "A draw"
    if mine == 1 and places.count(1) == 1:
        return "You won"
    return "You lost" if len(places) == _TWO else f"You came in place {mine} of {len(places)}"
