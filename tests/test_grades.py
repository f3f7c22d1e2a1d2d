"""`evalengine export grades`: points against fixed opponents, each with the matches that it rests on."""

import csv
import io
import json
import sqlite3

import pytest
from commandline import FIRST, Shell, process

from evalengine import wilson_interval

CRASHES = "def act(observation):\n    raise ValueError\n"
THRESHOLDS = """
bound = "estimate"

[[threshold]]
name = "plays"
against = "first"
game = "tictactoe"
score = 0.5
points = 10

[[threshold]]
name = "wins"
against = "random"
score = 0.6
points = 30
matches = 12

[[threshold]]
against = "random"
score = 1
points = 60
"""
STUDENTS = "agent,student\nann,=s1\nbob,s2\ncarl,s3\neve,s4\n"
MATE = """def act(observation):
    return next((cell for cell in (4, 0, 2, 6, 8) if cell in observation.legal), observation.legal[0])
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for name, text in (("ann", MATE), ("bob", FIRST), ("carl", CRASHES), ("broken", "def act(")):
        (folder / f"{name}.py").write_text(text)
    agents = ("ann.py", "bob.py", "carl.py", "random", "first")
    done = process("run", *agents, "--games", "tictactoe or breakthrough", "--rounds", 8, "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def grades(played, monkeypatch, capsys, tmp_path):
    """Return a function that writes files of thresholds and students and returns the rows by student."""
    monkeypatch.chdir(played)
    shell = Shell(played, capsys)

    def run(thresholds=THRESHOLDS, students=STUDENTS, *more, code=0):
        (tmp_path / "grades.toml").write_text(thresholds)
        (tmp_path / "students.csv").write_text(students)
        of = ("--students", tmp_path / "students.csv") if students else ()
        path = tmp_path / "grades.csv"
        got = shell("export", "grades", "--thresholds", tmp_path / "grades.toml", *of, "-o", path, *more)
        assert got == code, shell.err
        if code:
            assert not path.exists()
            return shell.err
        return {row["student"]: row for row in csv.DictReader(io.StringIO(path.read_text()))}

    return run


def stored(sql, *parameters):
    with sqlite3.connect(".evalengine/arena.db") as db:
        rows = db.execute(sql, parameters).fetchall()
    db.close()
    return rows


def met(agent, other, game="%"):
    """Return (match_no, place of `agent`, place of `other`, fault of `agent`) of their matches."""
    return stored(
        "select a.match_no, a.place, b.place, a.fault from v_seats a join v_seats b on b.match_no = a.match_no "
        "join v_matches m on m.match_no = a.match_no where a.agent = ? and b.agent = ? and m.game like ? order by 1",
        agent, other, game,
    )  # fmt: skip


def test_every_point_rests_on_the_matches_that_it_names(grades):
    rows = grades()
    for student, agent in (("'=s1", "ann"), ("s2", "bob"), ("s3", "carl")):
        row = rows[student]
        assert row["agent"] == agent
        total = 0
        for name, other, game, score, points in (
            ("plays", "first", "tictactoe", 0.5, 10),
            ("wins", "random", "%", 0.6, 30),
            ("1 against random", "random", "%", 1, 60),
        ):
            matches = met(agent, other, game)
            wins = sum(place < against and not fault for _, place, against, fault in matches)
            draws = sum(place == against and not fault for _, place, against, fault in matches)
            share = (wins + draws / 2) / len(matches)
            assert row[f"{name}: match_ids"].split() == [f"1/{number}" for number, *_ in matches]
            assert [int(row[f"{name}: {key}"]) for key in ("wins", "draws", "losses")] == [
                wins, draws, len(matches) - wins - draws,
            ]  # fmt: skip
            assert float(row[f"{name}: score"]) == pytest.approx(share, abs=1e-6)
            bounds = [float(row[f"{name}: {key}"]) for key in ("lo", "hi")]
            assert bounds == pytest.approx(wilson_interval(share, len(matches)), abs=1e-6)
            earned = points if share >= score else 0
            assert float(row[name]) == earned
            total += earned
        assert float(row["points"]) == total
        assert float(row["of"]) == 100


def test_a_fault_is_a_loss_and_is_named(grades):
    row = grades()["s3"]
    assert float(row["points"]) == 0
    assert row["wins: losses"] == str(len(met("carl", "random")))
    assert row["wins: faults"] == f"crash {len(met('carl', 'random'))}"
    # The third threshold looks at the same matches as the second: each fault is told once.
    assert row["faults"] == f"crash {len(met('carl', 'random')) + len(met('carl', 'first', 'tictactoe'))}"


def test_who_did_not_play_has_no_points_and_is_named(grades):
    row = grades()["s4"]
    assert (row["agent"], float(row["points"]), row["note"]) == ("eve", 0, "not in the run")


def test_the_lower_bound_asks_for_more_than_the_estimate(grades):
    estimate = grades(THRESHOLDS)
    lower = grades(THRESHOLDS.replace("estimate", "lower"))
    default = grades(THRESHOLDS.replace('bound = "estimate"', ""))
    assert lower == default
    assert any(float(lower[who]["points"]) < float(row["points"]) for who, row in estimate.items())
    for who, row in lower.items():
        assert float(row["wins"]) == (30 if float(row["wins: lo"]) >= 0.6 else 0), who


def test_too_few_matches_earn_nothing(grades):
    few = grades(THRESHOLDS.replace("matches = 12", "matches = 1000"))
    assert {float(row["wins"]) for row in few.values()} == {0}


def test_classmates_change_nobodys_grade(grades, played, tmp_path):
    """The same seats against the same fixed opponents with other classmates there: the same points."""
    before = grades()["s2"]
    agents = (played / "bob.py", played / "carl.py", "random", "first")
    seed = stored("select seed from run")[0][0]
    done = process(
        "run", *agents, "--games", "tictactoe or breakthrough", "--rounds", 8, "-q", "--seed", seed,
        "--db", tmp_path / "other.db", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    after = grades(THRESHOLDS, STUDENTS, "--db", str(tmp_path / "other.db"))["s2"]
    assert {key: value for key, value in before.items() if "match_ids" not in key} == {
        key: value for key, value in after.items() if "match_ids" not in key
    }


def test_without_students_every_agent_from_outside_is_one(grades):
    assert set(grades(THRESHOLDS, "")) == {"ann", "bob", "carl"}


def test_the_latest_run_is_graded_unless_another_is_named(grades, played):
    assert process("run", "ann.py", "bob.py", "random", "first", "--games", "tictactoe", "-n", 12, "-q", cwd=played)
    latest = stored("select max(id) from run")[0][0]
    assert grades()["s3"]["note"] == "not in the run"
    assert grades()["s2"]["plays: match_ids"].split()[0].startswith(f"{latest}/")
    assert grades(THRESHOLDS, STUDENTS, "--run", 1)["s3"]["note"] == ""


@pytest.mark.parametrize(
    ("thresholds", "students", "told"),
    [
        (THRESHOLDS.replace('"random"', '"ann"'), STUDENTS, "'ann' is a student's agent: name a fixed opponent"),
        (THRESHOLDS.replace('"random"', '"nobody"'), STUDENTS, "'nobody' did not play"),
        (THRESHOLDS.replace("score = 1", "score = 2"), STUDENTS, "score is from 0 to 1"),
        (THRESHOLDS.replace("score = 1", "score = nan"), STUDENTS, "score is from 0 to 1"),
        (THRESHOLDS.replace("score = 1", 'score = "1"'), STUDENTS, "score must be of type float, not '1'"),
        (THRESHOLDS.replace("score = 1", "scor = 1"), STUDENTS, "'scor' is unknown"),
        (THRESHOLDS.replace("points = 60", ""), STUDENTS, "threshold 3: points must be given"),
        (THRESHOLDS.replace('"estimate"', '"upper"'), STUDENTS, "bound must be one of lower, estimate"),
        (THRESHOLDS + THRESHOLDS[THRESHOLDS.rindex("[["):], STUDENTS, "two thresholds are called '1 against random'"),
        ("", STUDENTS, "no [[threshold]] is there"),
        ("[", STUDENTS, "grades.toml: "),
        (THRESHOLDS, "who,agent\n", "must name the columns student and agent"),
        (THRESHOLDS, "student,agent\na,ann\nb,ann\n", "students.csv:3: 'ann' or 'b' stands there twice"),
        (THRESHOLDS, "student,agent\na,\n", "students.csv:2: a cell is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_graded_is_one_line(grades, thresholds, students, told):
    said = grades(thresholds, students, code=4)
    assert told in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--thresholds", "--students"])
def test_a_file_that_is_not_there_is_one_line(grades, option):
    said = grades(THRESHOLDS, STUDENTS, option, "none.csv", code=4)
    assert said == "error: none.csv cannot be read: No such file or directory. Name another file\n"


def test_grades_are_never_anonymous(grades):
    assert "leave --anonymous out" in grades(THRESHOLDS, STUDENTS, "--anonymous", code=4)


def test_a_line_is_json_free(grades):
    """What a learning platform reads: every cell a text or a number."""
    for row in grades().values():
        assert not any(value.startswith(("[", "{")) for value in row.values())
        json.dumps(row)
