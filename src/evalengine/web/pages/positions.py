"""Where live matches stand, drawn: played again from their actions, a turn at a time, and kept for who asks next.

Of a game that hides something only the holder of a seat is shown a position, and that is what the seat sees.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import runs, typed_actions
from evalengine.contracts import State
from evalengine.live import rows
from evalengine.match import Match
from evalengine.model import Fault
from evalengine.report.frames import MOST_FRAME, clean
from evalengine.web.pages.site import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.contracts import Game
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_TABLES = 64  # matches in memory
_DRAWINGS = 256
_MOST_LISTED = 400  # actions that a page lists
_BOX = re.compile(r'<svg\b[^>]*?\bviewBox="\s*(-?[\d.]+)[\s,]+(-?[\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)\s*"')

Box = tuple[float, float, float, float]


class Drawn(NamedTuple):
    """A position as somebody may see it: SVG and its box, "" and None where there is none, and text, None: hidden."""

    svg: str
    box: Box | None
    text: str | None


class Choice(NamedTuple):
    """An action that can be chosen: its number among the legal ones, its text, and where it is on the drawing."""

    number: int
    text: str
    touches: Sequence[Box]


class Positions:
    """Draws live matches. All of it is called in threads."""

    def __init__(self, plugs: Plugins) -> None:
        self._plugs = plugs
        self._lock = threading.Lock()  # games are made for one who plays them at a time
        self._tables: OrderedDict[str, Match] = OrderedDict()
        self._drawings: OrderedDict[tuple[str, int, int | None], Drawn] = OrderedDict()

    def drawn(self, store: Store, live_id: str, turn: int, seat: int | None) -> Drawn:
        """Return the position before a turn, as a seat sees it, or everybody for None.

        Raises:
            RefusedError: there is no such match, or it was forgotten.
        """
        key = live_id, turn, seat
        with self._lock:
            found = self._drawings.get(key)
            if found is None:
                found = self._drawings[key] = _drawn(self._at(store, live_id, turn), seat)
                if len(self._drawings) > _DRAWINGS:
                    self._drawings.popitem(last=False)
            return found

    def choices(self, store: Store, live_id: str, turn: int, seat: int, legal: Sequence[Any] | None) -> list[Choice]:
        """Return what a seat that is asked can choose from, as far as a page lists it."""
        with self._lock:
            match = self._at(store, live_id, turn)
            return [
                Choice(number, clean(match.game.action_to_str(action)), _touches(match.state, seat, action))
                for number, action in enumerate((legal or ())[:_MOST_LISTED])
            ]

    def takes_text(self, store: Store, live_id: str, turn: int, legal: Sequence[Any] | None) -> bool:
        """Say whether there are actions beside those that a page lists."""
        with self._lock:
            state = self._at(store, live_id, turn).state
        return legal is None or len(legal) > _MOST_LISTED or type(state).refuse is not State.refuse

    def typed(self, store: Store, live_id: str, text: str, legal: Sequence[Any] | None) -> tuple[bool, Any]:
        """Say whether a text is an action, and return that."""
        with self._lock:
            game = self._table(store, live_id).game
            return typed_actions.understood(game, text.strip(), legal, typed_actions.named(game, legal))

    def game(self, store: Store, live_id: str) -> Game:
        """Return the game of a match."""
        with self._lock:
            return self._table(store, live_id).game

    # ------------------------------------------------------------------------------------ inside

    def _at(self, store: Store, live_id: str, turn: int) -> Match:
        """Return the match before a turn, or at its end."""
        match = self._table(store, live_id)
        if match.turn > turn:  # somebody looks back
            del self._tables[live_id]
            match = self._table(store, live_id)
        if match.turn < turn:
            row = _row(store, live_id)
            by_turn: dict[int, dict[int, Any]] = {}
            for one in rows.actions(store, row.run):
                by_turn.setdefault(one.turn, {})[one.seat] = one.what
            while match.turn < turn and not match.over and match.turn in by_turn:
                _step(match, by_turn[match.turn])
        return match

    def _table(self, store: Store, live_id: str) -> Match:
        match = self._tables.get(live_id)
        if match is None:
            row = _row(store, live_id)
            entry = runs.entry_of(store, row.run, self._plugs)
            match = self._tables[live_id] = Match(row.spec._replace(opening=0), entry.games[row.spec.game_no].game)
            if len(self._tables) > _TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(live_id)
        return match


def _row(store: Store, live_id: str) -> rows.Row:
    row = rows.find(store, live_id)
    if row is None:
        raise MissingError(live_id, "live match")
    return row


def _step(match: Match, done: Mapping[int, Any]) -> None:
    for request in match.requests():
        what = done[request.seat]
        if isinstance(what, Fault):
            match.fault(request.seat, what)
        else:
            match.answer(request.seat, what)


def _drawn(match: Match, seat: int | None) -> Drawn:
    if seat is None and match.game.spec.information != "perfect":
        return Drawn("", None, None)
    try:
        text: str | None = clean(match.state.render(seat))
    except Exception:  # noqa: BLE001 - a game that cannot draw itself can be played all the same
        text = None
    try:
        svg = str(match.state.svg(seat))
    except Exception:  # noqa: BLE001 - as above
        return Drawn("", None, text)
    if len(svg) > MOST_FRAME:
        return Drawn("", None, text)
    found = _BOX.search(svg[:4_000])
    return Drawn(svg, None if found is None else _box(found), text)


def _box(found: re.Match[str]) -> Box | None:
    try:
        x, y, width, height = map(float, found.groups())
    except ValueError:
        return None
    return (x, y, width, height) if width > 0 and height > 0 else None


def _touches(state: State, seat: int, action: Any) -> Sequence[Box]:
    try:
        return [
            (float(x), float(y), float(width), float(height)) for x, y, width, height in state.touches(seat, action)
        ]
    except Exception:  # noqa: BLE001 - the list of actions is enough to play
        return []
