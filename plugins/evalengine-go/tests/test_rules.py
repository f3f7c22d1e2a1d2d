"""Positions that people use to explain the rules, and what may be played there."""

from __future__ import annotations

import pytest

# ----------------------------------------------------------------------------------------- taking


def test_a_stone_without_liberties_is_taken(set_up):
    board = set_up(
        """
        .....
        ..X..
        .XOX.
        .....
        .....""",
        "X",
    )
    board.play("C2")
    assert board.rows == [".....", "..X..", ".X.X.", "..X..", "....."]
    assert board.captures == [1, 0]
    assert board.refusal("C3") == "C3 is suicide"


def test_several_chains_are_taken_at_once(set_up):
    board = set_up(
        """
        .....
        ..X..
        .XOX.
        XO.OX
        .XXX.""",
        "X",
    )
    board.play("C2")
    assert board.rows == [".....", "..X..", ".X.X.", "X.X.X", ".XXX."]
    assert board.captures == [3, 0]


def test_a_stone_may_take_its_own_liberty_first(set_up):
    # B1 has no liberty of its own, but it takes A1; without the stones at A2 and B2 nothing would be taken.
    board = set_up(
        """
        ....
        ....
        XXO.
        O.O.""",
        "X",
    )
    board.play("B1")
    assert board.rows[-1] == ".XO."


def test_snapback(set_up):
    board = set_up(
        """
        .....
        .....
        .XXX.
        XOOOX
        XO..X""",
        "X",
    )
    board.play("C1 D1")  # black throws a stone in, white takes it
    assert board.rows[-2:] == ["XOOOX", "XO.OX"]
    assert board.captures == [0, 1]
    board.play("C1")  # and black takes five
    assert board.rows[-2:] == ["X...X", "X.X.X"]
    assert board.captures == [5, 1]


# ---------------------------------------------------------------------------------------- suicide


def test_suicide_of_one_stone_is_not_allowed(set_up):
    board = set_up(
        """
        .X...
        X....
        .....
        .....
        .....""",
        "O",
    )
    assert board.refusal("A5") == "A5 is suicide"
    assert board.play("pass").refusal("A5") is None  # black may


def test_suicide_of_several_stones_is_not_allowed(set_up):
    board = set_up(
        """
        O.X..
        OX...
        X....
        .....
        .....""",
        "O",
    )
    assert board.refusal("B5") == "B5 is suicide"
    assert board.play("pass").refusal("B5") is None  # black takes two there


# ------------------------------------------------------------------------------------- repetition

KO = """
    .....
    .XO..
    XO.O.
    .XO..
    ....."""


@pytest.mark.parametrize("superko", ["positional", "situational"])
def test_ko(set_up, superko):
    board = set_up(KO, "X", superko=superko)
    board.play("C3")
    assert board.rows[2] == "X.XO."
    assert board.refusal("B3") == "B3 would repeat an earlier position"
    assert board.state.view(1)["ko"] == ["B3"]
    board.play("E5")  # elsewhere
    assert board.state.view(1)["ko"] == []
    board.play("A5 B3")  # answered there, and now white may
    assert board.rows[2] == "XO.O."
    assert board.refusal("C3") == "C3 would repeat an earlier position"


# "Send two, return one" (Sensei's Library, senseis.xmp.net/?SendingTwoReturningOne): black adds a stone at A1, white
# takes two at C1, black takes one back at B1, and the stones are as before, but now white is to move.
RETURN_ONE = """
    .....
    .....
    OOX..
    OOX..
    .X.X."""


def test_sending_two_returning_one_is_barred_by_positional_superko(set_up):
    board = set_up(RETURN_ONE, "X", superko="positional").play("A1 C1")
    assert board.rows[-1] == "..OX."
    assert board.refusal("B1") == "B1 would repeat an earlier position"


def test_sending_two_returning_one_is_barred_later_by_situational_superko(set_up):
    board = set_up(RETURN_ONE, "X", superko="situational").play("A1 C1 B1")
    assert board.rows == RETURN_ONE.split()
    # Now white passes, and black would begin again: a stone that takes nothing, and yet it repeats.
    assert board.play("pass").refusal("A1") == "A1 would repeat an earlier position"


def test_a_stone_that_takes_nothing_can_repeat_a_position(set_up):
    board = set_up(RETURN_ONE.replace(".X.X.", "XX.X."), "O", first=("A1", "B1"), superko="positional")
    board.play("C1 B1")  # white takes two, black one
    assert board.rows == RETURN_ONE.split()
    assert board.play("pass").refusal("A1") == "A1 would repeat an earlier position"


TRIPLE_KO = """
    XO.O.....
    .XO......
    .........
    .........
    .........
    .........
    .........
    .XO...XO.
    XO.O.X.XO"""


@pytest.mark.parametrize("superko", ["positional", "situational"])
def test_the_sixth_capture_of_a_triple_ko_is_barred(set_up, superko):
    board = set_up(TRIPLE_KO, "X", superko=superko)
    board.play("C1 G1 C9 B1 H1")
    assert board.captures == [3, 2]
    assert board.refusal("B9") == "B9 would repeat an earlier position"
    assert board.state.view(0)["ko"] == ["B9", "G1"]  # G1: the simple ko that black has just taken
    board.play("E5 E3 B9")
    assert board.rows[0] == "XO.O....."


def test_passing_is_never_barred(begin):
    board = begin(size=5).play("C3 pass")
    assert board.refusal("pass") is None


# ---------------------------------------------------------------------------------------- the end


def test_two_passes_end_the_match(begin):
    board = begin(size=5).play("C3 pass D4 pass")
    assert not board.match.over
    board.play("pass")
    assert board.match.over
    assert board.match.result.termination == "rules"


@pytest.mark.parametrize(("komi", "scores"), [(7.5, (-1.0, 1.0)), (0, (0.0, 0.0)), (-0.5, (1.0, -1.0))])
def test_an_empty_board_is_nobodys(begin, komi, scores):
    board = begin(size=9, komi=komi).play("pass pass")
    assert board.state.area() == (0, 0)
    assert board.match.result.scores == scores


def test_one_stone_owns_the_board(begin):
    board = begin(size=9).play("E5 pass pass")
    assert board.state.area() == (81, 0)
    assert board.match.result.scores == (1.0, -1.0)


# Both outer groups live. The inner ones share the liberties D7 and D1, and who plays there loses: a seki. Its stones
# count, its shared points do not. Counted by hand: black 7 + 7 + 5 + 7, white 7 + 7 + 7.
SEKI = """
    .XO.XO.
    .XOXXO.
    .XOXXO.
    .XOXXO.
    .XOXXO.
    .XOXXO.
    .XO.XO."""


@pytest.mark.parametrize(("komi", "first"), [(4.5, 1.0), (5, 0.0), (5.5, -1.0)])
def test_stones_in_seki_count_and_shared_points_do_not(set_up, komi, first):
    board = set_up(SEKI, "X", komi=komi).play("pass")
    if not board.match.over:
        board.play("pass")
    assert board.state.area() == (26, 21)
    assert board.match.result.scores == (first, -first)


def test_all_stones_on_the_board_count_as_alive(set_up):
    diagram = """
        .X.O.
        .X.O.
        .X.O.
        .X.O.
        .X.O."""
    assert set_up(diagram, "X").play("pass").state.area() == (10, 10)
    # A white stone that could be taken spoils the five points around it, and counts.
    dead = diagram.replace(".X.O.", "OX.O.", 1)
    assert set_up(dead, "X").play("pass").state.area() == (5, 11)


def test_at_the_limit_of_turns_the_area_counts(begin):
    board = begin(size=5, komi=0.5, max_turns=3).play("C3 A1 C2")
    assert board.match.result.termination == "turn_limit"
    assert board.state.area() == (2, 1)
    assert board.match.result.scores == (1.0, -1.0)
    assert begin(size=5).game.spec.max_turns == 75
