"""Chess as data: listing it imports no rules."""

from __future__ import annotations

from evalengine import GameSpec

RANDOM_TURNS = 2  # one by each colour: README, "Openings", has what more would do to the balance

CHESS = GameSpec(
    name="chess",
    version="1",
    doc="Chess by FIDE's rules; seat 0 is White. Checkmate wins; a draw: stalemate, a position that "
    "occurs for the third time, 50 moves of each without a capture or a pawn's move, too little material to mate.\n"
    "The view has the position as FEN, and start_fen with all moves since as UCI texts (e2e4, e7e8q, castling e1g1).\n"
    "An action is from | to << 6 | promotion << 12: squares a1 0, b1 1, ... h8 63; promotion 0 none, 2 knight, "
    "3 bishop, 4 rook, 5 queen.",
    factory="evalengine_chess.game:Chess",
    config={
        "variant": {
            "type": "string",
            "default": "standard",
            "enum": ["standard", "chess960"],
            "description": "chess960: one of the 960 first positions, drawn by luck; castling is king takes rook",
        },
        "openings": {
            "type": "string",
            "default": "",
            "description": "a file of EPD or FEN lines, or a .pgn file, seen from the folder of the run; "
            "or standard, the bundled suite",
        },
        "plies": {
            "type": "integer",
            "default": 0,
            "minimum": 0,
            "maximum": 1000,
            "description": "how many moves of a PGN opening are played; 0: all",
        },
        "max_turns": {
            "type": "integer",
            "default": 1000,
            "minimum": 1,
            "maximum": 20000,
            "description": "moves of both together after which the match is a draw",
        },
    },
    max_turns=1000,
    opening_turns=RANDOM_TURNS,
    tags=("board", "chess", "uci"),
)
