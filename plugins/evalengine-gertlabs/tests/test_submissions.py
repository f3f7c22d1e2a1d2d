"""Submissions against a real server: what is taken, what is refused, and what comes of agents that misbehave."""

import re

import httpx
import pytest
from gertlabs import ConflictError, GertError, JobFailed, NotFoundError, ValidationError
from served import Served, until

FIRST = "def act(observation):\n    return observation.legal[0]\n"
RANDOM = "import random\n\n\ndef act(observation):\n    return random.choice(observation.legal)\n"


def made(client, code=FIRST, game="tictactoe", **more):
    return client.submissions.create(game=game, language="python", code=code, **more)


def evaluated(client, submission, **params):
    begun = client.submissions.evaluate(submission["submission_id"], **params)
    return client.jobs.wait(begun["job_id"], interval=0.05)["result"]


def test_a_submission_is_stored_by_its_digest_and_shown_as_it_was_sent(client):
    sub = made(client, provider="my lab", model="m-1")
    again = made(client)
    assert "job_id" not in sub
    assert re.fullmatch(r"[A-Za-z0-9_-]+", sub["submission_id"])
    assert sub["submission_id"] != again["submission_id"]
    assert sub["digest"] == again["digest"] != made(client, RANDOM)["digest"]
    shown = client.submissions.get(sub["submission_id"])
    assert (shown["code"], shown["elo_rating"], shown["provider"], shown["model"]) == (FIRST, None, "my lab", "m-1")
    assert "provider" not in again


def test_files_are_taken_as_an_object_and_as_a_list(client):
    files = {"agent.py": "from lib.choosing import first as act\n", "lib/choosing.py": FIRST.replace("act", "first")}
    listed = [{"path": path, "content": text} for path, text in files.items()]
    both = [client.submissions.create(game="tictactoe", files=form) for form in (files, listed)]
    assert both[0]["digest"] == both[1]["digest"]
    found = evaluated(client, both[0], match_count=4)
    assert (found["matches_played"], found["errors"]) == (4, [])


def test_the_offline_provider_writes_at_once_and_differently_each_time(client):
    subs = [client.submissions.create(game="connect4", custom_provider_id="scripted") for _ in range(3)]
    assert len({sub["digest"] for sub in subs}) == 3
    assert all(sub["status"] == "ready" and "job_id" not in sub for sub in subs)
    assert subs[0]["provider"] == "scripted"
    same = client.submissions.create(game="connect4", custom_provider_id="scripted", seed=0)
    assert same["digest"] == client.submissions.create(game="connect4", custom_provider_id="scripted", seed=0)["digest"]


def test_an_evaluation_rates_a_submission_and_says_how(client):
    sub = made(client)
    assert client.submissions.evaluations(sub["submission_id"]) == {"evaluations": []}
    found = evaluated(client, sub, match_count=10)
    shown = client.submissions.get(sub["submission_id"])
    assert shown["elo_rating"] == found["elo_rating"]
    assert found["elo_lo"] < found["elo_rating"] < found["elo_hi"]
    assert "Bradley" in shown["rating_formula"]
    assert found["wins"] + found["draws"] + found["losses"] == found["matches_played"] == 10
    (one,) = client.submissions.evaluations(sub["submission_id"])["evaluations"]
    assert (one["status"], one["reward"]) == ("completed", found["elo_rating"])


def test_a_batch_is_one_job(client):
    subs = [made(client)["submission_id"], made(client, RANDOM)["submission_id"]]
    begun = client.submissions.batch_evaluate(submission_ids=subs, match_count=3)
    result = client.jobs.wait(begun["job_id"], interval=0.05)["result"]
    assert begun["submission_ids"] == [line["submission_id"] for line in result["evaluations"]] == subs
    assert all(client.submissions.get(name)["elo_rating"] is not None for name in subs)


@pytest.mark.slow
def test_own_rated_submissions_are_opponents_only_where_they_are_wanted(client):
    one, other = made(client), made(client, RANDOM)
    evaluated(client, one, match_count=4)
    assert one["submission_id"] not in evaluated(client, other, match_count=8, opponent_source="system")["opponents"]
    assert evaluated(client, other, match_count=4, opponent_source="own")["opponents"] == [one["submission_id"]]
    both = evaluated(client, one, match_count=12, opponent_source="both")["opponents"]
    assert other["submission_id"] in both
    assert "random" in both


# ---------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("def act(observation):\n    return (\n", 2),
        ("def act(:\n    pass", 1),
        ("x = 1\n\tdef act(o): pass", 2),
        ("def act(o):\n    return 1\n" + "(" * 100_000, 3),
        ("def act(o):\n  return " + "-" * 200_000 + "1", None),
        ("def act(o): return '\x00'", None),
        ("print('no agent')", None),
    ],
)
def test_source_that_is_none_is_refused_with_its_line(client, code, line):
    with pytest.raises(ValidationError) as refused:
        made(client, code)
    assert refused.value.status == 422
    assert refused.value.body.get("line") == line or line is None
    assert client.submissions.list() == []


@pytest.mark.parametrize(
    "name",
    ["../agent.py", "/etc/passwd", "a/../../b.py", "a//b.py", "", ".hidden.py", "a\\b.py", "a/b/c/d/e.py", "x" * 300,
     "a\n.py",
     "agent.py/..", "-rf", "ä.py", "a/./b.py", "agent.py\x00"],
)  # fmt: skip
def test_names_of_files_that_play_tricks_are_refused(client, name):
    for files in ({name: FIRST, "main.py": FIRST}, [{"path": name, "content": FIRST}]):
        with pytest.raises(ValidationError) as refused:
            client.submissions.create(game="tictactoe", files=files)
        assert refused.value.status == 400


@pytest.mark.parametrize(
    "files",
    [{}, [], "agent.py", 7, [7], [{"path": "agent.py"}], {"agent.py": 7}, {"agent.py": FIRST, "AGENT.py": FIRST},
     {"agent.py": FIRST, "agent.py/x.py": FIRST}, {f"f{number}.py": FIRST for number in range(101)}],
)  # fmt: skip
def test_files_of_another_shape_are_refused(client, files):
    with pytest.raises(ValidationError):
        client.submissions.create(game="tictactoe", files=files)


@pytest.mark.parametrize("size", [600_000, 5_000_000])
def test_large_source_is_refused_with_a_reason(client, size):
    with pytest.raises(ValidationError, match="bytes"):
        made(client, FIRST + "#" * size)


def test_a_body_beyond_all_measure_is_refused(client):
    with pytest.raises(GertError) as refused:
        made(client, "#" * (17 << 20))
    assert refused.value.status == 413


def test_games_and_languages_are_looked_up_and_nothing_else(client):
    for game in ("nosuch", "../x", "/tmp/game.py", "tictactoe(size=3)", "./evalconf.py", "strategy", "not hex"):
        with pytest.raises(NotFoundError):
            made(client, game=game)
    with pytest.raises(ValidationError, match="language"):
        client.submissions.create(game="tictactoe", language="cobol", code=FIRST)
    with pytest.raises(NotFoundError):
        client.submissions.create(game="tictactoe", custom_provider_id="nosuch")
    with pytest.raises(ValidationError):
        client.submissions.create(game="tictactoe")
    with pytest.raises(ValidationError):
        client.submissions.create(game="tictactoe", code=FIRST, files={"agent.py": FIRST})


WRONG = [7, -1, 1.5, True, "", "x" * 5_000, [], ["a", 7], {}, {"a": []}, [[]]]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_wrong_types_are_refused_field_by_field(served, client, value):
    with served.http("play", "read", "run") as http:
        whole = {"game": "tictactoe", "language": "python", "code": FIRST}
        for field in (
            "game",
            "language",
            "code",
            "files",
            "provider",
            "model",
            "pipeline",
            "branch",
            "custom_provider_id",
        ):
            answer = http.post("/submissions", json=whole | {field: value})
            assert answer.status_code < 500, (field, value, answer.text)
        name = http.post("/submissions", json=whole).json()["data"]["submission_id"]
        for field in ("match_count", "opponent_source", "opponent_models", "opponent_providers",
                      "opponent_created_after", "opponent_created_before", "callback_url"):  # fmt: skip
            answer = http.post(f"/submissions/{name}/evaluate", json={"match_count": 1} | {field: value})
            assert answer.status_code in {202, 400}, (field, value, answer.text)
            if answer.status_code == 202:
                assert field in {"opponent_models", "opponent_providers"} or (field, value) == ("match_count", 7)
        for field in ("submission_ids", "game_slug", "models", "branch_modes", "created_after", "dry_run", "confirm",
                      "expected_count", "scope"):  # fmt: skip
            answer = http.post("/submissions/bulk-delete", json={"game_slug": "hex"} | {field: value})
            assert answer.status_code in {200, 400}, (field, value, answer.text)
        assert http.get("/submissions", params={"game": str(value), "limit": str(value)}).status_code in {200, 400}


# ------------------------------------------------------------------------------ agents that misbehave

CRASHES = "def act(observation):\n    raise ValueError('lost <b>my</b> mind')\n"
SPINS = "def act(observation):\n    while True:\n        pass\n"
ESCAPES = """
def act(observation):
    open("PLACE", "w").write("escaped")
    return observation.legal[0]
"""
CALLS_OUT = """
import socket
def act(observation):
    socket.create_connection(("127.0.0.1", PORT), 1)
    return observation.legal[0]
"""
FORKS = "import os\ndef act(observation):\n    while True:\n        os.fork()\n"
IMPORTS = "import no_such_module\ndef act(observation):\n    return observation.legal[0]\n"
CHEATS = "def act(observation):\n    return 10**6\n"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(CRASHES, id="crash"),
        pytest.param(CALLS_OUT, id="call"),
        pytest.param(ESCAPES, id="write"),
        pytest.param(IMPORTS, id="import", marks=pytest.mark.slow),
        pytest.param(CHEATS, id="cheat", marks=pytest.mark.slow),
        pytest.param(FORKS, id="fork", marks=pytest.mark.slow),
    ],
)
def test_an_agent_that_fails_loses_its_matches_and_is_told_why(served, client, code):
    place = served.folder / "escaped"
    code = code.replace("PORT", str(served.port)).replace("PLACE", str(place))
    sub = made(client, code)
    found = evaluated(client, sub, match_count=2, opponent_source="system")
    assert (found["losses"], found["matches_faulted"]) == (2, 2)
    assert found["errors"][0]["message"]
    assert found["errors"] == client.submissions.get(sub["submission_id"])["errors"]
    assert found["elo_rating"] < 1000
    assert not place.exists()


@pytest.mark.slow
def test_an_agent_that_never_answers_loses_in_the_time_of_a_turn(client):
    found = evaluated(client, made(client, SPINS), match_count=2, opponent_source="system")
    assert [error["kind"] for error in found["errors"]] == ["timeout"]
    assert found["losses"] == 2


# ------------------------------------------------------------------------------ listed and deleted


def test_lists_are_walked_by_pages_and_filtered(client):
    names = [made(client, game=game)["submission_id"] for game in ("tictactoe", "hex", "tictactoe", "hex", "hex")]
    assert [sub["submission_id"] for sub in client.submissions.list(page_size=2)] == names[::-1]
    assert [sub["submission_id"] for sub in client.submissions.list(game="tictactoe", mine=True)] == [
        names[2],
        names[0],
    ]
    assert len(client.submissions.list(branch_mode="none,measure")) == 5
    assert client.submissions.list(branch_mode="best_of_n") == []
    with pytest.raises(ValidationError):
        client.submissions.list(branch_mode="nosuch")
    with pytest.raises(ValidationError):
        client.submissions.list(cursor="forged")


def test_deleted_submissions_are_gone(client):
    sub = made(client)
    client.submissions.delete(sub["submission_id"])
    assert client.submissions.list() == []
    for call in (
        client.submissions.get,
        client.submissions.delete,
        client.submissions.evaluate,
        client.submissions.evaluations,
    ):
        with pytest.raises(NotFoundError):
            call(sub["submission_id"])


def test_many_are_deleted_only_when_it_is_confirmed_and_as_many_as_expected(client):
    for game in ("hex", "hex", "tictactoe"):
        made(client, game=game)
    told = client.submissions.bulk_delete(game_slug="hex")
    assert (told["matched"], len(told["sample"]), told["deleted"]) == (2, 2, 0)
    with pytest.raises(ConflictError):
        client.submissions.bulk_delete(game_slug="hex", dry_run=False, confirm=True, expected_count=3)
    with pytest.raises(ValidationError):
        client.submissions.bulk_delete(dry_run=False, confirm=True)
    assert len(client.submissions.list()) == 3
    assert (
        client.submissions.bulk_delete(game_slug="hex", dry_run=False, confirm=True, expected_count=2)["deleted"] == 2
    )
    assert len(client.submissions.list()) == 1


def test_what_is_anothers_does_not_exist(served, client):
    sub = made(client)["submission_id"]
    job = client.submissions.evaluate(sub, match_count=1)["job_id"]
    with served.client() as other:
        for call in (
            other.submissions.get,
            other.submissions.delete,
            other.submissions.evaluate,
            other.submissions.evaluations,
        ):
            with pytest.raises(NotFoundError):
                call(sub)
        with pytest.raises(NotFoundError):
            other.submissions.batch_evaluate(submission_ids=[sub])
        with pytest.raises(NotFoundError):
            other.jobs.get(job)
        assert other.submissions.bulk_delete(submission_ids=[sub], dry_run=False, confirm=True)["deleted"] == 0
        assert other.submissions.list() == []
    for job_id in ("job_0", "job_999999", "7", "job_1e3", "job_-1", "job_" + "9" * 30, "x" * 300):
        with pytest.raises(NotFoundError):
            client.jobs.get(job_id)
    assert client.jobs.wait(job, interval=0.05)["status"] == "completed"


def test_a_key_needs_the_scope_run_for_what_uses_the_machine(served):
    with served.http("play", "read") as http:
        for path in ("/submissions", "/submissions/x/evaluate", "/submissions/evaluate", "/submissions/bulk-delete",
                     "/exports",
                     "/dataset-builds", "/exports/reset-tracking"):  # fmt: skip
            assert http.post(path, json={}).status_code == 403, path
        assert http.delete("/submissions/x").status_code == 403
        assert http.get("/submissions").status_code == 200
    with served.http() as http:
        for path in ("/submissions", "/exports", "/org/providers", "/auth/balance", "/auth/usage", "/jobs/job_1"):
            assert http.get(path).status_code == 401, path


def test_jobs_of_these_kinds_cannot_be_asked_for_by_hand(served, client):
    job = client.submissions.evaluate(made(client)["submission_id"], match_count=1)["job_id"]
    client.jobs.wait(job, interval=0.05)
    with served.http("play", "read", "run") as http:
        for kind in ("generation", "evaluation", "export", "build"):
            asked = {"kind": f"gertlabs-{kind}", "request": {"ticket": "forged"}}
            made_job = http.post(f"{served.url}/api/jobs", json=asked).json()["data"]["id"]
            ended = http.get(f"{served.url}/api/jobs/{made_job}", params={"wait": 30}).json()["data"]
            assert ended["state"] == "failed"
            assert "ticket" in ended["error"]


def test_what_a_cancelled_evaluation_did_not_play_is_given_back(served, client):
    slow = "import time\n\n\ndef act(observation):\n    time.sleep(0.05)\n    return observation.legal[0]\n"
    job = client.submissions.evaluate(made(client, slow)["submission_id"], match_count=1000)["job_id"]
    assert client.billing.balance()["spent"] == 1.0
    until(lambda: client.jobs.get(job)["progress"] > 0, "it plays")
    key = {"x-api-key": client.api_key}
    httpx.post(f"{served.url}/api/jobs/{job.removeprefix('job_')}/cancel", headers=key, timeout=60)
    with pytest.raises(JobFailed) as failed:
        client.jobs.wait(job, interval=0.05)
    assert (failed.value.code, failed.value.job["status"]) == ("CANCELLED", "cancelled")
    assert 0 < client.billing.balance()["spent"] < 0.5


def test_credits_are_counted_and_run_out(tmp_path):
    settings = "[plugins.gertlabs]\ncredits = 0.01\ncredits_per_match = 0.001\n"
    with Served(tmp_path, settings=settings) as served, served.client() as client:
        sub = made(client)
        client.jobs.wait(client.submissions.evaluate(sub["submission_id"], match_count=6)["job_id"], interval=0.05)
        balance = client.billing.balance()
        assert (balance["credits"], balance["tier"], balance["spent"]) == (0.004, "local", 0.006)
        with pytest.raises(GertError) as refused:
            client.submissions.evaluate(sub["submission_id"], match_count=5)
        assert (refused.value.status, refused.value.code) == (402, "INSUFFICIENT_CREDITS")
        assert type(refused.value).__name__ == "InsufficientCreditsError"
        with pytest.raises(GertError, match="credits"):
            client.dataset_builds.evaluate_code(
                game_slug="hex", custom_provider_id="scripted", submission_count=1, match_count=5
            )
        assert len(client.submissions.evaluations(sub["submission_id"])["evaluations"]) == 1
        (entry,) = client.billing.usage(page_size=1)
        assert (entry["credits"], entry["matches"], entry["kind"]) == (0.006, 6, "evaluation")
        with served.client() as other:
            assert other.billing.balance()["credits"] == 0.01
            assert other.billing.usage() == []


def test_who_deletes_a_submission_ends_its_evaluation(client):
    slow = "import time\ndef act(observation):\n    time.sleep(0.5)\n    return observation['legal'][0]\n"
    made = client.submissions.create(game="tictactoe", language="python", code=slow)
    job_id = client.submissions.evaluate(made["submission_id"], match_count=500)["job_id"]
    client.submissions.delete(made["submission_id"])
    until(lambda: client.jobs.get(job_id)["status"] == "cancelled", "its evaluation ends")
