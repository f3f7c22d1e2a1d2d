"""Ratings in the database that are damaged or of another version: rated anew from the results, and said so."""

import json
import re

import pytest
from runs import Here, Place, ended, until

from evalengine.store import Store

PLAN = ("run", "first", "random", "greedy", "--seed", "5", "--workers", "1")
TWO = ("--games", "tictactoe or connect4")
SAME = (
    "select * from rating order by 1, 2, 3, 4",
    "select * from rating_state order by 1, 2, 3",
    "select * from rating_history order by 1, 2, 3, 4, 5",
    "select * from tally order by 1, 2, 3",
    "select * from stopping",
)
DAMAGE = {
    "a flipped bit": """update rating_state set state = cast(x'ff' || substr(state, 2) as blob)
        where rater = 'bt' and scope = ''""",
    "cut off": "update rating_state set state = substr(state, 1, length(state) - 3) where rater = 'trueskill'",
    "empty": "update rating_state set state = x''",
    "of an older version": """update rating_state set state = cast(x'627400' || substr(state, 4) as blob)
        where rater = 'bt'""",
    "of another rater": """update rating_state set state = (select state from rating_state where rater = 'trueskill')
        where rater = 'bt'""",
    "of more matches than there are": "update rating_state set watermark = 5000",
    "no list of agents": "update rating_state set changed = '[1,'",
    "a tally of a game that is none": "update tally set game_no = 9 where game_no = 0 and agent_no = 0",
}


@pytest.fixture
def place(tmp_path, capsys, monkeypatch):
    made = Here(tmp_path / "run", capsys, monkeypatch)
    yield made
    made.close()


def change(place, *statements):
    with Store(place.db) as store, store.transaction():
        for sql in statements:
            assert store._db.execute(sql).rowcount > 0


def tables(place):
    return [place.rows(sql) for sql in SAME]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("whole"))
    made.run(*PLAN, *TWO, "-n", "60")
    yield made
    made.close()


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_ratings_are_made_anew_with_a_note(place, whole, how):
    place.db.parent.mkdir(parents=True)
    place.db.write_bytes(whole.db.read_bytes())
    sound = json.loads(place.run("standings", "--format", "json").stdout)
    change(place, DAMAGE[how])
    done = place.run("standings", "--format", "json")
    told = json.loads(done.stdout)
    assert told["standings"] == sound["standings"]
    assert told["boards"] == sound["boards"]
    (line,) = done.stderr.splitlines()
    assert re.search(r"note: run 1: .* were rated anew; to store that: evalengine rate 1 --rebuild", line)
    (line, *_) = place.run("rate", "--rebuild").stderr.splitlines()
    assert line == "run 1 is rated by bt from now on"
    assert tables(place) == tables(whole)
    assert not place.run("standings").stderr


@pytest.mark.slow
@pytest.mark.parametrize("which", ["rating_state", "stopping"])
def test_a_killed_run_with_a_damaged_state_is_resumed_bit_identically(place, tmp_path, which):
    plan = ("run", "a=mcts(simulations=60)", "b=mcts(simulations=60)", "first", "--games", "tictactoe", "-n", "900")
    plan = (*plan, "--seed", "5", "--until", "separated")  # which two equal agents never are
    process = place.start(*plan, "--workers", "1")
    until(lambda: (place.has_run() and place.rows("select 1 from rating_state")) or process.poll() is not None)
    process.kill()
    ended(process, None)
    until(lambda: not place.processes(), 10)
    assert place.stored() < 900
    change(place, f"update {which} set state = x'00ff00'")
    done = place.run("run", "--resume")
    assert "all its results were rated anew" in done.stderr
    assert "Traceback" not in done.stderr
    other = Place(tmp_path / "other")
    other.run(*plan, "--workers", "2")
    assert tables(place) == tables(other)
    other.close()


def test_a_run_that_stopped_by_itself_stays_stopped_when_its_state_is_damaged(place):
    place.run(*PLAN, "--games", "tictactoe", "--until", "top=1,margin=30")
    before, sound = json.loads(place.run("standings", "--format", "json").stdout), tables(place)
    change(place, "update stopping set state = x'7b7d'")
    assert json.loads(place.run("standings", "--format", "json").stdout)["stopping"] == before["stopping"]
    place.run("run", "--resume")
    assert tables(place) == sound


def test_a_round_that_cannot_be_read_is_told_in_one_line(place):
    plan = (*PLAN, "--games", "tictactoe", "--pairing", "swiss", "--rounds", "3")
    place.run(*plan)
    change(place, """update round set standings = '{"lines": [{"rank": 1}]}' where standings is not null""")
    change(place, "update run set state = 'interrupted'", "delete from match where id & 1099511627775 > 3")
    change(place, "update rating_state set watermark = 0")
    done = place.run("run", "--resume", code=4)
    *_, line = done.stderr.splitlines()
    assert "was paired by cannot be read" in line
    assert "Traceback" not in done.stderr


def test_settings_of_a_newer_version_are_told_in_one_line(place):
    place.run(*PLAN, "--games", "tictactoe", "-n", "6")
    change(place, "update run set settings = json_set(settings, '$.quantum', 1)")
    for arguments in (("standings",), ("run", "--resume"), ("rate", "--rebuild")):
        (line,) = place.run(*arguments, code=4).stderr.splitlines()
        assert "settings that this version does not know, quantum" in line
