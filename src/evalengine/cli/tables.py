"""A run's evidence as text, for `standings`, `compare` and `rate`: ratings side by side, cross table, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.cli.columns import beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalengine.model import Standing

_MOST = 20  # agents of a cross table at the terminal
_ELO_LIKE = 100  # ratings of this size are told in whole points


def rating_lines(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield raters' tables side by side, in the order of the first; agents that nothing connects in groups."""
    first, *_ = tables.values()
    by_agent = {rater: {row["agent"]: row for row in rows} for rater, rows in tables.items()}
    groups: dict[int, list[str]] = {}
    for row in first:
        if row["rank"] is not None:
            groups.setdefault(row["component"], []).append(row["agent"])
    for number, agents in enumerate(groups.values(), 1):
        if len(groups) > 1:
            yield f"group {number} of {len(groups)}: no results connect it with the others, so ranks hold within it"
        found = {rater: [rows[agent] for agent in agents] for rater, rows in by_agent.items()}
        yield from beside([["agent", *agents]], [_rating_columns(rater, rows) for rater, rows in found.items()])
    if absent := [row["agent"] for row in first if row["rank"] is None]:
        yield f"no match that is rated: {', '.join(absent)}"


def _rating_columns(rater: str, rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return ranks, ratings, and intervals or sigmas; a column of nothing is left out by who prints it."""
    digits = _digits(row["rating"] for row in rows)
    ranks = [_rank(row["rank"], row["rank_lo"], row["rank_hi"]) for row in rows]
    ratings = [f"{row['rating']:.{digits}f}{'?' * bool(row['provisional'])}" for row in rows]
    if any(row["lo"] is not None for row in rows):
        spans = ["" if row["lo"] is None else f"{row['lo']:.{digits}f}..{row['hi']:.{digits}f}" for row in rows]
        return [["#", *ranks], [rater, *ratings], ["95%", *spans]]
    sigmas = [f"{row['se']:.{digits}f}" if row["se"] else "" for row in rows]  # a rater without one says 0
    return [["#", *ranks], [rater, *ratings], ["sigma", *sigmas]]


def _rank(rank: int | None, low: int | None, high: int | None) -> str:
    if rank is None:
        return "-"
    return str(rank) if low is None or low == high else f"{low}-{high}"


def _digits(ratings: Iterable[float]) -> int:
    """Return after how many digits ratings of this size may end."""
    most = max(map(abs, ratings), default=0.0)
    return 0 if most >= _ELO_LIKE else 2 if most > 1 else 4


def game_lines(boards: Mapping[str, tuple[str, Sequence[Standing]]]) -> Iterator[str]:
    """Yield the ratings of several boards side by side, in the order of the first.

    Args:
        boards: by title the rater's name and the lines.
    """
    (main, first), *_ = boards.values()
    agents = [line.agent for line in first]
    agents += sorted({line.agent for _, lines in boards.values() for line in lines} - set(agents))
    groups = []
    for title, (rater, lines) in boards.items():
        played = {line.agent: line for line in lines if line.matches}
        digits = _digits(line.rating for line in played.values())
        found = [played.get(agent) for agent in agents]
        ranks = ["-" if line is None else _rank(line.rank, line.rank_lo, line.rank_hi) for line in found]
        ratings = ["" if line is None else f"{line.rating:.{digits}f}{'?' * line.provisional}" for line in found]
        groups.append([["#", *ranks], [title if rater == main else f"{title} ({rater})", *ratings]])
    yield from beside([["agent", *agents]], groups)


def reliability_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the fault rates as text, highest first; who never faulted is only counted."""
    faulty = sorted((row for row in rows if row["faults"]), key=lambda row: -row["rate"])
    head = ["agent", "faults", "matches", "rate", "95%"]
    columns = [
        head,
        *(
            [row["agent"], str(row["faults"]), str(row["matches"]), _percent(row["rate"]), _span(row["lo"], row["hi"])]
            for row in faulty
        ),
    ]
    agents, *numbers = zip(*columns, strict=True)
    yield from beside([agents], [numbers])
    if others := len(rows) - len(faulty):
        yield f"the other {others} never faulted" if others > 1 else "the other one never faulted"


def cross_lines(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """Yield the cross table, rows against columns; too many agents are told where to find it."""
    if len(names) > _MOST:
        yield f"{len(names)} agents: the cross table is in --format json, and in --format csv with --cross"
        return
    cells = {(row["agent"], row["against"]): f"{row['wins']}-{row['draws']}-{row['losses']}" for row in rows}
    numbers = [str(number) for number in range(1, len(names) + 1)]
    columns = [
        [[number, *("." if one == other else cells.get((one, other), "-") for one in names)]]
        for number, other in zip(numbers, names, strict=True)
    ]
    yield from beside([["", *numbers], ["agent", *names]], columns)


def _games_table(told: Mapping[str, Any]) -> Iterator[str]:
    rows = [*told["by_game"], {"game": "together", "matches": told["counted"], **told}]
    columns = [["matches"], ["draws"], ["first seat"], ["Elo"], ["95%"]]
    for row in rows:
        cells = [str(row["matches"]), _percent(row["draw_ratio"]), *_seat_cells(row["first_seat"])]
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    yield from beside([["game", *(row["game"] for row in rows)]], [columns])


def _seat_cells(seat: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if seat is None:
        return "", "", ""
    middle = "" if seat["one_sided"] else f"{seat['elo']:+.0f}"
    return _percent(_score(seat)), middle, bounds(seat["elo_lo"], seat["elo_hi"], 0)


def summary_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same as text."""
    if len(told["by_game"]) > 1:
        yield from _games_table(told)
    elif told["draw_ratio"] is not None:
        yield f"draws: {_percent(told['draw_ratio'])} of the matches"
        if told["first_seat"] is not None:
            yield f"first seat: {estimate_text(told['first_seat'])}"
    circle = told["intransitivity"]
    if circle is None or not circle["freedom"]:
        return
    if not circle["significant"]:
        yield f"no circle shown: one scale explains who beats whom (p = {circle['p_value']:.3f})"
        return
    yield f"one scale does not explain who beats whom (p = {circle['p_value']:.2g}): see also --rater nash,alpharank"
    if edges := circle["cycle"]:
        steps = (f"{edge['winner']} beats {edge['loser']} ({_percent(edge['score'])})" for edge in edges)
        yield f"a circle: {', '.join(steps)}"


def estimate_text(told: Mapping[str, Any]) -> str:
    """Return score and Elo with its 95% interval."""
    if told["one_sided"]:
        return f"score {_percent(_score(told))}, Elo at 95% {bounds(told['elo_lo'], told['elo_hi'])}"
    return f"score {_percent(told['score'])}, {told['elo']:+.1f} Elo, 95% {bounds(told['elo_lo'], told['elo_hi'])}"


def _score(told: Mapping[str, Any]) -> float:
    """Return the score that was seen: an estimate of matches that are all won, or all lost, is drawn to the middle."""
    if told["one_sided"] and told["matches"]:
        return 0.0 if told["elo_lo"] is None else 1.0
    return float(told["score"])


def bounds(low: float | None, high: float | None, digits: int = 1) -> str:
    """Return an interval; a bound that the results do not give is said to be none."""
    if low is None and high is None:
        return "unknown"
    if low is None:
        return f"below {high:+.{digits}f}"
    return f"above {low:+.{digits}f}" if high is None else f"{low:+.{digits}f}..{high:+.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _span(low: float, high: float) -> str:
    return f"{100 * low:.1f}..{100 * high:.1f}%"
