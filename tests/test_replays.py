"""Stored runs are opened and their matches read back, from Python; and only with the games they were played with."""

import sqlite3
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest

import evalengine
from evalengine import Answer, Limits, MatchSpec
from evalengine.errors import StoreError, UnknownNameError
from evalengine.model import AgentSpec
from evalengine.plugins import Plugins
from evalengine.worker import Orders, Worker

LOSER = "def act(observation):\n    raise ValueError('on purpose')\n"

SIZED = dedent(
    """
    from dataclasses import replace
    from pathlib import Path

    from evalengine import Game, GameSpec, State, hookimpl


    class Steps(State):
        def __init__(self, left):
            self.left = left

        def to_move(self):
            return [self.left % 2] if self.left else []

        def legal(self, seat):
            return [1]

        def view(self, seat):
            return self.left

        def apply(self, actions, rng):
            return Steps(self.left - 1)

        def scores(self):
            return (0.0, 0.0)


    class Sized(Game):
        def __init__(self, file):
            self.size = int(Path(file).read_text())

        def adapt(self, spec):
            return replace(spec, version=f"{spec.version}+{self.size}")

        def initial(self, seats, rng):
            return Steps(self.size)


    @hookimpl
    def evalengine_games():
        config = {"file": {"type": "string", "default": "size.txt"}}
        return [GameSpec(name="sized", version="7", doc="Steps.", factory="sized:Sized", config=config, max_turns=99)]
    """
)


def talker(observation):
    return Answer(observation.legal[0], {"turn": observation.turn})


@pytest.fixture
def db(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loser.py").write_text(LOSER)
    path = tmp_path / "arena.db"
    limits = Limits(turn_s=5.0)
    evalengine.run("tictactoe or connect4", [talker, "random", "loser.py"], rounds=2, seed=4, db=path, limits=limits)
    return path


def test_a_stored_match_is_all_that_is_known_of_it(db):
    with evalengine.open_run(db) as run:
        matches = list(run.stored_matches())
        assert [match.spec.match_no for match in matches] == list(range(2 * 3 * 2 * 2))
        for match, record in zip(matches, run.matches, strict=True):
            assert (match.run, match.name, match.agents) == (1, record["id"], record["agents"])
            assert match.started > 1e9
            *_, last = match.replayed()
            assert last.result._replace(faults=()) == match.result._replace(faults=())
            assert match.result.termination == record["termination"]
            opening = len(match.turns) - len(match.think_us)
            assert opening == match.spec.opening
            mine = match.agents.index("talker") if "talker" in match.agents else None
            asked = [turn for turn in range(opening, match.result.turns) if turn % 2 == mine]
            assert [(turn, info) for turn, _, info in match.infos] == [(turn, {"turn": turn}) for turn in asked]
            if "loser" in match.agents:
                assert match.limits == Limits(turn_s=5.0)
                ((_, seat, fault),) = match.result.faults
                assert (match.agents[seat], fault.kind) == ("loser", "crash")
                assert "on purpose" in fault.detail
            else:
                assert (match.limits, match.result.faults) == (None, ())


def test_matches_of_one_game_are_read_alone(db):
    with evalengine.open_run(str(db), 1) as run:
        assert {match.game.spec.name for match in run.stored_matches("connect4")} == {"connect4"}
        assert sum(1 for _ in run.stored_matches("connect4")) == 12
        with pytest.raises(UnknownNameError, match=r'no game in run 1: "conect4"\. Did you mean "connect4"'):
            run.stored_matches("conect4")


def test_what_cannot_be_opened_is_said_and_nothing_is_made(db, tmp_path):
    with pytest.raises(StoreError, match="has no run 5"), evalengine.open_run(db, 5):
        pass
    with pytest.raises(StoreError, match="there is no database"), evalengine.open_run(tmp_path / "other.db"):
        pass
    assert not (tmp_path / "other.db").exists()


def test_a_file_that_a_game_reads_is_part_of_its_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("sized.py").write_text(SIZED)
    Path("size.txt").write_text("5")
    evalengine.run("./sized.py", ["random", "again=random"], n=2, db="arena.db")
    with closing(sqlite3.connect("arena.db")) as found:
        assert found.execute("select name, version from game").fetchall() == [("sized", "7+5")]
    with evalengine.open_run("arena.db") as run:
        assert [match.result.turns for match in run.stored_matches()] == [5, 5]
    Path("size.txt").write_text("6")
    with pytest.raises(StoreError, match=r"version 7\+5 of 'sized', here it is 7\+6"), evalengine.open_run("arena.db"):
        pass


def test_a_worker_that_finds_another_file_than_the_run_plays_nothing_with_it():
    agents = (AgentSpec(name="random", factory="evalengine.builtin.simple:Random"),)
    game = (Plugins().games()["tictactoe"], {})
    for version, termination in (("1", "rules"), ("1+other", "void")):
        worker = Worker(Orders(games=(game,), agents=agents, limits=Limits(), versions=(version,)))
        row = worker.play(MatchSpec(0, 0, 0, 3, (0, 0)))
        worker.close()
        assert row.termination == termination
        assert ("was version 1+other when the run began and is 1 now" in row.error) == (termination == "void")
