"""Test profiles, HYPOTHESIS_PROFILE=ci for .ci/run, else dev; and who plays which tests.

No deadlines: other processes share the machine.
"""

import os
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give whole files to workers: what the tests of a file share is played once then. Slow ones are few and long."""
    if config.getvalue("dist") != "load" or "not slow" not in config.getvalue("markexpr"):
        return None
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)
