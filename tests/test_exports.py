"""`evalengine export`: every format holds what the database holds, whole or not at all, and no name when asked so."""

import csv
import importlib.util
import io
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest
from commandline import COMMAND, SLOW, Shell, environment, process, started
from hypothesis import given
from hypothesis import strategies as st
from test_docs import rows_of, section_of

import evalengine
from evalengine.builtin.exporters.csv_files import cell
from evalengine.exports import splits
from evalengine.exports.tables import TABLES, USUAL

LIMIT_S = 60.0  # for what should take seconds: the machine may be busy
NAME = "Zebra_Bot"
FORMULA = "=HYPERLINK(1)"
ZEBRA = f"""from evalengine import Answer
def act(observation):
    print("{NAME} was here ]]> \\x1b[31m")
    if observation.seat == 1 and observation.turn > 3:
        raise ValueError("{NAME} & <lost> \\x00")
    return Answer(observation.legal[0], "{FORMULA}" if observation.turn else {{"who": "{NAME}"}})
"""
VOID = """from evalengine import Game, GameError, GameSpec, State, hookimpl
class Breaks(Game):
    def initial(self, seats, rng):
        return Start()
class Start(State):
    def to_move(self): return [0]
    def view(self, seat): return None
    def legal(self, seat): return [0]
    def apply(self, actions, rng): raise GameError("<the game> broke")
    def scores(self): return (0.0, 0.0)
    def clone(self): return self
@hookimpl
def evalengine_games():
    return [GameSpec(name="breaks", version="1", doc="Breaks.", factory="breaks:Breaks", max_turns=3)]
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A folder with two runs: one of an agent from outside with faults, one of three seats and void matches."""
    folder = tmp_path_factory.mktemp("played")
    (folder / f"{NAME}.py").write_text(ZEBRA)
    (folder / "breaks.py").write_text(VOID)
    one = ("run", f"{NAME}.py", "random", "greedy", "--games", "tictactoe or rps or leduc_poker", "-n", 36)
    assert process(*one, "--workers", 1, cwd=folder).returncode == 0
    two = ("run", "random", "first", "greedy", "--games", "./breaks.py or tron(seats=3)", "-n", 8, "--workers", 1)
    done = process(*two, cwd=folder)
    assert done.returncode == 1, done.stderr
    return folder


@pytest.fixture
def shell(played, monkeypatch, capsysbinary):
    monkeypatch.chdir(played)
    return Shell(played, capsysbinary)


@pytest.fixture
def exported(shell):
    """Return a function that exports to stdout and returns the text."""

    def run(*arguments, code=0):
        assert shell("export", *arguments, "-o", "-") == code, shell.err
        return shell.out.decode()

    return run


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def query(sql, db=".evalengine/arena.db"):
    with sqlite3.connect(db) as opened:
        opened.row_factory = sqlite3.Row
        rows = [dict(row) for row in opened.execute(sql)]
    opened.close()
    return rows


# -------------------------------------------------------------------------------------------- rows


def test_a_match_is_a_row_with_what_the_views_say_of_it(exported):
    rows = table(exported("csv"))
    views = query("select * from v_matches where used order by run, match_no")
    seats = query("select * from v_seats order by run, match_no, seat")
    assert len(rows) == len(views) == 44
    for row, view in zip(rows, views, strict=True):
        for name in ("run", "match_no", "game", "termination", "turns", "rotation", "opening", "seed", "seconds"):
            assert row[name] == str(view[name]), name
        mine = [seat for seat in seats if (seat["run"], seat["match_no"]) == (view["run"], view["match_no"])]
        assert json.loads(row["agents"]) == [seat["agent"] for seat in mine]
        assert json.loads(row["scores"]) == [seat["score"] for seat in mine]
        assert json.loads(row["places"]) == [seat["place"] for seat in mine]
        assert json.loads(row["faults"]) == [seat["fault"] for seat in mine]
        assert row["match"] == f"{view['game']}::{view['agents']}[{view['match_no']}]"


def test_a_step_is_what_was_stored_and_the_steps_of_a_match_play_it_again(exported, played):
    steps = [json.loads(line) for line in exported("ndjson", "--table", "steps", "--run", 1).splitlines()]
    with evalengine.open_run(played / ".evalengine/arena.db", 1) as run:
        for match in run.stored_matches():
            mine = [step for step in steps if step["match_no"] == match.spec.match_no]
            asked = [step for step in mine if step["agent"] is not None]
            assert [step["think_us"] for step in asked] == match.think_us
            assert [step["turn"] for step in mine if step["agent"] is None] == list(range(len(match.turns)))[
                : len(mine) - len(asked)
            ]
            infos = {(turn, seat): info for turn, seat, info in match.infos}
            again = evalengine.Match(match.spec._replace(opening=0), match.game)
            for step in mine:
                request = next(request for request in again.requests() if request.seat == step["seat"])
                assert again.turn == step["turn"]
                assert json.loads(json.dumps(request.view)) == step["view"]
                assert list(request.legal) == step["legal"]
                assert step["info"] == infos.get((step["turn"], step["seat"]))
                if step["fault"]:
                    again.fault(step["seat"], evalengine.Fault(step["fault"]))
                    assert step["action"] is None
                else:
                    assert step["action_text"] == match.game.action_to_str(step["action"])
                    again.answer(step["seat"], step["action"])
            assert again.result.scores == match.result.scores
            for step in mine:
                assert (step["score"], step["place"]) == (
                    match.result.scores[step["seat"]],
                    match.result.places[step["seat"]],
                )


def test_rewards_add_up_to_the_score(exported):
    steps = [json.loads(line) for line in exported("ndjson", "--table", "steps").splitlines()]
    sums = {}
    for step in steps:
        key = step["run"], step["match_no"], step["seat"], step["score"], step["game"]
        sums.setdefault(key, []).append(step["reward"])
    assert sums
    told = 0
    for (*_, score, game), rewards in sums.items():
        if game != "rps":
            assert rewards[:-1] == [0.0] * (len(rewards) - 1)
            assert rewards[-1] == score
        else:
            told += any(rewards[:-1])  # rps says what each throw brought
    assert told


def test_ratings_and_agents_are_those_of_the_views(exported):
    for name, sql in (
        ("ratings", "select run, scope, rater, agent, rating, sigma from v_ratings order by run, scope, rater, agent"),
        ("standings", "select run, agent, matches, wins, draws, losses, faults from v_standings order by run, agent"),
        ("agents", "select run, agent, matches, wins, draws, losses, faults from v_standings order by run, agent"),
    ):
        rows = [json.loads(line) for line in exported("ndjson", "--table", name).splitlines()]
        views = query(sql)
        keys = list(views[0])
        mine = sorted(tuple(str(row[key]) for key in keys) for row in rows)
        assert mine == sorted(tuple(str(view[key]) for key in keys) for view in views), name


def test_void_matches_are_told_of_but_have_no_steps(exported):
    rows = table(exported("csv", "--game", "breaks"))
    assert {row["termination"] for row in rows} == {"void"}
    assert len(exported("csv", "--table", "steps", "--game", "breaks").splitlines()) == 1


def test_a_folder_has_a_file_a_table(shell, tmp_path):
    assert shell("export", "csv", "-o", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{name}.csv" for name in USUAL)
    assert shell("export", "csv", "--table", "runs", "-o", tmp_path / "runs.csv") == 0
    assert [row["stored"] for row in table((tmp_path / "runs.csv").read_text())] == ["36", "8"]


def test_every_column_is_documented_with_its_type():
    for name, found in TABLES.items():
        documented = {
            row[0].strip("`"): row[1] for row in rows_of(section_of("exports", name)) if row[0].startswith("`")
        }
        assert documented == {column.name: column.kind for column in found.columns}, name


# ------------------------------------------------------------------------------------------ cells


def test_no_cell_begins_a_formula(exported):
    rows = table(exported("csv", "--table", "steps", "--agent", NAME))
    assert FORMULA not in {row["info"] for row in rows}
    assert "'" + FORMULA in {row["info"] for row in rows}
    assert any(row["reward"].startswith("-") for row in rows), "numbers are left as they are"


@given(st.text())
def test_a_text_is_defused_and_nothing_else_of_it_changes(text):
    told = cell(text)
    assert told[:1] not in {"=", "+", "-", "@", "\t", "\r"} or not told
    assert told in {text, "'" + text}


# ---------------------------------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("options", "sql"),
    [
        (("--run", 2), "run = 2"),
        (("--game", "rps", "--game", "tictactoe"), "game in ('rps', 'tictactoe')"),
        (("--game", "tron(seats=3)"), "game = 'tron(seats=3)'"),
        (("--tag", "simultaneous"), "game in ('rps', 'tron(seats=3)')"),
        (("--agent", NAME), f"instr('-' || agents || '-', '-{NAME}-')"),
        (("--agent", "greedy", "--game", "rps"), "game = 'rps' and instr('-' || agents || '-', '-greedy-')"),
    ],
)
def test_filters_leave_what_they_name(exported, options, sql):
    rows = [(row["run"], row["match_no"]) for row in table(exported("csv", *options))]
    wanted = query(f"select run, match_no from v_matches where {sql} order by run, match_no")
    assert rows
    assert rows == [(str(row["run"]), str(row["match_no"])) for row in wanted]


def test_best_leaves_the_steps_of_the_best(exported):
    best = query("select agent from v_standings where run = 1 order by rating desc limit 1")[0]["agent"]
    steps = table(exported("csv", "--table", "steps", "--run", 1, "--best", 33))
    assert {row["agent"] for row in steps} == {best}
    every = table(exported("csv", "--table", "steps", "--run", 1, "--best", 100))
    assert {row["agent"] for row in every} == {NAME, "random", "greedy"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("csvv",), 'no export format "csvv". Did you mean "csv"?'),
        (("csv", "--game", "tictacto"), 'Did you mean "tictactoe"?'),
        (("csv", "--agent", "zebra_bot"), f'Did you mean "{NAME}"?'),
        (("csv", "--tag", "nothing"), 'no tag in the chosen runs: "nothing"'),
        (("csv", "--run", 9), "has no run 9"),
        (("csv", "--best", 0), "--best 0"),
        (("csv", "--table", "match"), 'Did you mean "matches"?'),
        (("csv", "--table", "steps", "--table", "runs"), "one file, for one --table"),
        (("pgn", "--table", "steps"), "--table is for csv, ndjson and parquet"),
        (("csv", "--split", "0.5,0.5"), "name one with -o"),
        (("csv", "--split", "0.5,0.6"), "shares that add up to 1"),
        (("csv", "--split", "nan,1"), "shares that add up to 1"),
        (("csv", "--thresholds", "x.toml"), "takes: none"),
        (("grades",), "thresholds must be given"),
        (("html",), "html is a folder of files: name a folder"),
        (("csv", "--db", "no.db"), "there is no database"),
    ],
)
def test_what_cannot_work_is_one_line(shell, arguments, told):
    assert shell("export", *arguments, "-o", "-") == 4
    said = shell.err.decode()
    assert told in said
    assert said.count("\n") == 1
    assert not shell.out


# ----------------------------------------------------------------------------------------- splits


@pytest.mark.parametrize("by", ["game", "agent"])
def test_no_game_or_agent_is_in_two_splits(shell, tmp_path, by):
    shares = "0.4,0.3,0.3"
    assert shell("export", "ndjson", "--split", shares, "--split-by", by, "-o", tmp_path / "one") == 0
    assert shell("export", "ndjson", "--split", shares, "--split-by", by, "--run", 1, "-o", tmp_path / "two") == 0
    seen, rows = {}, 0
    for path in (tmp_path / "one").iterdir():
        name, split = path.stem.split("-")
        for line in path.read_text().splitlines():
            row = json.loads(line)
            units = {"game": [row.get("game") or row.get("scope")], "agent": row.get("agents") or [row.get("agent")]}[
                by
            ]
            rows += name == "steps"
            for unit in filter(None, units):
                seen.setdefault(unit, set()).add(split)
    assert seen
    assert all(len(parts) == 1 for parts in seen.values())
    assert rows
    for path in (tmp_path / "two").iterdir():  # less data moves nothing to another split
        assert set(path.read_text().splitlines()) <= set((tmp_path / "one" / path.name).read_text().splitlines())


def test_shares_are_kept_over_many_units():
    split = splits.parse("0.8,0.1,0.1", "agent")
    counts = {name: sum(split.part(f"agent-{number}") == name for number in range(10_000)) for name in split.names}
    assert abs(counts["train"] - 8000) < 200  # five standard deviations
    assert abs(counts["validation"] - 1000) < 150


# --------------------------------------------------------------------------------------- anonymous


def test_nothing_of_a_name_is_left_anywhere(shell, tmp_path):
    tables = [word for name in TABLES for word in ("--table", name)]
    assert shell("export", "csv", "--anonymous", *tables, "-o", tmp_path / "csv") == 0
    assert shell("export", "ndjson", "--anonymous", *tables, "-o", tmp_path / "ndjson") == 0
    assert shell("export", "pgn", "--anonymous", "--run", 1, "-o", tmp_path / "a.pgn") == 0
    assert shell("export", "junit", "--anonymous", "--run", 1, "-o", tmp_path / "a.xml") == 0
    texts = {path: path.read_text().lower() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(texts) == 2 * len(TABLES) + 2
    if importlib.util.find_spec("pyarrow"):
        from pyarrow import parquet

        assert shell("export", "parquet", "--anonymous", *tables, "-o", tmp_path / "data") == 0
        texts[tmp_path / "data"] = (tmp_path / "data/README.md").read_text().lower()
        for path in (tmp_path / "data").rglob("*.parquet"):
            texts[path] = str(parquet.read_table(path).to_pylist()).lower()
    for path, text in texts.items():
        for name in (NAME, "zebra", "random", "greedy", str(shell.folder), FORMULA):
            assert name.lower() not in text, (path, name)
    assert shell("export", "junit", "--run", 1, "-o", tmp_path / "named.xml") == 0
    assert NAME in (tmp_path / "named.xml").read_text(), "so that the test could fail"
    aliases = {row["agent"] for row in table((tmp_path / "csv/agents.csv").read_text())}
    assert len(aliases) == 4  # of both runs: random is in both
    assert {
        name for row in table((tmp_path / "csv/matches.csv").read_text()) for name in json.loads(row["agents"])
    } == (aliases)
    assert shell("export", "csv", "--anonymous", "--run", 1, "--table", "agents", "-o", "-") == 0
    assert {row["agent"] for row in table(shell.out.decode())} < aliases, "the same whatever is chosen"


def test_names_in_a_games_own_texts_and_folders_are_hidden():
    from evalengine.exports.aliases import Aliases

    hidden = Aliases(b"key", ["ann", "X", "bob.py"])
    assert hidden.text("Ann, annex") == f"{hidden.name('ann')}, annex"
    assert hidden.value({"said": ["hi ann", 1, None]}) == {"said": [f"hi {hidden.name('ann')}", 1, None]}
    assert hidden.text("X.O") == "X.O", "too short to be looked for"
    assert hidden.ref("chess(openings='/home/eve/lines/one.epd')") == "chess(openings='one.epd')"
    assert hidden.name("ann") != Aliases(b"other", ["ann"]).name("ann")


# ---------------------------------------------------------------------------- whole or not at all


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A folder with a run whose steps take a while to write."""
    folder = tmp_path_factory.mktemp("large")
    assert process("run", "random", "first", "--games", "othello", "-n", 1000, "-q", cwd=folder).returncode == 0
    return folder


def begun(folder):
    """Wait until an export has written something, below a name of its own."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if any(
            path.is_file() and path.stat().st_size
            for part in folder.glob(".*.part")
            for path in [part, *part.rglob("*")]
        ):
            return
        time.sleep(0.01)
    pytest.fail("nothing was written")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("target", ["steps.csv", "folder"])
def test_an_interrupted_export_leaves_nothing_under_its_name(large, tmp_path, sent, target):
    old = tmp_path / "steps.csv"
    old.write_text("as it was\n")
    db = large / ".evalengine/arena.db"
    export = started("export", "csv", "--table", "steps", "--db", db, "-o", tmp_path / target, cwd=tmp_path)
    begun(tmp_path)
    export.send_signal(sent)
    _, said = export.communicate(timeout=LIMIT_S)
    assert export.returncode == (-signal.SIGKILL if sent == signal.SIGKILL else 2)
    assert old.read_text() == "as it was\n"
    assert not (tmp_path / "folder").exists()
    left = [path.name for path in tmp_path.iterdir() if path != old]
    if sent == signal.SIGKILL:
        assert all(name.startswith(".") and name.endswith(".part") for name in left)
    else:
        assert left == []
        assert said == "error: interrupted\n"


def test_a_full_disk_is_one_line_and_leaves_what_stood_there(large, tmp_path):
    old = tmp_path / "steps.csv"
    old.write_text("as it was\n")

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    arguments = ("export", "csv", "--table", "steps", "--db", large / ".evalengine/arena.db", "-o", old)
    full = process(*arguments, cwd=tmp_path, preexec_fn=small_files)
    assert full.returncode == 2
    assert full.stderr == f"error: {old} cannot be written: File too large. What stood there is unchanged\n"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was\n"]


def test_a_reader_that_has_seen_enough_ends_an_export_quietly(large):
    export = subprocess.Popen(
        [*COMMAND, "export", "csv", "--table", "steps", "-o", "-"],
        cwd=large, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert export.stdout.readline().startswith(b"run,match_no,")
    export.stdout.close()
    assert export.stderr.read() == b""
    assert export.wait(LIMIT_S) == 0
    export.stderr.close()


def test_a_folder_that_is_there_is_never_mixed_with(shell, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    assert shell("export", "csv", "-o", tmp_path / "out") == 4
    assert b"is there already" in shell.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert shell("export", "pgn", "-o", tmp_path / "out") == 4
    assert b"is a folder: name a file" in shell.err


def test_a_run_that_is_being_played_is_exported_as_it_stands(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    plan = ("run", "slow.py", "random", "--games", "tictactoe", "-n", 400, "--workers", 1)
    run = started(*plan, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end, rows = time.monotonic() + LIMIT_S, []
        while not rows and time.monotonic() < end:
            rows = table(process("export", "csv", "-o", "-", cwd=tmp_path).stdout)
        steps = table(process("export", "csv", "--table", "steps", "-o", "-", cwd=tmp_path).stdout)
        assert run.poll() is None
    finally:
        run.kill()
        run.communicate()
    assert 0 < len(rows) < 400
    assert len({step["match_no"] for step in steps}) >= len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "ndjson", "pgn", "junit"])
def test_memory_does_not_grow_with_the_matches(form, tmp_path):
    peaks = []
    for matches in (1000, 30_000):
        db = tmp_path / f"{matches}.db"
        plan = ("run", "random", "first", "--games", "kuhn_poker", "-n", matches, "-q", "--db", db)
        assert process(*plan, cwd=tmp_path).returncode == 0
        code = (
            "import resource, sys; from evalengine.cli import main; code = main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "export", form, "--db", db, "-o", os.devnull],
            check=True, capture_output=True, text=True, env=environment(),
        )  # fmt: skip
        peaks.append(int(done.stderr.split()[-1]))
    assert peaks[1] < peaks[0] + 8 * 1024, peaks  # KiB


# -------------------------------------------------------------------------------------------- HTML


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pages_are_those_of_the_report(shell, tmp_path):
    assert shell("report", "-o", tmp_path / "report", "--frames", 3, "--rater", "elo") == 0
    assert shell("export", "html(frames=3, rater='elo')", "-o", tmp_path / "pages") == 0
    pages = files_in(tmp_path / "pages")
    assert {"index.html", "match.html", "data/meta.js", "static/match.js"} <= pages.keys()
    assert pages == files_in(tmp_path / "report")
    assert b"run 2" in pages["index.html"]
    assert shell("report", "-o", tmp_path / "pages", "--run", 1) == 0, shell.err  # it is one of ours


def test_a_database_that_is_not_the_usual_one_is_named_in_the_commands_of_pages(shell, tmp_path, played):
    db = tmp_path / "other.db"
    db.write_bytes((played / ".evalengine/arena.db").read_bytes())
    assert shell("export", "html", "--db", db, "--run", 1, "-o", tmp_path / "pages") == 0
    assert f"--db {db}" in (tmp_path / "pages/faults.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--anonymous",), "leave --anonymous out"),
        (("--game", "tron"), "pages are of a whole run: leave out --game"),
        (("--agent", "random"), "pages are of a whole run"),
        (("--best", 50), "pages are of a whole run"),
        (("--split", "0.5,0.5"), "pages are of a whole run"),
        (("--run", 1, "--run", 2), "pages are of one run, not of 2: name one with --run"),
        (("--table", "matches"), "html has no tables to choose from"),
    ],
)
def test_pages_are_of_one_whole_run(shell, tmp_path, arguments, told):
    assert shell("export", "html", *arguments, "-o", tmp_path / "pages") == 4
    said = shell.err.decode()
    assert told in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------- branches


def test_turns_of_a_parent_are_steps_of_nobody(tmp_path):
    for command in (
        ("run", "random", "greedy", "--games", "tictactoe", "-n", 2, "--seed", 4),
        ("branch", 0, "--turn", 3, "-n", 2),
        ("explore", "--matches", 1, "--every", 2, "--actions", 2),
    ):
        assert process(*command, "-q", "--workers", 1, cwd=tmp_path).returncode == 0, command
    exported = process("export", "csv", "-o", "-", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    matches = {(row["run"], row["match_no"]): row for row in table(exported.stdout)}
    steps = table(process("export", "csv", "--table", "steps", "-o", "-", cwd=tmp_path).stdout)
    kinds = set()
    for step in steps:
        row = matches[step["run"], step["match_no"]]
        branch = json.loads(row["branch"]) if row["branch"] else None
        first = int(row["opening"]) if branch is None else branch["turn"] + (branch["seat"] is not None)
        asked = int(step["turn"]) >= first
        assert (step["agent"] != "", step["think_us"] != "") == (asked, asked), (step, row)
        kinds.add((step["run"], asked))
    assert kinds == {(str(run), asked) for run in (1, 2, 3) for asked in (True, False)}
    runs = table(process("export", "csv", "--table", "runs", "-o", "-", cwd=tmp_path).stdout)
    assert [(row["kind"], row["parent"]) for row in runs] == [("run", ""), ("branch", "1"), ("explore", "1")]
    junit = process("export", "junit", "-o", "-", cwd=tmp_path).stdout
    assert 'tests="2"' in junit, "of the latest run that continues none"
    assert process("export", "pgn", "-o", "-", cwd=tmp_path).stdout.count("[MatchId") == len(matches)
    arena = evalengine.load(tmp_path / ".evalengine/arena.db")
    assert "standings of run 1" in arena._repr_html_()


# ------------------------------------------------------------------------------------- PGN, JUnit


def test_any_game_is_written_in_the_tags_of_pgn(exported, played):
    text = exported("pgn", "--game", "tictactoe")
    games = re.findall(r"((?:\[.*\]\n)+)\n((?:.+\n)+)", text)
    with evalengine.open_run(played / ".evalengine/arena.db", 1) as run:
        matches = list(run.stored_matches("tictactoe"))
        for (tags, moves), match in zip(games, matches, strict=True):
            found = dict(re.findall(r'^\[(\w+) "(.*)"\]$', tags, re.MULTILINE))
            assert list(found)[:7] == ["Event", "Site", "Date", "Round", "White", "Black", "Result"]
            assert [found["White"], found["Black"]] == match.agents
            assert found["MatchId"] == match.name
            assert found["Result"] == {(1, 2): "1-0", (2, 1): "0-1", (1, 1): "1/2-1/2"}[match.result.places]
            words = re.sub(r"\{[^}]*\}", "", moves).split()
            assert words[-1] == found["Result"]
            told = [word for word in words[:-1] if not re.fullmatch(r"\d+\.", word)]
            actions = [action for turn in match.turns for action in turn.values()]
            assert told == [
                "-" if isinstance(action, evalengine.Fault) else match.game.action_to_str(action) for action in actions
            ]
            assert words[0] == "1."
            assert ("crash" in moves) == bool(match.faults)


def test_more_than_two_seats_have_places(exported):
    text = exported("pgn", "--run", 2)
    assert '[Result "*"]' in text
    assert re.search(r'\[Seat2 "\w+"\]\n\[Places "\d \d \d"\]', text)
    assert "breaks" not in text, "void matches are nobody's"


def test_junit_has_a_case_a_match_faults_as_failures_and_voids_as_errors(exported):
    root = ET.fromstring(exported("junit", "--run", 1, "--run", 2))
    assert root.tag == "testsuites"
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["run 1", "run 2"]
    faulted = query("select distinct run, match_no from v_faults where kind <> 'void'")
    voids = query("select * from v_faults where kind = 'void'")
    for number, suite in enumerate(suites, 1):
        cases = suite.findall("testcase")
        told = [int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")]
        assert told == [
            len(cases), sum(row["run"] == number for row in faulted), sum(row["run"] == number for row in voids), 0,
        ]  # fmt: skip
        assert [len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "error")] == told[1:3]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        for case in cases:
            assert case.get("classname")
            assert re.fullmatch(r".+-vs-.+\[\d+\]", case.get("name"))
            assert re.fullmatch(r"\d+\.\d{3}", case.get("time"))
            assert [child.tag for child in case] in (
                [], ["failure"], ["error"], ["failure", "system-out"], ["system-out"],
            )  # fmt: skip
    failure = suites[0].find("testcase/failure")
    assert failure.get("type") == "crash"
    assert f"{NAME}: crash: ValueError: {NAME} & <lost>" in failure.get("message")
    assert "Traceback" in failure.text
    assert "<the game> broke" in suites[1].find("testcase/error").get("message")
    sums = [sum(int(suite.get(name)) for suite in suites) for name in ("tests", "failures", "errors")]
    assert [int(root.get(name)) for name in ("tests", "failures", "errors")] == sums


def test_a_run_writes_junit_as_pytest_does(tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsysbinary)
    shell.file("bad.py", "def act(observation):\n    return 99\n")
    plan = ("run", "bad.py", "random", "--games", "tictactoe", "-n", 4, "-q", "--junit-xml")
    assert shell(*plan, "reports/junit.xml") == 0, shell.err
    root = ET.parse("reports/junit.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("4", "4")
    assert root.find("testsuite/testcase/failure").get("type") == "illegal"
    assert shell(*plan, "reports") == 4, "told before the first match"
    assert query("select count(*) as n from run") == [{"n": 1}]


# --------------------------------------------------------------------- Parquet, Datasette, plugins


def test_parquet_holds_the_same_rows(shell, exported, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert shell("export", "parquet", "-o", tmp_path / "data") == 0
    for name in USUAL:
        rows = parquet.read_table(tmp_path / f"data/{name}/train.parquet").to_pylist()
        plain = [json.loads(line) for line in exported("ndjson", "--table", name).splitlines()]
        own = [column.name for column in TABLES[name].columns if column.kind == "value"]
        for row in rows:
            row.update({key: json.loads(row[key]) for key in own if row[key] is not None})
        assert rows == plain, name


def test_datasets_reads_the_folder_without_a_network(shell, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    pytest.importorskip("datasets")
    assert shell("export", "parquet", "-o", tmp_path / "data") == 0
    assert shell("export", "parquet", "--table", "steps", "-o", tmp_path / "steps.parquet") == 0
    code = (
        "import socket, sys\nsocket.socket.connect = None\nimport datasets\n"
        "for name in sys.argv[2:]:\n  print(datasets.load_dataset(sys.argv[1], name)['train'].num_rows)"
    )
    offline = environment(HF_HOME=str(tmp_path / "cache"), HF_HUB_OFFLINE="1")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "data", *USUAL], capture_output=True, text=True, check=True, env=offline
    )
    steps = done.stdout.split()[1]
    assert done.stdout.split()[0] == "44"
    assert int(steps) > 100


def test_the_queries_for_datasette_run(exported):
    told = json.loads(exported("datasette"))["databases"]["arena"]
    with sqlite3.connect(".evalengine/arena.db") as db:
        for name, entry in told["queries"].items():
            for run in ("", "1"):
                rows = db.execute(entry["sql"], {"run": run, "agent": NAME}).fetchall()
                assert rows or run == "", f"{name} of run {run!r}"
        names = {name for (name,) in db.execute("select name from sqlite_master where type in ('table', 'view')")}
        views = {name for name in names if name.startswith("v_")}
        assert views <= told["tables"].keys() <= names
        for name in views:
            columns = {row[1] for row in db.execute(f"pragma table_info({name})")}
            entry = told["tables"][name]
            used = {*entry.get("columns", ()), *entry.get("units", ()), *entry.get("facets", ())}
            assert used <= columns, name
    db.close()


def test_datasette_serves_it(shell, tmp_path):
    pytest.importorskip("datasette")
    assert shell("export", "datasette", "-o", tmp_path / "metadata.json") == 0
    serve = [sys.executable, "-m", "datasette", ".evalengine/arena.db"]
    for path, told in (("/arena/standings.json?run=1&_shape=array", NAME), ("/arena/v_faults?_facet=kind", "crash")):
        done = subprocess.run(
            [*serve, "-m", tmp_path / "metadata.json", "--get", path],
            capture_output=True, text=True, check=True, timeout=LIMIT_S,
        )  # fmt: skip
        assert told in done.stdout


PLUGIN = """from evalengine import Exporter, PluginSpec, hookimpl
class Names(Exporter):
    suffix = ".txt"
    def __init__(self, sign): self.sign = sign
    def write(self, selection, files):
        print("noise")
        with files.open("names.txt") as file:
            for _, row in selection.rows("agents"):
                file.write(f"{self.sign}{row[1]}\\n".encode())
@hookimpl
def evalengine_exporters():
    sign = {"type": "string", "default": "*"}
    return [PluginSpec(name="names", factory="names_plugin:Names", parameters={"sign": sign})]
@hookimpl
def evalengine_pgn(match):
    return "mine\\n" if match.game.spec.name == "rps" else None
"""


def test_a_plugin_brings_a_format_and_the_pgn_of_its_game(played, tmp_path):
    (tmp_path / "names_plugin.py").write_text(PLUGIN)
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])}
    plugin = ("--run", 1, "-o", "-", "-p", "names_plugin")
    done = process("export", "names(sign='+')", *plugin, cwd=played, env=path)
    assert done.stdout == f"+{NAME}\n+random\n+greedy\n"
    assert "noise" in done.stderr
    done = process("export", "pgn", *plugin, cwd=played, env=path)
    assert done.stdout.count("mine\n") == 12
    assert done.stdout.count("[Event ") == 24
