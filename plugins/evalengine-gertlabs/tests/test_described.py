"""What `/api/openapi.json` says of this API holds: schemathesis asks all that it describes, and what it does not."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from served import Served

schemathesis = pytest.importorskip("schemathesis")

EXAMPLES = 12  # of an operation and a mode
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("described"), "--rate", "0") as served:
        yield served


@pytest.mark.slow
def test_every_answer_is_one_that_is_described(served):
    key = served.key("play", "read", "run")
    schema = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    ours = [one for one in operations if one.path.startswith("/api/v1/")]
    assert len(ours) > 50
    excluded = [schemathesis.checks.CHECKS.get_one(name) for name in schemathesis.checks.CHECKS.get_all_names()
                if name not in CHECKS]  # fmt: skip
    failures = []
    for operation in ours:
        for mode in schemathesis.GenerationMode:
            try:
                _ask(operation, mode, key, excluded)
            except Unsatisfiable:
                assert mode is schemathesis.GenerationMode.NEGATIVE, operation.label  # of some nothing can be wrong
            except BaseExceptionGroup as error:
                failures += error.exceptions
    assert not failures


def _ask(operation, mode, key, excluded):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=excluded)

    ask()
