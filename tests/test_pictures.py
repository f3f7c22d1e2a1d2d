"""SVG frames of a replay: well-formed, with their text, and a game's own drawing as an image only."""

import base64
import xml.etree.ElementTree as ET

import pytest
from commandline import Shell

from evalengine import Game, GameSpec, Match, MatchSpec, State, pictures
from evalengine.errors import GameError

NS = {"svg": "http://www.w3.org/2000/svg"}
HOSTILE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><script>alert(1)</script><image href="http://x/"/></svg>'


class Drawn(State):
    drawing = HOSTILE
    text = "a <b> & \x07 c\nsecond"

    def to_move(self):
        return [0]

    def view(self, seat):
        return 0

    def legal(self, seat):
        return [0]

    def apply(self, actions, rng):
        return self

    def scores(self):
        return (0.0,)

    def render(self, seat=None):
        return self.text

    def svg(self, seat=None):
        return self.drawing


class Undrawn(Drawn):
    svg = State.svg


def drawn(drawing):
    state = Drawn()
    state.drawing = drawing
    return state


def test_a_drawing_is_an_image_and_nothing_of_it_an_element():
    picture = pictures.frame(Drawn(), "turn 3 <x>", "what it\x1b says")
    root = ET.fromstring(picture)
    assert [child.tag.rpartition("}")[2] for child in root] == ["title", "desc", "image"]
    assert root.find("svg:title", NS).text == "turn 3 <x>"
    assert root.find("svg:desc", NS).text == "what it\N{REPLACEMENT CHARACTER} says"
    assert "script" not in picture
    assert "http://x" not in picture
    image = root.find("svg:image", NS)
    head, _, data = image.get("href").partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == HOSTILE
    assert (image.get("width"), image.get("height"), root.get("viewBox")) == ("40", "20", "0 0 40 20")


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ('width="30px" height="50.5"', "0 0 30 50.5"),
        ('width="100%" height="-3"', "0 0 400 400"),
        ('viewBox="0,0,7,8"', "0 0 7 8"),
        ('viewBox="a b"', "0 0 400 400"),
        ('viewBox="0 0 nan inf"', "0 0 400 400"),
    ],
)
def test_a_drawing_has_the_size_that_it_says(head, size):
    picture = pictures.frame(drawn(f'<svg xmlns="{NS["svg"]}" {head}/>'), "", "")
    assert ET.fromstring(picture).get("viewBox") == size


@pytest.mark.parametrize(
    ("drawing", "says"),
    [
        ("<svg", "no well-formed SVG"),
        ("", "no well-formed SVG"),
        ("<html/>", "a document of 'html'"),
        ('<!DOCTYPE s [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>', "entities"),
        (None, "must return a text"),
    ],
)
def test_a_drawing_that_is_none_is_the_games_error(drawing, says):
    with pytest.raises(GameError, match=says):
        pictures.frame(drawn(drawing), "", "")


def test_where_a_game_fails_the_error_names_it():
    class Broken(Drawn):
        def svg(self, seat=None):
            return 1 / 0

    with pytest.raises(GameError, match=r"Broken\.svg\(\) failed: ZeroDivisionError"):
        pictures.frame(Broken(), "", "")


def test_a_game_without_drawings_has_pictures_of_its_text():
    root = ET.fromstring(pictures.frame(Undrawn(), "title", Undrawn.text))
    lines = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert lines == ["a <b> & \N{REPLACEMENT CHARACTER} c", "second"]


def test_a_match_is_written_as_one_frame_a_turn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsys)
    assert shell("run", "random", "greedy", "--games", "tictactoe or kuhn_poker", "-n", 4, "--seed", 1, "-q") == 0
    for match_no in (0, 2):
        assert shell("replay", match_no, "--svg", "-o", f"frames/{match_no}") == 0
        frames = sorted((tmp_path / "frames" / str(match_no)).iterdir())
        assert shell.out.startswith(f"{len(frames)} frames of ")
        assert shell("replay", match_no, "--format", "json") == 0
        turns = __import__("json").loads(shell.out)["frames"]
        assert [frame.name for frame in frames] == [f"turn-{turn['turn']:03}.svg" for turn in turns]
        for frame, turn in zip(frames, turns, strict=True):
            desc = ET.fromstring(frame.read_text()).find("svg:desc", NS).text
            assert desc.startswith(turn["position"])
            assert all(f"(seat {act['seat']}): {act['text']}" in desc for act in turn["actions"])
    assert shell("replay", 0, "--svg", "--turn", 1) == 0
    assert [path.name for path in (tmp_path / "replay-1-0").iterdir()] == ["turn-001.svg"]
    shell.file("blocked", "")
    assert shell("replay", 0, "--svg", "-o", "blocked/x") == 2
    assert "cannot be written" in shell.err


def test_the_match_of_a_drawn_state_is_made():
    """The state above is a real one: a match can be played with it."""

    class Drawing(Game):
        spec = GameSpec(name="d", version="1", doc="", factory="", max_turns=2, min_seats=1, max_seats=1)
        config = {}  # noqa: RUF012 - as the loader sets it

        def initial(self, seats, rng):
            return Drawn()

    match = Match(MatchSpec(0, 0, 0, 1, (0,)), Drawing())
    match.answer(0, 0)
    assert not match.over
