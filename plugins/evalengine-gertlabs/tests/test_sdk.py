"""The published client's own tests, unchanged, against a real server: with the installed version, and with 0.1.0."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from served import environment

FIRST = Path(__file__).with_name("gertlabs-0.1.0")


@pytest.mark.parametrize("source", [None, FIRST / "src"], ids=["installed", "0.1.0"])
def test_the_tests_of_the_client_pass(served, tmp_path, source):
    path = {} if source is None else {"PYTHONPATH": os.fspath(source)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--rootdir", FIRST, FIRST / "tests"],
        cwd=tmp_path,
        env=environment(GERT_BASE_URL=served.base_url, PYTHONDONTWRITEBYTECODE="1", **path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    where = "gertlabs-0.1.0" in _imported_from(path)
    assert where == (source is not None)


def _imported_from(path):
    words = [sys.executable, "-c", "import gertlabs; print(gertlabs.__file__)"]
    return subprocess.run(words, env=environment(**path), capture_output=True, text=True, check=True).stdout
