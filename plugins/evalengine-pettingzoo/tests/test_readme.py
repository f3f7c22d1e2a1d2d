"""The README's examples print what it says, and its table of games is the plugin's."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from evalengine_pettingzoo.specs import PREFIX
from evalengine_pettingzoo.table import ENVIRONMENTS

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS)
def test_examples_print_what_the_readme_says(code):
    told = [line.removeprefix("# ") for line in code.splitlines() if line.startswith("# ")]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    assert told
    assert out.getvalue().splitlines() == told


def test_the_table_names_every_game():
    assert re.findall(rf"^\| `{PREFIX}(\S+)` \|", README, re.MULTILINE) == list(ENVIRONMENTS)
