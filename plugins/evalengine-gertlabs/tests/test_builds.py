"""Builds of datasets against a real server, with the offline provider."""

import pytest
from gertlabs import ConflictError, InsufficientCreditsError, NotFoundError, ValidationError
from served import Served

CODE = {"game_slug": "tictactoe", "custom_provider_id": "scripted", "submission_count": 2, "match_count": 3}
EXPLORE = {"game_slug": "tictactoe", "custom_provider_id": "scripted", "parent_count": 2, "samples_per_action": 2,
           "max_actions": 3, "explore_interval": 2}  # fmt: skip


def done(client, job):
    return client.jobs.wait(job, interval=0.05)["result"]


def test_a_dry_run_tells_what_a_build_would_cost_and_does_nothing(client):
    told = client.dataset_builds.evaluate_code(**CODE, dry_run=True)
    assert (told["estimated_matches"], told["estimated_credits"]) == (6, 0.006)
    assert "job_id" not in told
    assert client.billing.usage() == []
    assert client.dataset_builds.explore(**EXPLORE, dry_run=True)["estimated_credits"] > 0


def test_a_build_writes_evaluates_and_leaves_its_exports_to_jobs_that_follow(client):
    result = done(client, client.dataset_builds.evaluate_code(**CODE, export_format="parquet")["job_id"])
    assert result["matches_played"] == 6
    submissions, replays = result["export_job_ids"]
    for job in (submissions, replays):
        assert client.jobs.wait(job, interval=0.05)["type"] == "export"
    frame = client.exports.load(submissions)
    assert len(frame) == 2
    assert frame["elo_rating"].notna().all()
    assert {client.submissions.get(name)["matches_played"] for name in frame["submission_id"]} == {3}
    assert len(set(client.exports.load(replays)["session_id"])) == 6
    assert client.exports.get(replays)["export_type"] == "game_replays"
    (entry,) = client.billing.usage()
    assert (entry["credits"], entry["kind"]) == (0.006, "dataset_build")
    assert client.dataset_builds.evaluate_code(**CODE, dry_run=True)["estimated_seconds"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("wish", "kinds"), [("submissions", ["submissions"]), ("replays", ["game_replays"])])
def test_a_build_exports_what_is_asked_for(client, wish, kinds):
    result = done(client, client.dataset_builds.evaluate_code(**CODE, export_type=wish)["job_id"])
    assert [client.exports.get(job)["export_type"] for job in result["export_job_ids"]] == kinds


def test_an_exploration_has_a_row_for_each_sample_of_each_action(served, client):
    job = client.dataset_builds.explore(**EXPLORE, export_format="parquet")["job_id"]
    result = done(client, job)
    client.jobs.wait(result["export_job_id"], interval=0.05)
    frame = client.exports.load(result["export_job_id"])
    assert len(set(frame["parent_session_id"])) == 2
    points = frame.groupby(["parent_session_id", "tick", "player_id"])
    assert points["action"].nunique().max() == 3
    assert set(points["action_index"].max()) <= {0, 1, 2}
    assert (frame.groupby(["parent_session_id", "tick", "action"])["sample"].nunique() == 2).all()
    assert (points["adopted"].sum() == 2).all()  # what was done, with both its samples
    assert set(frame["score"]) <= {-1.0, 0.0, 1.0}
    assert len(set(frame["session_id"])) == len(frame)
    with served.http("read") as other:
        assert other.get(f"/jobs/{job}/branch-scores").status_code == 404
    found = client.request("GET", f"/jobs/{job}/branch-scores")["decision_points"]
    assert len(found) == len(points)
    assert [action["action_rank"] for action in found[0]["actions"]] == [1, 2, 3]
    means = [action["value"]["mean"] for action in found[0]["actions"]]
    assert means == sorted(means, reverse=True)
    assert all(len(action["sample_scores"]) == 2 for point in found for action in point["actions"])


def test_one_build_at_a_time_for_each_account(served, client):
    first = client.dataset_builds.evaluate_code(**{**CODE, "match_count": 12})["job_id"]
    with pytest.raises(ConflictError) as refused:
        client.dataset_builds.explore(**EXPLORE)
    assert refused.value.body["existing_job_id"] == first
    assert client.dataset_builds.evaluate_code(**CODE, dry_run=True)["dry_run"] is True
    with served.client() as other:
        second = other.dataset_builds.evaluate_code(**CODE)["job_id"]
        assert done(client, first)["matches_played"] == 24
        done(other, second)
    assert len(client.billing.usage()) == 1
    done(client, client.dataset_builds.evaluate_code(**CODE)["job_id"])


def test_what_cannot_be_built_is_told_before_anything_is_done(client):
    for wrong, error in (
        ({"game_slug": "nosuch"}, NotFoundError),
        ({"game_slug": None, "game_tags": ["nosuch"]}, NotFoundError),
        ({"game_slug": None, "game_slugs": ["hex", "nosuch"]}, NotFoundError),
        ({"game_slug": None}, ValidationError),
        ({"game_tags": ["board"]}, ValidationError),
        ({"custom_provider_id": "nosuch"}, NotFoundError),
        ({"custom_provider_id": None}, ValidationError),
        ({"model": "gpt-x"}, ValidationError),
        ({"submission_count": 0}, ValidationError),
        ({"match_count": 1 << 40}, ValidationError),
        ({"match_count": True}, ValidationError),
        ({"export_type": "agentic_branches"}, ValidationError),
        ({"export_format": "csv"}, ValidationError),
        ({"submission_count": 1000, "match_count": 10_000}, InsufficientCreditsError),
    ):
        with pytest.raises(error):
            client.dataset_builds.evaluate_code(**(CODE | wrong))
    assert client.billing.usage() == []


@pytest.mark.parametrize("value", [-1, 1.5, True, "", "x" * 5_000, [], ["a", 7], {}, {"a": []}, [[]]], ids=repr)
def test_wrong_types_are_refused_field_by_field(served, value):
    with served.http("play", "read", "run") as http:
        for whole, fields in (
            ({"mode": "code_evaluation", **CODE}, ("mode", "export_type", *CODE)),
            ({"mode": "branch_exploration", **EXPLORE}, ("ai_mode", "llm_phase_ticks", "handover_model", *EXPLORE)),
        ):
            for field in (*fields, "game_slugs", "game_tags", "model", "export_format", "dry_run"):
                answer = http.post("/dataset-builds", json=whole | {field: value})
                accepted = answer.status_code == 202 or (value is True and field == "dry_run")
                assert answer.status_code in {400, 404} or accepted, (field, value, answer.text)
                assert not accepted or (field, value) in [("dry_run", True), *LABELS], (field, value)


LABELS = [("ai_mode", "x" * 200)]


@pytest.mark.slow
def test_games_of_more_seats_are_built_and_explored(tmp_path):
    (tmp_path / "evalconf.py").write_text(PLUGIN)
    with Served(tmp_path) as served, served.client() as client:
        crowd = {"game_slug": "crowd"}
        result = done(client, client.dataset_builds.evaluate_code(**CODE | crowd)["job_id"])
        assert result["matches_played"] == 6
        sub = client.submissions.create(game="crowd", custom_provider_id="scripted")
        found = done(client, client.submissions.evaluate(sub["submission_id"], match_count=4)["job_id"])
        assert (found["matches_played"], len(found["opponents"])) == (4, 3)
        result = done(client, client.dataset_builds.explore(**EXPLORE | crowd | {"explore_interval": 100})["job_id"])
        assert result["problems"] == {}


def test_games_that_nobody_can_explore_are_no_reason_to_fail_others(tmp_path):
    (tmp_path / "evalconf.py").write_text(PLUGIN)
    with Served(tmp_path) as served, served.client() as client:
        with pytest.raises(NotFoundError):
            client.dataset_builds.explore(**{**EXPLORE, "game_slug": "linear"})
        both = client.dataset_builds.explore(**{**EXPLORE, "game_slug": None, "game_slugs": ["linear", "tictactoe"]})
        assert both["games"] == ["tictactoe"]
        done(client, both["job_id"])


PLUGIN = """
import dataclasses
import evalengine
from evalengine_games.specs import SPECS

@evalengine.hookimpl
def evalengine_games():
    spec = next(spec for spec in SPECS if spec.name == "tictactoe")
    crowd = next(spec for spec in SPECS if spec.name == "tron")
    return [
        dataclasses.replace(spec, name="linear", branching="none"),
        dataclasses.replace(crowd, name="crowd", default_seats=4),
    ]
"""
