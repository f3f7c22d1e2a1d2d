"""Whether a long run costs more a match than a short one. A million matches: behind --long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from measuring import Row, run_python

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

CODE = """
import json, sys
sys.path.insert(0, ".")
from measuring import peak_mib
from pipeline import stored
rate = stored({n})
print(json.dumps([rate, peak_mib()]))
"""


def rows(options: argparse.Namespace) -> Iterator[Row]:
    if not options.long:
        print("growth: takes minutes, left out without --long")
        return
    yield Row(
        what="peak MiB of the main process, n=1e6 / n=1e4",
        ours=lambda: figures(1_000_000)[1],
        theirs=lambda: figures(10_000)[1],
        goal="1.2, aim < 1.05",
    )
    yield Row(
        what="matches/s, n=1e6 / n=1e5",
        ours=lambda: figures(1_000_000)[0],
        theirs=lambda: figures(100_000)[0],
        goal="0.9, aim > 1.0",
    )


def figures(n: int) -> list[float]:
    """Return matches/s and the main process's peak memory in MiB of a run in an interpreter of its own."""
    return json.loads(run_python(CODE.format(n=n)))
