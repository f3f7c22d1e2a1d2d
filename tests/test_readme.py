"""The README's commands are run, and what they print has the shape that it shows."""

import csv
import re

from blocks import LONGEST_N, ROOT, blocks_of, copy, execute, scaled

README = ROOT / "README.md"
BLOCKS = blocks_of(README)
FIRST_SCREEN = 60  # lines


def block_with(text):
    """Return the one bash block that holds `text`."""
    (found,) = [block.code for block in BLOCKS if block.language == "bash" and text in block.code]
    return found


def run(command, folder):
    done = execute(["bash", "-euo", "pipefail", "-c", command], folder)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def kinds_of(session):
    """Return what a session prints, line by line, with everything left out that differs from run to run.

    Letters of the same game become one line; agents of the board are sorted.
    """
    kinds, games, agents = [], set(), set()
    for line in session.splitlines():
        if found := re.fullmatch(r"(\S+) +[.DCTIMPFSV]+ +\[ *\d+%\]", line):
            games.add(found[1])
        elif found := re.fullmatch(
            r" \d+(?:-\d+)? +(\S+) +\d+ +\d+\.\.\d+ +[\d.]+ +[\d.]+ +\d+-\d+-\d+ +[\d.]+% +\d+", line
        ):
            agents.add(found[1])
        elif not line.startswith("[cut here"):
            general = re.sub(r"\d+ or \d+ each", "# each", line)  # 1 more or not, as n divides
            general = re.sub(r"\S+::\S+\[", "ID[", re.sub(r"Python \S+", "Python #,", general))
            general = re.sub(r"(rootdir: )[^,]+", r"\1#", re.sub(r"(plugins: games).*", r"\1", general))
            kinds.append(re.sub(r" +", " ", re.sub(r"=+", "=", re.sub(r"[\d.]+", "#", general))).strip())
    return kinds, games, agents


def test_the_two_commands_stand_first():
    assert block_with("pip install .").splitlines() == [
        "pip install . && evalengine run --games strategy -n 500",
        "pip install '.[test]' && pytest -n 2",
    ]
    lines = [line for line in README.read_text().splitlines() if line.startswith("pip install")]
    assert len([line for line in lines if "&&" in line]) == 2, ".ci/run takes the lines with pip install and &&"


def test_the_session_has_the_shape_shown(tmp_path):
    command = block_with("pip install .").splitlines()[0].partition("&& ")[2]
    assert command == "evalengine run --games strategy -n 500"
    done = run(f"{command.replace('500', '86')} 2>&1", tmp_path)
    (shown,) = [block.code for block in BLOCKS if block.language == "text"]
    kinds, games, agents = kinds_of(shown)
    assert len(kinds) >= 9
    really_kinds, really_games, really_agents = kinds_of(done.stdout)
    assert really_kinds == kinds
    assert really_agents == agents
    assert games <= really_games
    assert len(really_games) == 7


def test_bringing_your_own_agent_works(tmp_path):
    done = run(scaled(block_with("mybot.py")), tmp_path)
    assert " mybot " in done.stdout
    assert "with a fault" not in done.stdout


def test_bringing_your_own_game_works(tmp_path):
    (tmp_path / "docs/examples").mkdir(parents=True)
    copy(ROOT / "docs/examples/nim.py", tmp_path / "docs/examples")
    done = run(scaled(block_with("nim.py")), tmp_path)
    assert f"{LONGEST_N} finished" in done.stdout
    assert "trusted code from: docs/examples/nim.py" in done.stderr


def test_grading_a_course_works(tmp_path):
    (tmp_path / "submissions").mkdir()
    for name, body in {"ann": "observation.legal[0]", "bob": "observation.legal[-1]", "eve": "1 // 0"}.items():
        (tmp_path / f"submissions/{name}.py").write_text(f"def act(observation):\n    return {body}\n")
    command = block_with("submissions/")
    assert " --rounds 5 " in command
    run(command.replace(" --rounds 5 ", " --rounds 1 "), tmp_path)
    with (tmp_path / "grades.csv").open() as file:
        grades = {row["agent"]: row for row in csv.DictReader(file)}
    assert {"ann", "bob", "eve", "random"} <= grades.keys()
    assert grades["eve"]["wins"] == "0"
    assert grades["eve"]["faults"] == grades["eve"]["matches"]
    assert grades["ann"]["faults"] == "0"


def test_every_link_leads_to_a_file():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README.read_text()) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_there_are_at_most_three_badges():
    assert README.read_text().count("![") <= 3
