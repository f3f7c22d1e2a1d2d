"""Matches as PGN: chess as its plugin writes it, other games move by move in the same tags."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from evalengine import Exporter, Fault, Termination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine import Files, MatchResult, Selection, StoredMatch

_FAULTS = {"timeout": "time forfeit", "illegal": "rules infraction"}
_ENDS = {"rules": "normal", "turn_limit": "adjudication"}
_COLOURS = ("White", "Black")
_WIDTH = 80  # of a line of moves: the standard, 4.3
_NO_TOKEN = re.compile(r"[\s{}()\[\]<>;$\"%]+")  # what would end a move, or begin something else


class Pgn(Exporter):
    """One file; void matches are left out."""

    suffix = ".pgn"

    def write(self, selection: Selection, files: Files) -> None:
        with files.open("matches.pgn") as file:
            for match in selection.matches():
                if match.result.termination != Termination.VOID:
                    text = selection.hook.evalengine_pgn(match=match) or text_of_match(match)
                    file.write(text.encode("utf-8", "replace") + b"\n")


def text_of_match(match: StoredMatch) -> str:
    """Return a match of any game: the tags of the standard, the actions as the game writes them."""
    tags = "".join(f'[{name} "{_escaped(value)}"]\n' for name, value in _tags(match))
    return f"{tags}\n{_wrapped([*_moves(match), *_ending(match), _score(match.result)])}\n"


def _tags(match: StoredMatch) -> Iterator[tuple[str, str]]:
    """Yield the seven tags of the roster in their order (PGN 8.1.1), then others."""
    result, day = match.result, time.gmtime(match.started)
    yield "Event", f"evalengine run {match.run}"
    yield "Site", "?"
    yield "Date", time.strftime("%Y.%m.%d", day)
    yield "Round", str(match.spec.rotation + 1)
    names = [*match.agents, "?"]  # a game of one seat has no Black
    yield from zip(_COLOURS, names, strict=False)
    yield "Result", _score(result)
    yield "Game", match.name.partition("::")[0]
    for seat, name in enumerate(match.agents[2:], 2):
        yield f"Seat{seat}", name
    if len(match.agents) != len(_COLOURS):
        yield "Places", " ".join(map(str, result.places))
    yield "Scores", " ".join(f"{score:g}" for score in result.scores)
    yield "UTCDate", time.strftime("%Y.%m.%d", day)
    yield "UTCTime", time.strftime("%H:%M:%S", day)
    yield (
        "Termination",
        _FAULTS.get(result.faults[-1][2].kind, "abandoned") if result.faults else _ENDS[result.termination],
    )
    yield "PlyCount", str(len(match.turns))
    yield "MatchId", match.name


def _score(result: MatchResult) -> str:
    """Return the result as two players have it; "*" for any other number."""
    if len(result.places) != len(_COLOURS):
        return "*"
    white, black = result.places
    return "1/2-1/2" if white == black else "1-0" if white < black else "0-1"


def _moves(match: StoredMatch) -> Iterator[str]:
    """Yield numbers and moves: by two turns where seats 0 and 1 take turns, else by turns; "-" is a fault."""
    turns = [
        ["-" if isinstance(done, Fault) else _token(match.game.action_to_str(done)) for done in turn.values()]
        for turn in match.turns
    ]
    in_pairs = len(match.agents) == len(_COLOURS) and match.game.spec.dynamics == "sequential" and _alternate(match)
    for number, told in enumerate(turns):
        if not in_pairs:
            yield f"{number + 1}."
        elif number % 2 == 0:
            yield f"{number // 2 + 1}."
        yield "/".join(told)


def _alternate(match: StoredMatch) -> bool:
    """Say whether seats 0 and 1 moved in turn throughout."""
    for number, now in enumerate(match.replayed()):
        movers = [request.seat for request in now.requests()]
        if movers and movers != [number % 2]:
            return False
    return True


def _token(text: str) -> str:
    """Return a move as one word."""
    kept = "".join(c if c.isprintable() else "_" for c in text)
    return _NO_TOKEN.sub("_", kept) or "_"


def _ending(match: StoredMatch) -> list[str]:
    """Return a comment on who faulted, if anybody did."""
    if not match.result.faults:
        return []
    _, seat, fault = match.result.faults[-1]
    told = ", ".join(filter(None, (fault.kind, fault.detail)))
    plain = "".join(c if c.isprintable() and c not in "{}" else " " for c in told)
    return ["{" + f"seat {seat}: {plain}" + "}"]


def _wrapped(words: list[str]) -> str:
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) >= _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


def _escaped(value: str) -> str:
    kept = "".join(c if c.isprintable() else " " for c in value)
    return kept.replace("\\", "\\\\").replace('"', '\\"')
