"""The pytest plugin, used as a course uses it: pytest in a process of its own, over real agents."""

import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from textwrap import dedent

import pytest

SRC = Path(__file__).parent.parent
SEED = str(1 << 50)
WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")  # the latter takes longer to load than most matches
BETTER = """
def act(observation):
    return observation.legal[len(observation.legal) // 2]
"""
CRASHING = """
def act(observation):
    if observation.turn > 8:
        raise ValueError("lost the thread")
    return observation.legal[0]
"""
COURSE = """
def test_beats_random(beats):
    results = beats("bot.py", "random", game="connect4", confidence=0.95, matches=200)
    print("RESULTS", results)
    assert results.shown == "above" and results.lo > 0.5
    assert results.matches <= 200
"""


@pytest.fixture
def course(tmp_path):
    """A function that runs pytest in a fresh folder: course(files, *arguments)."""
    site = tmp_path / "site"
    if not any(point.name == "evalengine" for point in metadata.entry_points(group="pytest11")):
        info = site / "evalengine_course-1.dist-info"  # what pip would have written
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evalengine-course\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[pytest11]\nevalengine = evalengine.pytest_plugin\n")
    folder = tmp_path / "course"
    folder.mkdir()

    def run(files, *arguments, seed=SEED, command=("-m", "pytest")):
        for name, source in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(dedent(source))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVALENGINE_", "PYTEST_"))}
        path = os.pathsep.join([str(site), str(SRC / "src"), str(SRC / "games"), *filter(None, sys.path)])
        seeded = ("--evalengine-seed", seed) if seed else ()
        return subprocess.run(
            [sys.executable, *command, *WITHOUT, *seeded, *arguments],
            cwd=folder,
            env=kept | {"PYTHONPATH": path, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    run.folder = folder
    return run


def test_a_better_agent_passes_before_all_matches_are_played(course):
    done = course({"bot.py": BETTER, "test_course.py": COURSE}, "-rP")
    assert done.returncode == 0, done.stdout + done.stderr
    wins, draws, losses, matches = map(
        int, re.search(r"RESULTS .*W-D-L (\d+)-(\d+)-(\d+) in (\d+) matches", done.stdout).groups()
    )
    assert wins + draws + losses == matches < 200


def test_a_failure_names_numbers_fault_line_and_the_command_that_shows_the_match(course):
    done = course({"bot.py": CRASHING, "test_course.py": COURSE})
    assert done.returncode == 1
    assert re.search(
        r"bot does not beat random at connect4: shown with 95% confidence in \d+ matches\n"
        r".*W-D-L \d+-\d+-\d+ in \d+ matches, score [\d.]+% \([\d.]+% to [\d.]+%, each bound with 95% confidence\)\n"
        r".*CRASH of bot in \d+ matches, the first in turn \d+ of connect4::\S+: "
        r"ValueError: lost the thread \(bot.py:4\)\n",
        done.stdout,
    ), done.stdout
    assert "proving.py" not in done.stdout, "the test's own line is what a person looks for"
    command = shlex.split(re.search(r"look at it: evalengine (show .*)", done.stdout)[1])
    shown = course({}, *command[1:], seed="", command=("-c", SHOW))
    assert shown.returncode == 0, shown.stderr
    assert "ValueError: lost the thread" in shown.stdout
    again = shlex.split(re.search(r"the same matches again: pytest (.*)", done.stdout)[1])
    repeated = course({}, *again, seed="")
    pattern = r"bot against random .*"
    assert re.search(pattern, repeated.stdout)[0] == re.search(pattern, done.stdout)[0]


SHOW = """
import sys
from evalengine.cli import main
sys.exit(main(["show", *[word for word in sys.argv[1:] if word != "-p" and not word.startswith("no:")]]))
"""


def test_what_is_equal_is_not_shown_to_be_better(course):
    test = """
        def test_equal(beats):
            beats("random", "other=random", game="hex(size=5)", matches=20)
    """
    done = course({"test_course.py": test})
    assert done.returncode == 1
    assert "random is not shown to beat other at hex(size=5) with 95% confidence in 20 matches" in done.stdout


def test_a_higher_score_may_be_asked_for(course):
    test = """
        import pytest

        def test_score(beats):
            assert beats("minimax", "random", game="tictactoe", score=0.6).lo > 0.6
            with pytest.raises(AssertionError, match="does not score more than 0.99 against random"):
                beats("minimax", "random", game="tictactoe", score=0.99)
    """
    done = course({"test_course.py": test})
    assert done.returncode == 0, done.stdout


def test_play_returns_what_a_test_may_assert_on(course):
    test = """
        from pathlib import Path
        import evalengine
        import pytest

        def last(observation):
            return observation.legal[-1]

        def test_two(play):
            results = play(Path("bot.py"), "random", game="connect4", matches=20, limits=evalengine.Limits(turn_s=1))
            assert (results.agent, results.opponents, results.game) == ("bot", ("random",), "connect4")
            assert results.wins + results.draws + results.losses == results.matches == 20
            assert results.score == (results.wins + results.draws / 2) / 20
            assert results.lo < results.score < results.hi
            assert results.own_faults == sum(fault.matches for fault in results.faults) > 0
            with pytest.raises(AssertionError, match=r"bot made a fault in .*\\n.*\\nCRASH of bot"):
                results.check_no_fault()

        def test_a_function_stays_the_first(play):
            results = play(last, "greedy", "random", game="connect4", matches=12)
            assert results.agent == "last" and set(results.opponents) == {"greedy", "random"}
            assert results.matches == 12 and results.lo is None
            results.check_no_fault()
            assert play(last, "bot.py", game="connect4", matches=6).agent == "last"

        def test_where_scores_count_the_mean_has_an_interval(play):
            results = play("random", "greedy", game="prisoners_dilemma(rounds=5)", matches=20)
            assert results.by_score and results.lo <= results.score <= results.hi
            assert "95% interval" in str(results)

    """
    done = course({"bot.py": CRASHING, "test_course.py": test})
    assert done.returncode == 0, done.stdout


WRONG = {
    "agent": ('play("nobody.py", "random", game="connect4")', "there is no file or folder 'nobody.py'"),
    "syntax": ('play("broken.py", "random", game="connect4")', "broken.py:1 SyntaxError"),
    "game": ('play("random", "greedy", game="conect4")', 'no game or tag "conect4". Did you mean "connect4"?'),
    "games": ('play("random", "greedy", game="tictactoe or connect4")', "are 2 games: a claim is about one, name it"),
    "confidence": ('beats("random", "greedy", game="connect4", confidence=95)', "confidence must be above 0.5 and"),
    "matches": ('play("random", "greedy", game="connect4", matches=0)', "matches must be a whole number from 1, not 0"),
    "nobody": ('play(game="connect4")', "name the agent that the claim is about"),
}


def test_what_cannot_be_played_fails_with_one_line_and_without_a_traceback(course):
    tests = "\n".join(f"def test_{kind}(play, beats):\n    {call}\n" for kind, (call, _) in WRONG.items())
    done = course({"broken.py": "def act(observation)\n", "test_course.py": tests}, "-q")
    for kind, (_, told) in WRONG.items():
        section = done.stdout.partition(f" test_{kind} __")[2].partition("\n____")[0].partition("\n====")[0]
        assert told in section, done.stdout
        assert "Traceback" not in section
        assert ".py:" not in section.replace("broken.py:1", "")


def test_agents_are_contained_as_on_the_command_line(course):
    spy = """
        def act(observation):
            raise RuntimeError(open(SECRET).read())
    """
    secret = course.folder / "secret.txt"
    secret.write_text("the answers")
    done = course({"bot.py": dedent(spy).replace("SECRET", repr(str(secret))), "test_course.py": COURSE})
    assert "CRASH of bot" in done.stdout
    assert "the answers" not in done.stdout


def lines_of(done):
    return sorted(line.partition(" look")[0] for line in done.stdout.splitlines() if line.startswith("RESULTS"))


ONE = COURSE.replace("bot.py", "greedy").replace("assert results.shown", "assert True or results.shown")
TWO = ONE + ONE.replace("test_beats_random", "test_again").replace('"connect4"', '"tictactoe"')


def test_a_seed_makes_each_tests_matches_whatever_runs_beside_it(course):
    files = {"test_course.py": TWO}
    both = lines_of(course(files, "-rP"))
    assert len(both) == 2
    assert lines_of(course(files, "-rP", "-k", "beats_random"))[0] in both
    files["pytest.ini"] = f"[pytest]\nevalengine_seed = {SEED}\n"
    assert lines_of(course(files, "-rP", seed="")) == both


@pytest.mark.slow
def test_workers_of_xdist_play_the_same_matches(course):
    pytest.importorskip("xdist")
    files = {"test_course.py": TWO}
    alone = lines_of(course(files, "-rP"))
    assert lines_of(course(files, "-rP", "-n", "2", "--evalengine-db", "kept/arena.db")) == alone
    assert {path.name for path in (course.folder / "kept").glob("*.db")} <= {"arena-gw0.db", "arena-gw1.db"}


def test_a_seed_that_is_drawn_holds_for_all_workers_of_xdist(course):
    pytest.importorskip("xdist")
    seeds = "import pytest\n\n@pytest.mark.parametrize('k', range(2))\ndef test_seed(beats, k):\n"
    seeds += "    beats('random', 'other=random', game='tictactoe', matches=2)\n"
    drawn = course({"test_seeds.py": seeds}, "-n", "2", seed="")
    assert len(set(re.findall(r"--evalengine-seed (\d+)", drawn.stdout))) == 1


def test_it_can_be_left_out(course):
    done = course({"test_course.py": COURSE}, "-p", "no:evalengine", seed="")
    assert "fixture 'beats' not found" in done.stdout
    assert course({}, "-p", "no:evalengine").returncode == 4  # no such option --evalengine-seed


@pytest.mark.parametrize(("seed", "told"), [("-1", "must be from 0 to"), (str(1 << 63), "must be from 0 to")])
def test_a_seed_out_of_range_is_refused(course, seed, told):
    done = course({"test_course.py": COURSE}, seed=seed)
    assert done.returncode == 4
    assert told in done.stderr


def test_loading_it_imports_nothing_of_ours_but_itself(course):
    test = """
        import sys

        def test_others_are_left_alone():
            ours = {name for name in sys.modules if name.startswith("evalengine")}
            assert ours == {"evalengine", "evalengine.pytest_plugin"}
            assert not {"zmq", "msgpack", "click", "multiprocess", "sqlite_utils"} & set(sys.modules)
    """
    done = course({"test_course.py": test})
    assert done.returncode == 0, done.stdout
