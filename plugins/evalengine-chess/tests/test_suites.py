"""Openings from files of every usual kind; and what a run does with them."""

from __future__ import annotations

import os
from pathlib import Path

import chess
import chess.pgn
import pytest
from evalengine_chess.suites import BUNDLED

import evalengine
from evalengine import ConfigError, GameError, Match, MatchSpec, load_game

SICILIAN = "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq -"
FRENCH = "rnbqkbnr/pppp1ppp/4p3/8/4P3/8/PPPP1PPP/RNBQKBNR w KQkq -"
BLACK_TO_MOVE = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq -"


@pytest.fixture
def suite(tmp_path):
    """Return a function that writes a file and returns chess with it."""

    def write(text, name="suite.epd", **config):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_game("chess", openings=str(path), **config)

    return write


def starts(game, seeds=60):
    """Return the views that matches of many seeds begin with."""
    return [Match(MatchSpec(0, 0, 0, seed, (0, 1)), game).state.view(0) for seed in range(seeds)]


@pytest.mark.parametrize(
    ("line", "fen"),
    [
        (SICILIAN, f"{SICILIAN} 0 1"),
        (f"{SICILIAN} 0 2", f"{SICILIAN} 0 2"),
        (f"  {SICILIAN} 3 9  ", f"{SICILIAN} 3 9"),
        (f'{SICILIAN} bm Nf3; id "hmvc 7; c5";', f"{SICILIAN} 0 1"),
        (f'{SICILIAN} hmvc 4; fmvn 12; c0 "a comment";', f"{SICILIAN} 4 12"),
        (f'{SICILIAN} 0 2 ; c0 "fen and operations"', f"{SICILIAN} 0 2"),
        (f"{SICILIAN};", f"{SICILIAN} 0 1"),
        (f"{BLACK_TO_MOVE} 0 1", f"{BLACK_TO_MOVE} 0 1"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_is_a_fen_or_an_epd(line, fen, end, suite):
    (view,) = starts(suite(line + end), 1)
    assert (view["fen"], view["start_fen"], view["moves"]) == (fen, fen, [])


def test_lines_that_say_nothing_are_passed_over(suite):
    game = suite(f"\ufeff# two openings\n\n{SICILIAN} 0 1\r\n; and\n   \n{FRENCH} 0 1")
    assert {view["fen"] for view in starts(game)} == {f"{SICILIAN} 0 1", f"{FRENCH} 0 1"}


def test_where_black_is_to_move_seat_1_is_asked_first(suite):
    match = Match(MatchSpec(0, 0, 0, 0, (0, 1)), suite(BLACK_TO_MOVE))
    assert [request.seat for request in match.requests()] == [1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("hello", "'hello' is no FEN and no EPD"),
        ("rnbqkbnr/pppppppp/8/8 w KQkq - 0 1", "8 rows"),
        ("8/8/8/8/8/8/8/8 w - - 0 1", "no position of chess: no white king, no black king"),
        ("4k3/8/8/8/8/8/8/4K3 w KQ - 0 1", "bad castling rights"),
        ("3bk3/8/8/8/8/8/8/4K3 w - - 0 1", "over before it begins: insufficient material"),
        ("4k3/4R3/8/8/8/8/8/4K3 w - - 0 1", "opposite check"),
        ("R3k3/7R/8/8/8/8/8/4K3 b - - 0 1", "over before it begins: checkmate"),
        ("bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9", "bad castling rights"),
        ("startpos", "is no FEN"),
        ("4k3/8/8/8/8/8/8/4K2R x K - 0 1", "x"),
    ],
)
def test_a_bad_line_is_named_with_file_and_number(line, why, suite):
    with pytest.raises(ConfigError, match=r"suite\.epd:3: ") as error:
        suite(f"# one\n{SICILIAN}\n{line}\n")
    assert why in str(error.value)
    assert "\n" not in str(error.value)


PGN = """% exported
[Event "one"]
[White "M\xfcller"]

1. e4 {best by test} (1. d4 d5) 1... c5 $1 2. Nf3 *

[Event "two"]
[SetUp "1"]
[FEN "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"]

1. e4 Kd7
1/2-1/2

1. d4 d5 *
"""


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-8-sig"])
def test_games_of_a_pgn_file_begin_with_their_main_lines(encoding, suite):
    views = starts(suite(PGN.encode(encoding), "book.pgn"))
    told = {(view["start_fen"], *view["moves"]) for view in views}
    assert told == {
        (chess.STARTING_FEN, "e2e4", "c7c5", "g1f3"),
        ("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1", "e2e4", "e8d7"),
        (chess.STARTING_FEN, "d2d4", "d7d5"),
    }
    for view in views:  # the opening's moves are no turns of the match
        board = chess.Board(view["start_fen"])
        for text in view["moves"]:
            board.push_uci(text)
        assert view["fen"] == board.fen()


def test_only_the_first_moves_of_long_games_are_played_when_asked(suite):
    views = starts(suite(PGN, "book.pgn", plies=1))
    assert {len(view["moves"]) for view in views} == {1}


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('[Event "x"]\n\n1. e4 e5 *\n\n[Event "y"]\n\n1. e4 Ke4 *\n', 5, "illegal san: 'Ke4'"),
        ('\n\n[Event "x"]\n[FEN "nonsense"]\n\n*\n', 3, "nonsense"),
        ('[Event "x"]\n[Variant "Atomic"]\n\n1. e4 *\n', 1, "another variant: Atomic"),
        ('[Event "x"]\n\n1. f3 e5 2. g4 Qh4# 0-1\n', 1, "checkmate"),
        ("1. e4 e5 *\n\nhello there\n", 3, "without moves"),
    ],
)
def test_a_bad_game_is_named_with_file_and_line(text, line, why, suite):
    with pytest.raises(ConfigError, match=rf"book\.pgn:{line}: ") as error:
        suite(text, "book.pgn")
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.epd", None, "cannot be read (No such file or directory, as '/"),
        ("folder", "", "Is a directory"),
        ("pipe", "", "is no file of at most 256 MiB"),
        ("empty.epd", "# nothing\n", "holds no position"),
        ("empty.pgn", "\n", "holds no game"),
        ("book.bin", "\0\1\2", "is no text"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(name, content, why, tmp_path):
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "pipe":
        os.mkfifo(path)
    elif content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as error:
        load_game("chess", openings=str(path))
    assert why in str(error.value)
    assert name in str(error.value)


def test_a_long_file_is_checked_as_far_as_its_first_thousand(suite):
    game = suite(f"{SICILIAN}\n" * 1000 + "nonsense\n" * 9)
    with pytest.raises(GameError, match=r"suite\.epd:100\d: 'nonsense'"):
        starts(game, 10_000)
    assert len(starts(game, 20)) == 20


def test_chess960_takes_positions_of_its_own(suite):
    fen = "bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9"
    (view,) = starts(suite(fen, variant="chess960"), 1)
    assert view["variant"] == "chess960"
    assert chess.Board(view["fen"], chess960=True) == chess.Board(fen, chess960=True)


# ------------------------------------------------------------------------------ the bundled one


def test_the_bundled_suite_is_of_short_legal_and_different_openings(games_of):
    games = games_of((BUNDLED / "standard.pgn").read_text(encoding="utf-8"))
    assert len(games) >= 50
    assert len({game.headers["Event"] for game in games}) == len(games)
    assert all(4 <= game.end().ply() <= 8 and game.end().ply() % 2 == 0 for game in games)
    ends = {game.end().board().epd() for game in games}
    assert len(ends) == len(games)
    seen = {view["fen"].rsplit(" ", 2)[0] for view in starts(load_game("chess(openings=standard)"), 2000)}
    assert seen == ends, "every opening is drawn some time, and nothing else"


# ------------------------------------------------------------------------------------ the run


def test_what_is_read_of_the_file_is_part_of_the_version(suite):
    plain = load_game("chess").spec
    one = suite(f"{SICILIAN}\n{FRENCH}\n").spec
    assert (one.chance, one.opening_turns, plain.chance) == (True, 0, False)
    assert one.version.startswith(f"{plain.version}+")
    assert suite(f"# the same\r\n{SICILIAN}\r\n{FRENCH}").spec.version == one.version
    assert suite(f"{FRENCH}\n{SICILIAN}\n").spec.version != one.version
    assert load_game("chess(openings=standard)").spec.version not in (one.version, plain.version)


def opening_of(match):
    return next(match.replayed()).state.view(0)["fen"]


def test_every_cell_meets_the_same_opening_in_each_rotation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "books").mkdir()
    lines = [chess.Board.from_chess960_pos(number).fen() for number in range(300)]
    (tmp_path / "books" / "many.fen").write_text("\n".join(lines))
    db = tmp_path / "arena.db"
    ref = "chess(openings='books/many.fen', max_turns=4, variant='chess960')"
    evalengine.run(ref, ["random", "greedy", "mcts(simulations=2)"], rounds=8, seed=5, db=db, workers=2)
    by_rotation = {}
    with evalengine.open_run(db) as run:
        for match in run.stored_matches("chess"):
            assert match.result.termination == "turn_limit"
            by_rotation.setdefault(match.spec.rotation, []).append(opening_of(match))
    assert [len(found) for found in by_rotation.values()] == [3 * 2] * 8
    assert all(len(set(found)) == 1 for found in by_rotation.values())
    assert len({found[0] for found in by_rotation.values()}) > 4


def test_a_run_is_neither_resumed_nor_read_with_another_file(command, tmp_path):
    file = tmp_path / "suite.epd"
    file.write_text(f"{SICILIAN}\n{FRENCH}\n")
    command("run", "random", "greedy", "--games", "chess(openings='suite.epd', max_turns=6)", "-n", "8", "-q")
    assert "8 finished" in command("standings").stdout
    file.write_text(f"{SICILIAN}\n{FRENCH}\n{BLACK_TO_MOVE}\n")
    for again in (["run", "--resume"], ["replay", "3"], ["pgn"]):
        assert "was played with version 1+" in command(*again, code=4).stderr
    file.unlink()
    assert "'suite.epd' cannot be read" in command("run", "--resume", code=4).stderr
    file.write_text(f"{SICILIAN}\n{FRENCH}\n")
    command("replay", "3")
    command("run", "--resume")


def test_a_bad_file_is_told_before_anything_is_played(command, tmp_path):
    (tmp_path / "suite.epd").write_text(f"{SICILIAN}\nnonsense\n")
    told = command("run", "random", "greedy", "--games", "chess(openings='suite.epd')", code=4).stderr
    assert told.startswith("error: openings file suite.epd:2: 'nonsense' is no FEN")
    assert len(told.splitlines()) == 1
    assert not (tmp_path / ".evalengine").exists()


def test_the_code_of_the_readme_runs(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    assert f"# {capsys.readouterr().out.strip()}\n" in code
