"""A plan of 2,000 agents from files: how soon the first match is stored, and what memory it takes until then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from measuring import Row, peak_mib, run_python

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

AGENTS = 2000
SOURCE = "import random\ndef act(observation):\n    return random.choice(observation.legal)\n# {number}\n"
CODE = """
import json, sys
sys.path.insert(0, ".")
from large_plan import first_match
print(json.dumps(first_match()))
"""


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    what = f"{AGENTS} agents from files: "
    yield Row(what=what + "seconds to the first match", ours=lambda: figures()[0], unit="s", goal="2, aim 0.5")
    yield Row(what=what + "peak MiB of the main process", ours=lambda: figures()[1], unit="MiB", goal="300, aim 150")


def figures() -> list[float]:
    return json.loads(run_python(CODE))


def first_match() -> list[float]:
    """Return seconds from the settings to the first stored match, and peak MiB; run in an interpreter of its own."""
    import os
    import signal
    import tempfile
    import time
    from pathlib import Path

    from evalengine import playing, runs
    from evalengine.planning import Settings
    from evalengine.plugins import Plugins
    from evalengine.store import Store

    class First(playing.Listener):
        seconds = 0.0

        def played(self, _run, _specs, rows):
            if rows and not self.seconds:
                self.seconds = time.perf_counter() - began
                os.kill(os.getpid(), signal.SIGINT)  # four million matches are planned: end as on Ctrl-C

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"agent{number}.py" for number in range(AGENTS)]
        for number, file in enumerate(files):
            file.write_text(SOURCE.format(number=number))
        began = time.perf_counter()
        settings = Settings(games="tictactoe", agents=tuple(map(str, files)), seed=1 << 60)
        plugins, store, listener = Plugins(), Store(Path(folder) / "arena.db"), First()
        run = runs.begin(settings, store, plugins, "benchmark", "none")
        playing.play(run, store, plugins, workers=2, listener=listener)
        if not run.played:
            msg = "no match was played"
            raise RuntimeError(msg)
        return [listener.seconds, peak_mib()]
