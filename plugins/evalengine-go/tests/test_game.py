"""The game as evalengine lists, configures, shows and plays it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgpack
import pytest
from evalengine_go import evalengine_agents, evalengine_games
from evalengine_go.capture import Capture

from evalengine import ConfigError, Info, Observation, load_game

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(tmp_path):
    """Return a function that runs `evalengine` with arguments in a folder of its own and returns what it printed."""

    def run(*arguments):
        command = [sys.executable, "-m", "evalengine", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120).stdout

    return run


# ------------------------------------------------------------------------------------ what is listed


def test_listing_imports_no_rules():
    code = (
        "import sys, evalengine_go as p\n"
        "assert p.evalengine_games() and p.evalengine_agents()\n"
        "print([name for name in sys.modules if name.startswith('evalengine_go.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_game_as_listed_is_the_game_as_made():
    (spec,) = evalengine_games()
    assert load_game("go").spec == spec
    assert spec.tags == ("go", "gtp", "board")
    assert [agent.fits for agent in evalengine_agents()] == ["go"]


def test_the_size_sets_the_limit_of_turns():
    assert load_game("go(size=19)").spec.max_turns == 3 * 361


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"komi": 7.3}, "multiple of 0.5, not 7.3"),
        ({"komi": 1000}, "from -361 to 361"),
        ({"size": 20}, "from 2 to 19"),
        ({"superko": "none"}, "positional"),
    ],
)
def test_a_wrong_configuration_is_one_line(config, said):
    with pytest.raises(ConfigError, match=said) as caught:
        load_game("go", **config)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------ what is shown


def test_actions_are_points_from_the_top_left_and_texts_are_vertices():
    game = load_game("go(size=19)")
    texts = [game.action_to_str(action) for action in range(362)]
    assert (texts[0], texts[18], texts[342], texts[360], texts[361]) == ("A19", "T19", "A1", "T1", "pass")
    assert texts[8] == "J19"  # no I
    assert len(set(texts)) == 362
    assert [game.action_to_str(odd) for odd in (-1, 362, True, "D4")] == ["-1", "362", "True", "D4"]


def test_a_seat_sees_all_that_was_played(begin):
    board = begin(size=4, komi=6.5, superko="situational").play("B3 A3 pass A2 A4 pass A1 D4 B2")
    assert board.state.view(1) == {
        "size": 4,
        "komi": 6.5,
        "rules": {"ko": "SITUATIONAL", "scoring": "AREA", "suicide": False},
        "board": [[1, 0, 0, 2], [0, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
        "moves": [
            ["B", "B3"],
            ["W", "A3"],
            ["B", "pass"],
            ["W", "A2"],
            ["B", "A4"],
            ["W", "pass"],
            ["B", "A1"],
            ["W", "D4"],
            ["B", "B2"],
        ],
        "colour": "W",
        "to_play": "W",
        "captures": [2, 0],
        "ko": [],
    }


def test_a_view_is_made_of_what_the_wire_carries(begin):
    view = begin(size=9).play("C3 G7 pass").state.view(0)
    assert msgpack.unpackb(msgpack.packb(view)) == view


def test_changing_a_view_changes_nothing(begin):
    board = begin(size=5).play("C3")
    view = board.state.view(0)
    view["board"][2][2] = 2
    view["moves"][0][1] = "A1"
    view["moves"].clear()
    view["captures"][0] = 9
    view["rules"].clear()
    assert board.state.view(0)["moves"] == [["B", "C3"]]
    assert board.state.view(0)["rules"] == board.game.rules
    assert board.state.view(0)["captures"] == [0, 0]
    assert board.rows[2] == "..X.."


def test_the_text_has_coordinates(begin):
    board = begin(size=3, komi=0.5).play("B2 C1")
    assert board.state.render().split("\n") == [
        "   A B C",
        " 3 . . . 3",
        " 2 . X . 2",
        " 1 . . O 1",
        "   A B C",
        "B to play, last C1, captures B 0 W 0",
    ]
    board.play("pass pass")
    assert board.state.render(1).endswith("\nover: area B 1, W 1 + 0.5: W wins")


@pytest.mark.parametrize("size", [2, 9, 13, 19])
def test_the_picture_is_well_formed_and_has_every_stone(begin, size):
    board = begin(size=size).play("A1 B2 A2")
    root = ET.fromstring(board.state.svg())  # our own document
    discs = [shape.get("r") for shape in root.iter(f"{SVG}circle")]
    assert discs.count("11.04") == 3
    assert discs.count("3.36") == 1  # on the last stone
    assert root.find(f"{SVG}title").text == board.state.render()
    assert "circle" not in begin(size=5).state.svg()


# --------------------------------------------------------------------------------------- the agent


def asked(board, seed=0):
    """Return the vertex that go-capture plays now."""
    state, game = board.state, board.game
    seat = state.to_move()[0]
    info = Info(game, seat, [[0], [1]], seed)
    agent = Capture()
    agent.start(info)
    return game.action_to_str(agent.act(Observation(state, seat, board.match.turn, info)))


def test_the_agent_takes_the_largest_chain(set_up):
    diagram = """
        .XO.X
        OOX..
        .....
        XXX..
        OO.X."""
    assert asked(set_up(diagram, "X")) == "C1"
    # White could take at D5 or C3; two stones are more than one.
    assert asked(set_up(".X.O. XO.XO XOX.. .X... .....", "X")) == "C4"


def test_the_agent_saves_what_has_one_liberty(set_up):
    assert asked(set_up("..... ..O.. .OX.. ..O.. .....", "X")) == "D3"


def test_the_agent_does_not_run_where_it_is_taken_at_once(set_up):
    assert asked(set_up("..... ..... O.... X.O.. .O...", "X")) != "A1"


def test_the_agent_spares_its_eyes_and_passes(set_up):
    assert asked(set_up(".X.XX XXXXX XXXXX XXXXX XXX.X", "X")) == "pass"


def test_the_agent_ends_a_match_that_it_leads(set_up):
    board = set_up("..X.. ..X.. ..X.. ..X.. ..X..", "O")
    assert asked(board.play("pass")) == "pass"


def test_the_agent_beats_random_play(run):
    out = run("run", "go-capture", "random", "--games", "go(size=7)", "-n", "20", "--seed", "1", "--format", "json")
    first, second = json.loads(out)["standings"]
    assert (first["agent"], first["faults"] + second["faults"]) == ("go-capture", 0)
    assert first["wins"] >= 15


def test_bundled_agents_that_search_play_it(run):
    assert "12 finished" in run("run", "greedy", "minimax", "mcts(simulations=2)", "--games", "go(size=3)", "-n", "12")


def test_an_agent_is_told_why_its_action_is_refused(run, tmp_path):
    (tmp_path / "centre.py").write_text("def act(observation):\n    return 12\n")
    out = run("run", "centre.py", "first", "--games", "go(size=5)", "-n", "2", "--opening", "none")
    assert "C3 is occupied" in out


# -------------------------------------------------------------------------------------- the README


def test_the_code_of_the_readme_runs(capsys):
    code = README.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out.rstrip().splitlines()
    assert [f"# {line}" for line in said] == [line for line in code.splitlines() if line.startswith("# ")]


def test_the_commands_of_the_readme_run_and_the_game_is_described(run):
    commands = [line[6:] for line in README.splitlines() if line.startswith("    $ evalengine ")]
    assert commands
    for command in commands:
        run(*shlex.split(command)[1:])
    (spec,) = evalengine_games()
    for name, schema in spec.config.items():
        assert f"| `{name}` | {json.dumps(schema['default']).strip(chr(34))} |" in README
    for key in load_game("go").initial(2, None).view(0):
        assert f"| `{key}` |" in README
