"""What is said to engines and how they are understood, word for word; without any process."""

from __future__ import annotations

import pytest

from evalengine.dialects.gtp import Gtp
from evalengine.dialects.uci import Uci
from evalengine.dialects.xboard import XBoard
from evalengine.model import MatchResult
from evalengine.talk import Question, TalkError

START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
SILENCE = object()  # the engine says nothing within the time that the dialect gives it
LIMITS = {"turn_s": 2.0, "match_s": None, "increment_s": 0.0}


class Engine:
    """A dialect with what is heard of its engine given, and what is said to it kept."""

    def __init__(self, kind, options=None, **told):
        self.dialect = kind({**LIMITS, **told}, options or {})

    def talk(self, talk, *heard):
        """Go through a talk; return (its value, the lines that were said)."""
        said, lines = [], iter(heard)
        try:
            pause_s = next(talk)
            while True:
                said += self.dialect.take().decode().splitlines()
                line = next(lines, None)
                assert line is not None, f"still waiting after {said}"
                if line is SILENCE:
                    assert pause_s is not None
                    pause_s = talk.throw(TimeoutError())
                else:
                    pause_s = talk.send(line)
        except StopIteration as done:
            said += self.dialect.take().decode().splitlines()
            assert next(lines, None) is None, "more lines than were waited for"
            return done.value, said

    def start(self, *heard):
        return self.talk(self.dialect.start(), *heard)[1]

    def ask(self, view, legal, *heard, seat=0, turn_s=2.0, match_s=None):
        question = Question(Asked(view, legal, seat), str, turn_s, match_s)
        (action, info), said = self.talk(self.dialect.ask(question), *heard)
        return action, info, said


class Asked:
    """A request whose view and actions are given."""

    _entries = None

    def __init__(self, view, legal, seat):
        self.view, self.legal, self.turn, self.seat = view, legal, 0, seat


def chess(*moves, start=START, variant="chess"):
    return {"fen": start, "start_fen": start, "moves": list(moves), "variant": variant}


# ------------------------------------------------------------------------------------------ uci


def uci(*options, **more):
    engine = Engine(Uci, **more)
    engine.start(*[f"option name {option}" for option in options], "uciok", "readyok")
    return engine


def test_uci_names_a_position_by_where_it_began_and_the_moves_since():
    engine = uci()
    action, info, said = engine.ask(chess(), ["e2e4"], "info depth 3 seldepth 9 score cp 31 nodes 88 nps 9 time 1 pv "
                                    "e2e4 e7e5", "info string done", "bestmove e2e4 ponder e7e5")  # fmt: skip
    assert (action, info) == ("e2e4", {"depth": 3, "cp": 31, "nodes": 88, "pv": "e2e4 e7e5"})
    assert said == ["position startpos", "go movetime 1780"]
    fen = "8/8/8/4k3/8/4K3/8/R7 b - - 0 1"
    assert engine.ask(chess("e5d5", start=fen), ["a1a2"], "bestmove a1a2")[2][0] == f"position fen {fen} moves e5d5"


@pytest.mark.parametrize(
    ("limits", "go"),
    [
        ({"turn_s": 0.1}, "go movetime 70"),
        ({"turn_s": None, "match_s": 60.0}, "go wtime 53980 btime 53980"),
        ({"turn_s": 2.0, "match_s": 10.0}, "go movetime 430"),
        ({"turn_s": None, "match_s": 0.0}, "go wtime 1 btime 1"),
        ({"turn_s": None}, "go movetime 1000"),
    ],
)
def test_uci_thinks_as_long_as_the_limits_allow(limits, go):
    assert uci().ask(chess(), ["e2e4"], "bestmove e2e4", **limits)[2][1] == go


@pytest.mark.parametrize(
    ("limits", "go"),
    [
        ({"turn_s": None, "match_s": 60.0}, "go wtime 53980 btime 53980 winc 1780 binc 1780"),
        ({"turn_s": 5.0, "match_s": 60.0}, "go movetime 4480"),  # a twentieth of 60 s, and 2 s
        ({"turn_s": 4.0, "match_s": 60.0}, "go movetime 3580"),  # no more than the turn's limit
        ({"turn_s": 4.0, "match_s": 1.0}, "go movetime 880"),  # no more than is left
    ],
)
def test_uci_is_told_of_increments(limits, go):
    assert uci(increment_s=2.0).ask(chess(), ["e2e4"], "bestmove e2e4", **limits)[2][1] == go


def test_uci_understands_odd_lines():
    lines = ["", "info depth x nodes ² score cp pv e2e4", "info depth 9 multipv 2 score mate -3 pv d2d4", "\x1b[31m",
             "information", "  bestmove\tE2E4 \r"]  # fmt: skip
    assert uci().ask(chess(), ["e2e4"], *lines)[:2] == ("e2e4", {"pv": "e2e4"})


def test_uci_chooses_the_rules_of_the_game():
    engine = uci("UCI_Variant type combo default chess var atomic var chess", "UCI_Chess960 type check default false")
    assert engine.ask(chess(variant="standard"), ["e2e4"], "bestmove e2e4")[2][0].startswith("position")
    said = engine.ask(chess(variant="atomic"), ["e2e4"], "readyok", "bestmove e2e4")[2]
    assert said[:3] == ["setoption name UCI_Variant value atomic", "ucinewgame", "isready"]
    assert engine.ask(chess(variant="atomic"), ["e2e4"], "bestmove e2e4")[2][0].startswith("position")
    said = engine.ask(chess(variant="chess960"), ["e2e4"], "readyok", "bestmove e2e4")[2]
    assert said[0] == "setoption name UCI_Chess960 value true"
    with pytest.raises(TalkError, match="the engine's option 'UCI_Variant' is one of atomic, chess, not 'shogi'"):
        engine.ask(chess(variant="shogi"), ["e2e4"])
    with pytest.raises(TalkError, match="the engine has no option 'UCI_Chess960'"):
        uci().ask(chess(variant="chess960"), ["e2e4"])


# --------------------------------------------------------------------------------------- xboard

MODERN = ['feature ping=1 setboard=1 usermove=1 colors=0 myname="A B 1.0"', "feature done=1"]  # fmt: skip


def xboard(*features, options=None, **told):
    engine = Engine(XBoard, options, **told)
    return engine, engine.start(*features)


def test_xboard_answers_each_feature():
    heard = ["Chess 1.0", "feature ping=1 san=1 setboard=0 foo=2", 'feature option="Opening Book -check 1" done=1']
    _, said = xboard(*heard, "pong 1", options={"Opening Book": "0"})
    assert said == [
        "xboard", "protover 2",
        "accepted ping", "rejected san", "accepted setboard", "rejected foo", "accepted option", "accepted done",
        "option Opening Book=0",
        "new", "force", "easy", "post", "level 0 0:14 0", "ping 1",
    ]  # fmt: skip


def test_xboard_waits_for_a_slow_start_and_not_for_an_old_engine():
    assert xboard("feature done=0", "loading", 'feature myname="x" done=1')[1][:3] == ["xboard", "protover 2",
                                                                                     "accepted done"]  # fmt: skip
    assert xboard("Old Engine 3.1", SILENCE)[1] == [
        "xboard", "protover 2", "new", "force", "easy", "post", "level 0 0:14 0",
    ]  # fmt: skip


def test_xboard_tells_the_new_moves_only():
    engine, _ = xboard(*MODERN, "pong 1")
    action, info, said = engine.ask(chess(), ["e2e4"], " 5 31 12 4000 e4 e5", "# noise", "move e2e4")
    assert (action, info) == ("e2e4", {"depth": 5, "cp": 31, "nodes": 4000, "pv": "e4 e5"})
    assert said == ["time 1438", "otim 1438", "go"]
    said = engine.ask(chess("e2e4", "e7e5"), ["g1f3"], "move g1f3")[2]
    assert said == ["time 1438", "otim 1438", "usermove e7e5"]
    # Another move than its own was played in its name: all anew.
    said = engine.ask(chess("e2e4", "e7e5", "d2d4", "e5d4"), ["d1d4"], "move d1d4")[2]
    assert said[0] == "new"
    assert said[5:] == [*(f"usermove {move}" for move in ["e2e4", "e7e5", "d2d4", "e5d4"]), "time 1438", "otim 1438",
                        "go"]  # fmt: skip


def test_xboard_knows_old_engines():
    engine, _ = xboard("hello", SILENCE)
    for line in ("1. ... e7e5", "My move is: e7e5", "move e7e5"):
        action, _, said = engine.ask(chess("e2e4"), ["e7e5"], line, seat=1)
        assert action == "e7e5"
        assert said[-2:] == ["black", "go"]
        engine.dialect._from = ""
    assert engine.ask(chess("e2e4"), ["e8g8", "e7e8q"], "move O-O", seat=1)[0] == "e8g8"
    engine.dialect._from = ""
    assert engine.ask(chess(), ["e7e8q", "e1c1"], "move 0-0-0")[0] == "e1c1"
    assert engine.ask(chess("e1c1", "a7a6"), ["e7e8q"], "move e7e8=Q")[0] == "e7e8q"


def test_xboard_sets_up_positions_with_and_without_setboard():
    fen = "8/8/8/4k3/8/4K3/8/R7 b - - 0 1"
    engine, _ = xboard(*MODERN, "pong 1")
    assert f"setboard {fen}" in engine.ask(chess(start=fen), ["e5d5"], "move e5d5")[2]
    engine, _ = xboard("feature usermove=1 done=1")
    said = engine.ask(chess(start=fen), ["e5d5"], "move e5d5")[2]
    assert said[5:12] == ["usermove a2a3", "edit", "#", "Ke3", "Ra1", "c", "Ke5"]
    assert said[12:] == [".", "time 1438", "otim 1438", "black", "go"]


@pytest.mark.parametrize(
    ("options", "limits", "told"),
    [
        ({"depth": "7"}, {}, "sd 7"),
        ({"movetime_ms": "2500"}, {}, "st 2"),
        ({}, {"turn_s": None, "match_s": 600.0}, "level 0 8:59 0"),
        ({}, {"turn_s": None, "match_s": 600.0, "increment_s": 2.0}, "level 0 8:59 1.78"),
        ({}, {"turn_s": 3.0, "match_s": 600.0, "increment_s": 1.0}, "level 0 0:14 0.88"),  # eight times 3 s less 1 s
        ({}, {"turn_s": 2.0, "match_s": 600.0, "increment_s": 5.0}, "level 0 0:07 0.88"),
        ({}, {"turn_s": 2.0, "match_s": 5.0, "increment_s": 0.1}, "level 0 0:04 0.07"),
        ({}, {"turn_s": None}, "st 1"),
        ({"memory": "64"}, {}, "memory 64"),
    ],
)
def test_xboard_is_told_how_long_to_think(options, limits, told):
    assert told in xboard("feature memory=1 done=1", options=options, **limits)[1]


@pytest.mark.parametrize(
    ("heard", "why", "kind"),
    [
        (["Illegal move: e2e4"], "it refuses what the game did", "protocol"),
        (["resign"], "it gave up: 'resign'", "illegal"),
        (["1/2-1/2 {Draw by repetition}", "# well", SILENCE], "it ended the match by itself", "protocol"),
        (["0-1 {White resigns}", SILENCE], "it ended the match by itself", "protocol"),
        (["move e2e5"], "'e2e5': not a legal action", "illegal"),
    ],
)
def test_xboard_engines_that_do_not_move(heard, why, kind):
    engine, _ = xboard(*MODERN, "pong 1")
    with pytest.raises(TalkError) as caught:
        engine.ask(chess(), ["e2e4"], *heard)
    assert (caught.value.why, caught.value.kind) == (why, kind)
    assert engine.ask(chess(), ["e2e4"], "1/2-1/2 {of the last match}", "move e2e4")[0] == "e2e4"


@pytest.mark.parametrize("line", ["Illegal move: sd 4", "Error (unknown command): sd"])
def test_xboard_engines_that_do_not_know_a_limit_are_told(line):
    with pytest.raises(TalkError, match="it refuses how long to think"):
        xboard("feature ping=1 done=1", "Error (unknown command): easy", line, options={"depth": "4"})


def test_xboard_refuses_what_the_engine_does_not_declare():
    with pytest.raises(TalkError, match="the engine has no option 'Hash'; it declares 'Style', 'Depth'"):
        xboard('feature option="Style -combo a /// b" option="Depth -spin 1 0 9" done=1', options={"Hash": "1"})
    with pytest.raises(TalkError, match="the engine does not play 'atomic'; it plays normal, crazyhouse"):
        xboard('feature variants="normal,crazyhouse" done=1')[0].ask(chess(variant="atomic"), ["e2e4"])
    said = xboard('feature variants="normal,crazyhouse" done=1')[0].ask(chess(variant="crazyhouse"), ["e2e4"],
                                                                        "move e2e4")[2]  # fmt: skip
    assert said[:2] == ["new", "variant crazyhouse"]


def test_xboard_tells_the_result():
    engine, _ = xboard(*MODERN, "pong 1")
    for scores, told in (((1.0, -1.0), "1-0"), ((-1.0, 1.0), "0-1"), ((0.0, 0.0), "1/2-1/2")):
        engine.dialect.end(MatchResult(scores, (1, 1), "rules", 3))
        engine.dialect.leave()
        assert engine.dialect.take().decode().splitlines() == [f"result {told} {{the match is over}}", "quit"]


# ------------------------------------------------------------------------------------------ gtp


def go(*moves, **more):
    return {"size": 9, "komi": 7.5, "moves": [list(move) for move in moves], **more}


def gtp(*commands, options=None, **told):
    engine = Engine(Gtp, options, **told)
    return engine, engine.start("=1 genmove", *commands, "")


def oks(first, *answers):
    """Return answers to the commands from number `first` on, each with its empty line."""
    return [line for number, answer in enumerate(answers, first) for line in (f"={number} {answer}", "")]


def test_gtp_tells_the_new_moves_only():
    engine, said = gtp("time_settings", "time_left")
    assert said == ["1 list_commands"]
    action, info, said = engine.ask(go(), ["D4", "pass"], *oks(2, "", "", "", "", "d4"))
    assert (action, info) == ("D4", None)
    assert said == ["2 boardsize 9", "3 clear_board", "4 komi 7.5", "5 time_settings 0 1 1", "6 genmove b"]
    said = engine.ask(go(("b", "D4"), ("w", "E5")), ["pass"], *oks(7, "", "PASS"))[2]
    assert said == ["7 play w e5", "8 genmove b"]
    # Another move than its own was played in its name: all anew.
    said = engine.ask(go(("b", "D4"), ("w", "E5"), ("B", "A1"), ("W", "A2")), ["pass"],
                      *oks(9, "", "", "", "", "", "", "", "", "pass"))[2]  # fmt: skip
    assert said[0] == "9 boardsize 9"
    assert said[4:] == ["13 play b d4", "14 play w e5", "15 play b a1", "16 play w a2", "17 genmove b"]


def test_gtp_plays_the_colour_of_its_seat_or_as_the_game_says():
    assert gtp()[0].ask(go(), ["A1"], *oks(2, "", "", "", "A1"), seat=1)[2][-1] == "5 genmove w"
    assert gtp()[0].ask(go(to_play="W"), ["A1"], *oks(2, "", "", "", "A1"))[2][-1] == "5 genmove w"


def test_gtp_understands_odd_answers():
    engine, _ = gtp("known_command", "a", "b", "c")
    heard = ["", "\r", "=1 late", "", "=2", "", "=  ", "", "=4\t\x07", "\r", "= A1", "some more", ""]
    assert engine.ask(go(), ["A1\nsome more"], *heard)[0] == "A1\nsome more"


def test_gtp_tells_rules_and_clocks_that_the_engine_takes():
    engine, _ = gtp("kgs-rules", "time_left", "time_settings", turn_s=None, match_s=100.0)
    said = engine.ask(go(rules="chinese"), ["A1"], *oks(2, "", "", "", "", "", "", "A1"), turn_s=None, match_s=90.0)[2]
    assert said[3:] == ["5 kgs-rules chinese", "6 time_settings 89 0 0", "7 time_left b 80 0", "8 genmove b"]
    limits = {"turn_s": None, "match_s": 100.0, "increment_s": 10.0}
    engine, _ = gtp("time_left", "time_settings", **limits)
    heard = oks(2, "", "", "", "", "", "A1")
    assert engine.ask(go(), ["A1"], *heard, turn_s=None, match_s=100.0)[2][3:5] == [
        "5 time_settings 89 8 1", "6 time_left b 89 0",
    ]  # fmt: skip
    said = engine.ask(go(("b", "A1"), ("w", "A2")), ["A3"], *oks(8, "", "", "A3"), turn_s=None, match_s=8.0)[2]
    assert said[1] == "9 time_left b 7 1", "what is left is the increment"
    engine, _ = gtp("kata-set-rules")
    assert (
        '5 kata-set-rules {"ko": "SIMPLE"}'
        in engine.ask(go(rules={"ko": "SIMPLE"}), ["A1"], *oks(2, "", "", "", "", "A1"))[2]
    )


@pytest.mark.parametrize(
    ("heard", "why", "kind"),
    [
        (oks(2, "", "", "", "resign"), "it gave up: 'resign'", "illegal"),
        (oks(2, "", "", "", "Z9"), "'Z9': not a legal action", "illegal"),
        (oks(2, "", "", "", ""), "no move in", "protocol"),
        (["?2 unacceptable size", ""], "the engine fails 'boardsize 9': 'unacceptable size'", "protocol"),
        (["hello"], "no answer to boardsize", "protocol"),
        (["=2", *["x"] * 10_001], "an answer of more than 10000 lines", "protocol"),
    ],
)
def test_gtp_engines_that_do_not_move(heard, why, kind):
    with pytest.raises(TalkError) as caught:
        gtp()[0].ask(go(), ["A1"], *heard)
    assert (caught.value.why, caught.value.kind) == (why, kind)


def test_gtp_options_are_commands():
    engine = Engine(Gtp, {"level": "3", "clear_cache": ""})
    assert engine.start("=1 level", "clear_cache", "", *oks(2, "", "")) == [
        "1 list_commands", "2 level 3", "3 clear_cache",
    ]  # fmt: skip
    with pytest.raises(TalkError, match="the engine has no command 'level'"):
        Engine(Gtp, {"level": "3"}).start("=1 genmove", "")
