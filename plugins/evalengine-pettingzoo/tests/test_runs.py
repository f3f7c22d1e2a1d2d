"""Whole runs, with worker processes, agents from outside and what can go wrong."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from textwrap import dedent

import evalengine_pettingzoo
import pytest

import evalengine
import evalengine_games

OWN = Path(__file__).with_name("own_environments.py")
CLASSIC = ("tictactoe_v3", "connect_four_v3", "leduc_holdem_v4", "texas_holdem_v4", "rps_v2")
GAMES = " or ".join([*(f"pettingzoo:classic/{name}" for name in CLASSIC), "pettingzoo:mpe2/simple_push_v3"])
SEED = 1 << 60


def board(run):
    return [(line.agent, line.rating, line.sigma, line.wins, line.draws, line.losses) for line in run.standings]


def test_standings_do_not_depend_on_the_number_of_workers(tmp_path):
    boards = []
    for workers in (1, 2, 4):
        run = evalengine.run(
            GAMES, ["random", "first"], n=60, seed=SEED, workers=workers, db=tmp_path / f"{workers}.db"
        )
        assert (run.state, run.voids, run.played) == ("done", 0, 60)
        boards.append(board(run))
    assert boards[0] == boards[1] == boards[2]


@pytest.mark.slow
def test_pictures_and_agents_that_are_out_do_not_change_that(tmp_path):
    games = (
        "pettingzoo:butterfly/cooperative_pong_v6(options={'max_cycles': 15}) or "
        "pettingzoo:butterfly/knights_archers_zombies_v11(options={'max_cycles': 50})"
    )
    agents = ["random", "first", "a=random", "b=first"]
    boards = []
    for workers in (1, 2, 4):
        run = evalengine.run(games, agents, rounds=1, seed=SEED, workers=workers, db=tmp_path / f"{workers}.db")
        assert (run.state, run.voids) == ("done", 0)
        boards.append(board(run))
    assert boards[0] == boards[1] == boards[2]


def test_an_agent_samples_spaces_that_nobody_can_list(tmp_path):
    boards = []
    for workers in (1, 2):
        run = evalengine.run(
            f"pettingzoo:make(env='{OWN}:Auction', options={{'bidders': 2}})",
            ["pettingzoo-random", "b=pettingzoo-random"],
            n=6,
            seed=SEED,
            workers=workers,
            db=tmp_path / f"{workers}.db",
        )
        assert (run.voids, run.played, [line.faults for line in run.standings]) == (0, 6, [0, 0])
        boards.append(board(run))
    assert boards[0] == boards[1]


def test_searching_agents_win_by_copies_of_the_environment(tmp_path):
    run = evalengine.run(
        "pettingzoo:classic/tictactoe_v3", ["minimax(depth=3)", "random"], n=20, seed=SEED, db=tmp_path / "a.db"
    )
    assert (run.voids, run.standings[0].agent) == (0, "minimax-3")
    assert run.standings[0].wins >= 12


def test_an_agent_from_outside_sees_arrays_and_bids_numbers(tmp_path):
    agent = tmp_path / "half.py"
    agent.write_text(
        dedent(
            """
            import numpy


            def act(observation):
                value = observation.view["observation"]["value"]
                assert isinstance(value, numpy.ndarray), type(value)
                assert observation.legal is None
                return [float(value[0]) / 2]
            """
        )
    )
    zero = tmp_path / "zero.py"
    zero.write_text("def act(observation):\n    return [0.0]\n")
    run = evalengine.run(
        f"pettingzoo:make(env='{OWN}:Auction', options={{'bidders': 2}})",
        [str(agent), str(zero)],
        n=4,
        seed=SEED,
        db=tmp_path / "a.db",
    )
    assert (run.voids, run.played) == (0, 4)
    assert [(line.agent, line.wins, line.faults) for line in run.standings] == [("half", 4, 0), ("zero", 0, 0)]


def test_an_environment_that_fails_voids_its_match_and_says_why(tmp_path):
    trap = tmp_path / "trap.py"
    trap.write_text("def act(observation):\n    return 3\n")
    db = tmp_path / "a.db"
    run = evalengine.run(
        f"pettingzoo:make(env='{OWN}:Survival', options={{'seats': 2}})",
        [str(trap), "random"],
        n=2,
        seed=SEED,
        db=db,
    )
    assert (run.voids, [line.faults for line in run.standings]) == (2, [0, 0])
    with sqlite3.connect(db) as stored:
        text = "\n".join(stored.iterdump())
    assert "RuntimeError: the trap broke" in text


def test_a_program_plays_in_lines_of_json(tmp_path):
    agent = tmp_path / "program.py"
    agent.write_text(
        dedent(
            """
            import json, sys
            for line in sys.stdin:
                told = json.loads(line)
                if "legal" in told:
                    assert len(told["view"]["observation"]) == 3
                    print(json.dumps({"action": told["legal"][-1]}), flush=True)
            """
        )
    )
    run = evalengine.run(
        "pettingzoo:classic/tictactoe_v3",
        [f"last=cmd:{sys.executable} {agent}", "random"],
        n=2,
        seed=SEED,
        db=tmp_path / "a.db",
    )
    assert (run.voids, run.played) == (0, 2)


def test_a_policy_that_was_trained_on_vectors_plays_in_a_run(tmp_path):
    agent = tmp_path / "policy.py"
    agent.write_text(
        dedent(
            """
            import numpy
            from evalengine_pettingzoo import to_aec

            layout = to_aec("connect4").layout
            weights = numpy.random.default_rng(1).random((7, layout.vector({"board": [0] * 42, "mark": 1}, 0).size))


            def act(observation):
                vector = layout.vector(observation.view, observation.seat)
                values = numpy.where(layout.mask(observation.legal), weights @ vector, -numpy.inf)
                return int(values.argmax())
            """
        )
    )
    # Contained agents read what is installed; a checkout that is installed in place lies elsewhere.
    places = {str(Path(module.__file__).parents[1]) for module in (evalengine, evalengine_games, evalengine_pettingzoo)}
    run = evalengine.run("connect4", [str(agent), "random"], n=4, seed=SEED, db=tmp_path / "a.db", bind=sorted(places))
    assert (run.voids, run.played, [line.faults for line in run.standings]) == (0, 4, [0, 0])
