"""What `/api/openapi.json` says holds: schemathesis asks a real server all that it describes, and what it does not."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from served import Served

schemathesis = pytest.importorskip("schemathesis")

PATHS = {
    ("/healthz", "GET"), ("/metrics", "GET"), ("/api/jobs", "GET"), ("/api/jobs", "POST"),
    ("/api/jobs/{number}", "GET"), ("/api/jobs/{number}/file", "GET"), ("/api/jobs/{number}/cancel", "POST"),
}  # fmt: skip
EXAMPLES = 60  # of an operation and a mode


DESCRIBING = """
from evalengine import hookimpl


@hookimpl
def evalengine_routes(server):
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def hello(request):
        return JSONResponse("hello")

    told = {"description": "A word.", "content": {"application/json": {"schema": {"const": "hello"}}}}
    server.describe("/hello", "GET", {"summary": "Say hello.", "responses": {"200": told}})
    return [Route("/hello", hello)]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("openapi"), "--rate", "0") as served:
        yield served


@pytest.fixture(scope="module")
def key(served):
    return served.key("admin")


@pytest.fixture(scope="module")
def schema(served):
    return schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")


def test_the_description_names_every_route_of_the_server(schema):
    assert {(one.path, method.upper()) for one in described(schema) for method in [one.method]} == PATHS


def described(schema):
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize("where", sorted(PATHS), ids=" ".join)
def test_every_answer_is_one_that_is_described(schema, key, where, mode):
    path, method = where
    operation = schema[path][method]
    if mode is schemathesis.GenerationMode.NEGATIVE and "{" not in path and path != "/api/jobs":
        pytest.skip("nothing of it can be wrong")
    # A kind of job is any text to the schema, and most texts are none.
    excluded = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        if isinstance(wait := dict(case.query or {}).get("wait"), int | float) and 0 <= wait <= 60:
            case.query["wait"] = 0.01
        case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=excluded)

    ask()


def test_a_plugin_describes_its_routes(tmp_path):
    (tmp_path / "describing.py").write_text(DESCRIBING)
    with Served(tmp_path, "-p", "describing") as own:
        found = schemathesis.openapi.from_url(f"{own.url}/api/openapi.json")
        case = found["/hello"]["GET"].Case()
        assert case.call_and_validate().text == '"hello"'


def test_without_a_key_nothing_is_told(served, schema):
    for operation in described(schema):
        if operation.definition.raw["security"]:
            url = served.url + operation.path.replace("{number}", "1")
            answer = httpx.request(operation.method.upper(), url)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "UNAUTHORIZED"


def test_the_server_lives_after_all_of_it(served):
    assert httpx.get(f"{served.url}/healthz").status_code == 200
    assert " failed: " not in served.log
