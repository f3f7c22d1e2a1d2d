"""The command line as a person uses it: in this process where that is enough, else in one of its own.

Golden files are rebuilt by: EVALENGINE_GOLDEN=rebuild pytest tests/test_cli_reading.py tests/test_cli_run.py
"""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from evalengine.cli import main

GOLDEN = Path(__file__).parent / "golden"
COMMAND = [sys.executable, "-m", "evalengine"]
BUNDLED = {"builtin", "games"}
LEFT_OUT = sorted(
    f"no:{plugin.name}" for plugin in metadata.entry_points(group="evalengine") if plugin.name not in BUNDLED
)
"""For -p: every plugin that is installed beside the bundled ones, which are all that golden files and docs tell of."""
LEAVE_OUT = [word for name in LEFT_OUT for word in ("-p", name)]
_VOLATILE = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE"),
    (r"\d+\.\d+ s\b", "SECONDS s"),
    (r"\d+\.\d matches/s", "SPEED matches/s"),
    (r"Python [\d.a-z+]+, \w+", "Python VERSION, SYSTEM"),
    (r"rootdir: [^,\n]+", "rootdir: ROOT"),
    (r"evalengine \d+\.\d+\.\d+ ", "evalengine VERSION "),
    (r"(games-|builtin  |games    )\d+\.\d+\.\d+", r"\1VERSION"),
    (r"=+", "="),  # their number follows from the width of what stands between
)

CRASHING = """def act(observation):
    if observation.turn > 3:
        raise ValueError('lost')
    return observation.legal[0]
"""
FIRST = "def act(observation):\n    return observation.legal[0]\n"
SLOW = "import time\ndef act(observation):\n    time.sleep(0.1)\n    return observation.legal[0]\n"


def environment(**more):
    """Return this process's environment without our own variables, at 80 columns."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVALENGINE_", "NO_COLOR"))}
    return kept | {"COLUMNS": "80"} | more


def process(*arguments, cwd, timeout=60, env=None, **options):
    """Run `evalengine` to its end."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        timeout=timeout,
        text=True,
        env=environment(**(env or {})),
        check=False,
        **streams,
    )


def started(*arguments, cwd, env=None, **options):
    """Start `evalengine` and return its process."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=cwd, text=True, env=environment(**(env or {})), **streams
    )


class Shell:
    """Calls the command line in this process, in a folder of its own."""

    def __init__(self, folder, capsys):
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments):
        if arguments[:1] == ("run",) and "--workers" not in arguments:
            arguments = ("run", "--workers", 1, *arguments[1:])  # to start a second one takes longer than small runs
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        return code

    def file(self, name, text):
        """Write a file, its folders too."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def normal(text):
    """Return `text` without what differs from call to call."""
    for pattern, word in _VOLATILE:
        text = re.sub(pattern, word, text)
    return text


def check_golden(name, text):
    """Compare with the stored text, or store it anew."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("EVALENGINE_GOLDEN") == "rebuild":
        path.write_text(text)
    assert text == path.read_text()
