"""`run --anchor`: ratings that are held fixed, in the run's own board and by what reads the run later."""

import json

import pytest
from runs import Here, Place, ended, until

PLAN = ("run", "first", "random", "greedy", "--games", "tictactoe", "--seed", "5", "--workers", "1")
ANCHORS = ("--anchor", "random=1000", "--anchor", "first=1100")
JSON = ("--format", "json")
SQL = ("select * from rating order by 1, 2, 3, 4", "select * from rating_history order by 1, 2, 3, 4, 5",
       "select run, scope, rater, options, watermark, state from rating_state order by 1, 2, 3")  # fmt: skip


@pytest.fixture
def place(tmp_path, capsys, monkeypatch):
    made = Here(tmp_path / "run", capsys, monkeypatch)
    yield made
    made.close()


def ratings(told, key="standings"):
    return {line["agent"]: line["rating"] for line in told[key]}


def of(place, *arguments, key="standings"):
    return ratings(json.loads(place.run(*arguments, *JSON).stdout), key)


def test_an_anchor_stays_and_carries_the_scale(place):
    free = of(place, *PLAN, "-n", "60")
    held = of(place, *PLAN, "-n", "60", "--anchor", "random=1000")
    assert held["random"] == 1000
    for agent, rating in free.items():
        assert held[agent] - 1000 == pytest.approx(rating - free["random"], abs=0.01)


def test_several_anchors_stay(place):
    told = json.loads(place.run(*PLAN, "-n", "60", *ANCHORS, *JSON).stdout)
    assert ratings(told).items() >= {"random": 1000, "first": 1100}.items()
    line = next(line for line in told["standings"] if line["agent"] == "random")
    assert line["lo"] == line["hi"] == 1000
    assert line["mu"] < 50  # TrueSkill beside it is on its own scale
    assert "held fixed: random at 1000, first at 1100" in place.run("standings").stdout


def test_anchored_ratings_are_the_same_for_any_number_of_workers_and_after_a_kill(place, tmp_path):
    whole = Place(tmp_path / "whole")
    plan = (*PLAN[:-1], "2", "-n", "3000", *ANCHORS)
    whole.run(*plan)
    process = place.start(*PLAN, "-n", "3000", *ANCHORS)
    until(lambda: place.stored() > 200 or process.poll() is not None)
    process.kill()
    ended(process, None)
    until(lambda: not place.processes(), 10)
    assert place.stored() < 3000
    place.run("run", "--resume")
    assert [place.rows(sql) for sql in SQL] == [whole.rows(sql) for sql in SQL]
    whole.close()


def test_who_reads_the_run_knows_its_anchors(place):
    place.run(*PLAN, "-n", "60", *ANCHORS)
    told = json.loads(place.run("standings", *JSON).stdout)
    assert ratings(told) == pytest.approx(ratings(told["raters"], "bt"))
    assert of(place, "rate", "--rater", "bt", key="ratings") == pytest.approx(ratings(told))
    assert of(place, "rate", "--rater", "bt", "--anchor", "greedy=0", key="ratings")["greedy"] == 0
    assert of(place, "rate", "--rater", "bt", "--anchor", "none", key="ratings")["random"] != 1000
    assert abs(of(place, "rate", "--rater", "trueskill", key="ratings")["random"]) < 50


def test_a_rebuild_with_the_same_rater_keeps_the_anchors_unless_others_are_given(place):
    plan = (*PLAN, "-n", "60", "--rater", "bt")
    place.run(*plan, *ANCHORS)
    before = [place.rows(sql) for sql in SQL]
    place.run("rate", "--rater", "bt", "--rebuild")
    assert [place.rows(sql) for sql in SQL] == before
    place.run("rate", "--rater", "elo", "--rebuild")
    place.run("rate", "--rater", "bt", "--rebuild", "--anchor", "greedy=500")
    assert of(place, "standings")["greedy"] == 500
    assert of(place, "standings")["random"] != 1000


def test_a_run_played_again_or_with_one_agent_more_keeps_its_anchors(place):
    place.run(*PLAN, "-n", "30", *ANCHORS)
    added = of(place, "run", "--add", "minimax(depth=1)", "--anchor", "greedy=1300", "--workers", "1")
    assert added.items() >= {"random": 1000, "first": 1100, "greedy": 1300}.items()
    assert of(place, "run", "--ff", "--workers", "1")["random"] == 1000


def test_boards_of_games_whose_scores_count_are_not_anchored(place):
    games = ("run", "first", "random", "--games", "tictactoe or prisoners_dilemma", "-n", "8", "--workers", "1")
    told = json.loads(place.run(*games, "--anchor", "random=1000", *JSON).stdout)
    boards = {game: ratings(board) for game, board in told["boards"].items()}
    assert ratings(told)["random"] == boards["tictactoe"]["random"] == 1000
    assert boards["prisoners_dilemma"]["random"] < 10


def test_python_takes_anchors_too(place):
    code = (
        "import evalengine\n"
        "run = evalengine.run('tictactoe', ['first', 'random'], n=8, seed=1, workers=1, anchors={'random': 900.0})\n"
        "print({line.agent: line.rating for line in run.standings}['random'])\n"
    )
    assert place.script(code).stdout.strip() == "900.0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--anchor", "randon=1000"), 'to anchor: "randon". Did you mean "random"? It has first, random, greedy'),
        (("--anchor", "random"), "write NAME=RATING"),
        (("--anchor", "random=inf"), "write NAME=RATING"),
        (("--anchor", "random=1", "--anchor", "random=2"), "is given twice, as 1 and as 2: leave one out"),
        (("--anchor", "random=1", "--rater", "elo"), "rater 'elo' holds no rating fixed"),
        (("--anchor", "random=1", "--rater", "mean"), "rater 'mean' holds no rating fixed"),
        (("--anchor", "random=0", "--anchor", "first=1e8"), "must lie within"),
        (("--resume", "--anchor", "random=1"), "evalengine rate --rebuild"),
    ],
)
def test_anchors_that_cannot_be_are_refused_in_one_line(place, options, message):
    plan = options if "--resume" in options else (*PLAN[1:], "-n", "6", *options)
    done = place.run("run", *plan, code=4)
    (line,) = done.stderr.splitlines()
    assert message in line
    assert not place.has_run()
