"""One random match of every bundled game, turn by turn, against the golden files in `playthroughs/`.

A change there is a change of rules, views or renderings: read it as a diff, and raise the game's `version` when a
recorded match would replay differently. Rebuild with

    python tests/test_playthroughs.py
"""

import difflib
from pathlib import Path

import pytest

from evalengine import Match, MatchSpec, load_game, stream
from evalengine_games.specs import SPECS

FOLDER = Path(__file__).parent / "playthroughs"
GAMES = [spec.name for spec in SPECS]
SMALLER = {  # to be read by people
    "hex": "hex(size=5)",
    "market_simulator": "market_simulator(ticks=6)",
    "prisoners_dilemma": "prisoners_dilemma(rounds=10)",
}
SEED = 1
MAX_LINES = 200
END_TURNS = 3  # shown in full at either end of a longer match


def indented(text):
    return [f"  {line}".rstrip() for line in text.splitlines()]


def position(match):
    """Return the lines on a position: who may do what, what they see, and how it looks."""
    lines = []
    state, game = match.state, match.game
    for request in match.requests():
        legal = request.legal
        names = "any" if legal is None else " ".join(game.action_to_str(action) for action in legal)
        lines += [f"seat {request.seat}", *indented(f"legal: {names}\nview: {request.view}")]
    return [*lines, *indented(state.render())]


def played(name):
    """Return a random match as one list of lines a turn, and the lines on its end."""
    game = load_game(SMALLER.get(name, name))
    match = Match(MatchSpec(0, 0, 0, SEED, tuple(range(game.spec.default_seats))), game)
    turns = []
    while not match.over:
        number, before = match.turn, position(match)
        done = []
        for request in match.requests():
            action = stream(SEED, "playthrough", number, request.seat).choice(request.legal)
            done.append(f"seat {request.seat}: {action!r} = {game.action_to_str(action)}")
            match.answer(request.seat, action)
        scores = [float(score) for score in match.state.scores()]
        turns.append([f"turn {number}", *before, f"  action: {'; '.join(done)}", f"  scores: {scores}"])
    result = match.result
    end = [
        f"end: {result.termination} after {result.turns} turns",
        *indented(match.state.render()),
        *(f"  view of seat {seat}: {match.state.view(seat)}" for seat in range(len(result.scores))),
        f"  scores: {list(result.scores)}",
        f"  places: {list(result.places)}",
    ]
    return turns, end


def brief(turn):
    """Return a turn as one line: number, actions, scores."""
    return [" | ".join([turn[0], *(line.strip() for line in turn[-2:])])]


def playthrough(name):
    """Return the golden text: whole turns at both ends and, as room allows, in between."""
    turns, end = played(name)
    last = len(turns) - END_TURNS
    room = MAX_LINES - 2 - len(end) - sum(len(turn) if near_end(k, last) else 1 for k, turn in enumerate(turns))
    head = f"{SMALLER.get(name, name)}: random actions, match seed {SEED}; rebuild: python tests/test_playthroughs.py"
    lines = [head, ""]
    for number, turn in enumerate(turns):
        whole = near_end(number, last)
        if not whole and len(turn) - 1 <= room:
            whole, room = True, room - len(turn) + 1
        lines += turn if whole else brief(turn)
    return "\n".join([*lines, *end, ""])


def near_end(number, last):
    return number < END_TURNS or number >= last


@pytest.mark.parametrize("name", GAMES)
def test_a_random_match_goes_as_recorded(name):
    path = FOLDER / f"{name}.txt"
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    now = playthrough(name)
    if now != golden:
        diff = difflib.unified_diff(golden.splitlines(), now.splitlines(), str(path.name), "now", lineterm="", n=1)
        pytest.fail("\n".join([*list(diff)[:60], "if this is meant: python tests/test_playthroughs.py"]), pytrace=False)


def test_every_recorded_match_has_its_game():
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(GAMES)


def rebuild():
    texts = {name: playthrough(name) for name in GAMES}
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name, text in texts.items():
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rebuild()
