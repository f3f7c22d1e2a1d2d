"""The bundled games as data: listing them imports none of them."""

from __future__ import annotations

from typing import Any

from evalengine import GameSpec


def _spec(name: str, class_name: str, doc: str, **fields: Any) -> GameSpec:
    return GameSpec(name=name, version="1", doc=doc, factory=f"evalengine_games.{name}:{class_name}", **fields)


_STRATEGY = ("strategy", "board")

SPECS = (
    _spec(
        "breakthrough",
        "Breakthrough",
        "Men step to one of the three cells ahead, straight only onto an empty one, and capture diagonally. "
        "Seat 0 starts at the top and goes down.\n"
        "Who reaches the far row or captures every man wins; there are no draws.\n"
        "An action is ((row * columns + column) * 6 + direction) * 2 + capture, where the man comes from, row 0 at the "
        "top; direction 0, 1, 2 down-left, down, down-right, 3, 4, 5 up-left, up, up-right; capture 0 or 1.",
        config={
            "rows": {
                "type": "integer",
                "default": 8,
                "minimum": 3,
                "maximum": 8,
                "description": "rows of the board; from 6 on a seat has two rows of men, else one",
            },
            "columns": {
                "type": "integer",
                "default": 8,
                "minimum": 2,
                "maximum": 8,
                "description": "columns of the board",
            },
        },
        max_turns=209,
        opening_turns=4,
        tags=_STRATEGY,
    ),
    _spec(
        "checkers",
        "Checkers",
        "English draughts: men step and jump diagonally ahead, kings also back; a capture must be made, one jump an "
        "action, and the same seat jumps on while its piece can. Seat 0 starts at the bottom and goes up.\n"
        "Who cannot act loses; 40 actions in a row without a capture are a draw.\n"
        "An action is ((row * 8 + column) * 4 + direction) * 2 + capture, where the piece comes from, row 0 at the "
        "top; direction 0 up-left, 1 up-right, 2 down-right, 3 down-left; capture 0 or 1.",
        max_turns=1000,
        opening_turns=4,
        tags=_STRATEGY,
    ),
    _spec(
        "connect4",
        "Connect4",
        "Seats in turn drop a disc into a column of an upright board; it falls to the lowest free cell.\n"
        "Four discs in a row, column or diagonal win; a full board is a draw.\n"
        "An action is the column, from 0 on the left.",
        config={
            "columns": {
                "type": "integer",
                "default": 7,
                "minimum": 2,
                "maximum": 16,
                "description": "columns of the board",
            },
            "rows": {
                "type": "integer",
                "default": 6,
                "minimum": 2,
                "maximum": 16,
                "description": "rows of the board",
            },
            "inarow": {
                "type": "integer",
                "default": 4,
                "minimum": 2,
                "maximum": 8,
                "description": "discs in a line that win",
            },
        },
        max_turns=42,
        opening_turns=2,
        tags=_STRATEGY,
    ),
    _spec(
        "hex",
        "Hex",
        "Seats in turn put a stone on an empty cell of a rhombus of hexagons, each row half a cell right of the last.\n"
        "Seat 0 wins by joining top and bottom, seat 1 by joining left and right; there are no draws and no swap.\n"
        "An action is the cell, row * size + column, from the top left.",
        config={
            "size": {
                "type": "integer",
                "default": 11,
                "minimum": 2,
                "maximum": 26,
                "description": "cells a side",
            }
        },
        max_turns=121,
        opening_turns=2,
        tags=_STRATEGY,
    ),
    _spec(
        "kalah",
        "Kalah",
        "Take the 4 seeds of one of your 6 houses and sow them one by one into the next pits, your store too. "
        "The last one in your store: act again; in an empty house of yours with seeds opposite: you store both.\n"
        "Over when a seat's houses are empty; seeds left belong to their side. Most seeds win.\n"
        "An action is the pit to sow: 1..6 for seat 0 (store 7), 8..13 for seat 1 (store 0); 14 - k is opposite to k.",
        max_turns=1000,
        opening_turns=4,
        tags=_STRATEGY,
    ),
    _spec(
        "kuhn_poker",
        "KuhnPoker",
        "Three cards (jack 0, queen 1, king 2), an ante of 1, one card each; seats in turn pass or bet 1.\n"
        "A pass after a bet folds; two passes or a called bet end in a showdown that the higher card wins. "
        "Score: chips won.\n"
        "An action is 0 pass (check or fold) or 1 bet (or call).",
        max_turns=3,
        information="hidden",
        sample=True,
        chance=True,
        min_score=-2.0,
        max_score=2.0,
        tags=("cards",),
    ),
    _spec(
        "leduc_poker",
        "LeducPoker",
        "Six cards (jack, queen, king, twice each), an ante of 1, one card each, betting, an open card, betting.\n"
        "A raise is 2, in the second round 4; two raises a round. A pair with the open card wins, else the higher rank."
        " Score: chips won.\n"
        "An action is 0 fold (only after a raise), 1 call (or check) or 2 raise; a card is 2 * rank + suit.",
        max_turns=8,
        information="hidden",
        sample=True,
        chance=True,
        min_score=-13.0,
        max_score=13.0,
        tags=("cards",),
    ),
    _spec(
        "market_simulator",
        "MarketSimulator",
        "Two to eight traders with equal accounts buy and sell goods at auctions, among a crowd of others, to be "
        "rich at the end.\n"
        "Each tick all seats give orders at once; then news move the value of each good, whatever is ordered: a "
        "tenth of the way back to its fixed mean on average, and up to 12% of the mean either way by luck; then "
        "each good has one auction at one price, in which a crowd bids and offers too, within 10% of the mean "
        "around the new value: bids at or above the price buy, offers at or below it sell, the better first, "
        "equal ones in proportion. Orders last one tick. A good: at most 10 bought and 10 sold a tick, 60 held; "
        "bids must be covered by cash at their own prices, offers by stock. Start: 5000 coins, 20 of each good. "
        "Score: cash + goods at the last values.\n"
        "Observation: tick, ticks, me (your seat); by good, in the order of goods: means, values (now), past "
        "(values, oldest first), prices and volumes (last auction, price 0: none); by seat: cash, stock and "
        "fills (by good: units held; bought - sold in the last auction), wealth; out (seats that are gone).\n"
        "An action is a list of 0 to 12 orders (JSON): good, side (buy or sell), quantity (1 to 10), price "
        "(whole, 1 to twice the mean: the most you pay, the least you take); bid below your own offers of a "
        "good. Any such list is taken; only a few are listed as legal. Examples: [] does nothing; "
        '[{"good": "grain", "side": "buy", "quantity": 10, "price": 45}, {"good": "silk", "side": "sell", '
        '"quantity": 5, "price": 220}].',
        config={
            "ticks": {
                "type": "integer",
                "default": 100,
                "minimum": 1,
                "maximum": 1000,
                "description": "auctions of each good a match",
            },
            "goods": {
                "type": "integer",
                "default": 3,
                "minimum": 1,
                "maximum": 3,
                "description": "goods that are traded: grain, iron, silk",
            },
        },
        max_seats=8,
        max_turns=100,
        dynamics="simultaneous",
        chance=True,
        utility="general",
        min_score=0.0,
        max_score=738_600.0,
        tags=("market",),
    ),
    _spec(
        "othello",
        "Othello",
        "Seats in turn put a disc on an 8x8 board so that it flanks discs of the other in a line, and turn those.\n"
        "Who cannot flank passes; when neither can, the match is over and more discs win.\n"
        "An action is the cell, 0..63, row by row from the top left, or 64 to pass when nothing else is possible.",
        max_turns=120,  # 60 discs, at most one pass before each
        opening_turns=4,
        tags=_STRATEGY,
    ),
    _spec(
        "picks",
        "Picks",
        "The numbers 0..99 are shuffled; ten times each seat is offered five of them and takes one, both at once.\n"
        "Score: the sum of what a seat took.\n"
        "An action is one of the numbers offered.",
        max_turns=10,
        dynamics="simultaneous",
        information="hidden",
        chance=True,
        utility="general",
        min_score=0.0,
        max_score=990.0,
        sample=True,
        listed=False,
    ),
    _spec(
        "prisoners_dilemma",
        "PrisonersDilemma",
        "Two seats cooperate or defect at once, round after round, and know how many rounds there are.\n"
        "Both cooperate: 3 each; both defect: 1 each; else the defector gets 5 and the other 0. "
        "Score: the mean a round.\n"
        "An action is 0 cooperate or 1 defect.",
        config={
            "rounds": {
                "type": "integer",
                "default": 200,
                "minimum": 1,
                "maximum": 1000,
                "description": "rounds a match; 200 as in Axelrod's first tournament",
            }
        },
        max_turns=200,
        dynamics="simultaneous",
        utility="general",
        min_score=0.0,
        max_score=5.0,
        tags=("matrix",),
    ),
    _spec(
        "rps",
        "RockPaperScissors",
        "Rock-paper-scissors: two seats show a hand at once, round after round.\n"
        "Rock beats scissors, scissors paper, paper rock. Score: (rounds won - rounds lost) / rounds played.\n"
        "An action is 0 rock, 1 paper or 2 scissors.",
        config={
            "rounds": {
                "type": "integer",
                "default": 20,
                "minimum": 1,
                "maximum": 1000,
                "description": "rounds a match",
            }
        },
        max_turns=20,
        dynamics="simultaneous",
        tags=("matrix",),
    ),
    _spec(
        "tictactoe",
        "TicTacToe",
        "Two seats in turn put their mark on a 3x3 board.\n"
        "Three in a row, column or diagonal win; a full board is a draw.\n"
        "An action is the cell, 0..8, row by row from the top left.",
        max_turns=9,
        opening_turns=2,
        tags=_STRATEGY,
    ),
    _spec(
        "tron",
        "Tron",
        "Two to four seats ride light cycles on a bordered grid, all at once, and leave a wall behind them.\n"
        "Who rides into the border, a wall or another head crashes; who rides longer is ahead, alone or as a team.\n"
        "An action is 0 up, 1 right, 2 down or 3 left; any but straight back.",
        config={
            "size": {
                "type": "integer",
                "default": 13,
                "minimum": 5,
                "maximum": 64,
                "description": "cells a side",
            },
            "teams": {
                "type": "boolean",
                "default": False,
                "description": "four seats, 0 and 2 against 1 and 3",
            },
        },
        max_seats=4,
        max_turns=84,
        dynamics="simultaneous",
        teams=True,
        tags=("arcade",),
    ),
)
