"""Standings as text: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalengine import Reporter, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


_ELO_LIKE = 100  # ratings of this size are told in whole points


class Table(Reporter):
    """The board for people: a column for each thing that the board's rater tells."""

    def standings(self, run: Mapping[str, Any], standings: Sequence[Standing]) -> str:
        columns = [column for column in _columns(standings) if column]
        widths = [max(map(len, column)) for column in columns]
        head, *rows = (
            " " + "  ".join(_aligned(cell, widths[place], left=place < 2) for place, cell in enumerate(row)).rstrip()  # noqa: PLR2004 - rank and name
            for row in zip(*columns, strict=True)
        )
        lines = [head]
        several = len({line.component for line in standings if line.matches}) > 1
        for number, (line, row) in enumerate(zip(standings, rows, strict=True)):
            if several and line.matches and (not number or standings[number - 1].component != line.component):
                lines.append(
                    f" group {line.component + 1}, that no match connects with others: ranks and ratings of its own"
                )
            lines.append(row)
        if any(line.provisional and line.matches for line in standings):
            lines.append(" ? provisional: too few results, or all of one kind; more matches will move it")
        return "\n".join(lines)


def _columns(lines: Sequence[Standing]) -> Iterator[list[str]]:
    """Yield each column with its head; those of which nothing is known are left out."""
    intervals = any(line.lo is not None for line in lines)
    beside = intervals and any(line.mu is not None for line in lines)
    # Where the game's own scores rank, wins and draws do not add up to them, and a share means nothing.
    shares = all(_is_share(line) for line in lines)
    digits = 0 if intervals and any(abs(line.rating) >= _ELO_LIKE for line in lines) else 2
    yield ["#", *map(_rank, lines)]
    yield ["agent", *(line.agent for line in lines)]
    yield ["rating", *(f"{line.rating:.{digits}f}{_mark(line)}" for line in lines)]
    if intervals:
        yield ["95%", *(_interval(line, digits) for line in lines)]
    if beside:
        yield ["mu", *("" if line.mu is None else f"{line.mu:.2f}" for line in lines)]
    if beside or not intervals:
        yield ["sigma", *(f"{line.sigma:.2f}" for line in lines)]
    yield ["W-D-L", *(f"{line.wins}-{line.draws}-{line.losses}" for line in lines)]
    yield ["score", *(f"{100 * line.score:.1f}%" if shares else f"{line.score:.3f}" for line in lines)]
    yield ["faults", *(str(line.faults) for line in lines)]


def _aligned(cell: str, width: int, *, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


def _rank(line: Standing) -> str:
    """Return the band of ranks that the intervals leave open."""
    if not line.matches:
        return "-"
    if line.rank_lo is None or line.rank_hi is None or line.rank_lo == line.rank_hi:
        return str(line.rank)
    return f"{line.rank_lo}-{line.rank_hi}"


def _mark(line: Standing) -> str:
    return "?" if line.provisional and line.matches else ""


def _interval(line: Standing, digits: int) -> str:
    return "" if line.lo is None or line.hi is None else f"{line.lo:.{digits}f}..{line.hi:.{digits}f}"


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
