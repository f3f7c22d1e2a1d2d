"""The database's promises: made once, refused unchanged, intact whatever the disk does, small."""

import contextlib
import ctypes
import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from textwrap import dedent

import pytest
from runs import Here, Place, ended, until

import evalengine
from evalengine import AgentSpec, Limits, MatchSpec
from evalengine.database import APPLICATION_ID, MIGRATIONS, SCHEMA
from evalengine.model import Orders
from evalengine.plugins import Plugins
from evalengine.store import Store
from evalengine.worker import Worker

RUN = ("run", "random", "greedy", "--games", "tictactoe", "--seed", "4")
LONG = ("-n", "100000")


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "run")
    yield made
    made.close()


# ----------------------------------------------------------------------------------- beginning


def test_several_processes_that_make_the_same_file_at_once_make_it_once(place):
    script = dedent(
        """
        import sys
        from pathlib import Path
        from evalengine.store import Store
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(20):
            store = Store(Path(f"{number}.db"))
            texts = dict.fromkeys(["state", "command", "settings", "versions", "sandbox", "limits"], "")
            store.add_run(texts | {"seed": 1, "started": 0.0}, [], [])
            store.close()
        """
    )
    makers = [place.spawn([sys.executable, "-c", script], stdin=subprocess.PIPE) for _ in range(6)]
    for maker in makers:
        maker.stdout.readline()
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    for maker in makers:
        ended(maker)
    for number in range(20):
        with contextlib.closing(sqlite3.connect(place.folder / f"{number}.db")) as db:
            assert db.execute("select count(*), max(id) from run").fetchone() == (6, 6)
            assert db.execute("select count(*) from _sqlite_migrations").fetchone() == (SCHEMA,)
            assert db.execute("pragma user_version").fetchone() == (SCHEMA,)
            assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert list(place.folder.glob("*.lock")) == []


def _sqlite(*statements):
    def make(path):
        with contextlib.closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    return make


def _newer(path):
    Store(path).close()
    _sqlite(f"pragma user_version = {SCHEMA + 1}")(path)


FOREIGN = {
    "a database of something else": (_sqlite("create table run (id integer)"), "of something else"),
    "an empty database of something else": (
        _sqlite("pragma application_id = 7", "pragma user_version = 1"),
        "of something else",
    ),
    "a text": (lambda path: path.write_text("not a database\n" * 100), "not an evalengine database"),
    "a newer one": (_newer, "newer evalengine"),
}


@pytest.mark.parametrize("kind", list(FOREIGN))
def test_a_foreign_file_is_refused_unchanged(tmp_path, capsys, monkeypatch, kind):
    place = Here(tmp_path / "run", capsys, monkeypatch)
    make, told = FOREIGN[kind]
    path = place.folder / "other.db"
    make(path)
    before = _bytes(path)
    for command in (RUN, ("standings",)):
        refused = place.run(*command, "--db", "other.db", code=4)
        assert told in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
        assert _bytes(path) == before
    assert [found.name for found in place.folder.iterdir()] == ["other.db"]
    place.close()


def _bytes(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


OLD_ROWS = """
insert into run (id, state, command, seed, settings, versions, sandbox, limits, started)
  values (1, 'done', 'x', 7, '{}', '{}', 'none', '{}', 0.0);
insert into game values (1, 0, 'g', 'g', '1', '{}', '[[0], [1]]', '{}');
insert into agent values (1, 0, 'ann', '', 'trusted', 1, '', '{}'), (1, 1, 'bob', '', 'trusted', 1, '', '{}');
insert into match values
  (1 << 40, 0, 0, 0, 5, null, null, 0, 'rules', 3, x'90', x'90', null, 0.0, 0.1, 0),
  (1 << 40 | 1, 0, 0, 0, 5, null, null, 0, 'fault', 1, x'90', x'90', null, 0.0, 0.1, 0);
insert into seat values
  (1 << 40, 0, 1, 0, 0.1, 1, null), (1 << 40, 1, 0, 1, -0.30000000000000004, 2, null),
  (1 << 40 | 1, 0, 0, 0, -1.0, 2, 'crash'), (1 << 40 | 1, 1, 1, 1, 1.0, 1, null);
insert into fault values (1 << 40 | 1, 0, 0, 'crash', 'it broke', '');
"""


def test_a_file_of_the_first_schema_keeps_its_matches_bit_for_bit(tmp_path):
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript((MIGRATIONS / "0001_first.sql").read_text() + OLD_ROWS)
        db.execute("create table _sqlite_migrations (id integer primary key, migration_set, name, applied_at)")
        db.execute("insert into _sqlite_migrations values (1, 'evalengine', '0001_first', 'then')")
        db.execute(f"pragma application_id = {APPLICATION_ID}")
        db.execute("pragma user_version = 1")
        db.commit()
        before = db.execute("select * from v_seats order by match_no, seat").fetchall()
    with Store(path) as store:
        assert store.stored(1, 0, 9) == [
            (0, 0, "rules", (1, 0), (0.1, -0.30000000000000004), (1, 2), [], 0),
            (1, 0, "fault", (0, 1), (-1.0, 1.0), (2, 1), [0], 0),
        ]
        after = store.rows("select * from v_seats order by match_no, seat")
        assert [tuple(row.values()) for row in after] == before
        assert [row["agents"] for row in store.rows("select agents from v_matches")] == ["bob-vs-ann", "ann-vs-bob"]
        assert [row["agent"] for row in store.rows("select agent from v_faults")] == ["ann"]


def test_an_empty_file_becomes_a_database(place):
    (place.folder / "new.db").touch()
    place.run(*RUN, "-n", "2", "--db", "new.db")
    with Store(place.folder / "new.db", create=False) as store:
        assert len(list(store.match_nos(1))) == 2


# ------------------------------------------------------------------- what cannot be written, full


def _ordinary():
    """Make this process one to whom permissions apply, if it is root's."""
    if os.getuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; 24 is PR_CAPBSET_DROP
            ctypes.CDLL(None).prctl(24, capability)


@pytest.fixture
def permissions(place):
    """Skip where permissions do not bind even a process that gave up its capabilities."""
    (place.folder / "bound").touch(0o444)
    told = place.spawn([sys.executable, "-c", "open('bound', 'a')"], preexec_fn=_ordinary)
    if ended(told, None).returncode == 0:
        pytest.skip("permissions do not bind this user")


def test_a_file_that_must_not_be_written_can_be_read(place, permissions):
    place.run(*RUN, "-n", "20")
    place.db.chmod(0o444)
    before = _bytes(place.db)
    for command in ((*RUN, "-n", "2"), ("run", "--resume")):
        told = place.run(*command, code=2, preexec_fn=_ordinary)
        assert "readonly" in told.stderr.splitlines()[-1]
        assert "Traceback" not in told.stderr
    assert "20 finished" in place.run("standings", preexec_fn=_ordinary).stdout
    assert _bytes(place.db) == before
    place.check_clean()


def test_a_folder_that_must_not_be_written_is_refused(place, permissions):
    place.run(*RUN, "-n", "2")
    place.db.parent.chmod(0o555)
    try:
        for command in ((*RUN, "-n", "2"), (*RUN, "-n", "2", "--db", ".evalengine/new.db")):
            told = place.run(*command, code=4, preexec_fn=_ordinary)
            assert len(told.stderr.splitlines()) == 1
    finally:
        place.db.parent.chmod(0o755)
    assert place.stored() == 2
    place.check_clean()


def _small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


def test_a_limit_of_file_sizes_ends_a_run_that_can_be_resumed(place):
    _check_full(place, lambda *arguments: place.run(*arguments, code=2, preexec_fn=_small_files), lambda: None)


@pytest.fixture
def small_disk(place):
    """A file system of 600 KiB for the database."""
    disk = place.db.parent
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", disk], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_ends_a_run_that_can_be_resumed(place, small_disk):
    def more_space():
        subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)

    _check_full(place, lambda *arguments: place.run(*arguments, code=2), more_space)


def _check_full(place, stopped, make_space):
    told = stopped(*RUN, "-n", "3000")
    assert "evalengine run --resume 1" in told.stderr
    assert sum(line.startswith("error: ") for line in told.stderr.splitlines()) == 1
    assert "Traceback" not in told.stderr
    assert "What was stored is intact" in told.stderr
    before = _intact(place)
    assert 0 < len(before) < 3000
    again = stopped("run", "--resume")  # still no space: nothing gets lost
    assert "Traceback" not in again.stderr
    assert set(before) <= set(_intact(place))
    make_space()
    place.run("run", "--resume")
    assert place.rows("pragma integrity_check") == [("ok",)]
    after = _intact(place)
    assert [number for number, _ in after] == list(range(3000))
    assert set(before) <= set(after)
    place.check_clean()


def _intact(place):
    assert place.rows("pragma integrity_check") == [("ok",)]
    return place.rows("select match_no, started from v_matches order by match_no")


# ------------------------------------------------------------------------------ several writers


def test_a_second_process_on_the_same_run_is_refused_with_the_pid(place):
    process = place.start(*RUN, *LONG, "--workers", "1")
    until(lambda: place.stored() > 10)
    refused = place.run("run", "--resume", "1", code=4)
    assert f"run 1 is being written by pid {process.pid} since" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    os.killpg(process.pid, signal.SIGINT)
    ended(process, 2)
    place.check_clean()


def test_two_runs_write_one_file_at_once(place, tmp_path):
    several = [place.start(*RUN, "-n", "600", "--format", "json", "--workers", "1") for _ in range(2)]
    told = [place.outcome(ended(process).stdout) for process in several]
    assert place.rows("select run, count(*) from v_matches group by run") == [(1, 600), (2, 600)]
    assert told[0]["standings"] == told[1]["standings"]
    by_run = [place.rows(f"select match_no, seed, agents, turns from v_matches where run = {run}") for run in (1, 2)]
    assert by_run[0] == by_run[1]
    place.check_clean()


# ---------------------------------------------------------------------------------- what it says


def test_the_public_views_answer(place):
    (place.folder / "faulty.py").write_text(
        "def act(observation):\n    return 'x' if observation.turn > 3 else observation.legal[0]\n"
    )
    place.run(
        "run", "faulty.py", "random", "--games", "tictactoe or tron(seats=3)", "again=random", "-n", "30", "--seed", "3"
    )
    names = [
        name
        for (name,) in place.rows(
            "select name from sqlite_master where type = 'view' and name like 'v_%' order by name"
        )
    ]
    assert names == ["v_branches", "v_faults", "v_matches", "v_pairs", "v_ratings", "v_seats", "v_standings"]
    ((matches, turns),) = place.rows("select count(*), min(turns) from v_matches")
    assert (matches, turns > 0) == (30, True)
    assert place.rows("select count(*) from v_seats where agent is null") == [(0,)]
    assert place.rows("select sum(matches) from v_standings") == place.rows("select count(*) from v_seats")
    assert place.rows("select agent, faults from v_standings where faults > 0") == [
        ("faulty", place.rows("select count(distinct match_no) from v_faults")[0][0])
    ]
    assert place.rows("select sum(wins + draws + losses) from v_pairs where game = 'tictactoe'") == place.rows(
        "select count(*) from v_matches where game = 'tictactoe'"
    )
    assert place.rows("select distinct scope from v_ratings order by scope") == [
        ("",),
        ("tictactoe",),
        ("tron(seats=3)",),
    ]
    assert place.rows("select agents from v_matches where match_no = 0")[0][0].count("-vs-") in (1, 2)


def test_a_result_is_known_by_what_it_follows_from(tmp_path):
    def keys(db, games="tictactoe", agents=("random", "greedy"), **more):
        run = evalengine.run(games, agents, n=4, seed=more.pop("seed", 6), db=tmp_path / f"{db}.db", workers=1, **more)
        with Store(run.db, create=False) as store:
            return {row["key"] for row in store.rows("select key from match")}

    first = keys("first")
    assert len(first) == 4
    assert keys("first") == first  # another run of the same file
    others = [
        keys("seed", seed=7),
        keys("opening", opening="random:3"),
        keys("limits", limits=Limits(turn_s=1.0)),
        keys("agents", agents=("random", "minimax")),
        keys("game", games="hex(size=5)"),
    ]
    assert all(first.isdisjoint(other) for other in others)
    assert len(set().union(first, *others)) == 24


# -------------------------------------------------------------------------------------- its size


def _played_matches(turns, count):
    """Return results of real matches of `turns` turns between two seats."""
    specs = Plugins().games()
    agents = (AgentSpec(name="random", factory="evalengine.builtin.simple:Random"),)
    worker = Worker(Orders(games=((specs["othello"], {}),), agents=agents, limits=Limits()))
    rows = [worker.play(MatchSpec(number, 0, number, 77 + number, (0, 0))) for number in range(count)]
    worker.close()
    assert all(row.turns >= turns - 4 for row in rows)
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("think_us", [None, 300])  # as measured; as of agents in processes of their own, 3 bytes each
def test_a_hundred_thousand_matches_of_sixty_turns_cost_less_than_400_bytes_each(tmp_path, think_us, record_property):
    import msgpack

    rows = _played_matches(60, 100)
    if think_us:
        rows = [row._replace(think_us=msgpack.packb([think_us] * row.turns)) for row in rows]
    n = 100_000
    with Store(tmp_path / "large.db") as store:
        for begin in range(0, n, 1000):
            specs = [
                MatchSpec(number, 0, number // 2, hash((number // 2, 1)) & (1 << 63) - 1, (number % 7, 7))
                for number in range(begin, begin + 1000)
            ]
            numbered = [rows[spec.match_no % 100]._replace(match_no=spec.match_no) for spec in specs]
            keys = [hashlib.blake2b(b"%d" % spec.match_no, digest_size=16).digest() for spec in specs]
            with store.transaction():
                store.write(1, specs, numbered, keys, 0)
    each = (tmp_path / "large.db").stat().st_size / n
    record_property("bytes a match", each)
    sys.stdout.write(f"{each:.0f} bytes a match of {sum(row.turns for row in rows) / 100:.1f} turns\n")
    assert each < 400
