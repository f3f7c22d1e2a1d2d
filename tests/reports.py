"""Reports of runs that the tests of them share. No tests here."""

import json
import re

from evalengine.cli import main

MARK = "</script><img src=x onerror=alert(1)>"
HOSTILE = f"""def act(observation):
    print({MARK!r}, "\\u2028 \\x1b[31m", "<script>alert(2)</script>")
    if observation.turn > 3:
        raise ValueError({MARK!r} + " \\u202e")
    return observation.legal[0]
"""
CAREFUL = "def act(observation):\n    return observation.legal[len(observation.legal) // 2]\n"
DRAWN = """
    def svg(self, seat=None):
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 40" onload="parent.document.title=1">'
                '<script>parent.document.title = "run"</script><image href="http://198.51.100.7/seen.png"/>'
                '<title>' + str(self.left) + '</title><rect width="' + str(4 * self.left) + '" height="40"/></svg>')

    def render(self, seat=None):
        return str(self.left) + ' left </script><b>&amp; \\u202e'

    def to_move(self):"""


def in_module(nim, name):
    """Return the source of a game for a module of this name: one process imports a name once."""
    return nim.replace('factory="nim:', f'factory="{name}:')


def hostile_game(nim, name):
    """Return the source of a game whose drawing tries what a drawing should not."""
    return in_module(nim, name).replace("\n    def to_move(self):", DRAWN, 1)


def evalengine(*arguments):
    """Run a command in this process; return its exit code."""
    if arguments[:1] == ("run",):
        arguments = (*arguments, "--workers", "1")
    return main([str(argument) for argument in arguments])


def data(folder, name):
    """Return what a script of data hands to the page."""
    text = (folder / "data" / f"{name}.js").read_text(encoding="ascii")
    found = re.fullmatch(rf'evalengine\.take\("{name}",(.*)\);\n', text)
    assert found, text[:100]
    return json.loads(found[1])


def frames(shard, match, kind):
    """Return the frames of a match as the page puts them together."""
    before, found = [], []
    for first, last, middle in match[kind]:
        before = [*before[:first], *middle, *before[len(before) - last :]]
        found.append({"pictures": "<", "texts": "\n"}[kind].join(shard["chunks"][number] for number in before))
    return found
