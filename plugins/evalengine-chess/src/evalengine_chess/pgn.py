"""A stored match of chess as PGN (Portable Game Notation, Steven J. Edwards, 1994)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import chess
import chess.pgn

from evalengine import Fault
from evalengine_chess.position import Position, move_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine import Limits, MatchResult, StoredMatch

_COLOURS = ("White", "Black")
_TERMINATIONS = {"rules": "normal", "turn_limit": "adjudication"}  # section 9.8.1
_FAULTS = {"timeout": "time forfeit", "illegal": "rules infraction"}
_TOLD = {"turn_limit": "the limit of moves"}
_LONGEST = 200  # characters of a comment


def text_of_match(match: StoredMatch, *, bare: bool = False) -> str:
    """Return a match that was played as a game of PGN; with `bare`, without comments.

    Raises:
        StoreError: it cannot be played again.
    """
    steps = match.replayed()
    start = next(steps).state
    assert isinstance(start, Position)
    game = chess.pgn.Game()
    game.setup(chess.Board(start.start_fen, chess960=start.board.chess960))
    node: chess.pgn.GameNode = game
    for text in start.moves:
        node = node.add_main_variation(chess.Move.from_uci(text))
    actions = [action for turn in match.turns for action in turn.values() if not isinstance(action, Fault)]
    comments = _comments(match, len(actions)) if not bare else {}
    if not bare and node is not game and actions:
        node.comment = "end of the opening"
    for number, action in enumerate(actions):
        node = node.add_main_variation(move_of(action))
        node.comment = comments.get(number, "")
    ending = ""
    for last in steps:
        ending = last.state.ending if isinstance(last.state, Position) else ""
    if not bare:
        node.comment = ". ".join(filter(None, (node.comment, _end(match, ending))))
    headers = "".join(f'[{name} "{_escaped(value)}"]\n' for name, value in _headers(match, game))
    exporter = chess.pgn.StringExporter(headers=False, comments=not bare)
    return f"{headers}\n{game.accept(exporter)}\n"


def _headers(match: StoredMatch, game: chess.pgn.Game) -> Iterator[tuple[str, str]]:
    """Yield the tags: the seven of the roster in their order, then others."""
    result, spec = match.result, match.spec
    score = _score(result)
    game.headers["Result"] = score  # which ends the moves, too
    day = time.gmtime(match.started)
    yield "Event", f"evalengine run {match.run}"
    yield "Site", "?"
    yield "Date", time.strftime("%Y.%m.%d", day)
    yield "Round", str(spec.rotation + 1)
    yield from zip(_COLOURS, match.agents, strict=True)
    yield "Result", score
    for name in ("Variant", "SetUp", "FEN"):
        if name in game.headers:
            yield name, game.headers[name]
    yield "UTCDate", time.strftime("%Y.%m.%d", day)
    yield "UTCTime", time.strftime("%H:%M:%S", day)
    yield "TimeControl", time_control(match.limits)
    yield (
        "Termination",
        _FAULTS.get(result.faults[-1][2].kind, "abandoned")
        if result.faults
        else _TERMINATIONS.get(result.termination, "unterminated"),
    )
    yield "PlyCount", str(game.end().ply() - game.ply())
    yield "MatchId", match.name


def _termination(result: MatchResult) -> str:
    if result.faults:
        return _FAULTS.get(result.faults[-1][2].kind, "abandoned")
    return _TERMINATIONS.get(result.termination, "unterminated")


def time_control(limits: Limits | None) -> str:
    """Return limits of time as PGN writes them (section 9.6.1): seconds a match, or of each move; "-" for none.

    What each answer gives back to a match's seconds follows a plus.
    """
    if limits is None or (limits.match_s is None and limits.turn_s is None):
        return "-"
    if limits.match_s is not None:
        return f"{limits.match_s:g}" + (f"+{limits.increment_s:g}" if limits.increment_s else "")
    return f"1/{limits.turn_s:g}"


def _score(result: MatchResult) -> str:
    white, black = result.places
    if white == black:
        return "1/2-1/2"
    return "1-0" if white < black else "0-1"


def _comments(match: StoredMatch, moves: int) -> dict[int, str]:
    """Return by turn what agents said of their moves, and how long they thought."""
    thought = match.think_us
    asked = len(match.turns) - len(thought)  # turns before it are random ones of the opening
    infos = {turn: info for turn, _, info in match.infos}
    found = {}
    for turn in range(asked, moves):
        found[turn] = " ".join(filter(None, (_said(infos.get(turn)), _elapsed(thought[turn - asked]))))
    if asked:
        found[asked - 1] = f"end of the opening, {asked} random turns"
    return found


def _elapsed(think_us: int) -> str:
    minutes, micros = divmod(think_us, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    return f"[%emt {hours}:{minutes:02d}:{micros / 1e6:06.3f}]"


def _said(info: Any) -> str:
    """Return what an agent stored beside its move: as "+0.31/12", score and depth seen by itself, then the rest.

    Engines store {"depth", "cp" or "mate", "nodes", "pv"}; their lines of play are left out.
    """
    if not isinstance(info, Mapping):
        return "" if info is None else _clean(str(info))
    rest = {name: value for name, value in info.items() if name != "pv"}
    score = _evaluation(rest)
    words = ", ".join(f"{name} {value}" for name, value in rest.items())
    return _clean(" ".join(filter(None, (score, words))))


def _evaluation(info: dict[Any, Any]) -> str:
    """Take score and depth out of `info`, as tools for engines write them; "" when it has no score."""
    kind = next((name for name in ("mate", "cp") if type(info.get(name)) is int), None)
    if kind is None:
        return ""
    score = info.pop(kind)
    told = f"{'-' if score < 0 else '+'}M{abs(score)}" if kind == "mate" else f"{score / 100:+.2f}"
    return f"{told}/{info.pop('depth')}" if "depth" in info else told


def _end(match: StoredMatch, ending: str) -> str:
    """Return why the match ended: the last fault, or what the rules say."""
    result = match.result
    if result.faults:
        _, seat, fault = result.faults[-1]
        return _clean(f"{_COLOURS[seat]}: {', '.join(filter(None, (fault.kind, fault.detail)))}")
    return ending or _TOLD.get(result.termination, "")


def _clean(text: str) -> str:
    """Return what an agent wrote as a part of a comment: no braces, no controls, and no command of its own."""
    kept = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
    return kept.translate(str.maketrans("{}[]", "()()")).strip()


def _escaped(value: str) -> str:
    kept = "".join(c if c.isprintable() else " " for c in value)
    return kept.replace("\\", "\\\\").replace('"', '\\"')
