"""Standings as text: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalengine import Reporter, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Table(Reporter):
    """The board for people."""

    def standings(self, run: Mapping[str, Any], standings: Sequence[Standing]) -> str:
        width = max([len("agent"), *(len(line.agent) for line in standings)])
        # Where the game's own scores rank, wins and draws do not add up to them, and a share means nothing.
        shares = all(_is_share(line) for line in standings)
        lines = [f" #    {'agent':<{width}}   rating   sigma        W-D-L    score  faults"]
        for line in standings:
            played = f"{line.wins}-{line.draws}-{line.losses}"
            score = f"{100 * line.score:.1f}%" if shares else f"{line.score:.3f}"
            lines.append(
                f" {line.rank:<4} {line.agent:<{width}} {line.rating:8.2f} {line.sigma:7.2f} {played:>12} "
                f"{score:>8} {line.faults:7d}"
            )
        return "\n".join(lines)


def _is_share(line: Standing) -> bool:
    return abs(line.score * line.matches - line.wins - line.draws / 2) < 1e-6 * (1 + line.matches)


class Json(Reporter):
    """One object; its keys are an interface."""

    def standings(self, run: Mapping[str, Any], standings: Sequence[Standing]) -> str:
        return json.dumps({**run, "standings": [asdict(line) for line in standings]}, indent=2)


class Csv(Reporter):
    """One line an agent."""

    def standings(self, run: Mapping[str, Any], standings: Sequence[Standing]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Standing.__slots__)
        writer.writerows(asdict(line).values() for line in standings)
        return text.getvalue().rstrip("\n")
