"""A server that tests share, and one that a module has for itself."""

import pytest
from served import Served

collect_ignore = ["gertlabs-0.1.0"]  # the published client with its own tests, which test_sdk runs


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("served"), "--rate", "0") as made:
        yield made


@pytest.fixture
def client(served):
    with_key = served.client()
    yield with_key
    with_key.close()
