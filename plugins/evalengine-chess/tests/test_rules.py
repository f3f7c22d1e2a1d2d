"""The rules against published counts, and against the library's own judgement over whole matches."""

from __future__ import annotations

import itertools
import os
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import chess
import msgpack
import pytest
from evalengine_chess.position import Position, action_of, move_of, text_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import Match, load_game

# Lines of moves by depth 1, 2, 3, ...: https://www.chessprogramming.org/Perft_Results and .../Chess960_Perft_Results.
PERFT = {
    "start": ("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", False, (20, 400, 8902, 197281)),
    "kiwipete": (
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
        False,
        (48, 2039, 97862, 4085603),
    ),
    "position 3": ("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", False, (14, 191, 2812, 43238)),
    "position 4": ("r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", False, (6, 264, 9467)),
    "position 5": ("rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8", False, (44, 1486, 62379)),
    "chess960 1": ("bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9", True, (21, 528, 12189)),
}
QUICK = 200_000  # lines that a plain run counts
BOTH = [f"{text}" for text in ("e2e4", "e7e8q", "a2a1n", "h7h8r", "g1f3", "e1g1")]


def lines(state, depth):
    """Count lines of `depth` moves through apply and clone; the last move is only counted, as engines do."""
    if depth == 1:
        return len(state.legal(0)) if state.to_move() else 0
    return sum(lines(state.clone().apply({state.to_move()[0]: action}, None), depth - 1) for action in state.legal(0))


def cases():
    for name, (fen, chess960, counts) in PERFT.items():
        for depth, count in enumerate(counts, 1):
            marks = [pytest.mark.slow] if count > QUICK else []
            yield pytest.param(fen, chess960, depth, count, id=f"{name}-{depth}", marks=marks)


@pytest.mark.parametrize(("fen", "chess960", "depth", "count"), list(cases()))
def test_as_many_lines_as_published(fen, chess960, depth, count):
    assert lines(Position(chess.Board(fen, chess960=chess960)), depth) == count


def play(texts, fen=chess.STARTING_FEN):
    state = Position(chess.Board(fen))
    for text in texts.split():
        (seat,) = state.to_move()
        (action,) = [action for action in state.legal(seat) if text_of(action) == text]
        state = state.apply({seat: action}, None)
    return state


KNIGHTS = "g1f3 g8f6 f3g1 f6g8 "


@pytest.mark.parametrize(
    ("fen", "moves", "ending", "scores"),
    [
        (chess.STARTING_FEN, "f2f3 e7e5 g2g4 d8h4", "checkmate", (-1.0, 1.0)),
        (chess.STARTING_FEN, "e2e4 e7e5 d1h5 b8c6 f1c4 g8f6 h5f7", "checkmate", (1.0, -1.0)),
        ("7k/8/5K2/6Q1/8/8/8/8 w - - 0 1", "g5g6", "stalemate", (0.0, 0.0)),
        (chess.STARTING_FEN, KNIGHTS * 2, "threefold repetition", (0.0, 0.0)),
        ("8/8/4k3/8/8/3K4/4p3/8 w - - 0 1", "d3e2", "insufficient material", (0.0, 0.0)),
        ("4k3/8/8/8/8/8/8/R3K3 w Q - 99 80", "a1a2", "fifty moves", (0.0, 0.0)),
        # A mate on the last of the fifty moves counts: FIDE's laws, 9.3 with 5.1.1.
        ("4k3/R7/8/8/8/8/8/1R2K3 w - - 99 80", "b1b8", "checkmate", (1.0, -1.0)),
    ],
)
def test_how_matches_end(fen, moves, ending, scores):
    state = play(moves, fen)
    assert (state.ending, state.scores(), tuple(state.to_move())) == (ending, scores, ())


def test_the_same_men_are_not_the_same_position_while_one_may_still_castle():
    # The king's move takes White's castling away: the first position does not count with the others.
    line = "e1e2 e8d8 e2e1 d8e8 " * 2
    fen = "4k3/8/8/8/8/8/8/R3K3 w Q - 0 1"
    assert play(line, fen).ending == ""
    assert play(f"{line} e1e2", fen).ending == "threefold repetition"


def test_a_pawn_that_nobody_can_capture_in_passing_makes_no_other_position():
    state = play("e2e4 e7e5 g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8")
    assert state.ending == "threefold repetition"


def test_the_board_is_over_when_the_library_says_so(load, random_match):
    game = load()
    for seed in range(6):
        match = random_match(game, seed)
        board = chess.Board()
        for turn in match.turns:
            assert board.outcome() is None
            assert not board.is_repetition(3)
            assert not board.is_fifty_moves()
            (action,) = turn.values()
            board.push(move_of(action))
        # Of a claim the library also says that it could be made with the next move: only what stands counts here.
        assert board.outcome() is not None or board.is_repetition(3) or board.is_fifty_moves()
        assert match.result.scores == {"1-0": (1.0, -1.0), "0-1": (-1.0, 1.0)}.get(board.result(), (0.0, 0.0))
        assert match.state.view(0)["fen"] == board.fen()
        assert match.state.view(1)["moves"] == [move.uci() for move in board.move_stack]


def test_the_action_of_a_text_is_the_legal_one_that_is_written_so(load):
    game = load()
    for fen in ("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", "4k3/P7/8/8/8/8/p7/4K3 w - - 0 1"):
        board = chess.Board(fen)
        by_text = {game.action_to_str(action): action for action in Position(board.copy()).legal(0)}
        assert sorted(by_text) == sorted(move.uci() for move in board.legal_moves)
        assert all(type(action) is int for action in by_text.values())


def test_actions_are_numbered_as_documented():
    assert action_of(chess.Move.from_uci("e2e4")) == 12 | 28 << 6
    assert action_of(chess.Move.from_uci("a7a8q")) == 48 | 56 << 6 | 5 << 12
    assert [text_of(action_of(chess.Move.from_uci(text))) for text in BOTH] == BOTH


GAME = load_game("chess")


@settings(deadline=None)  # other processes share the machine
@given(st.integers() | st.text() | st.none() | st.floats())
def test_any_value_has_a_text(action):
    assert isinstance(GAME.action_to_str(action), str)


def test_in_chess960_castling_is_king_takes_rook(load, begun):
    game = load(variant="chess960")
    state = Position(chess.Board("4k3/8/8/8/8/8/8/1R3KR1 w GB - 0 1", chess960=True))
    assert {"f1g1", "f1b1"} <= {game.action_to_str(action) for action in state.legal(0)}
    views = [begun(game, seed).state.view(0) for seed in range(40)]
    assert len({view["fen"] for view in views}) > 30
    for view in views:
        assert view["variant"] == "chess960"
        assert chess.Board(view["fen"], chess960=True).chess960_pos() is not None
    assert begun(game, 3).state.view(0) == views[3]


def test_a_view_is_what_is_documented(load):
    game = load()
    state = game.initial(2, None)
    assert state.view(1) == {
        "fen": chess.STARTING_FEN,
        "start_fen": chess.STARTING_FEN,
        "moves": [],
        "variant": "standard",
        "colour": "black",
    }
    seen = state.view(0)
    state = state.apply({0: 12 | 28 << 6}, None)
    assert seen["moves"] == [], "what was shown does not change afterwards"
    shown = state.view(1)
    assert (shown["moves"], shown["start_fen"]) == (["e2e4"], chess.STARTING_FEN)
    assert shown["fen"] == "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"
    shown["moves"].append("nonsense")
    assert state.view(1)["moves"] == ["e2e4"]
    assert msgpack.unpackb(msgpack.packb(state.view(1))) == state.view(1)


@pytest.mark.parametrize("config", [{}, {"variant": "chess960"}, {"openings": "standard"}])
def test_a_match_is_replayed_exactly(config, load, random_match):
    game = load(**config)
    for seed in range(3):
        match = random_match(game, seed)
        again = Match.resume(match.spec, game, match.turns)
        assert (again.result, again.state.view(0)) == (match.result, match.state.view(0))
        # Whoever is given the view alone finds the position: that is what engines are told.
        view = match.state.view(0)
        board = chess.Board(view["start_fen"], chess960=view["variant"] == "chess960")
        for text in view["moves"]:
            board.push_uci(text)
        assert board.fen() == view["fen"]


def test_a_clone_shares_nothing(load):
    state, rng = load().initial(2, None), random.Random(5)
    for _ in range(30):
        state = state.apply({state.to_move()[0]: rng.choice(state.legal(0))}, None)
    before = (state.view(0), state.render(), state.legal(0), state.to_move())
    clone = state.clone()
    assert (clone.view(0), clone.render(), clone.legal(0), clone.to_move()) == before
    while clone.to_move():
        clone = clone.apply({clone.to_move()[0]: rng.choice(clone.legal(0))}, None)
    assert (state.view(0), state.render(), state.legal(0), state.to_move()) == before
    # How often positions stood goes with the clone, too.
    assert play(KNIGHTS + "g1f3 g8f6 f3g1").clone().apply({1: action_of(chess.Move.from_uci("f6g8"))}, None).ending


STOCKFISH = shutil.which("stockfish", path=f"{os.environ['PATH']}{os.pathsep}/usr/games")


class Stockfish:
    """The engine, asked for a position after the other; its `go perft` answers from a thread of its own."""

    def __init__(self, *, chess960):
        self.process = subprocess.Popen([STOCKFISH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.say(f"setoption name UCI_Chess960 value {str(chess960).lower()}")

    def say(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def sees(self, view):
        """Return the FEN and the legal moves that a view leads to."""
        self.say(f"position fen {view['start_fen']} moves {' '.join(view['moves'])}\nd\ngo perft 1")
        fen, moves = "", []
        for line in self.process.stdout:
            if line.startswith("Fen: "):
                fen = line.removeprefix("Fen: ").strip()
            elif found := re.fullmatch(r"([a-h][1-8][a-h][1-8][nbrq]?): 1\n", line):
                moves.append(found[1])
            elif line.startswith("Nodes searched"):
                return fen, sorted(moves)
        raise AssertionError(fen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate("quit\n", timeout=60)


@pytest.mark.skipif(STOCKFISH is None, reason="stockfish is not installed")
@pytest.mark.parametrize("config", [{}, {"variant": "chess960"}, {"openings": "standard"}])
def test_stockfish_finds_the_same_positions_and_moves_from_a_view(config, load, begun):
    game, rng = load(**config), random.Random(8)
    chess960 = "variant" in config
    with Stockfish(chess960=chess960) as engine:
        for seed in range(3):
            match = begun(game, seed)
            while not match.over and match.turn < 120:
                (request,) = match.requests()
                fen, moves = engine.sees(request.view)
                # In chess960 it names the files of castling rooks.
                assert (chess.Board(fen, chess960=True).fen() if chess960 else fen) == request.view["fen"]
                assert moves == sorted(map(game.action_to_str, request.legal))
                match.answer(request.seat, rng.choice(request.legal))


def test_a_limit_of_moves_is_a_draw(load, random_match):
    game = load(max_turns=7)
    assert game.spec.max_turns == 7
    result = random_match(game).result
    assert (result.termination, result.scores, result.turns) == ("turn_limit", (0.0, 0.0), 7)


def test_the_position_as_text_from_either_side(load):
    state = play("e2e4")
    rows = state.render().splitlines()
    assert rows[0] == "8 r n b q k b n r"
    assert rows[4] == "4 . . . . P . . ."
    assert rows[-2:] == ["  a b c d e f g h", "black to move"]
    assert state.render(0) == state.render()
    turned = state.render(1).splitlines()
    assert [row[2:] for row in turned[:8]] == [row[2:][::-1] for row in rows[7::-1]]
    assert play("f2f3 e7e5 g2g4 d8h4").render().endswith("\ncheckmate")


def test_the_drawing_is_one_document_that_says_what_it_shows():
    for state, seat in itertools.product((play(""), play("e2e4"), play("f2f3 e7e5 g2g4 d8h4")), (None, 0, 1)):
        root = ET.fromstring(state.svg(seat))  # our own document
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("role") == "img"
        assert root[0].text == state.render(seat)


def test_actions_are_touched_where_the_drawing_has_their_squares():
    state = play("")
    action = next(action for action in state.legal(0) if text_of(action) == "e2e4")
    pieces = {
        (int(x), int(y))
        for x, y in re.findall(r'href="#white-pawn" transform="translate\((\d+), (\d+)\)"', state.svg(0))
    }
    source, target = state.touches(0, action)
    assert source[:2] in pieces
    assert target == (source[0], source[1] - 90, 45, 45)
    turned = {
        (int(x), int(y))
        for x, y in re.findall(r'href="#white-pawn" transform="translate\((\d+), (\d+)\)"', state.svg(1))
    }
    assert state.touches(1, action)[0][:2] in turned


@pytest.mark.parametrize("variant", ["standard", "chess960"])
def test_a_position_is_written_as_the_library_writes_it(load, begun, variant):
    rng = random.Random(7)
    for seed in range(12):
        match = begun(load(variant=variant), seed)
        while not match.over:
            (request,) = match.requests()
            assert request.view["fen"] == match.state.board.fen()
            match.answer(request.seat, rng.choice(request.legal))


@pytest.mark.parametrize("config", [{}, {"variant": "chess960"}])
def test_one_action_is_refused_just_when_it_is_not_listed(config, load, begun):
    game, seen = load(**config), set()
    for seed in range(4):
        match, rng = begun(game, seed), random.Random(seed)
        while not match.over:
            if match.turn % 25 == seed:
                seen.add(assert_refuses_what_is_not_listed(match.state))
            match.answer(match.state.to_move()[0], rng.choice(match.state.legal(0)))
        seen.add(assert_refuses_what_is_not_listed(match.state))
    assert seen == {True, False}


@pytest.mark.parametrize(
    "fen",
    [
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",  # castling both ways
        "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",  # pinned along a rank
        "8/8/8/8/1k1pP2R/8/8/4K3 b - e3 0 1",  # capturing in passing would lay the king open
        "4k3/8/8/8/7b/8/3P1N2/4K3 w - - 0 1",  # pinned along a diagonal
        "4k3/4r3/8/8/8/8/3P1N2/4K2R w K - 0 1",  # in check
        "4k3/8/3n4/8/4r3/8/5N2/4K2R w K - 0 1",
        "n1n5/PPPk4/8/8/8/8/4Kppp/5N1N b - - 0 1",  # promotions
        "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1",  # stalemate
        "7k/6Q1/6K1/8/8/8/8/8 b - - 0 1",  # checkmate
        "8/8/8/8/8/p1k5/P7/K7 w - - 0 1",
    ],
)
def test_one_action_is_refused_just_when_it_is_not_listed_in_a_position(fen):
    assert_refuses_what_is_not_listed(Position(chess.Board(fen)))


def assert_refuses_what_is_not_listed(position):
    """Ask for each action of each own man; return whether the king is in check."""
    listed, asked = set(position.clone().legal(0)), position.clone()
    assert bool(listed) == bool(position.to_move()) == (not position.ending)
    if listed:
        asked._legal = None  # so that the list is not what answers
    targets = itertools.product(chess.SquareSet(position.board.occupied), range(64), range(7))
    for source, target, promoted in targets:
        action = source | target << 6 | promoted << 12
        assert (asked.refuse(0, action) is None) == (action in listed), (position.fen, action)
        asked._open = None  # what it remembers of the last answer
    for wrong in (-1, 1 << 15, 1 << 70, True, 1.0, "e2e4", None):
        assert asked.refuse(0, wrong) == "not a legal action"
    return position.board.is_check()


def test_single_entries_are_those_of_the_view(load, begun):
    for config in ({}, {"variant": "chess960"}, {"openings": "standard"}):
        match = begun(load(**config), 3)
        match.answer(match.state.to_move()[0], match.requests()[0].legal[0])
        view = match.state.view(1)
        assert {name: match.state.entry(1, name) for name in view} == view
        with pytest.raises(KeyError):
            match.state.entry(1, "nonsense")


@given(st.integers(0, 63), st.integers(0, 63), st.sampled_from([0, 2, 3, 4, 5]))
def test_a_text_is_read_as_the_action_that_it_was_written_of(source, target, promoted):
    game, action = load_game("chess"), source | target << 6 | promoted << 12
    assert game.action_from_str(game.action_to_str(action)) == action


@pytest.mark.parametrize(
    "text", ["", "e2", "e2e", "e2e9", "i2e4", "e7e8k", "e7e8qq", "(none)", "0000", "e2-e4", "E2E4"]
)
def test_what_is_no_move_is_read_as_none(text):
    assert load_game("chess").action_from_str(text) is None
