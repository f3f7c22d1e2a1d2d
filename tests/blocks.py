"""Code in Markdown: which blocks there are, and running them as a reader would.

A fenced block of bash or python is run; a comment on a line of its own before it changes that:

<!-- not run: WHY -->       it is shown only
<!-- file: NAME -->         it is written to NAME instead (any language)
<!-- copy: PATH -->         PATH (relative to the page) is copied beside it first

Other blocks (text, toml, directives in braces) are left alone.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
LONGEST_N = 20  # matches; what the pages show is scaled down to it

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>not run|file|copy): (?P<told>.*?) -->\n)?^```(?P<language>[\w{}-]*)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    mark: str  # "", "not run", "file" or "copy"
    told: str
    code: str


def blocks_of(page):
    """Return the blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["mark"] or "",
            found["told"] or "",
            found["code"],
        )
        for found in _BLOCK.finditer(text)
    ]


def scaled(command):
    """Return a command with fewer matches."""
    return re.sub(r"(?<= -n )\d+", lambda found: str(min(int(found[0]), LONGEST_N)), command)


def run(block, folder):
    """Do in `folder` what the block says; return the finished process, or None when there is nothing to run."""
    if block.mark == "not run":
        return None
    if block.mark == "file":
        path = folder / block.told
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code, encoding="utf-8")
        return None
    if block.mark == "copy":
        copy(block.page.parent / block.told, folder)
    if block.language == "bash":
        return execute(["bash", "-euo", "pipefail", "-c", scaled(block.code)], folder)
    if block.language == "python":
        # From a file, as a reader would run it; the folder is then first on sys.path.
        (folder / "block.py").write_text(block.code, encoding="utf-8")
        return execute([sys.executable, "block.py"], folder)
    return None


def copy(source, folder):
    """Copy a file or a folder into `folder`."""
    if source.is_dir():
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, folder)


def execute(command, folder):
    """Run a command in `folder` with this interpreter's `evalengine` first on PATH."""
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80"}
    environment.pop("EVALENGINE_ADDOPTS", None)
    environment["PYTEST_ADDOPTS"] = "-p no:hypothesispytest"  # it takes longer to load than what the pages test
    if not any(point.name == "evalengine" for point in metadata.entry_points(group="pytest11")):
        environment["PYTEST_PLUGINS"] = (
            "evalengine.pytest_plugin"  # a checkout that was not installed since it is there
        )
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
