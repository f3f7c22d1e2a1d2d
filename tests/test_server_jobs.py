"""Jobs of the server: asked for over HTTP, done in processes of their own, killed, cancelled, begun again."""

import csv
import io
import json
import os
import signal
import sqlite3
import threading
import time
import zipfile
from pathlib import Path

import httpx
import pytest
from blocks import ROOT, blocks_of
from commandline import process
from served import LIMIT_S, Served, connections, ended, job, until


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("served"), "--rate", "0", "--jobs", "2") as served:
        yield served


def began(served, number):
    """Wait until a job of the kind "count" runs; return its process's id."""
    return int(until(lambda: text_of(served.folder / f"began-{number}"), f"job {number} begins"))


def text_of(path):
    return path.read_text() if path.exists() else ""


def test_a_job_is_done_and_its_result_is_told(served):
    with served.client("play", "read") as client:
        done = ended(client, job(client, "count"))
    assert done["state"] == "completed"
    assert done["progress"] == 1
    assert done["result"] == {"processes": 1}
    assert done["created"] <= done["started"] <= done["finished"]


def test_progress_is_told_while_it_runs(served):
    with served.client("admin") as client:
        number = job(client, "count", until="progress")
        began(served, number)
        running = client.get(f"/api/jobs/{number}").json()["data"]
        assert (running["state"], running["progress"], running["result"]) == ("running", 0.25, None)
        (served.folder / "progress").touch()
        assert ended(client, number)["progress"] == 1


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("crash", "ValueError: lost \x1b[31m"),
        ("die", "its process ended before it was done: signal SIGKILL"),
        ("usage", "nobody wants that"),
        ("nan", "ValueError: Out of range float values are not JSON compliant"),
    ],
)
def test_a_job_that_comes_to_nothing_says_why(served, kind, told):
    with served.client("admin") as client:
        number = job(client, kind)
        failed = ended(client, number)
        assert failed["state"] == "failed"
        assert failed["error"].startswith(told)
        assert failed["result"] is None
        assert ended(client, job(client, "count"))["state"] == "completed"
    assert "\x1b" not in served.log


def test_what_a_job_prints_is_in_the_log_and_cannot_fill_a_line_or_steer_a_terminal(served):
    with served.client("admin") as client:
        number = job(client, "noise")
        assert ended(client, number)["state"] == "completed"
    until(lambda: f"job {number} is completed" in served.log, "it is logged")
    lines = [line for line in served.log.splitlines() if f"job {number}: " in line]
    assert any("to stdout \N{REPLACEMENT CHARACTER}[2J" in line for line in lines)
    assert max(map(len, lines)) < 2_100


def test_a_long_poll_ends_with_the_job_and_costs_no_thread(served):
    with served.client("admin") as client:
        number = job(client, "count", until="polled")
        began(served, number)
        answers = []
        client_of = [served.client() for _ in range(40)]
        key = client.headers["x-api-key"]

        def ask(one):
            answers.append(one.get(f"/api/jobs/{number}", params={"wait": 60}, headers={"x-api-key": key}))

        threads_before = threads_of(served)
        asking = [threading.Thread(target=ask, args=(one,)) for one in client_of]
        for thread in asking:
            thread.start()
        until(lambda: connections(served.port) >= 40, "all wait")  # the client's own may be closed by now
        assert threads_of(served) <= threads_before + 6  # asyncio's own pool, however many wait
        assert not answers
        (served.folder / "polled").touch()
        for thread in asking:
            thread.join(LIMIT_S)
        assert [answer.json()["data"]["state"] for answer in answers] == ["completed"] * 40
        for one in client_of:
            one.close()


def threads_of(served):
    return len(list(Path(f"/proc/{served.process.pid}/task").iterdir()))


def test_a_long_poll_ends_after_its_time(served):
    with served.client("admin") as client:
        number = job(client, "count", until="later")
        began(served, number)
        before = time.monotonic()
        assert client.get(f"/api/jobs/{number}", params={"wait": 0.2}).json()["data"]["state"] == "running"
        assert 0.2 <= time.monotonic() - before < 10
        (served.folder / "later").touch()
        ended(client, number)


@pytest.mark.parametrize("query", ["wait=nan", "wait=-1", "wait=61", "wait=x", "wait=inf", "wait=1e400"])
def test_a_wait_that_is_none_is_refused(served, query):
    with served.client("admin") as client:
        number = job(client, "count")
        assert client.get(f"/api/jobs/{number}?{query}").status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=0", "before=-1", "before=" + "9" * 30])
def test_a_page_that_is_none_is_refused(served, query):
    with served.client("admin") as client:
        assert client.get(f"/api/jobs?{query}").status_code == 400


def test_at_most_so_many_jobs_run_at_once_and_the_others_wait(served):
    with served.client("admin") as client:
        first, second, third = (job(client, "count", until="room") for _ in range(3))
        began(served, first)
        began(served, second)
        assert client.get(f"/api/jobs/{third}").json()["data"]["state"] == "queued"
        (served.folder / "room").touch()
        assert ended(client, third)["state"] == "completed"


def test_cancel_ends_a_running_job_and_its_process(served):
    with served.client("admin") as client:
        number = job(client, "count", until="never")
        pid = began(served, number)
        client.post(f"/api/jobs/{number}/cancel")
        assert ended(client, number)["state"] == "cancelled"
        until(lambda: not Path(f"/proc/{pid}").exists(), "the process is gone")
        again = client.post(f"/api/jobs/{number}/cancel").json()["data"]
        assert again["state"] == "cancelled"


def test_cancel_ends_a_waiting_job_at_once(served):
    with served.client("admin") as client:
        running = [job(client, "count", until="free") for _ in range(2)]
        for number in running:
            began(served, number)
        waiting = job(client, "count", until="never")
        assert client.post(f"/api/jobs/{waiting}/cancel").json()["data"]["state"] == "cancelled"
        (served.folder / "free").touch()
        assert [ended(client, number)["state"] for number in running] == ["completed"] * 2
        assert not (served.folder / f"began-{waiting}").exists()


def test_cancel_leaves_a_job_that_has_ended_as_it_is(served):
    with served.client("admin") as client:
        number = job(client, "count")
        ended(client, number)
        assert client.post(f"/api/jobs/{number}/cancel").json()["data"]["state"] == "completed"


def test_jobs_of_others_are_as_if_they_did_not_exist(served):
    with served.client("play", "read") as owner, served.client("play", "read", "run") as other:
        number = job(owner, "count")
        ended(owner, number)
        for answer in (other.get(f"/api/jobs/{number}"), other.post(f"/api/jobs/{number}/cancel")):
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == f"there is no job {number}"
        assert other.get(f"/api/jobs/{1 << 70}").status_code == 404
        assert other.get("/api/jobs").json()["data"]["jobs"] == []
        assert [found["id"] for found in owner.get("/api/jobs").json()["data"]["jobs"]] == [number]
        with served.client("admin") as admin:
            assert admin.get(f"/api/jobs/{number}").status_code == 200


def test_a_kind_needs_its_scope(served):
    with served.client("read") as reader:
        answer = reader.post("/api/jobs", json={"kind": "count"})
        assert answer.status_code == 403
    assert httpx.post(served.url + "/api/jobs", json={"kind": "count"}).status_code == 401


def test_jobs_are_listed_page_by_page(served):
    with served.client("play", "read") as client:
        numbers = [job(client, "count") for _ in range(3)]
        first = client.get("/api/jobs", params={"limit": 2}).json()["data"]["jobs"]
        rest = client.get("/api/jobs", params={"limit": 2, "before": first[-1]["id"]}).json()["data"]["jobs"]
        assert [found["id"] for found in [*first, *rest]] == numbers[::-1]


# ---------------------------------------------------------------------------------- evaluations


def test_an_evaluation_is_a_run_as_the_command_line_plays_it(served):
    with served.client("run", "read") as client:
        asked = {"games": "tictactoe", "agents": ["random", "mcts(simulations=10)"], "matches": 20, "seed": 7}
        done = ended(client, job(client, "evaluate", **asked))
    assert done["state"] == "completed", done["error"]
    other = ("run", "random", "mcts(simulations=10)", "--games", "tictactoe", "-n", 20, "--seed", 7, "--db", "other.db")
    told = json.loads(process(*other, "--format", "json", "-q", cwd=served.folder).stdout)
    assert done["result"]["standings"] == told["standings"]
    shown = process("standings", done["result"]["run"], "--db", "arena.db", "--format", "json", cwd=served.folder)
    assert json.loads(shown.stdout)["standings"] == told["standings"]


NOT_FOR_ALL = [
    {"agents": ["/etc/passwd"]},
    {"agents": ["x=./bot.py"]},
    {"agents": ["cmd:cat /etc/passwd"]},
    {"agents": ["http://169.254.169.254/"]},
    {"opponents": "random,cmd:sh"},
    {"games": "./game.py"},
    {"games": "tictactoe or /tmp/game.py"},
    {"games": "hex(size='/etc/passwd')"},
]


@pytest.mark.parametrize("more", NOT_FOR_ALL, ids=str)
def test_only_an_admin_may_name_files_programs_and_addresses(served, more):
    with served.client("run", "read") as client:
        answer = client.post("/api/jobs", json={"kind": "evaluate", "request": {"games": "tictactoe", **more}})
        assert answer.status_code == 400
        assert "only a key with the scope admin" in answer.json()["error"]["message"]
        assert client.get("/api/jobs").json()["data"]["jobs"] == []


def test_an_admin_may_and_the_agent_is_contained(served):
    (served.folder / "mine.py").write_text("def act(observation):\n    return observation.legal[0]\n")
    with served.client("admin") as client:
        done = ended(client, job(client, "evaluate", games="tictactoe", agents=["mine.py", "random"], matches=4))
    assert done["state"] == "completed", done["error"]
    with sqlite3.connect(served.folder / "arena.db") as db:
        assert db.execute("select sandbox from run where id = ?", [done["result"]["run"]]).fetchone() != ("none",)
    db.close()


@pytest.mark.parametrize(
    "more",
    [{"matches": 0}, {"matches": 2, "rounds": 2}, {"seed": -1}, {"seed": 1 << 63}, {"agents": [5]},
     {"agents": "random"}, {"limits": {"turn_s": "x"}}, {"limits": {"turn": 1}}, {"anchors": {"random": "x"}},
     {"isolation": "none"}, {"games": "tictactoe and"}, {"sandbox": "none"}, {"bind": ["/"]}],
    ids=str,
)  # fmt: skip
def test_an_evaluation_that_cannot_be_is_refused_before_it_is_stored(served, more):
    with served.client("admin") as client:
        answer = client.post("/api/jobs", json={"kind": "evaluate", "request": {"games": "tictactoe", **more}})
        assert answer.status_code == 400, answer.text


def test_an_evaluation_of_nothing_fails_with_a_reason(served):
    with served.client("admin") as client:
        failed = ended(client, job(client, "evaluate", games="nosuchgame"))
    assert failed["state"] == "failed"
    assert failed["error"].startswith('no game or tag "nosuchgame"')


# -------------------------------------------------------------------------------------- kills


def test_a_killed_server_loses_no_job_and_begins_it_again(tmp_path):
    with Served(tmp_path) as first:
        key = first.key("admin")
        with httpx.Client(base_url=first.url, headers={"x-api-key": key}) as client:
            running = job(client, "count", until="go")
            queued = job(client, "count")
            before = began(first, running)
        first.kill()
    until(lambda: not Path(f"/proc/{before}").exists(), "the job's process ended with its server")
    with (
        Served(tmp_path) as second,
        httpx.Client(base_url=second.url, headers={"x-api-key": key}, timeout=60) as client,
    ):
        until(lambda: began(second, running) != before, "it runs again")
        (tmp_path / "go").touch()
        assert ended(client, running)["result"] == {"processes": 2}
        assert ended(client, queued)["result"] == {"processes": 1}


@pytest.mark.slow
def test_an_evaluation_goes_on_with_its_run_after_a_kill(tmp_path):
    asked = {"games": "tictactoe", "agents": ["random", "mcts(simulations=60)"], "matches": 2000, "seed": 7}
    with Served(tmp_path) as first:
        key = first.key("admin")
        with httpx.Client(base_url=first.url, headers={"x-api-key": key}) as client:
            number = job(client, "evaluate", **asked)
            until(
                lambda: 0 < client.get(f"/api/jobs/{number}").json()["data"]["progress"] < 1, "some matches are there"
            )
        first.kill()
    with (
        Served(tmp_path) as second,
        httpx.Client(base_url=second.url, headers={"x-api-key": key}, timeout=90) as client,
    ):
        done = ended(client, number, 60)
    assert done["state"] == "completed", done["error"]
    with sqlite3.connect(tmp_path / "arena.db") as db:
        assert db.execute("select count(*) from run").fetchone() == (1,)
        assert db.execute("select count(*) from match").fetchone() == (2000,)
    db.close()
    assert done["result"]["matches"] == 2000
    assert not list(tmp_path.glob("arena.db-*.lock"))


def test_a_cancelled_evaluation_leaves_its_run_to_be_resumed(served):
    with served.client("admin") as client:
        asked = {"games": "tictactoe", "agents": ["random", "mcts(simulations=60)"], "matches": 100_000}
        number = job(client, "evaluate", **asked)
        until(lambda: client.get(f"/api/jobs/{number}").json()["data"]["progress"] > 0, "some matches are there")
        client.post(f"/api/jobs/{number}/cancel")
        assert ended(client, number)["state"] == "cancelled"
    with sqlite3.connect(served.folder / "arena.db") as db:
        state, stored = db.execute(
            "select state, (select count(*) from match where id >> 40 = run.id) from run order by id desc limit 1"
        ).fetchone()
    db.close()
    assert state == "interrupted"
    assert stored > 0


@pytest.mark.slow
def test_a_key_has_at_most_a_thousand_jobs_that_wait(served):
    with served.client("admin") as client, served.client("admin") as other:
        numbers = [job(client, "count", until="never") for _ in range(1000)]
        answer = client.post("/api/jobs", json={"kind": "count"})
        assert answer.status_code == 400
        assert "wait already" in answer.json()["error"]["message"]
        job(other, "count")
        for number in reversed(numbers):
            client.post(f"/api/jobs/{number}/cancel")


@pytest.mark.slow
def test_a_job_that_will_not_end_is_killed(served):
    with served.client("admin") as client:
        number = job(client, "count", until="never")
        os.kill(began(served, number), signal.SIGSTOP)  # deaf to SIGTERM
        client.post(f"/api/jobs/{number}/cancel")
        assert ended(client, number)["state"] == "cancelled"


# -------------------------------------------------------------------------------- the documents


def test_the_plugin_on_the_page_works(tmp_path):
    (block,) = [block for block in blocks_of(ROOT / "docs" / "plugins.md") if block.told == "primes.py"]
    (tmp_path / "primes.py").write_text(block.code)
    with Served(tmp_path, "-p", "primes") as served, served.client("play") as client:
        assert client.get("/primes/100").json() == {"state": "completed", "result": {"primes": 25}}
        assert client.get("/primes/1").status_code == 400


# ------------------------------------------------------------------------------------ exports


@pytest.fixture(scope="module")
def admin_with_run(served):
    """Give a client with the scope admin, and the number of a run."""
    with served.client("admin") as client:
        asked = {"games": "tictactoe", "agents": ["random", "greedy"], "matches": 10, "seed": 3}
        yield client, ended(client, job(client, "evaluate", **asked))["result"]["run"]


def test_an_export_is_one_file_to_fetch(admin_with_run):
    client, run = admin_with_run
    done = ended(client, job(client, "export", format="csv", runs=[run], tables=["matches"]))
    answer = client.get(f"/api/jobs/{done['id']}/file")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{done["result"]["file"]}"'
    assert int(answer.headers["content-length"]) == done["result"]["bytes"]
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 10


def test_several_tables_are_packed_into_one_file(admin_with_run):
    client, run = admin_with_run
    done = ended(client, job(client, "export", format="ndjson", runs=[run], anonymous=True))
    packed = zipfile.ZipFile(io.BytesIO(client.get(f"/api/jobs/{done['id']}/file").content))
    assert {"matches.ndjson", "steps.ndjson", "agents.ndjson", "ratings.ndjson"} <= set(packed.namelist())
    assert b"greedy" not in b"".join(map(packed.read, packed.namelist()))


@pytest.mark.parametrize(
    "asked",
    [{"format": "xml"}, {}, {"format": "csv", "runs": ["1"]}, {"format": "csv", "games": [5]},
     {"format": "csv", "runs": [0]}, {"format": "csv", "best": 200}],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused(served, asked):
    with served.client("admin") as client:
        assert client.post("/api/jobs", json={"kind": "export", "request": asked}).status_code == 400


def test_exports_are_not_for_everybody(served, admin_with_run):
    client, run = admin_with_run
    number = ended(client, job(client, "export", format="pgn", runs=[run]))["id"]
    with served.client("run", "read") as other:
        assert other.post("/api/jobs", json={"kind": "export", "request": {"format": "pgn"}}).status_code == 403
        assert other.get(f"/api/jobs/{number}/file").status_code == 404


def test_a_run_that_is_not_there_fails_and_has_no_file(served):
    with served.client("admin") as client:
        done = ended(client, job(client, "export", format="csv", runs=[4_000]))
        assert done["state"] == "failed"
        assert "4000" in done["error"]
        assert client.get(f"/api/jobs/{done['id']}/file").status_code == 404
        assert not list((served.folder / "arena.exports").glob(f"job-{done['id']}*"))
