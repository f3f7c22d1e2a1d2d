"""The environments of PettingZoo 1.27 and mpe2 1.1 as data, so that listing them imports neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALL = {"classic": "pettingzoo[classic]", "butterfly": "pettingzoo[butterfly]", "mpe2": "mpe2"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One environment.

    Attributes:
        doc: the rules in a line or two; actions: what an action is;
        needs: packages that it imports; fields: of the GameSpec;
        copies: a pickled copy goes on as the original would; else a clone plays all actions again.
        All of them begin anew at reset(), whatever was played before: tests/test_as_games.py holds it.
    """

    doc: str
    actions: str
    needs: tuple[str, ...]
    fields: Mapping[str, Any]
    copies: bool = False
    tags: tuple[str, ...] = ()


def _board(doc: str, actions: str, max_turns: int, *needs: str) -> Row:
    return Row(
        doc=doc,
        actions=actions,
        needs=("pygame", *needs),
        fields={"max_turns": max_turns, "opening_turns": 2},
        copies=True,
        tags=("board",),
    )


def _poker(doc: str, actions: str, most: float, max_turns: int) -> Row:
    fields = {
        "max_turns": max_turns,
        "information": "hidden",
        "chance": True,
        "min_score": -most,
        "max_score": most,
    }
    return Row(doc=doc, actions=actions, needs=("pygame", "rlcard"), fields=fields, tags=("cards",))


def _together(
    doc: str,
    actions: str,
    seats: int,
    span: tuple[float, float],
    *,
    max_turns: int,
    utility: Literal["general", "identical"] = "general",
    needs: tuple[str, ...] = ("mpe2", "pygame"),
    information: Literal["perfect", "hidden"] = "hidden",
) -> Row:
    fields = {
        "min_seats": seats,
        "max_seats": seats,
        "default_seats": seats,
        "max_turns": max_turns,
        "dynamics": "simultaneous",
        "information": information,
        "chance": True,
        "utility": utility,
        "min_score": span[0],
        "max_score": span[1],
        "clone": "none",  # to play all turns again is too slow for agents that search
    }
    return Row(doc=doc, actions=actions, needs=needs, fields=fields, tags=("arcade",))


_STEPS = "0 nothing, 1 left, 2 right, 3 down, 4 up"
_PIXELS = ("numpy", "pygame")

ENVIRONMENTS: Mapping[str, Row] = {
    "classic/chess_v6": _board(
        "Chess, as planes of the board and of the last eight positions, from the seat's own side.",
        "a number from 0 to 4671, as in AlphaZero: the square, then one of 73 ways to leave it",
        1000,
        "chess",
    ),
    "classic/connect_four_v3": _board(
        "Connect four: four discs in a row, column or diagonal win.", "the column, 0 to 6", 42
    ),
    "classic/go_v5": _board(
        "Go on 19x19 by area, komi 7.5; two passes in a row end it.",
        "a number from 0 to 361: the point, row by row, or 361 to pass",
        1200,
    ),
    "classic/hanabi_v5": Row(
        doc="Hanabi: all play cards for one common score, and see only the cards of the others.",
        actions="a number from 0 to 19: discard, play, or tell a colour or a rank",
        needs=("pygame", "pyspiel"),
        fields={
            "max_turns": 200,
            "information": "hidden",
            "chance": True,
            "utility": "identical",
            "min_score": 0.0,
            "max_score": 25.0,
        },
        tags=("cards",),
    ),
    "classic/leduc_holdem_v4": _poker(
        "Leduc poker of RLCard: six cards, two rounds of betting. The score is in big blinds.",
        "0 call, 1 raise, 2 fold, 3 check",
        7.0,
        20,
    ),
    "classic/rps_v2": Row(
        doc="Rock-paper-scissors, 15 rounds; a seat sees the other's last hand. Score: rounds won less rounds lost.",
        actions="0 rock, 1 paper, 2 scissors",
        needs=("pygame",),
        fields={"max_turns": 1000, "dynamics": "simultaneous", "min_score": -15.0, "max_score": 15.0},
        tags=("matrix",),
    ),
    "classic/texas_holdem_no_limit_v6": _poker(
        "Texas hold'em of RLCard without a limit, 100 chips each. The score is chips won.",
        "0 fold, 1 check or call, 2 raise by half of the pot, 3 by the whole pot, 4 all in",
        100.0,
        200,
    ),
    "classic/texas_holdem_v4": _poker(
        "Limit Texas hold'em of RLCard. The score is in big blinds.", "0 call, 1 raise, 2 fold, 3 check", 25.0, 50
    ),
    "classic/tictactoe_v3": _board("Tic-tac-toe: three in a line win.", "the cell, 0 to 8, column by column", 9),
    "butterfly/cooperative_pong_v6": _together(
        "Two paddles keep one ball in the field for as long as they can; each sees the picture.",
        "0 nothing, 1 up, 2 down",
        2,
        (-10.0, 100.0),
        max_turns=900,
        utility="identical",
        needs=_PIXELS,
        information="perfect",
    ),
    "butterfly/knights_archers_zombies_v11": _together(
        "Two archers and two knights kill zombies that walk down the field; a seat scores for what it kills.",
        "0 ahead, 1 back, 2 turn left, 3 turn right, 4 attack, 5 nothing",
        4,
        (0.0, 100.0),
        max_turns=900,
        needs=_PIXELS,
    ),
    "butterfly/pistonball_v6": _together(
        "Twenty pistons move a ball to the left wall together; each sees a picture of its surroundings.",
        "a list of one number from -1 (down) to 1 (up)",
        20,
        (-50.0, 100.0),
        max_turns=125,
        utility="identical",
        needs=("pygame", "pymunk"),
    ),
    "mpe2/simple_adversary_v3": _together(
        "Two good seats cover a target that the adversary does not know, and keep it guessing.",
        _STEPS,
        3,
        (-200.0, 200.0),
        max_turns=25,
    ),
    "mpe2/simple_crypto_v3": _together(
        "Alice sends Bob a bit through a channel that Eve reads; both know a key.",
        "the message, 0 to 3",
        3,
        (-100.0, 100.0),
        max_turns=25,
    ),
    "mpe2/simple_push_v3": _together(
        "A good seat goes to a landmark and the adversary pushes it away.", _STEPS, 2, (-200.0, 200.0), max_turns=25
    ),
    "mpe2/simple_reference_v3": _together(
        "Two seats tell each other which landmark to go to.",
        "a number from 0 to 49: 5 moves times 10 words",
        2,
        (-200.0, 0.0),
        max_turns=25,
    ),
    "mpe2/simple_speaker_listener_v4": _together(
        "A speaker that cannot move tells a listener which landmark to go to.",
        f"speaker: a word, 0 to 2; listener: {_STEPS}",
        2,
        (-200.0, 0.0),
        max_turns=25,
        utility="identical",
    ),
    "mpe2/simple_spread_v3": _together(
        "Three seats cover three landmarks without bumping into each other.",
        _STEPS,
        3,
        (-200.0, 0.0),
        max_turns=25,
    ),
    "mpe2/simple_tag_v3": _together(
        "Three slow hunters catch one fast prey among obstacles.", _STEPS, 4, (-1000.0, 1000.0), max_turns=25
    ),
    "mpe2/simple_world_comm_v3": _together(
        "Four hunters, whose leader talks to them, catch two prey that look for food and hide in forests.",
        f"leader: a number from 0 to 19, 5 moves times 4 words; others: {_STEPS}",
        6,
        (-1000.0, 1000.0),
        max_turns=25,
    ),
}
