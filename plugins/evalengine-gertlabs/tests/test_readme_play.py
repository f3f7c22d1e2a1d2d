"""The examples of play, as they stand: of the client's README with both versions, and of ours."""

import re
from pathlib import Path

from test_readme_data import VERSIONS, blocks, run

OURS = Path(__file__).parents[1] / "README.md"


@VERSIONS
def test_the_clients_own_loop_against_the_platform(served, source, tmp_path):
    printed = run(served, blocks("Play locally with your own model (nothing shared)"), source, tmp_path)
    assert re.fullmatch(r"\{'player_0': \d+\.\d+, 'player_1': \d+\.\d+\}\n", printed)


@VERSIONS
def test_a_connected_model_is_watched_and_branched(served, source, tmp_path):
    begin = 'from gertlabs import GertClient\nclient = GertClient()\npid = "scripted"\n'
    code = blocks("Connected model: let the platform run it server-side, then branch")
    assert "player_1" in run(served, begin + code, source, tmp_path)


def test_the_examples_of_our_readme(served, tmp_path):
    part = re.search(r"^## Play\n(.*?)(?=^## )", OURS.read_text(), re.MULTILINE | re.DOTALL)[1]
    code = "\n".join(re.findall(r"```python\n(.*?)```", part, re.DOTALL))
    printed = run(served, code, None, tmp_path).splitlines()
    assert printed[0].startswith("Game: market_simulator")
    assert len(re.findall(r"'[\w-]+'", printed[-1])) == 8
