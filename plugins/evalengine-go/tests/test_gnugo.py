"""GNU Go (Debian's `gnugo`) judges by the Go Text Protocol: legal actions, captures, and the area at the end."""

from __future__ import annotations

import os
import random
import shutil
import subprocess

import pytest

from evalengine import load_game

# Debian puts games where a daemon's PATH does not look.
PROGRAM = shutil.which("gnugo", path=os.environ.get("PATH", "") + ":/usr/games")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="gnugo is not installed")

COLOURS = ("black", "white")


class GnuGo:
    """One process of GNU Go that is asked one command at a time."""

    def __init__(self, *options):
        self._process = subprocess.Popen(
            [
                PROGRAM,
                "--mode",
                "gtp",
                "--chinese-rules",
                "--forbid-suicide",
                "--level",
                "1",
                "--capture-all-dead",
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, command):
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        lines = []
        while line := self._process.stdout.readline().rstrip("\n"):
            lines.append(line)
        assert lines[0].startswith("="), f"{command}: {lines}"
        return "\n".join(lines).lstrip("= ")

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)


@pytest.fixture(scope="module", params=["positional", "situational"])
def judge(request):
    judge = GnuGo(f"--{request.param}-superko")
    judge.superko = request.param
    yield judge
    judge.close()


def begin(judge, size, komi):
    judge.ask(f"boardsize {size}")
    judge.ask("clear_board")
    judge.ask(f"komi {komi}")
    game = load_game("go", size=size, komi=komi, superko=judge.superko)
    return game, game.initial(2, None)


def check(judge, game, state):
    seat = state.to_move()[0]
    ours = [game.action_to_str(action) for action in state.legal(seat)[:-1]]
    theirs = judge.ask(f"all_legal {COLOURS[seat]}").split()
    assert sorted(ours) == sorted(theirs)
    assert state.view(seat)["captures"] == [int(judge.ask(f"captures {colour}")) for colour in COLOURS]


def play(judge, game, state, action):
    seat = state.to_move()[0]
    judge.ask(f"play {COLOURS[seat]} {game.action_to_str(action)}")
    return state.apply({seat: action}, None)


@pytest.mark.parametrize(("size", "matches"), [(5, 12), (7, 6), (9, 3), (19, 1)])
def test_legal_actions_and_captures_are_those_of_gnugo(judge, size, matches):
    for seed in range(matches):
        rng = random.Random(seed)
        game, state = begin(judge, size, 7.5)
        for _ in range(3 * size * size):
            if not (movers := state.to_move()):
                break
            check(judge, game, state)
            legal = state.legal(movers[0])
            state = play(
                judge, game, state, rng.choice(legal[:-1] if len(legal) > 1 and rng.random() < 0.97 else legal)
            )


@pytest.mark.parametrize(("size", "matches"), [(7, 5), (9, 3), (13, 1)])
def test_the_area_is_that_of_gnugo_once_it_has_taken_all_dead_stones(judge, size, matches):
    """GNU Go plays against itself from random openings; whatever it plays is legal here too."""
    for seed in range(matches):
        rng = random.Random(seed)
        game, state = begin(judge, size, 0.5)
        for turn in range(game.spec.max_turns):
            if not (movers := state.to_move()):
                break
            if turn < 4:
                action = rng.choice(state.legal(movers[0])[:-1])
            else:
                action = by_vertex(game, judge.ask(f"reg_genmove {COLOURS[movers[0]]}"))
            assert state.refuse(movers[0], action) is None
            state = play(judge, game, state, action)
        assert not state.to_move()
        assert not judge.ask("final_status_list dead")
        black, white = state.area()
        lead = black - white - 0.5
        assert judge.ask("final_score") == f"{'B' if lead > 0 else 'W'}+{abs(lead)}"
        assert state.scores()[0] == (1.0 if lead > 0 else -1.0)


def by_vertex(game, vertex):
    actions = range(game.config["size"] ** 2 + 1)
    return next(action for action in actions if game.action_to_str(action).upper() == vertex.upper())
