"""A run's evidence as text, for `standings`, `compare` and `rate`: ratings side by side, cross table, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.cli.text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST = 20  # agents of a cross table at the terminal


def rating_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a rater's table; agents that nothing connects stand in groups of their own."""
    groups: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["component"], []).append(row)
    for number, group in enumerate(groups.values(), 1):
        if len(groups) > 1:
            yield f"group {number} of {len(groups)}: no results connect it with the others, so ranks hold within it"
        doubt = "95%" if any(row["lo"] is not None for row in group) else "sigma"
        head = ["#", "agent", "rating", doubt, ""]
        yield table(head, [_rating_cells(row) for row in group])


def _rating_cells(row: Mapping[str, Any]) -> list[str]:
    low, high = row["rank_lo"], row["rank_hi"]
    rank = "-" if row["rank"] is None else f"{low}-{high}" if low != high else str(row["rank"])
    doubt = f"{row['se']:.2f}" if row["se"] else "-"  # a rater without one says 0
    told = doubt if row["lo"] is None else f"{row['lo']:.1f}..{row['hi']:.1f}"
    note = "not played" if row["rank"] is None else "provisional" if row["provisional"] else ""
    return [rank, row["agent"], f"{row['rating']:.1f}", told, note]


def reliability_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the fault rates as text."""
    head = ["agent", "faults", "matches", "rate", "95%"]
    return table(
        head,
        [
            [row["agent"], str(row["faults"]), str(row["matches"]), _percent(row["rate"]), _span(row["lo"], row["hi"])]
            for row in rows
        ],
    )


def cross_lines(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """Yield the cross table, rows against columns; too many agents are told where to find it."""
    if len(names) > _MOST:
        yield f"{len(names)} agents: the cross table is in --format json, and in --format csv with --cross"
        return
    cells = {(row["agent"], row["against"]): f"{row['wins']}-{row['draws']}-{row['losses']}" for row in rows}
    head = ["", "agent", *(str(number) for number in range(1, len(names) + 1))]
    lines = [
        [str(number), one, *("." if one == other else cells.get((one, other), "-") for other in names)]
        for number, one in enumerate(names, 1)
    ]
    yield table(head, lines)


def summary_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same as text."""
    if told["draw_ratio"] is not None:
        yield f"draws: {_percent(told['draw_ratio'])} of the matches"
    if told["first_seat"] is not None:
        yield f"first seat: {estimate_text(told['first_seat'])}"
    circle = told["intransitivity"]
    if circle is None or not circle["freedom"]:
        return
    if not circle["significant"]:
        yield f"one scale explains the results (p = {circle['p_value']:.3f})"
        return
    yield f"one scale does not explain the results (p = {circle['p_value']:.2g}): ranks leave out who beats whom"
    if edges := circle["cycle"]:
        steps = " > ".join([*(edge["winner"] for edge in edges), edges[0]["winner"]])
        scores = ", ".join(_percent(edge["score"]) for edge in edges)
        yield f"a circle: {steps} ({scores})"


def estimate_text(told: Mapping[str, Any]) -> str:
    """Return score and Elo with its 95% interval."""
    return f"score {_percent(told['score'])}, {told['elo']:+.1f} Elo, 95% {bounds(told['elo_lo'], told['elo_hi'])}"


def bounds(low: float | None, high: float | None) -> str:
    """Return an interval; a bound that the results do not give is said to be none."""
    if low is None and high is None:
        return "unknown"
    if low is None:
        return f"below {high:+.1f}"
    return f"above {low:+.1f}" if high is None else f"{low:+.1f}..{high:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _span(low: float, high: float) -> str:
    return f"{100 * low:.1f}..{100 * high:.1f}%"
