"""A server that is killed in the middle of work on data: the next one goes on, and nothing is lost or done twice."""

import time

import httpx
import pytest
from evalengine_gertlabs import league
from served import LIMIT_S, Served, until

from evalengine.web.rows import Rows

SLOW = "import time\n\n\ndef act(observation):\n    time.sleep(0.02)\n    return observation.legal[0]\n"


class Killed:
    """A server that is killed now and then, and a client that goes on with the next; used as a context manager."""

    def __init__(self, folder):
        self.folder = folder
        self.served = Served(folder, "--rate", "0")
        self._key = self.served.key()
        self.client = self.served.client(key=self._key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.served.end()

    def kill(self):
        """Kill the server and start the next."""
        self.client.close()
        self.served.kill()
        self.start()

    def start(self):
        """Start the next server."""
        self.served = Served(self.folder, "--rate", "0")
        self.client = self.served.client(key=self._key)

    def wait(self, job, condition):
        """Return a job once a condition holds for it."""
        end = time.monotonic() + LIMIT_S
        while not condition(found := self.client.jobs.get(job)):
            assert time.monotonic() < end, found
        return found

    def read(self, sql):
        """Return the rows of a select."""
        with Rows(self.folder / "arena.db") as rows:
            return [tuple(row) for row in rows.read(sql)]


@pytest.fixture
def killed(tmp_path):
    with Killed(tmp_path) as made:
        yield made


def test_an_evaluation_goes_on_with_its_run(killed):
    sub = killed.client.submissions.create(game="tictactoe", code=SLOW)
    job = killed.client.submissions.evaluate(sub["submission_id"], match_count=60)["job_id"]
    assert 0 < killed.wait(job, lambda found: found["progress"] > 0)["progress"] < 1
    killed.kill()
    result = killed.client.jobs.wait(job, interval=0.1)["result"]
    assert result["matches_played"] == 60
    assert killed.read("select id, state from run") == [(result["run"], "done")]
    assert len(killed.client.submissions.evaluations(sub["submission_id"])["evaluations"]) == 1
    assert killed.client.billing.balance()["spent"] == pytest.approx(0.06)


@pytest.mark.slow
def test_a_build_goes_on_where_it_was(killed):
    asked = {
        "game_slugs": ["tictactoe", "connect4"],
        "custom_provider_id": "scripted",
        "submission_count": 3,
        "match_count": 20,
    }
    job = killed.client.dataset_builds.evaluate_code(**asked)["job_id"]
    for least in (0.01, 0.3, 0.6):
        killed.wait(job, lambda found, least=least: found["progress"] >= least or "result" in found)
        killed.kill()
    result = killed.client.jobs.wait(job, interval=0.1)["result"]
    assert result["matches_played"] == 2 * 3 * 20
    assert killed.read("select count(*), count(distinct game) from gert_submission") == [(6, 2)]
    assert killed.read("select kind, state, count(*) from run group by 1, 2") == [("run", "done", 2)]
    rows = 0
    for export in result["export_job_ids"]:
        killed.client.jobs.wait(export, interval=0.1)
        rows += killed.client.exports.get(export)["record_count"] if export == result["export_job_ids"][0] else 0
    assert rows == 6
    assert killed.read("select count(*) from job where kind = 'gertlabs-export'") == [(2,)]
    assert killed.client.billing.balance()["spent"] == pytest.approx(0.12)


@pytest.mark.slow
def test_an_exploration_goes_on_where_it_was(killed):
    asked = {"game_slug": "breakthrough", "custom_provider_id": "scripted", "parent_count": 2, "explore_interval": 8}
    job = killed.client.dataset_builds.explore(**asked)["job_id"]
    for least in (0.05, 0.4):
        killed.wait(job, lambda found, least=least: found["progress"] >= least or "result" in found)
        killed.kill()
    result = killed.client.jobs.wait(job, interval=0.1)["result"]
    killed.client.jobs.wait(result["export_job_id"], interval=0.1)
    runs = killed.read("select kind, count(*) from run where state = 'done' group by 1 order by 1")
    assert runs == [("explore", 1), ("run", 1)]
    (explored,) = killed.read(
        "select count(*) from match join run on run.id = match.id >> 40 where run.kind = 'explore'"
    )
    assert killed.client.exports.get(result["export_job_id"])["record_count"] == explored[0]


def test_an_export_is_written_anew(killed):
    asked = {"game_slug": "connect4", "custom_provider_id": "scripted", "submission_count": 2, "match_count": 15}
    build = killed.client.dataset_builds.evaluate_code(**asked, export_type="replays")["job_id"]
    (first,) = killed.client.jobs.wait(build, interval=0.1)["result"]["export_job_ids"]
    killed.client.jobs.wait(first, interval=0.05)
    job = killed.client.exports.create(export_type="replays", new_only=False)["job_id"]
    folder = killed.folder / "arena.exports" / job
    until(folder.exists, "the export has begun")
    killed.kill()
    killed.client.jobs.wait(job, interval=0.05)
    both = [httpx.get(killed.client.exports.download(name)["download_url"]).json() for name in (first, job)]
    assert both[0]["records"] == both[1]["records"]
    assert len([*folder.iterdir()]) == 1
    assert killed.client.exports.create(export_type="replays", new_only=True, dry_run=True)["estimated_records"] > 0
    again = killed.client.exports.create(export_type="replays", new_only=True)["job_id"]
    killed.client.jobs.wait(again, interval=0.05)
    assert killed.client.exports.download(again)["record_count"] == 0


def test_what_a_kill_cut_off_before_its_job_was_made_is_forgotten_and_what_has_one_is_found(killed):
    sub = killed.client.submissions.create(game="tictactoe", code=SLOW)["submission_id"]
    job = killed.client.submissions.evaluate(sub, match_count=1)["job_id"]
    killed.client.jobs.wait(job, interval=0.05)
    killed.client.close()
    killed.served.kill()
    with Rows(killed.folder / "arena.db") as rows:
        (owner,) = {row[0] for row in rows.read("select owner from gert_work")}
        rows.change("update gert_work set job = null")
        rows.change("insert into gert_work values ('lost', 'build', ?, '{}', null, 0)", owner)
        sql = "insert into gert_ledger (owner, kind, work, credits, matches, created)"
        rows.change(f"{sql} values (?, 'build', 'lost', 9, 9, 0)", owner)
    killed.start()
    assert killed.client.jobs.get(job)["status"] == "completed"
    assert killed.client.billing.balance()["spent"] == 0.001
    asked = {"game_slug": "tictactoe", "custom_provider_id": "scripted", "submission_count": 1, "match_count": 1}
    killed.client.jobs.wait(killed.client.dataset_builds.evaluate_code(**asked)["job_id"], interval=0.05)


def test_jobs_at_the_same_time_rate_one_league(tmp_path):
    with Served(tmp_path, "--rate", "0", "--jobs", "3") as served:
        clients = [served.client() for _ in range(3)]
        subs = [
            client.submissions.create(game="tictactoe", custom_provider_id="scripted", seed=7) for client in clients
        ]
        jobs = [
            client.submissions.evaluate(sub["submission_id"], match_count=20)["job_id"]
            for client, sub in zip(clients, subs, strict=True)
        ]
        for client, job in zip(clients, jobs, strict=True):
            assert client.jobs.wait(job, interval=0.05)["result"]["matches_played"] == 20
        names = [sub["submission_id"] for sub in subs]
        told = [client.submissions.get(name) for client, name in zip(clients, names, strict=True)]
        with Rows(tmp_path / "arena.db") as rows:
            assert rows.read("select count(distinct run) from gert_pair")[0][0] == 3
            pairs = league.fitted(rows, "tictactoe", {}, 0)
        assert [sub["elo_rating"] for sub in told] == [round(pairs[name]["rating"], 2) for name in names]
        for client in clients:
            client.close()
