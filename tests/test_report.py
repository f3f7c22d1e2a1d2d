"""The folder that `evalengine report` writes: what is in it, what it refuses, and how large it becomes."""

import html
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from commandline import CRASHING, Shell, environment, process
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import CAREFUL, HOSTILE, MARK, data, evalengine, frames, hostile_game, in_module
from runs import until

import evalengine as engine
from evalengine.report import charts, matches
from evalengine.report.frames import difference
from evalengine.report.site import script

NIM = (Path(__file__).parent.parent / "docs/examples/nim.py").read_text()
VOID = {"meta", "link", "img", "input", "br"}


@pytest.fixture
def sh(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of two games, an agent that crashes and writes markup, and a report of it."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "hostile.py").write_text(HOSTILE)
    (folder / "careful.py").write_text(CAREFUL)
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert (
            evalengine("run", "random", "hostile.py", "careful.py", "--games", "tictactoe or connect4", "-n", 60) == 0
        )
        assert evalengine("report", "-o", "out", "--rater", "elo") == 0
    finally:
        os.chdir(before)
    return folder


def page(folder, name="index"):
    return (folder / f"{name}.html").read_text(encoding="utf-8")


def text_of(markup):
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", markup)))


def open_run(place):
    return engine.open_run(place / ".evalengine/arena.db")


# ---------------------------------------------------------------------------------- what it says


def test_the_standings_are_those_of_the_run(place):
    told = text_of(page(place / "out"))
    with open_run(place) as run:
        for line in run.standings:
            doubt = " provisional" if line.provisional else ""
            assert (
                f"{line.agent}{doubt} {line.rating:.0f} {line.lo:.0f} to {line.hi:.0f} {100 * line.score:.1f}%" in told
            )


def test_each_game_has_its_board_and_a_rater_that_was_asked_for_stands_beside(place):
    assert "connect4" in text_of(page(place / "out", "board-1"))
    assert all("By elo" in text_of(page(place / "out", name)) for name in ("index", "board-1", "board-2"))


def test_the_cross_table_shows_who_beat_whom_in_colour_and_in_figures(place):
    cells = re.findall(r'<td class="heat-(\d+)"><a[^>]*>(\d+)%<small>(\d+)-(\d+)-(\d+)', page(place / "out"))
    assert len(cells) == 6
    for step, percent, wins, draws, losses in cells:
        won, drawn, lost = int(wins), int(draws), int(losses)
        score = (won + drawn / 2) / (won + drawn + lost)
        assert (int(step), percent) == (round(10 * score), f"{100 * score:.0f}")


def test_every_match_is_listed_as_it_ended(place):
    meta, rows = data(place / "out", "meta"), data(place / "out", "list-0")
    with open_run(place) as run:
        for row, match in zip(rows, run.matches, strict=True):
            assert row[0] == match["match_no"]
            assert meta["games"][row[1]] == match["game"]
            assert [meta["agents"][agent] for agent in row[2]] == match["agents"]
            assert row[3] == match["places"]
            assert meta["ends"][row[4]] == match["termination"]
            assert [meta["agents"][row[2][seat]] for _, seat in row[5]] == match["faulted"]


def test_every_turn_has_its_position_its_actions_and_its_time(place):
    shard = data(place / "out", "turns-0")
    with open_run(place) as run:
        for told, match in zip(shard["matches"], run.stored_matches(), strict=True):
            positions = list(match.replayed())  # the same object, at its end
            assert len(told["turns"]) == len(match.turns) == len(positions) - 1
            pictures, texts = frames(shard, told, "pictures"), frames(shard, told, "texts")
            for picture, text, now in zip(pictures, texts, match.replayed(), strict=True):
                assert (picture, text) == (now.state.svg(), now.state.render())
            asked = [act for acts in told["turns"][match.spec.opening :] for act in acts]
            assert [act[2] for act in asked] == match.think_us


def test_a_fault_is_told_with_its_traceback_and_the_command_that_shows_it(place):
    markup = page(place / "out", "faults")
    told = text_of(markup)
    assert "ValueError" in told
    assert 'File "hostile.py", line 4, in act' in told
    command = html.unescape(re.search(r"<code>(evalengine show [^<]*)</code>", markup)[1])
    assert "ValueError" in process(*command.split()[1:2], command.split("'")[1], cwd=place).stdout


def test_the_facts_of_the_run_are_told(place):
    told = text_of(page(place / "out", "run"))
    with open_run(place) as run:
        assert str(run.seed) in told
    assert f"evalengine {engine.__version__}, python {sys.version.split()[0]}" in told
    assert "turn_s 2.0" in told
    assert "openings: 2 random turns" in told


# ------------------------------------------------------------------------------------- hostile


class Strict(HTMLParser):
    """Collects the elements of a page, and fails where they do not nest."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("name", ["index", "board-1", "matches", "match", "faults", "run"])
def test_nothing_that_an_agent_wrote_becomes_a_part_of_a_page(place, name):
    parser = Strict()
    parser.feed(page(place / "out", name))
    parser.close()
    assert parser.open == []
    assert [
        tag for tag, attributes in parser.seen if any(key.startswith("on") or key == "style" for key in attributes)
    ] == []
    scripts = [attributes.get("src") for tag, attributes in parser.seen if tag == "script"]
    assert all(src and re.fullmatch(r"(static|data)/\w+\.js", src) for src in scripts)
    assert [tag for tag, attributes in parser.seen if "src" in attributes and tag != "script"] == []
    policy = next(a["content"] for tag, a in parser.seen if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for _, attributes in parser.seen:
        assert not re.match(r"\w+:(?!,)", attributes.get("href") or ""), "every address is in the folder"
    assert not any(character in "".join(parser.text) for character in "\x1b\u202e\u2028")


def test_the_hostile_text_is_there_to_be_read(place):
    assert html.escape(MARK) in page(place / "out", "faults")
    logs = [log for match in data(place / "out", "turns-0")["matches"] for log in match.get("logs", [])]
    assert any(MARK in text for _, _, text in logs)
    assert not any(character in text for _, _, text in logs for character in "\x1b\u2028")


@settings(max_examples=50)
@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_data_in_a_script_cannot_end_it_and_come_back_as_they_were(value):
    told = script("list-0", value)
    assert told.isascii()
    assert "<" not in told
    assert json.loads(told.removeprefix('evalengine.take("list-0",').removesuffix(");\n")) == value


def test_a_game_s_own_drawing_is_data_only(sh):
    sh.file("nim_drawn.py", hostile_game(NIM, "nim_drawn"))
    assert sh("run", "random", "greedy", "--games", "./nim_drawn.py", "-n", 4) == 0
    assert sh("report", "-o", "out") == 0
    shard = data(sh.folder / "out", "turns-0")
    assert "onload=" in frames(shard, shard["matches"][0], "pictures")[0]
    assert "onload=" not in "".join(path.read_text() for path in (sh.folder / "out").glob("*.html"))
    assert "\u202e" not in frames(shard, shard["matches"][0], "texts")[0]


@pytest.mark.slow
def test_a_game_that_cannot_draw_itself_is_shown_as_text(sh):
    broken = "\n    def svg(self, seat=None):\n        return 1 // (self.left - 21)\n\n    def to_move(self):"
    for name, source in {"plain": NIM, "broken": NIM.replace("\n    def to_move(self):", broken, 1)}.items():
        sh.file(f"nim_{name}.py", in_module(source, f"nim_{name}"))
        assert sh("run", "random", "greedy", "--games", f"./nim_{name}.py", "-n", 4, "--db", f"{name}.db") == 0
        assert sh("report", "-o", f"out{name}", "--db", f"{name}.db") == 0
        match = data(sh.folder / f"out{name}", "turns-0")["matches"][0]
        assert "pictures" not in match
        assert len(match["texts"]) == len(match["turns"]) + 1


# --------------------------------------------------------------------------------- the folder


def crashing(sh, count=6):
    sh.file("bot.py", CRASHING)
    assert sh("run", "bot.py", "random", "--games", "connect4", "-n", count, "--seed", 1 << 50) == 0


def test_a_report_is_replaced_whole_and_leaves_nothing_beside(sh):
    crashing(sh)
    assert sh("report", "-o", "out") == 0
    assert sh.out.splitlines()[-1] == "open out/index.html"
    (sh.folder / "out/data/turns-0.js").write_text("old")
    before = {path.name for path in sh.folder.iterdir()}
    assert sh("report", "-o", "out") == 0
    assert "old" not in (sh.folder / "out/data/turns-0.js").read_text()
    assert {path.name for path in sh.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "told"),
    [("work/thesis.txt", "is no report of ours"), ("out/notes.txt", "has files that are not of the report")],
)
def test_what_somebody_else_wrote_is_never_replaced(sh, name, told):
    crashing(sh)
    assert sh("report", "-o", "out") == 0
    file = sh.file(name, "mine")
    index = (sh.folder / "out/index.html").stat()
    assert sh("report", "-o", file.parent) == 4
    assert told in sh.err
    assert file.read_text() == "mine"
    assert (sh.folder / "out/index.html").stat().st_ino == index.st_ino


def test_a_file_of_that_name_is_refused_and_a_folder_that_is_empty_is_taken(sh):
    crashing(sh)
    assert sh("report", "-o", sh.file("out", "mine")) == 4
    assert "is a file" in sh.err
    (sh.folder / "empty").mkdir()
    assert sh("report", "-o", "empty") == 0


@pytest.mark.slow
def test_a_report_that_is_killed_leaves_the_old_one(sh):
    crashing(sh, 200)
    assert sh("report", "-o", "out") == 0
    before = (sh.folder / "out/index.html").stat().st_ino
    command = [sys.executable, "-m", "evalengine", "report", "-o", "out"]
    writer = subprocess.Popen(command, cwd=sh.folder, env=environment(), stdout=subprocess.DEVNULL)
    until(lambda: list(sh.folder.glob(".out.new-*")) or writer.poll() is not None)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert (sh.folder / "out/index.html").stat().st_ino == before


def test_a_page_of_long_matches_loads_few_of_them(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr(matches, "_MOST_TOGETHER", 3_000)
    assert evalengine("report", "-o", "parted") == 0
    meta, rows = data(place / "parted", "meta"), data(place / "parted", "list-0")
    assert len(meta["firsts"]) > 5
    shards = [data(place / "parted", f"turns-{number}") for number in range(len(meta["firsts"]))]
    told = [[match["no"] for match in shard["matches"]] for shard in shards]
    assert [numbers[0] for numbers in told] == meta["firsts"]
    assert list(itertools.chain(*told)) == [row[0] for row in rows] == list(range(60))
    assert meta["places"] == [0] * len(told)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_report_that_is_interrupted_leaves_nothing_else(sh, sent):
    crashing(sh, 400)
    command = [sys.executable, "-m", "evalengine", "report", "-o", "out"]
    writer = subprocess.Popen(command, cwd=sh.folder, env=environment(), stderr=subprocess.PIPE, text=True)
    until(lambda: list(sh.folder.glob(".out.new-*")))
    writer.send_signal(sent)
    _, said = writer.communicate()
    assert (writer.returncode, said) == (2, "error: interrupted\n")
    assert [path.name for path in sh.folder.glob("*out*")] == []


def test_a_folder_that_cannot_be_written_is_told_in_a_line(sh):
    crashing(sh)
    assert sh("report", "-o", "/proc/report") == 2  # where not even root may write
    assert "/proc/report cannot be written" in sh.err
    assert sh.err.count("\n") == 1


# -------------------------------------------------------------------------------- runs of all kinds


def test_an_unfinished_run_says_how_to_go_on_and_keeps_its_seed_to_itself(sh):
    sh.file("bot.py", CRASHING)
    assert sh("run", "bot.py", "random", "--games", "connect4", "-n", 20, "--seed", 1 << 50, "-x") in {0, 1, 2}
    assert sh("report", "-o", "out") == 0
    assert "evalengine run --resume 1" in page(sh.folder / "out")
    assert not any(str(1 << 50) in path.read_text() for path in (sh.folder / "out").rglob("*.*") if path.is_file())


def branched(sh):
    """Play a run, and what continues it: run 2 a branch of its first crash, run 3 an exploration."""
    sh.file("bot.py", CRASHING)
    assert sh("run", "bot.py", "random", "--games", "connect4", "-n", 8, "--seed", 3) == 0
    with open_run(sh.folder) as run:
        parent = next(match for match in run.stored_matches() if match.faults)
    turn = parent.faults[0]["turn"]
    assert turn > parent.spec.opening
    crashed = ("--seat", f"{parent.faults[0]['seat']}=greedy", "-n", 4)
    assert sh("branch", parent.spec.match_no, "--turn", turn, *crashed) == 0
    assert sh("explore", "--matches", 2, "--every", 3, "--actions", 2) == 0
    return parent, turn


def test_turns_that_a_parent_decided_are_told_as_its_and_nobody_thought_in_them(sh):
    parent, turn = branched(sh)
    assert sh("report", "-o", "out", "--run", 2) == 0
    shard = data(sh.folder / "out", "turns-0")
    with engine.open_run(sh.folder / ".evalengine/arena.db", 2) as run:
        stored = list(run.stored_matches())
    opening = parent.spec.opening
    for told, match in zip(shard["matches"], stored, strict=True):
        assert told["before"] == [["opening", opening], ["parent", turn - opening]]
        assert told["branch"] == [f"1/{parent.spec.match_no}", turn]
        assert {act[2] for acts in told["turns"][:turn] for act in acts} == {None}
        assert [act[2] for acts in told["turns"][turn:] for act in acts] == match.think_us
    assert f"Continued continues 1/{parent.spec.match_no} from turn {turn}, fresh luck, 4 times" in text_of(
        page(sh.folder / "out", "run")
    )


def test_an_action_that_an_exploration_held_is_nobodys_thought(sh):
    branched(sh)
    assert sh("report", "-o", "out", "--run", 3) == 0
    for told in data(sh.folder / "out", "turns-0")["matches"]:
        *_, (who, turns) = told["before"]
        assert (who, turns) == ("held", 1)
        first = sum(turns for _, turns in told["before"])
        thought = [act[2] is not None for acts in told["turns"] for act in acts]
        assert thought == [number >= first for number, acts in enumerate(told["turns"]) for _ in acts]


def test_without_a_number_the_latest_run_that_continues_none_is_reported(sh):
    branched(sh)
    assert sh("report", "-o", "out") == 0
    assert sh.out.startswith("run 1: 8 matches")


def test_a_branch_that_is_not_finished_says_how_to_go_on(sh):
    branched(sh)
    with sqlite3.connect(sh.folder / ".evalengine/arena.db") as db:
        db.execute("update run set state = 'interrupted' where id = 2")
        db.execute("delete from match where id = (select max(id) from match where id >> 40 = 2)")
    db.close()
    assert sh("report", "-o", "out", "--run", 2) == 0
    assert "evalengine branch --resume 2" in page(sh.folder / "out")
    sh("standings", 2)
    assert "evalengine branch --resume 2" in sh.err


def test_a_run_without_a_fault_says_so_and_where_to_look(sh):
    assert sh("run", "random", "greedy", "--games", "tictactoe", "-n", 4) == 0
    assert sh("report", "-o", "out") == 0
    assert "No fault and no void in 4 matches" in text_of(page(sh.folder / "out", "faults"))


def test_a_chosen_run_and_an_unknown_one(sh):
    crashing(sh)
    assert sh("run", "random", "greedy", "--games", "tictactoe", "-n", 4) == 0
    assert sh("report", "-o", "out", "--run", 1) == 0
    assert "bot" in page(sh.folder / "out")
    assert sh("report", "-o", "none", "--run", 9) == 4
    assert "has no run 9; the latest is 2" in sh.err
    assert not (sh.folder / "none").exists()


@pytest.mark.slow
def test_of_many_matches_faults_come_first_and_the_others_are_spread(sh):
    sh.file("bot.py", CRASHING)
    assert sh("run", "bot.py", "random", "greedy", "--games", "connect4", "-n", 90) == 0
    assert sh("report", "-o", "out", "--matches", 30, "--frames", 10) == 0
    assert sh.out.startswith("run 1: 30 of 90 matches, 10 of them with pictures")
    rows = data(sh.folder / "out", "list-0")
    assert len(rows) == 30
    assert sum(bool(row[5]) for row in rows) >= 15
    assert sum(row[8] for row in rows) == 10
    assert max(row[0] for row in rows) > 75
    assert "30 of 90 matches" in text_of(page(sh.folder / "out", "matches"))


@pytest.mark.slow
def test_games_of_scores_of_several_seats_and_of_hidden_cards_are_reported(sh):
    names = {"prisoners_dilemma": "Mean score", "kuhn_poker": "Score", "tron(seats=4)": "plackett-luce"}
    for number, (game, told) in enumerate(names.items()):
        assert (
            sh("run", "random", "a=random", "b=random", "c=random", "--games", game, "-n", 8, "--db", f"{number}.db")
            == 0
        )
        assert sh("report", "-o", f"out{number}", "--db", f"{number}.db") == 0
        assert told in page(sh.folder / f"out{number}"), game
        shard = data(sh.folder / f"out{number}", "turns-0")
        assert all(match["turns"] and match["pictures"] for match in shard["matches"])
        asked = {len(acts) for match in shard["matches"] for acts in match["turns"]}
        assert max(asked) == {"prisoners_dilemma": 2, "kuhn_poker": 1, "tron(seats=4)": 4}[game]


@pytest.mark.slow
def test_a_report_of_ten_times_as_many_matches_grows_by_their_data_alone(sh):
    sizes = {}
    for count in (50, 500):
        assert sh("run", "random", "greedy", "--games", "tictactoe", "-n", count, "--db", f"{count}.db") == 0
        assert sh("report", "-o", f"out{count}", "--db", f"{count}.db", "--frames", 20) == 0
        sizes[count] = sum(path.stat().st_size for path in (sh.folder / f"out{count}").rglob("*"))
    assert (sizes[500] - sizes[50]) / 450 < 600  # bytes a match without pictures
    shutil.rmtree(sh.folder / "out500")


def test_pictures_and_logs_stop_where_all_of_them_are_too_long(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr(matches, "_MOST_FRAMES", 30_000)
    monkeypatch.setattr(matches, "_MOST_LOGS", 500)
    assert evalengine("report", "-o", "small") == 0
    told = data(place / "small", "turns-0")["matches"]
    assert 0 < sum("pictures" in match for match in told) < len(told) / 2
    assert all("turns" in match for match in told)
    logs = [text for match in told for _, _, text in match.get("logs", [])]
    assert logs[0]
    assert logs[-1] is None


# ---------------------------------------------------------------------------------------- parts


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_a_difference_leads_from_one_frame_to_the_next(before, now):
    first, last, middle = difference(before, now)
    assert before[:first] + middle + before[len(before) - last :] == now


@given(st.lists(st.floats(10, 300), min_size=1, max_size=10))
def test_names_beside_lines_never_lie_over_one_another(heights):
    found = sorted(charts.spread(heights))
    assert all(after - before >= 15.99 for before, after in itertools.pairwise(found))
    assert found[-1] <= charts.HEIGHT


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_an_axis_has_some_round_numbers(one, other):
    first, last = sorted((one, other))
    ticks = charts.matches_ticks(first, last)
    assert 1 <= len(ticks) <= 10
    assert all(first <= tick <= last for tick in ticks)
