import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import Match, MatchSpec, load_game

GAME = load_game("othello")
PASS = 64
WAYS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


def begun():
    return Match(MatchSpec(0, 0, 0, 1, (0, 1)), GAME)


def after(*names):
    match = begun()
    for name in names:
        (request,) = match.requests()
        match.answer(request.seat, next(a for a in request.legal if GAME.action_to_str(a) == name))
    return match


def turned(board, cell, mark):
    """Return what a disc of `mark` turns, the slow way."""
    if board[cell]:
        return []
    found = []
    for down, right in WAYS:
        row, column, run = cell // 8 + down, cell % 8 + right, []
        while 0 <= row < 8 and 0 <= column < 8 and board[row * 8 + column] == 3 - mark:
            run.append(row * 8 + column)
            row, column = row + down, column + right
        if 0 <= row < 8 and 0 <= column < 8 and board[row * 8 + column] == mark:
            found += run
    return found


def test_black_begins_with_four_choices():
    (request,) = begun().requests()
    assert request.seat == 0
    assert [GAME.action_to_str(action) for action in request.legal] == ["d3", "c4", "f5", "e6"]
    assert request.view["mark"] == 1


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False))
def test_any_match_agrees_with_a_slow_look(rng):
    match = begun()
    passes = 0
    while not match.over:
        (request,) = match.requests()
        board, mark = request.view["board"], request.view["mark"]
        assert request.view["to_move"] == request.seat == mark - 1
        flips = {cell: cells for cell in range(64) if (cells := turned(board, cell, mark))}
        assert list(request.legal) == (sorted(flips) or [PASS])
        action = rng.choice(request.legal)
        match.answer(request.seat, action)
        for cell in [action, *flips[action]] if action != PASS else []:
            board[cell] = mark
        passes += action == PASS
        view = match.state.view(1 - request.seat)
        assert view["board"] == board
        lead = board.count(1) - board.count(2)
        assert match.state.scores() == ((lead > 0) - (lead < 0), (lead < 0) - (lead > 0))
    assert match.result.turns == 60 + passes - board.count(0)
    assert not any(turned(board, cell, mark) for cell in range(64) for mark in (1, 2))
    assert view["to_move"] is None


def test_a_seat_that_cannot_flank_must_pass():
    # Eight turns: no pass comes earlier (a search of all lines).
    match = after("d3", "c3", "b3", "b2", "f5", "a3", "a1", "c1")
    (request,) = match.requests()
    assert list(request.legal) == [PASS]
    assert match.refusal(request.seat, 0) == "not a legal action"
    match.answer(request.seat, PASS)
    (request,) = match.requests()
    assert (request.seat, request.turn) == (1, 9)
    assert PASS not in request.legal


def test_a_seat_without_discs_has_lost_at_once():
    # Black wins in nine turns: the shortest match there is.
    match = after("f5", "d6", "c5", "f4", "e3", "f6", "g5", "e6", "e7")
    assert match.result.scores == (1.0, -1.0)
    assert match.result.turns == 9
    assert 2 not in match.state.view(0)["board"]


def test_the_position_can_be_read_and_drawn():
    state = after("d3").state
    assert state.render().splitlines()[:4] == [
        "  a b c d e f g h",
        "1 . . . . . . . .",
        "2 . . . . . . . .",
        "3 . . . x . . . .",
    ]
    drawing = ET.fromstring(state.svg())
    assert drawing[0].text == state.render()
    assert sum(shape.tag.endswith("circle") for shape in drawing) == 5
    assert GAME.action_to_str(PASS) == "pass"
