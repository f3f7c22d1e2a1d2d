"""Commands over stored runs: raters side by side, two agents compared, a run rated anew."""

import csv
import io
import json
import signal
import sqlite3

import pytest
from commandline import SLOW, Shell, check_golden, normal, process, started

BIG = 1 << 50  # a seed that is not short


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A folder with a run of three agents, of which one always faults."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "bad.py").write_text("def act(observation):\n    return 99\n")
    plan = ("run", "bad.py", "first", "random", "--games", "tictactoe or connect4", "-n", 24, "--broken", "refuse")
    done = process(*plan, "--seed", BIG, "--workers", 1, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def shell(played, monkeypatch, capsys):
    monkeypatch.chdir(played)
    monkeypatch.setenv("COLUMNS", "80")
    return Shell(played, capsys)


def query(sql, db=".evalengine/arena.db"):
    with sqlite3.connect(db) as opened:
        rows = opened.execute(sql).fetchall()
    opened.close()
    return rows


def told(shell, *arguments):
    assert shell(*arguments, "--format", "json") == 0, shell.err
    return json.loads(shell.out)


# ------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sides", ("standings", "--rater", "bt,elo", "--faults", "ignore")),
        ("compare", ("compare", "random", "first")),
        ("rate", ("rate", "--rater", "bt", "--anchor", "random=1000")),
    ],
)
def test_commands_read_as_their_golden_files(shell, name, arguments):
    assert shell(*arguments) == 0
    check_golden(f"cli_{name}", normal(shell.out))


def test_an_agent_without_a_rated_match_is_ranked_by_no_rater(shell):
    tables = told(shell, "standings", "--rater", "bt", "--rater", "elo", "--faults", "ignore")["raters"]
    for rows in tables.values():
        ranks = {row["agent"]: row["rank"] for row in rows}
        assert ranks["bad"] is None
        assert sorted(rank for rank in ranks.values() if rank) == [1, 2]
        assert len({row["component"] for row in rows}) == 2


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_what_has_room_stands_side_by_side(shell, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert shell("standings", "--rater", "bt,trueskill,elo,nash", "--rater", "alpharank") == 0
    tables = shell.out[shell.out.index("rated by") : shell.out.index("reliability")]
    assert max(map(len, tables.splitlines())) <= columns
    heads = [line.split() for line in tables.splitlines() if line.startswith(" agent")]
    raters = [word for head in heads for word in head if word in {"bt", "trueskill", "elo", "nash", "alpharank"}]
    assert raters == ["bt", "trueskill", "elo", "nash", "alpharank"]
    assert ("alpharank" in heads[0]) == (columns == 120)


def test_the_games_stand_beside_all_of_them_together(shell):
    record = told(shell, "standings")
    assert shell("standings") == 0
    lines = shell.out[shell.out.index("by game (bt)") : shell.out.index("reliability")].splitlines()
    assert lines[1].split() == ["agent", "#", "all", "games", "#", "connect4", "#", "tictactoe"]
    del lines[-1]  # the next rule
    pooled = {line["agent"]: line["rating"] for line in record["standings"]}
    boards = [{line["agent"]: line["rating"] for line in board["standings"]} for board in record["boards"].values()]
    for line in lines[2:]:
        agent, *cells = line.split()
        assert [cell.rstrip("?") for cell in cells[1::2]] == [f"{board[agent]:.0f}" for board in (pooled, *boards)]
    assert shell("standings", "--game", "connect4") == 0
    assert "by game" not in shell.out


def test_draws_and_first_seats_are_told_by_game_and_add_up(shell):
    record = told(shell, "standings")
    assert [row["game"] for row in record["by_game"]] == ["connect4", "tictactoe"]
    assert sum(row["matches"] for row in record["by_game"]) == record["counted"] == 24
    for row in record["by_game"]:
        (alone,) = told(shell, "standings", "--game", row["game"])["by_game"]
        assert alone == row
        game_no = ["connect4", "tictactoe"].index(row["game"])
        seats = query(f"select place from seat join match m on m.id = match where seat = 0 and m.game_no = {game_no}")
        wins = sum(place == 1 for (place,) in seats)  # no match was drawn
        assert row["draw_ratio"] == 0
        assert row["first_seat"]["score"] == pytest.approx(wins / len(seats))


def test_an_estimate_of_matches_that_were_all_won_says_what_was_seen(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsys)
    shell.file("bad.py", "def act(observation):\n    return 99\n")
    plan = ("run", "first", "bad.py", "--games", "rps", "-n", 8, "--broken", "refuse", "--opponents", "none", "-q")
    assert shell(*plan) == 0
    assert shell("compare", "first", "bad") == 0
    assert "score 100.0%, Elo at 95% above" in shell.out


def test_the_cross_table_adds_up_to_the_board(shell):
    record = told(shell, "standings")
    for line in record["standings"]:
        rows = [row for row in record["cross_table"] if row["agent"] == line["agent"]]
        assert [sum(row[key] for row in rows) for key in ("wins", "draws", "losses")] == [
            line["wins"], line["draws"], line["losses"],
        ]  # fmt: skip
    assert shell("standings", "--format", "csv", "--cross") == 0
    assert len(list(csv.DictReader(io.StringIO(shell.out)))) == len(record["cross_table"]) == 6


def test_reliability_stands_apart_from_strength(shell):
    rows = {row["agent"]: row for row in told(shell, "standings")["reliability"]}
    assert rows["bad"]["rate"] == 1.0
    assert rows["first"]["rate"] == 0.0
    assert 0 < rows["first"]["hi"] < rows["bad"]["lo"] < 1


def test_compare_is_the_same_seen_from_either_side(shell):
    one, other = told(shell, "compare", "random", "first"), told(shell, "compare", "first", "random")
    assert (one["wins"], one["draws"], one["losses"]) == (other["losses"], other["draws"], other["wins"])
    assert one["pentanomial"] == other["pentanomial"][::-1]
    assert one["elo"]["elo"] == pytest.approx(-other["elo"]["elo"])
    assert one["matches"] == 8
    assert sum(one["pentanomial"]) == 4
    assert one["first_seat"] == other["first_seat"]


def test_more_precision_needs_more_matches(shell):
    wide, narrow = (told(shell, "compare", "random", "first", "--elo", elo) for elo in ("20", "5"))
    assert narrow["matches_needed"] == pytest.approx(16 * wide["matches_needed"], rel=0.01)
    assert narrow["matches_still_needed"] == narrow["matches_needed"] - 8


def test_agents_that_met_in_no_counted_match_are_told_so(shell):
    assert shell("compare", "bad", "first", "--faults", "ignore") == 0
    assert "never met" in shell.out
    assert "no results of others connect them" in shell.out


# ------------------------------------------------------------------------------------------- rate


def test_rate_without_rebuild_changes_nothing(shell):
    before = query("select * from rating_state"), query("select settings from run")
    rows = told(shell, "rate", "--rater", "bt", "--anchor", "random=1000")["ratings"]
    assert next(row for row in rows if row["agent"] == "random")["rating"] == 1000
    assert (query("select * from rating_state"), query("select settings from run")) == before


def test_a_rebuilt_run_is_as_if_it_had_been_played_with_that_rater(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsys)
    plan = ("run", "first", "random", "greedy", "--games", "tictactoe or connect4", "-n", 30, "--seed", BIG, "-q")
    assert shell(*plan, "--rater", "elo", "--db", "elo.db") == 0
    assert shell(*plan, "--db", "other.db") == 0
    assert shell("rate", "--rater", "elo", "--rebuild", "--db", "other.db") == 0
    for sql in ("select * from rating", "select * from rating_state", "select * from tally"):
        assert query(sql, "other.db") == query(sql, "elo.db")
    options = ("--rater", "elo", "-o", "k=10", "--rebuild", "--db", "other.db")
    assert shell("rate", *options) == 0
    assert query("select * from rating", "other.db") != query("select * from rating", "elo.db")
    assert told(shell, "standings", "--db", "other.db")["standings"][0]["rating"] in {
        rating for (rating,) in query("select rating from rating where scope = ''", "other.db")
    }


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_the_rater_and_options_of_the_rebuild(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    plan = ("run", "slow.py", "--opponents", "first", "--games", "tictactoe", "-n", 12, "--seed", BIG)
    run = started(*plan, "-v", "--workers", 1, cwd=tmp_path)
    while "tictactoe::" not in run.stderr.readline():
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    db = tmp_path / ".evalengine" / "arena.db"
    (before,) = query("select count(*) from match", db)[0]
    assert 0 < before < 12
    rebuild = ("rate", "--rater", "elo", "-o", "k=10", "--rebuild")
    assert process(*rebuild, cwd=tmp_path).returncode == 0
    resumed = process("run", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    sql = "select * from rating", "select run, scope, rater, watermark, state from rating_state"
    after = [query(text, db) for text in sql]
    assert process(*rebuild, cwd=tmp_path).returncode == 0
    assert [query(text, db) for text in sql] == after
    assert after[1][0][2:4] == ("elo", 12)


def circle(db, wins):
    """Make a run of four agents say that a beats b beats c beats a, and that the last two never met."""
    names = ["first", "random", "greedy"]
    with sqlite3.connect(db) as opened:
        numbers = {name: number for number, name in opened.execute("select agent_no, name from agent")}
        beats = {(numbers[names[at]], numbers[names[(at + 1) % 3]]) for at in range(wins)}
        for row, seats in opened.execute("select id, seats from match").fetchall():
            one, other = (agent for agent, *_ in json.loads(seats))
            if (one, other) not in beats and (other, one) not in beats:
                opened.execute("delete from match where id = ?", (row,))
                continue
            won = (one, other) in beats
            told = [[one, 1 if won else -1, 1 if won else 2], [other, -1 if won else 1, 2 if won else 1]]
            opened.execute("update match set seats = ? where id = ?", (json.dumps(told), row))
    opened.close()


def test_a_circle_is_shown_and_agents_that_never_met_are_compared_through_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsys)
    plan = ("run", "first", "random", "greedy", "--games", "tictactoe", "-n", 60, "--seed", BIG, "-q", "--db")
    assert shell(*plan, "circle.db") == 0
    circle("circle.db", 3)
    assert shell("standings", "--db", "circle.db") == 0
    line = next(line for line in shell.out.splitlines() if line.startswith("a circle: "))
    beats = {part.split(" (")[0].strip() for part in line.removeprefix("a circle:").split(",")}
    assert beats == {"first beats random", "random beats greedy", "greedy beats first"}
    assert "see also --rater nash,alpharank" in shell.out
    assert shell(*plan, "chain.db") == 0
    circle("chain.db", 2)
    assert shell("compare", "first", "greedy", "--db", "chain.db") == 0
    assert "never met" in shell.out
    record = told(shell, "compare", "first", "greedy", "--db", "chain.db")
    assert record["difference"]["rating"] > 0
    assert record["difference"]["lo"] < record["difference"]["rating"] < record["difference"]["hi"]


# ------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("standings", "9"), "has no run 9; the latest is 1"),
        (("standings", "--rater", "trueskil"), 'no rater "trueskil". Did you mean "trueskill"?'),
        (("standings", "--rater", "bt,elO"), 'no rater "elO". Did you mean "elo"?'),
        (("standings", "--game", "conect4"), 'no game in run 1: "conect4". Did you mean "connect4"?'),
        (("standings", "--db", "none.db"), "none.db"),
        (("compare", "random", "randon"), 'no agent in run 1: "randon". Did you mean "random"?'),
        (("compare", "random", "random"), "'random' is given twice"),
        (("rate", "--rater", "elo", "-o", "foo=1"), "rater 'elo' has no option 'foo'"),
        (("rate", "--rater", "elo", "-o", "foo"), "write key=value"),
        (("rate", "--rater", "bt", "--anchor", "random=nan"), "write NAME=RATING"),
        (("rate", "--rater", "bt", "--anchor", "nobody=3"), 'no agent in anchors of the run: "nobody"'),
        (("rate", "--rater", "elo", "--anchor", "random=3"), "rater 'elo' has no option 'anchors'"),
        (("rate", "--rater", "bt", "--rebuild", "--faults", "ignore"), "leave out --game and --faults"),
        (("run", "--resume", "1", "--rater", "elo"), "evalengine rate --rebuild --rater NAME"),
    ],
)
def test_wrong_input_is_told_in_one_line(shell, arguments, message):
    assert shell(*arguments) == 4
    line, *rest = shell.err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not [text for text in rest if "Traceback" in text]


def test_a_run_being_written_can_be_read_but_not_rebuilt(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    run = started("run", "slow.py", "--opponents", "first", "--games", "tictactoe", "-n", 200, "-v", cwd=tmp_path)
    try:
        while "tictactoe::" not in run.stderr.readline():
            assert run.poll() is None
        rated = process("rate", "--rater", "bt", cwd=tmp_path)
        rebuilt = process("rate", "--rater", "bt", "--rebuild", cwd=tmp_path)
    finally:
        run.kill()
        run.communicate()
    assert rated.returncode == 0, rated.stderr
    assert rebuilt.returncode == 4
    assert "run 1 is being written by pid" in rebuilt.stderr


@pytest.mark.parametrize("ending", ["void", None])
def test_a_run_of_voids_or_of_nothing_has_no_numbers_that_it_lacks(tmp_path, monkeypatch, capsys, ending):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsys)
    assert shell("run", "first", "random", "--games", "tictactoe", "-n", 4, "--seed", BIG, "--db", "a.db", "-q") == 0
    with sqlite3.connect("a.db") as db:
        for table in ("rating", "rating_state", "tally", "pair_count"):
            db.execute(f"delete from {table}")
        db.execute("delete from match" if ending is None else "update match set termination = 'void'")
    db.close()
    for arguments in (("standings",), ("compare", "first", "random"), ("rate", "--rater", "bt")):
        assert shell(*arguments, "--db", "a.db") == 0, shell.err
        assert "nan" not in shell.out
        assert "inf" not in shell.out
