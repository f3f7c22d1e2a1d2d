"""`run --add`: the newcomer's matches are played, all others are taken from the run before."""

import json
import shutil

import pytest
from runs import Here, Place, ended, until

BASE = ("run", "one.py", "random", "greedy", "--games", "tictactoe or connect4", "--seed", "5")
JSON = ("--format", "json")
ONE = "def act(observation):\n    return observation.legal[0]\n"


@pytest.fixture
def place(tmp_path, capsys, monkeypatch):
    made = Here(tmp_path / "run", capsys, monkeypatch)
    (made.folder / "one.py").write_text(ONE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def one_round(tmp_path_factory):
    """A run of one round, played once for all tests."""
    made = Place(tmp_path_factory.mktemp("one_round") / "run")
    (made.folder / "one.py").write_text(ONE)
    made.run(*BASE, "--rounds", "1")
    yield made.db.parent
    made.close()


@pytest.fixture
def played(place, one_round):
    """A place where that run was played."""
    shutil.copytree(one_round, place.db.parent)
    return place


def matches(place, run):
    columns = "id & 1099511627775, game_no, rotation, seed, key, seats, actions, turns, started"
    return place.rows(f"select {columns} from match where id >> 40 = {run} order by id")


def names(place, run):
    return [name for (name,) in place.rows(f"select name from agent where run = {run} order by agent_no")]


@pytest.mark.parametrize("more", [("--rounds", "4"), ("-n", "51"), ("--pairing", "swiss", "--rounds", "3")])
def test_only_the_newcomers_matches_are_played(place, more):
    place.run(*BASE, *more, "--workers", "2")
    told = json.loads(place.run("run", "--add", "minimax(depth=1)", *JSON).stdout)
    before, after = matches(place, 1), matches(place, 2)
    assert after[: len(before)] == before  # when they began, too
    own = after[len(before) :]
    newcomer = names(place, 2).index("minimax-1")
    assert own
    assert all(newcomer in [seat[0] for seat in json.loads(row[5])] for row in own)
    assert told["matches"] == len(after) == len({row[4] for row in after})
    assert sum(line["matches"] for line in told["standings"]) == 2 * len(after)


def test_a_run_with_an_agent_added_is_rated_like_one_that_played_all(place):
    place.run(*BASE, "--rounds", "4")
    place.run("run", "--add", "minimax(depth=1)")
    place.run("run", "one.py", "random", "greedy", "minimax(depth=1)", *BASE[4:], "--rounds", "4")
    sql = "select agent_no, matches, wins, draws, losses from tally where run = {} order by game_no, agent_no"
    assert place.rows(sql.format(2)) == place.rows(sql.format(3))
    assert sorted(row[4] for row in matches(place, 2)) == sorted(row[4] for row in matches(place, 3))


def test_matches_of_an_agent_that_changed_are_played_again(place):
    place.run(*BASE, "--rounds", "2")
    (place.folder / "one.py").write_text(ONE.replace("[0]", "[-1]"))
    place.run("run", "--add", "minimax(depth=1)")
    before, after = matches(place, 1), matches(place, 2)
    for was, now in zip(before, after, strict=False):
        changed = 0 in [seat[0] for seat in json.loads(was[5])]
        assert (was[4] != now[4]) == changed
        assert (was[8] != now[8]) == changed


def test_a_killed_run_with_an_agent_added_is_resumed(place):
    place.run(*BASE, "--rounds", "20")
    process = place.start("run", "--add", "minimax(depth=1)", "--workers", "1")
    until(lambda: len(matches(place, 2)) > 30 or process.poll() is not None)
    process.kill()
    ended(process, None)
    until(lambda: not place.processes(), 10)
    place.run("run", "--resume")
    again = matches(place, 2)
    place.run("run", "--resume", "1")
    assert [row[0] for row in again] == list(range(480))
    assert again[:240] == matches(place, 1)
    assert len({row[4] for row in again}) == 480


def test_options_that_would_change_the_plan_are_refused(played):
    assert "leave it out" in played.run("run", "--add", "minimax", "-n", "5", code=4).stderr
    assert "give one" in played.run("run", "--add", "minimax", "--lf", code=4).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--add", "greedy"), "run 1 has an agent 'greedy' already: name the newcomer, as in --add new=greedy"),
        (("--add", "one.py"), "run 1 has an agent 'one' already: name the newcomer, as in --add new=one.py"),
        (("--add", "one=minimax"), "run 1 has an agent 'one' already: name the newcomer, as in --add new=minimax"),
        (("--add", "minimx"), 'no agent "minimx". Did you mean "minimax"?'),
        (("--add", "none.py"), "there is no file or folder 'none.py'"),
        (("--add", "minimax", "--add", "x=random"), "--add takes one agent, not minimax, x=random"),
        (("--add", "minimax", "x=random"), "--add takes one agent, not minimax, x=random"),
        (
            ("--add", "minimax", "--games", "hex"),
            "takes --games from the last run: leave it out, or begin a run without",
        ),
        (("--add", "minimax", "--db", "none.db"), "there is no database 'none.db' yet"),
    ],
)
def test_what_cannot_be_added_is_told_in_one_line(played, arguments, told):
    (line,) = played.run("run", *arguments, code=4).stderr.splitlines()
    assert told in line
    assert played.rows("select count(*) from run") == [(1,)]


def test_an_agent_of_the_run_before_that_is_gone_is_told_of(played):
    (played.folder / "one.py").unlink()
    (line,) = played.run("run", "--add", "minimax", code=4).stderr.splitlines()
    assert "--add looks for the agents of run 1 anew" in line
    assert "there is no file or folder 'one.py'" in line


def test_a_run_that_another_process_plays_is_waited_for(place):
    (place.folder / "one.py").write_text("import time\ndef act(observation):\n    time.sleep(60)\n")
    process = place.start(*BASE, "--rounds", "1", "--turn-s", "90", "--clock", "wall")
    until(lambda: place.has_run() or process.poll() is not None)
    until(lambda: list(place.db.parent.glob("*-run-1.lock")) or process.poll() is not None)
    (line,) = place.run("run", "--add", "minimax", code=4).stderr.splitlines()
    process.kill()
    ended(process, None)
    assert "run 1 is being written by pid" in line


def test_nothing_is_added_to_a_run_that_is_not_finished(place):
    (place.folder / "one.py").write_text("def act(observation):\n    return -1\n")
    place.run(*BASE, "-n", "400", "-x", code=2)
    assert "is not finished: evalengine run --resume 1" in place.run("run", "--add", "minimax", code=4).stderr
