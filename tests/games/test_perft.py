"""How many lines of actions there are by depth, against tables; needs no other engine.

A line that ended earlier is not counted. `tests/peers/test_openspiel_perft.py` computes OpenSpiel's numbers anew.
"""

import pytest

from evalengine import load_game

TABLES = {
    # OpenSpiel 2.0.2, computed by tests/peers.
    "breakthrough": (22, 484, 11132, 256036),
    # Aart Bik, "perft for 8x8 checkers", talkchess.com t=27814 (2009): 7, 49, 302, 1469, 7361, 36768, 179740, ...
    # He counts a chain of jumps as one action, we count each jump: the same up to depth 6. Depth 7 and 8: OpenSpiel
    # 2.0.2, computed by tests/peers.
    "checkers": (7, 49, 302, 1469, 7361, 36768, 179255, 838248),
    # OpenSpiel 2.0.2, computed by tests/peers; 7 ** depth less the drops into a full column at depth 7.
    "connect4": (7, 49, 343, 2401, 16807, 117649, 7**7 - 7),
    # OpenSpiel 2.0.2, computed by tests/peers. On 3x3 it takes three stones of a seat to join its edges, so up to
    # depth 5 it is 9 * 8 * 7 * ...
    "hex(size=3)": (9, 72, 504, 3024, 15120, 54720, 146880, 207360, 120960, 0),
    "hex(size=4)": (16, 240, 3360, 43680, 524160),
    "hex": (121, 121 * 120, 121 * 120 * 119),
    # OpenSpiel 2.0.2 (its game is called mancala), computed by tests/peers.
    "kalah": (6, 35, 185, 942, 4690, 23233, 114430),
    # OEIS A124004, from the term 4 on; and OpenSpiel 2.0.2, computed by tests/peers.
    "othello": (4, 12, 56, 244, 1396, 8200, 55092, 390216),
    # OpenSpiel 2.0.2, computed by tests/peers; up to depth 5 it is 9 * 8 * 7 * ..., since nobody has won before.
    "tictactoe": (9, 72, 504, 3024, 15120, 54720, 148176, 200448, 127872, 0),
}


def perft(start, depth):
    """Return by depth how many lines there are."""
    counts = [0] * depth

    def walk(state, ply):
        for seat in state.to_move():
            legal = state.legal(seat)
            assert len(set(legal)) == len(legal)
            counts[ply] += len(legal)
            if ply + 1 < depth:
                for action in legal:
                    walk(state.clone().apply({seat: action}, None), ply + 1)

    walk(start, 0)
    return tuple(counts)


@pytest.mark.parametrize("ref", TABLES)
def test_lines_by_depth(ref):
    assert perft(load_game(ref).initial(2, None), len(TABLES[ref])) == TABLES[ref]
