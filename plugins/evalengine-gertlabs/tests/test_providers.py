"""Providers: the settings, the offline one, and servers of models, asked over a real socket."""

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest
from evalengine_gertlabs import scripted, settings
from gertlabs import JobFailed, ValidationError
from model_server import CODE, ModelServer
from served import Served

import evalengine


@pytest.fixture(scope="module")
def models():
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def modelled(models, tmp_path_factory):
    text = models.settings(key_env="MY_KEY", models=["large"], max_answer_kib=64, timeout_s=5)
    folder = tmp_path_factory.mktemp("modelled")
    with Served(folder, "--rate", "0", settings=text, env={"MY_KEY": "sk-very-secret"}) as served:
        yield served


@pytest.fixture
def client(modelled, models):
    models.asked.clear()
    models.answers.clear()
    with modelled.client() as made:
        yield made


def test_providers_are_listed_without_their_secrets(modelled, client):
    offline, remote = client.providers.list()
    assert (offline["provider_id"], offline["name"]) == ("scripted", "scripted")
    assert remote == {"provider_id": "my-model-v3", "name": "my-model-v3", "allowed_models": ["small", "large"],
                      "provider_source": "org:local"}  # fmt: skip
    with modelled.http("read") as http:
        assert isinstance(http.get("/org/providers").json()["data"], list)


def test_a_model_writes_a_submission(modelled, models, client):
    sub = client.submissions.create(game="tictactoe", custom_provider_id="my-model-v3", model="large")
    assert sub["status"] == "generating"
    assert client.jobs.wait(sub["job_id"], interval=0.05)["result"] == {"submission_id": sub["submission_id"]}
    shown = client.submissions.get(sub["submission_id"])
    assert (shown["status"], shown["provider"], shown["model"]) == ("ready", "my-model-v3", "large")
    assert shown["code"] == CODE.split("```")[1].removeprefix("python\n")
    ((headers, body),) = models.asked
    assert headers["authorization"] == "Bearer sk-very-secret"
    assert body["model"] == "large"
    assert "Three in a row" in body["messages"][0]["content"]
    stored = b"".join(path.read_bytes() for path in modelled.folder.rglob("*") if path.is_file())
    assert b"sk-very-secret" not in stored


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([(401, b"no sk-very-secret here")], "***"),
        ([(200, b"{" * 100)], "no chat completion"),
        ([(200, b"x" * (100 << 10))], "more than 64 KiB"),
        ([(302, b"")], "status 302"),
        (["no code at all, sorry"], "agent.py"),
        (["```python\ndef act(:\n```"], "agent.py:1"),
    ],
)
def test_answers_without_source_fail_the_job_with_the_reason(models, client, answers, told):
    models.answers += answers
    sub = client.submissions.create(game="tictactoe", custom_provider_id="my-model-v3")
    with pytest.raises(JobFailed) as failed:
        client.jobs.wait(sub["job_id"], interval=0.05)
    assert failed.value.code == "JOB_FAILED"
    assert told in failed.value.job["error_message"]
    assert "sk-very-secret" not in json.dumps(failed.value.job)
    shown = client.submissions.get(sub["submission_id"])
    assert (shown["status"], told in shown["error"]) == ("failed", True)
    with pytest.raises(Exception, match="not ready"):
        client.submissions.evaluate(sub["submission_id"])


def test_a_model_is_asked_again_after_an_error_of_its_server(models, client):
    models.answers += [(503, b"busy"), (429, b"")]
    sub = client.submissions.create(game="tictactoe", custom_provider_id="my-model-v3")
    assert client.jobs.wait(sub["job_id"], interval=0.05)["status"] == "completed"
    assert len(models.asked) == 3


def test_an_agentic_pipeline_is_told_what_was_wrong(models, client):
    models.answers += ["```python\ndef act(:\n```"]
    asked = {"game": "tictactoe", "custom_provider_id": "my-model-v3", "pipeline": "agentic", "max_turns": 3}
    sub = client.submissions.create(**asked)
    client.jobs.wait(sub["job_id"], interval=0.05)
    assert "agent.py:1: SyntaxError" in models.asked[1][1]["messages"][0]["content"]
    with pytest.raises(ValidationError):
        client.submissions.create(**asked, branch=True)


def test_a_model_that_is_unknown_is_refused(client):
    with pytest.raises(ValidationError, match="small, large"):
        client.submissions.create(game="tictactoe", custom_provider_id="my-model-v3", model="huge")


# ---------------------------------------------------------------------------------- the offline one


def test_the_offline_provider_knows_every_bundled_game():
    from evalengine_games.specs import SPECS

    assert scripted.known_games() == {spec.name for spec in SPECS if spec.listed}


def test_what_it_writes_is_python_and_never_twice_the_same():
    for game in [*scripted.known_games(), "nosuch"]:
        texts = [scripted.write(game, number).text for number in range(50)]
        assert texts == [scripted.write(game, number).text for number in range(50)]
        assert len(set(texts)) == 50
        assert all(ast.parse(text) for text in texts)


@pytest.mark.slow
@pytest.mark.parametrize("game", sorted(scripted.known_games()))
def test_what_it_writes_plays_without_a_fault_and_the_careful_beat_chance(game, tmp_path):
    refs = ["random"]
    for number in (0, 2):
        path = tmp_path / f"recipe{number}.py"
        path.write_text(scripted.write(game, number).text)
        refs.append(str(path))
    found = evalengine.run(game, refs, n=120, seed=1 << 60, db=tmp_path / "arena.db")
    assert not found.faults
    lines = {line.agent: line for line in found.standings}
    careful, chance = lines["recipe0"], lines["random"]
    if game not in {"rps", "kuhn_poker", "leduc_poker", "prisoners_dilemma"}:  # there what counts is not to win often
        assert careful.wins - careful.losses > chance.wins - chance.losses + 20


# ---------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[plugins.gertlabs]\nnosuch = 1\n", "nosuch"),
        ("[plugins.gertlabs]\ncredits = 'many'\n", "credits"),
        ("[plugins.gertlabs]\ncredits = -1\n", "credits"),
        ("[plugins.gertlabs]\nchunk_rows = 0\n", "chunk_rows"),
        ("plugins = 7\n", "plugins"),
        ("[plugins]\ngertlabs = 7\n", "gertlabs"),
        ("[plugins.gertlabs]\nproviders = [7]\n", "providers"),
        ("[[plugins.gertlabs.providers]]\nname = 'a'\n", "base_url"),
        ("[[plugins.gertlabs.providers]]\nname = 'a b'\nbase_url = 'http://x'\nmodel = 'm'\n", "name"),
        ("[[plugins.gertlabs.providers]]\nname = 'scripted'\nbase_url = 'http://x'\nmodel = 'm'\n", "scripted"),
        ("[[plugins.gertlabs.providers]]\nname = 'a'\nbase_url = 'ftp://x'\nmodel = 'm'\n", "base_url"),
        ("[[plugins.gertlabs.providers]]\nname = 'a'\nbase_url = 'http://u:p@x'\nmodel = 'm'\n", "base_url"),
        (
            "[[plugins.gertlabs.providers]]\nname = 'a'\nbase_url = 'http://x'\nmodel = 'm'\nkey_env = 'sk-1'\n",
            "key_env",
        ),
    ],
)
def test_settings_that_cannot_work_are_told(tmp_path, text, told):
    (tmp_path / "evalengine.toml").write_text(text)
    with pytest.raises(evalengine.UsageError, match=told):
        settings.read(tmp_path)


def test_the_settings_that_the_readme_shows_are_the_defaults(tmp_path):
    readme = Path(__file__).parents[1] / "README.md"
    (tmp_path / "evalengine.toml").write_text(re.search(r"```toml\n(.*?)```", readme.read_text(), re.DOTALL)[1])
    shown = settings.read(tmp_path)
    (provider,) = shown.providers
    own = {"name", "base_url", "model", "models", "key_env", "temperature"}
    usual = settings.Endpoint(name="", base_url="", model="")
    assert dataclasses.replace(shown, providers=()) == settings.Options()
    assert dataclasses.replace(provider, **{name: getattr(usual, name) for name in own}) == usual


def test_settings_may_stand_in_pyproject(tmp_path):
    text = "[tool.evalengine.plugins.gertlabs]\ncredits = 5\n[[tool.evalengine.plugins.gertlabs.providers]]\n"
    (tmp_path / "pyproject.toml").write_text(text + 'name = "a"\nbase_url = "http://127.0.0.1:1/v1/"\nmodel = "m"\n')
    found = settings.read(tmp_path)
    assert found.credits == 5
    assert (found.providers[0].base_url, found.providers[0].key) == ("http://127.0.0.1:1/v1", "")
