"""The table in the package and the README say what the installed pyspiel says."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pyspiel
import pytest
from evalengine_openspiel import NOT_FITTING, evalengine_games, generate
from evalengine_openspiel.notes import NOTES
from evalengine_openspiel.table import GAMES, OPEN_SPIEL

KINDS = {kind.short_name: kind for kind in pyspiel.registered_games() if not kind.short_name.startswith("python_")}
AGAIN = "run: python -m evalengine_openspiel.generate"


def test_every_registered_game_is_listed_or_said_not_to_fit():
    assert sorted(KINDS) == sorted([*GAMES, *NOT_FITTING]), AGAIN
    assert set(NOTES) == set(GAMES)
    assert [spec.name for spec in evalengine_games()] == [f"openspiel:{name}" for name in sorted(GAMES)]


def test_the_table_is_of_the_installed_version():
    assert metadata.version("open_spiel") == OPEN_SPIEL, AGAIN


def test_a_game_as_listed_is_the_game_as_made(load):
    for spec in evalengine_games():
        assert load(spec.name.removeprefix("openspiel:")).spec == spec, AGAIN


@pytest.mark.slow
def test_the_whole_table_is_what_pyspiel_says():
    assert generate.rows() == GAMES, AGAIN


def test_the_readme_has_the_table():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert generate.with_tables(readme, GAMES) == readme, AGAIN


def test_listing_imports_no_pyspiel():
    code = (
        "import sys, evalengine_openspiel as p\n"
        "assert len(p.evalengine_games()) > 100 and p.NOT_FITTING\n"
        "print([m for m in ('pyspiel', 'numpy', 'evalengine_openspiel.game') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_tags_are_not_those_that_follow_from_fields():
    for spec in evalengine_games():
        assert spec.tags[0] == "openspiel"
        assert not {"hidden", "chance", "simultaneous", "multiplayer", "teams"} & set(spec.tags)


def test_mean_field_games_are_those_that_pyspiel_calls_so():
    mean_field = {name for name, kind in KINDS.items() if kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD}
    assert mean_field == {name for name, reason in NOT_FITTING.items() if reason.startswith("a mean-field game")}


def test_games_of_structs_are_those_that_pyspiel_calls_so():
    assert {name for name, kind in KINDS.items() if kind.action_structs_only} == {"crossword"}


def test_noise_depends_on_what_was_played_before():
    game = pyspiel.load_game("add_noise(game=kuhn_poker(),epsilon=1.0,seed=1)")
    again = pyspiel.load_game("add_noise(game=kuhn_poker(),epsilon=1.0,seed=1)")

    def scores(game, line):
        state = game.new_initial_state()
        for action in line:
            state.apply_action(action)
        return state.returns()

    first = scores(game, [0, 1, 0, 0])
    scores(again, [1, 0, 0, 0])
    assert scores(again, [0, 1, 0, 0]) != first


@pytest.mark.parametrize("name", ["efg_game", "nfg_game"])
def test_games_of_files_need_a_file(name):
    assert KINDS[name].parameter_specification == {"filename": ""}
    assert not KINDS[name].default_loadable


def test_the_code_of_the_readme_runs(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out.strip()
    assert f"# {said}\n" in code
