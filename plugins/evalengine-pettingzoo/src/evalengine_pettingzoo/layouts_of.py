"""The layouts of the bundled games, and what any other game is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evalengine_pettingzoo.layouts import ABSENT, Field, Layout

if TYPE_CHECKING:
    from evalengine import Game

Sizes = Mapping[str, Any]
"""A game's parameters, and its "seats"."""
_MARK, _TO_MOVE = Field((), 1, 2), Field((), ABSENT, 1)


def layout_of(game: Game, seats: int, view: Any) -> Layout:
    """Return how a game is laid out; `view` is one that a seat sees of it."""
    known = _LAYOUTS.get(game.spec.name)
    if isinstance(known, Layout):
        return known
    if known is not None:
        return known({**game.config, "seats": seats})
    actions = _actions_of(game)
    if isinstance(view, dict) and isinstance(view.get("tensor"), list):
        return Layout(actions, {"tensor": Field((len(view["tensor"]),), -np.inf, np.inf)}, dtype="float32")
    return Layout(actions)


def _actions_of(game: Game) -> int | None:
    """Return how many actions a game of evalengine-openspiel has; None for all others, which do not say."""
    line_game = getattr(game, "line_game", None)
    return None if line_game is None else int(line_game.num_distinct_actions())


def _board(rows: int, columns: int, actions: int, **more: Field) -> Layout:
    return Layout(actions, {"board": Field((rows, columns), 0, 2), "mark": _MARK, **more})


def _breakthrough(sizes: Sizes) -> Layout:
    rows, columns = sizes["rows"], sizes["columns"]
    return _board(rows, columns, rows * columns * 12, to_move=_TO_MOVE)


def _connect4(sizes: Sizes) -> Layout:
    return _board(sizes["rows"], sizes["columns"], sizes["columns"])


def _go(sizes: Sizes) -> Layout:
    size = sizes["size"]
    return Layout(size * size + 1, {"board": Field((size, size), 0, 2), "captures": Field((2,), 0, 32767)})


def _hex(sizes: Sizes) -> Layout:
    return _board(sizes["size"], sizes["size"], sizes["size"] ** 2, to_move=_TO_MOVE)


def _market_simulator(sizes: Sizes) -> Layout:
    seats, goods = sizes["seats"], sizes["goods"]
    coins = int(np.iinfo(np.int32).max)
    most = 8 * 12 * seats  # units: more than the crowd and all seats can trade in a tick
    by_good, by_seat = (goods,), (seats, goods)
    return Layout(
        choices=1 + 14 * goods,
        dtype="int32",
        fields={
            "tick": Field((), 0, sizes["ticks"]),
            "ticks": Field((), 0, sizes["ticks"]),
            "means": Field(by_good, 0, 200),
            "values": Field(by_good, 0, 320),
            "past": Field((goods, 24), ABSENT, 320, grows=True),
            "prices": Field(by_good, 0, 400),
            "volumes": Field(by_good, 0, most),
            "cash": Field((seats,), 0, coins),
            "stock": Field(by_seat, 0, 60),
            "fills": Field(by_seat, -10, 10),
            "wealth": Field((seats,), 0, coins),
            "out": Field((seats,), ABSENT, seats - 1, grows=True),
        },
    )


def _rounds(actions: int) -> Callable[[Sizes], Layout]:
    """Return the layout of a game in which both act at once, again and again."""

    def layout(sizes: Sizes) -> Layout:
        rounds = sizes["rounds"]
        past = Field((rounds,), ABSENT, actions - 1, grows=True)
        count = Field((), 0, rounds)
        return Layout(actions, {"mine": past, "theirs": past, "round": count, "rounds": count})

    return layout


def _tron(sizes: Sizes) -> Layout:
    size, seats = sizes["size"], sizes["seats"]
    return Layout(
        4,
        {
            "board": Field((size, size), 0, seats),
            "heads": Field((seats, 2), 0, size - 1),
            "headings": Field((seats,), 0, 3),
            "alive": Field((seats,), 0, 1),
        },
    )


_LAYOUTS: Mapping[str, Layout | Callable[[Sizes], Layout]] = {
    "breakthrough": _breakthrough,
    "checkers": Layout(
        512,
        {
            "board": Field((8, 8), 0, 4),
            "mark": _MARK,
            "to_move": _TO_MOVE,
            "jumper": Field((2,), ABSENT, 7),
            "quiet": Field((), 0, 40),
        },
    ),
    "connect4": _connect4,
    "go": _go,
    "hex": _hex,
    "kalah": Layout(14, {"board": Field((14,), 0, 48), "to_move": _TO_MOVE}),
    "kuhn_poker": Layout(
        2,
        {
            "card": Field((), 0, 2),
            "actions": Field((3,), ABSENT, 1, grows=True),
            "chips": Field((2,), 1, 2),
            "theirs": Field((), ABSENT, 2),
        },
    ),
    "leduc_poker": Layout(
        3,
        {
            "card": Field((), 0, 5),
            "public": Field((), ABSENT, 5),
            "rounds": Field((2, 4), ABSENT, 2, grows=True),
            "chips": Field((2,), 1, 13),
            "theirs": Field((), ABSENT, 5),
        },
    ),
    "market_simulator": _market_simulator,
    "othello": _board(8, 8, 65, to_move=_TO_MOVE),
    "picks": Layout(
        100,
        {
            "offer": Field((5,), ABSENT, 99, grows=True),
            "taken": Field((2, 10), ABSENT, 99, grows=True),
            "sums": Field((2,), 0, 990),
        },
    ),
    "prisoners_dilemma": _rounds(2),
    "rps": _rounds(3),
    "tictactoe": _board(3, 3, 9),
    "tron": _tron,
}
