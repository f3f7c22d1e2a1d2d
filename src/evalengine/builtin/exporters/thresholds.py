"""What is read for grades: thresholds from TOML, students from CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

from evalengine import ConfigError

BOUNDS = ("lower", "estimate")
_MUST = {"against": str, "score": float, "points": float}
_MAY = {"name": str, "game": str, "matches": int}


class Threshold(NamedTuple):
    """A score against one fixed opponent, and what it is worth."""

    name: str  # of its columns
    against: str
    score: float  # share of the points of the matches: a win 1, a draw 1/2
    points: float
    game: str  # as configured, or its name; "" for all
    matches: int  # fewer give no points


def read_thresholds(path: str) -> tuple[str, list[Threshold]]:
    """Return the bound that is compared, and the thresholds.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong.
    """
    import tomllib

    try:
        table = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from error
    if unknown := sorted(table.keys() - {"bound", "threshold"}):
        msg = f"{path}: {unknown[0]!r} is unknown; it may hold bound and tables [[threshold]]"
        raise ConfigError(msg)
    bound = table.get("bound", BOUNDS[0])
    if bound not in BOUNDS:
        msg = f"{path}: bound must be one of {', '.join(BOUNDS)}, not {bound!r}"
        raise ConfigError(msg)
    rows = table.get("threshold")
    if not isinstance(rows, list) or not rows:
        msg = f"{path}: no [[threshold]] is there: each needs {', '.join(_MUST)}"
        raise ConfigError(msg)
    found = [_threshold(f"{path}: threshold {number}", row) for number, row in enumerate(rows, 1)]
    names = [threshold.name for threshold in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        msg = f"{path}: two thresholds are called {twice!r}: give them a name each"
        raise ConfigError(msg)
    return bound, found


def _unreadable(path: str, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be read: {error.strerror}. Name another file")


def _threshold(where: str, row: Any) -> Threshold:
    known = {**_MUST, **_MAY}
    if not isinstance(row, dict):
        msg = f"{where} must be a table"
        raise ConfigError(msg)
    for key, value in row.items():
        if key not in known:
            msg = f"{where}: {key!r} is unknown; it may hold {', '.join(known)}"
            raise ConfigError(msg)
        fits = isinstance(value, int | float) if known[key] is float else isinstance(value, known[key])
        if not fits or isinstance(value, bool):
            msg = f"{where}: {key} must be of type {known[key].__name__}, not {value!r}"
            raise ConfigError(msg)
    if missing := [key for key in _MUST if key not in row]:
        msg = f"{where}: {missing[0]} must be given"
        raise ConfigError(msg)
    score, points, least = row["score"], row["points"], row.get("matches", 1)
    if not 0 <= score <= 1 or not 0 <= points < float("inf") or least < 1:
        msg = f"{where}: score is from 0 to 1, points from 0, matches from 1; not {score}, {points}, {least}"
        raise ConfigError(msg)
    name = row.get("name") or f"{score:g} against {row['against']}" + (f" in {row['game']}" if "game" in row else "")
    return Threshold(name, row["against"], float(score), float(points), row.get("game", ""), least)


def read_students(path: str) -> dict[str, str]:
    """Return student by agent.

    Raises:
        ConfigError: the file cannot be read, has other columns, or names somebody twice.
    """
    found: dict[str, str] = {}
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"student", "agent"} <= set(reader.fieldnames or ()):
                msg = f"{path}: the first line must name the columns student and agent, not {reader.fieldnames}"
                raise ConfigError(msg)
            for row in reader:
                student, agent = (row["student"] or "").strip(), (row["agent"] or "").strip()
                if not student or not agent or agent in found or student in found.values():
                    what = f"{agent!r} or {student!r} stands there twice" if student and agent else "a cell is empty"
                    msg = f"{path}:{reader.line_num}: {what}: one line for each student, with its own agent"
                    raise ConfigError(msg)
                found[agent] = student
    except OSError as error:
        raise _unreadable(path, error) from error
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from error
    return found
