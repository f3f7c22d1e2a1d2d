"""Exports against a real server: what is in them, how they are downloaded, and by whom."""

import io
import json
import re
import time

import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest
from gertlabs import ConflictError, NotFoundError, ValidationError
from served import Served, until

FIRST = "def act(observation):\n    return observation.legal[0]\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server whose files of exports are short, with what one client has: a build of two games."""
    settings = "[plugins.gertlabs]\nchunk_rows = 50\ndownload_s = 60\n"
    folder = tmp_path_factory.mktemp("small")
    with Served(folder, "--rate", "0", settings=settings) as served, served.client() as client:
        build = client.dataset_builds.evaluate_code(
            game_slugs=["tictactoe", "kuhn_poker"], custom_provider_id="scripted", submission_count=6, match_count=8
        )
        served.built = client.jobs.wait(build["job_id"], interval=0.1)["result"]
        for job in served.built["export_job_ids"]:
            client.jobs.wait(job, interval=0.1)
        served.owner = client
        yield served


def exported(client, **params):
    job = client.exports.create(**params)["job_id"]
    client.jobs.wait(job, interval=0.05)
    return job


def records(client, job):
    """Return the rows of an export in JSON, of all its files."""
    info = client.exports.download(job)
    urls = (
        [info["download_url"]]
        if "download_url" in info
        else [chunk["download_url"] for chunk in info.get("chunks", [])]
    )
    return [row for url in urls for row in httpx.get(url).json()["records"]]


def test_submissions_are_exported_with_their_source_and_standing(small):
    job = exported(small.owner, export_type="submissions", format="parquet", game_slug="tictactoe")
    frame = small.owner.exports.load(job)
    assert len(frame) == 6
    assert set(frame["game"]) == {"tictactoe"}
    assert sorted(frame["elo_rating"]) == list(frame.sort_values("percentile", kind="stable")["elo_rating"])
    assert max(frame["percentile"]) == 1.0
    assert all("class Agent" in code for code in frame["code"])
    assert set(frame["provider"]) == {"scripted"}
    assert set(frame["matches_played"]) == {8}


def test_only_the_best_of_each_game_are_exported(small):
    every = small.owner.exports.load(exported(small.owner, tags=["board"], format="parquet"))
    best = small.owner.exports.load(exported(small.owner, tags=["board"], format="parquet", min_percentile=0.9))
    assert 0 < len(best) < len(every)
    assert min(best["elo_rating"]) == max(every["elo_rating"])
    unrated = small.owner.submissions.create(game="hex", code=FIRST)
    assert records(small.owner, exported(small.owner, game_slug="hex", min_percentile=0)) == []
    assert len(records(small.owner, exported(small.owner, game_slug="hex"))) == 1
    small.owner.submissions.delete(unrated["submission_id"])


def test_replays_have_a_row_for_each_decision_of_each_seat(small):
    job = exported(small.owner, export_type="game_replays", format="json", game_slug="tictactoe")
    rows = records(small.owner, job)
    assert small.owner.exports.get(job)["record_count"] == len(rows)
    one = [row for row in rows if row["session_id"] == rows[0]["session_id"]]
    assert [row["tick"] for row in one] == sorted(row["tick"] for row in one)
    assert {row["player_id"] for row in one} == {"player_0", "player_1"}
    board = json.loads(one[-1]["observation"])["board"]
    assert board[json.loads(one[-1]["action"])] == 0
    assert {row["final_score"] for row in rows} <= {-1.0, 0.0, 1.0}
    assert len({row["session_id"] for row in rows}) == 6 * 8
    both = small.owner.exports.create(export_type="replays", game_slug="tictactoe", dry_run=True)
    assert "job_id" not in both
    assert both["estimated_credits"] == 0
    assert both["estimated_records"] == pytest.approx(len(rows), rel=0.5)


def test_sessions_are_exported_as_replays_are(client):
    session = client.play.create(game="tictactoe", autostart=True, ai_mode="agentic_player")
    name = session["session_id"]
    until(lambda: client.sessions.get(name)["status"] == "completed", "the session has ended")
    rows = records(client, exported(client, export_type="replays"))
    assert {row["session_id"] for row in rows} == {name}
    assert [row["tick"] for row in rows] == [*range(len(rows))]
    client.sessions.delete(name)
    assert records(client, exported(client, export_type="replays")) == []


def test_a_file_is_one_of_several_when_there_are_many_rows(small):
    job = exported(small.owner, export_type="replays", format="parquet")
    info = small.owner.exports.download(job)
    assert info["chunked"] is True
    assert info["chunk_count"] == len(info["chunks"]) > 3
    frame = small.owner.exports.load(job)
    assert len(frame) == info["record_count"] == small.owner.exports.get(job)["record_count"]
    assert max(chunk["record_count"] for chunk in info["chunks"]) == 50


def test_files_are_downloaded_as_they_are_named(small, tmp_path):
    job = exported(small.owner, format="parquet", game_slug="tictactoe")
    (path,) = small.owner.exports.download_files(job, tmp_path)
    metadata = pq.read_schema(path).metadata
    assert metadata[b"schema_version"] == b"1"
    assert b"exported_at" in metadata
    assert b"score_context:tictactoe" in metadata
    url = small.owner.exports.download(job)["download_url"]
    whole = httpx.get(url, headers={"accept-encoding": "identity"})
    head = httpx.head(url)
    assert re.fullmatch(rf'attachment; filename="export_{job}_001.parquet"', whole.headers["content-disposition"])
    assert len(whole.content) == int(whole.headers["content-length"]) == int(head.headers["content-length"])
    assert head.content == b""
    assert httpx.get(url, headers={"range": "bytes=0-3"}).content == b"PAR1"
    assert httpx.get(url, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    assert len(pd.read_parquet(io.BytesIO(whole.content))) == 6


def test_both_types_are_files_of_one_export(small):
    job = exported(small.owner, export_type="both", game_slug="tictactoe")
    chunks = small.owner.exports.download(job)["chunks"]
    kinds = [chunk["export_type"] for chunk in chunks]
    assert kinds == ["submissions"] + ["game_replays"] * (len(kinds) - 1)
    assert len({chunk["file_name"] for chunk in chunks}) == len(chunks)
    assert "code" in httpx.get(chunks[0]["download_url"]).json()["records"][0]
    assert "observation" in httpx.get(chunks[-1]["download_url"]).json()["records"][0]
    dry = small.owner.exports.create(export_type="both", game_slug="tictactoe", dry_run=True)
    assert dry["estimated_records"] > 6


def test_an_export_of_nothing_says_so(small):
    job = exported(small.owner, game_slug="hex", format="parquet")
    info = small.owner.exports.download(job)
    assert info["record_count"] == 0
    assert info["message"]
    assert "download_url" not in info
    assert len(small.owner.exports.load(job)) == 0


def test_what_was_exported_is_left_out_only_when_that_is_wanted_and_until_it_is_forgotten(small):
    kwargs = {"game_slug": "kuhn_poker"}
    small.owner.exports.reset_tracking()
    assert len(records(small.owner, exported(small.owner, **kwargs, max_records=2))) == 2
    assert len(records(small.owner, exported(small.owner, **kwargs, new_only=True))) == 4
    assert records(small.owner, exported(small.owner, **kwargs, new_only=True)) == []
    assert len(records(small.owner, exported(small.owner, **kwargs))) == 6
    small.owner.exports.reset_tracking(export_type="replays")
    assert records(small.owner, exported(small.owner, **kwargs, new_only=True)) == []
    small.owner.exports.reset_tracking(export_type="submissions", game_slug="kuhn_poker")
    assert len(records(small.owner, exported(small.owner, **kwargs, new_only=True))) == 6


def test_exports_are_listed_by_pages(small):
    names = [export["job_id"] for export in small.owner.exports.list(page_size=2)]
    assert len(names) == len({*names}) >= 2
    assert names == [export["job_id"] for export in small.owner.exports.list()]
    assert small.built["export_job_ids"][0] in names


def test_links_are_random_and_nothing_else_opens_a_file(small):
    job = exported(small.owner, game_slug="tictactoe")
    urls = {small.owner.exports.download(job)["download_url"] for _ in range(2)}
    assert len(urls) == 2
    url = urls.pop()
    token, name = url.split("/")[-2:]
    assert len(token) >= 40
    base = url.rsplit("/", 2)[0]
    forged = [
        f"{base}/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}/{name}",
        f"{base}/{token}/other.json",
        f"{base}/x/{name}",
        f"{base}/{token}/..%2f..%2farena.db",
        f"{base}/{token}/%2e%2e/arena.db",
        f"{base}/{'%00' * 40}/{name}",
        f"{base}//{name}",
    ]  # fmt: skip
    for link in forged:
        assert httpx.get(link).status_code == 404, link
    assert httpx.get(url).status_code == 200
    database = b"".join(path.read_bytes() for path in small.folder.glob("arena.db*") if path.is_file())
    assert token.encode() not in database


def test_links_end(tmp_path):
    settings = "[plugins.gertlabs]\ndownload_s = 0.5\n"
    with Served(tmp_path, settings=settings) as served, served.client() as client:
        client.submissions.create(game="hex", code=FIRST)
        url = client.exports.download(exported(client))["download_url"]
        until = time.monotonic() + 10
        while httpx.get(url).status_code == 200:
            assert time.monotonic() < until
        assert httpx.get(url).json()["error"]["code"] == "NOT_FOUND"


def test_exports_of_others_do_not_exist(small):
    job = exported(small.owner, game_slug="tictactoe")
    with small.client() as other:
        for call in (other.exports.get, other.exports.download, other.jobs.get):
            with pytest.raises(NotFoundError):
                call(job)
        assert other.exports.list() == []
        assert records(other, exported(other)) == []
        other.exports.reset_tracking()
    with pytest.raises(NotFoundError):
        small.owner.exports.get(small.built["export_job_ids"][0].replace("_", "-"))


def test_an_export_that_is_not_done_cannot_be_downloaded(small):
    busy = small.owner.dataset_builds.evaluate_code(
        game_slug="connect4", custom_provider_id="scripted", submission_count=1, match_count=100
    )
    job = small.owner.exports.create()["job_id"]
    with pytest.raises(ConflictError):
        small.owner.exports.download(job)
    assert small.owner.jobs.wait(busy["job_id"], interval=0.1)["status"] == "completed"
    small.owner.jobs.wait(job, interval=0.1)


@pytest.mark.parametrize(
    "params",
    [{"export_type": 7}, {"export_type": "nosuch"}, {"format": "csv"}, {"min_percentile": 1.5},
     {"min_percentile": "0.9"},
     {"max_records": 0}, {"max_records": 1.5}, {"tags": []}, {"tags": [7]}, {"tags": {"a": 1}}, {"dry_run": "yes"},
     {"new_only": 1}, {"tags": ["board"], "game_slug": "hex"}, {"branch_modes": ["x"]}, {"game_slug": 7}],
)  # fmt: skip
def test_wishes_that_cannot_be_are_refused(client, params):
    with pytest.raises(ValidationError):
        client.exports.create(**params)
    assert client.exports.list() == []


def test_games_and_tags_are_looked_up(client):
    for params in (
        {"game_slug": "nosuch"},
        {"tags": ["nosuch"]},
        {"game_slugs": ["hex", "../x"]},
        {"tags": ["board", "hidden"]},
    ):
        with pytest.raises(NotFoundError):
            client.exports.create(**params)
