"""What strangers send to rollouts and tasks: anything, and much of it at once."""

import threading

import httpx
import pytest
from gertlabs import ConflictError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["p0", "p1", "own"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = {
    "": ["max_episodes", "max_ticks_per_episode", "auto_curriculum", "curriculum_band_width"],
    "/{run}/extend": ["additional_episodes"],
    "/{run}/episodes": [
        "game", "tags", "seed", "player_count", "opponent_seats", "difficulty", "min_percentile", "max_percentile",
        "max_ticks", "opponent_source", "opponent_models", "opponent_created_after",
    ],
    "/{run}/steps": ["steps"],
    "/{run}/episodes/{episode}/step": ["action", "actions", "expected_tick"],
    "/{run}/episodes/{episode}/forks": ["count", "op_key"],
    "/{run}/episodes/{episode}/score-actions": ["candidate_actions", "max_actions", "samples_per_action", "seat"],
    "/{run}/episodes/{episode}/complete": ["seat", "samples", "max_ticks", "random_opponents"],
}  # fmt: skip


def bodies(path):
    steps = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("episode_id", "action", "actions"), JSON)))
    wanted = dict.fromkeys(NAMES[path], JSON)
    usual = {"game": st.just("tictactoe"), "samples_per_action": st.just(1), "samples": st.just(1), "count": st.just(1)}
    many = {name: usual.get(name, value) | value for name, value in wanted.items()}
    return st.fixed_dictionaries({}, optional={**many, **({"steps": steps | JSON} if "steps" in many else {})}) | JSON


@pytest.fixture(scope="module")
def asking(served):
    with served.http("play", "read") as http:
        run_id = http.post("/rollout-runs", json={"max_episodes": 100_000}).json()["data"]["run_id"]
        yield http, run_id


@pytest.mark.parametrize("path", NAMES)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_body_is_answered(asking, path, data):
    http, run_id = asking
    episode = http.post(f"/rollout-runs/{run_id}/episodes", json={"game": "tictactoe"}).json()["data"]["episode_id"]
    body = data.draw(bodies(path))
    try:
        request = http.build_request("POST", f"/rollout-runs{path}".format(run=run_id, episode=episode), json=body)
    except (ValueError, UnicodeEncodeError):  # httpx refuses NaN
        return
    answer = http.send(request)
    assert answer.status_code < 500, (body, answer.text)
    whole = answer.json()
    assert ("data" in whole) == (answer.status_code < 400)
    assert http.post(f"/rollout-runs/{run_id}/episodes/{episode}/close").status_code in {200, 404}


@pytest.mark.parametrize(
    "name", ["..", "%2e%2e", "run_%00", "run_\u00e9", "x" * 5_000, "run'; drop table gert_episode; --"]
)
def test_odd_names_are_unknown(asking, name):
    http, run_id = asking
    for path in (f"/rollout-runs/{name}/episodes/ep/step", f"/rollout-runs/{run_id}/episodes/{name}/step"):
        try:
            answer = http.post(path, json={"action": 1})
        except httpx.InvalidURL:
            continue
        assert answer.status_code in {404, 405, 414, 431}, answer.text


def test_without_a_key_there_is_nothing(served):
    with served.http() as http:
        for path in ("/rollout-runs", "/tasks", "/tasks/score", "/rollout-runs/run_1/episodes/ep_1/step"):
            assert http.post(path, json={}).status_code == 401
        assert http.get("/rollout-runs").status_code == 401


def test_many_threads_share_a_run_and_its_budget(served):
    with served.client(timeout=60) as client:
        run_id = client.rollout_runs.open(max_episodes=60)["run_id"]
        made, refused, problems = [], [], []

        def work(number):
            try:
                with served.client(key=client.api_key, timeout=60) as mine:
                    train(mine, number)
            except Exception as error:  # noqa: BLE001 - told below
                problems.append(error)

        def train(mine, number):
            while True:
                try:
                    position = mine.rollout_runs.reset(run_id, game="connect4", seed=number)
                except ConflictError as error:
                    refused.append(error.code)
                    return
                made.append(position["episode_id"])
                for tick in range(4):
                    found = mine.rollout_runs.step(run_id, position["episode_id"], tick, expected_tick=tick)
                    assert found["tick"] == tick + 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (problems, len(made), refused) == ([], 60, ["RUN_EXHAUSTED"] * 8)
        closed = client.rollout_runs.close(run_id)
        assert (closed["episodes_used"], closed["ticks_used"]) == (60, 240)


def test_threads_that_send_the_same_step_are_told_the_same(served):
    with served.client(timeout=60) as client:
        run_id = client.rollout_runs.open(max_episodes=1)["run_id"]
        episode = client.rollout_runs.reset(run_id, game="market_simulator")["episode_id"]
        told = []

        def work():
            with served.client(key=client.api_key, timeout=60) as mine:
                for tick in range(5):
                    told.append(
                        mine.rollout_runs.step(run_id, episode, actions={"p0": [], "p1": []}, expected_tick=tick)
                    )
                    barrier.wait()

        barrier = threading.Barrier(4)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told) == 20
        for tick in range(1, 6):
            same = [one for one in told if one["tick"] == tick]
            assert len(same) == 4
            assert all(one == same[0] for one in same)
        assert client.rollout_runs.get_episode(run_id, episode)["tick"] == 5
