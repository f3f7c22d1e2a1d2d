"""What `evalengine pgn` writes is read back by the library and comes to the same positions and results."""

from __future__ import annotations

import re
import sqlite3

import chess
import chess.pgn
import pytest
from evalengine_chess.pgn import text_of_match, time_control

import evalengine
from evalengine import Limits

SICILIAN = "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"
RESULTS = {(1, 2): "1-0", (2, 1): "0-1", (1, 1): "1/2-1/2"}
ROSTER = ["Event", "Site", "Date", "Round", "White", "Black", "Result"]  # in this order: the standard, 8.1.1


LOSERS = {
    "illegal": "def act(observation):\n    return observation.legal[0] if observation.turn < 4 else 0\n",
    "crash": "def act(observation):\n    if observation.turn < 4: return observation.legal[0]\n"
    "    raise ValueError('{ } [%clk 9] \\u2654')\n",
    "timeout": "import time\ndef act(observation):\n    if observation.turn < 4: return observation.legal[0]\n"
    "    time.sleep(60)\n",
}
KINDS = {"illegal": "rules infraction", "crash": "abandoned", "timeout": "time forfeit"}


@pytest.mark.parametrize(
    "config", ["", "(openings=standard)", "(variant=chess960)", "(max_turns=9)", "(openings='one.epd')"]
)
def test_every_match_is_read_back_as_it_was_played(config, command, games_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.epd").write_text(SICILIAN)
    command("run", "random", "greedy", "--games", f"chess{config} or tictactoe", "-n", "12", "--seed", "7", "-q")
    games = games_of(command("pgn").stdout)
    bare = games_of(command("pgn", "--bare").stdout)
    assert [list(game.mainline_moves()) for game in bare] == [list(game.mainline_moves()) for game in games]
    assert not any(node.comment for game in bare for node in [game, *game.mainline()])
    with evalengine.open_run(tmp_path / ".evalengine/arena.db") as run:
        matches = list(run.stored_matches("chess"))
        for match, game in zip(matches, games, strict=True):
            *_, last = match.replayed()
            view = last.state.view(0)
            assert game.end().board().fen() == view["fen"]
            assert [move.uci() for move in game.mainline_moves()] == view["moves"]
            assert game.board().fen() == view["start_fen"]
            headers = game.headers
            assert (headers["White"], headers["Black"]) == tuple(match.agents)
            assert headers["Result"] == RESULTS[match.result.places]
            assert headers["PlyCount"] == str(len(view["moves"]))
            assert headers["Round"] == str(match.spec.rotation + 1)
            assert ("FEN" in headers) == (view["start_fen"] != chess.STARTING_FEN)
            assert (headers.get("Variant") == "Chess960") == (view["variant"] == "chess960")
            assert headers["TimeControl"] == "-", "bundled agents have no limits"
            ended = {"rules": "normal", "turn_limit": "adjudication"}[match.result.termination]
            assert headers["Termination"] == ended
            assert game.end().comment.endswith(last.state.ending or "the limit of moves")
            thought = [node.emt() for node in game.mainline() if node.emt() is not None]
            assert thought == pytest.approx([us / 1e6 for us in match.think_us], abs=0.001)
    outcome = games[0].end().board().outcome()
    assert outcome is None or outcome.result() == games[0].headers["Result"]


def test_export_pgn_writes_chess_as_this_command_does_and_other_games_beside_it(command, games_of):
    command("run", "random", "greedy", "--games", "chess(max_turns=9) or tictactoe", "-n", "8", "--seed", "7", "-q")
    chess_alone = command("export", "pgn", "--game", "chess", "-o", "-").stdout
    assert chess_alone == command("pgn").stdout
    assert len(games_of(chess_alone)) == 4
    every = command("export", "pgn", "-o", "-").stdout
    assert every.count("[Event ") == 8
    hidden = command("export", "pgn", "--game", "chess", "--anonymous", "-o", "-").stdout
    assert not re.search("random-|greedy", hidden)
    assert [list(game.mainline_moves()) for game in games_of(hidden)] == [
        list(game.mainline_moves()) for game in games_of(chess_alone)
    ]


def test_the_seven_tags_come_first_and_in_their_order(command):
    command("run", "random", "greedy", "--games", "chess(max_turns=6)", "-n", "2", "-q")
    first, *_ = command("pgn").stdout.split("\n\n")
    assert re.findall(r"^\[(\w+) \".*\"\]$", first, re.MULTILINE)[:7] == ROSTER
    assert re.search(r'^\[Date "\d{4}\.\d\d\.\d\d"\]$', first, re.MULTILINE)


@pytest.mark.parametrize("kind", LOSERS)
def test_a_fault_is_told_as_pgn_tells_it(kind, command, games_of, tmp_path):
    (tmp_path / "loser.py").write_text(LOSERS[kind])
    command(
        "run",
        "loser.py",
        "random",
        "--games",
        "chess",
        "--turn-s",
        "0.5",
        "-n",
        "2",
        "--seed",
        "5",
        "--opening",
        "none",
        "-q",
    )
    for game in games_of(command("pgn").stdout):
        loser = "White" if game.headers["White"] == "loser" else "Black"
        assert game.headers["Result"] == ("0-1" if loser == "White" else "1-0")
        assert game.headers["Termination"] == KINDS[kind]
        assert game.headers["TimeControl"] == "1/0.5"
        assert f"{loser}: {kind}, " in game.end().comment
        assert not game.end().clock(), "what an agent wrote is no command"
        assert game.end().ply() in (4, 5)


INFO = """
from evalengine import Answer
INFOS = [
    {"depth": 12, "cp": 31, "nodes": 200, "pv": "e2e4 e7e5"},
    {"depth": 9, "mate": -3},
    "} 1. e4 {[%clk 0:00:01] \\x1b[31m \\u2654",
    None,
    {"cp": "much", "depth": [1, 2]},
    7,
    {"cp": -5},
]
def act(observation):
    return Answer(observation.legal[0], INFOS[observation.turn // 2 % len(INFOS)])
"""


def test_what_engines_say_stands_beside_their_moves(games_of, tmp_path):
    names = {}
    exec(INFO, names)
    db = tmp_path / "arena.db"
    evalengine.run("chess(max_turns=16)", [names["act"], "random"], n=1, seed=1, db=db, opening="none")
    with evalengine.open_run(db) as run:
        (match,) = run.stored_matches()
        text = text_of_match(match)
    (game,) = games_of(text)
    said = [re.sub(r" ?\[%emt [^]]*\]", "", node.comment) for node in game.mainline()]
    mine = said[0::2] if game.headers["White"] == "act" else said[1::2]
    assert mine[:7] == [
        "+0.31/12 nodes 200",
        "-M3/9",
        ") 1. e4 ((%clk 0:00:01)  (31m \N{WHITE CHESS KING}",
        "",
        "cp much, depth (1, 2)",
        "7",
        "-0.05",
    ]
    assert all(node.clock() is None for node in game.mainline())


def test_a_file_is_written_in_utf_8_and_only_when_there_is_chess(command, games_of, tmp_path):
    command("run", "random", "greedy", "--games", "chess(max_turns=6)", "-n", "4", "-q")
    command("run", "random", "greedy", "--games", "tictactoe", "-n", "2", "-q")
    said = command("pgn", "1", "-o", "out.pgn")
    assert said.stdout == ""
    before = (tmp_path / "out.pgn").read_bytes()
    assert len(games_of(before.decode("utf-8"))) == 4
    assert 'no game in run 2: "chess"' in command("pgn", "-o", "out.pgn", code=4).stderr
    assert (tmp_path / "out.pgn").read_bytes() == before
    assert "has no run 9" in command("pgn", "9", code=4).stderr
    assert "no/out.pgn: No such file" in command("pgn", "1", "-o", "no/out.pgn", code=4).stderr
    assert "there is no database" in command("pgn", "--db", "other.db", code=4).stderr
    assert not (tmp_path / "other.db").exists()


def test_void_matches_are_left_out_and_counted(command, games_of, tmp_path):
    # Only the first thousand lines are checked at the start: half of the matches draw one of the others.
    (tmp_path / "long.epd").write_text(f"{SICILIAN}\n" * 1000 + "nonsense\n" * 1000)
    command(
        "run",
        "random",
        "greedy",
        "--games",
        "chess(openings='long.epd', max_turns=4)",
        "--seed",
        "3",
        "-n",
        "40",
        "-q",
        code=1,
    )
    with sqlite3.connect(tmp_path / ".evalengine/arena.db") as db:
        ((voids,),) = db.execute("select count(*) from v_matches where termination = 'void'")
    assert 0 < voids < 40
    done = command("pgn")
    assert done.stderr == f"{voids} void matches left out: nobody won or lost them\n"
    assert len(games_of(done.stdout)) == 40 - voids


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (None, "-"),
        (Limits(turn_s=None), "-"),
        (Limits(turn_s=2.0), "1/2"),
        (Limits(turn_s=0.1), "1/0.1"),
        (Limits(turn_s=2.0, match_s=300.0), "300"),
        (Limits(turn_s=None, match_s=300.0, increment_s=2.5), "300+2.5"),
    ],
)
def test_limits_of_time_are_written_as_pgn_does(limits, text):
    assert time_control(limits) == text


def test_texts_in_tags_are_escaped(command, games_of, tmp_path):
    name = 'a "b\\c.epd'
    (tmp_path / name).write_text(SICILIAN)
    ref = f"chess(openings={name!r}, max_turns=4)"
    command("run", "random", "greedy", "--games", ref, "-n", "2", "-q")
    text = command("pgn").stdout
    assert len(games_of(text)) == 2
    (first, *_) = re.findall(r'^\[MatchId "(.*)"\]$', text, re.MULTILINE)
    assert '\\"b' in first
    assert not re.search(r'(?<!\\)(\\\\)*"', first)
