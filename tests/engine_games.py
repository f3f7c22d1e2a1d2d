"""Two tiny games that real engines can play: king and rook against king, and Go to the first capture. No tests here."""

from __future__ import annotations

from collections import Counter

from evalengine import Game, GameSpec, State, hookimpl

FILES = "abcdefgh"
STEPS = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
LINES = [(1, 0), (-1, 0), (0, 1), (0, -1)]
COLUMNS = "ABCDEFGHJ"


@hookimpl
def evalengine_games():
    return [
        GameSpec(
            name="rook_ending", version="1", doc="King and rook against king.", factory="engine_games:RookEnding",
            max_turns=100, tags=("uci",),
            config={
                "variant": {"type": "string", "default": "chess"},
                "repetition": {"type": "boolean", "default": True, "description": "of positions, three times, draws"},
                "broken": {"type": "boolean", "default": False},
            },
        ),
        GameSpec(
            name="capture_go", version="1", doc="Go; the first capture wins.", factory="engine_games:CaptureGo",
            max_turns=120, tags=("gtp",),
            config={"size": {"type": "integer", "default": 5}},
        ),
    ]  # fmt: skip


# ---------------------------------------------------------------------------- king and rook


class RookEnding(Game):
    def __init__(self, variant, repetition, broken):
        self.variant, self.repetition, self.broken = variant, repetition, broken

    def initial(self, seats, rng):
        return Ending(self)

    def action_to_str(self, action):
        return name(divmod(action >> 6, 8)) + name(divmod(action & 63, 8))


def name(square):
    return f"{FILES[square[0]]}{square[1] + 1}"


def near(a, b):
    return max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 1


def rays(start, stops):
    """Yield the squares that a rook reaches, those where it stops included."""
    for dx, dy in LINES:
        x, y = start[0] + dx, start[1] + dy
        while 0 <= x < 8 and 0 <= y < 8:
            yield x, y
            if (x, y) in stops:
                break
            x, y = x + dx, y + dy


class Ending(State):
    def __init__(self, game):
        self.game = game
        self.pieces = {"K": (4, 2), "R": (0, 0), "k": (4, 4)}
        self.moves = []
        self.seen = Counter()
        self.start = self.fen()

    def white(self):
        return len(self.moves) % 2 == 0

    def fen(self):
        by_square = {square: piece for piece, square in self.pieces.items()}
        rows = []
        for y in reversed(range(8)):
            row = "".join(by_square.get((x, y), ".") for x in range(8))
            for gap in range(8, 0, -1):
                row = row.replace("." * gap, str(gap))
            rows.append(row)
        turn = len(self.moves)
        return f"{'/'.join(rows)} {'w' if self.white() else 'b'} - - {turn} {turn // 2 + 1}"

    def targets(self):
        """Yield (from, to) of the legal moves."""
        king, rook, other = self.pieces["K"], self.pieces.get("R"), self.pieces["k"]
        own = king if self.white() else other
        for dx, dy in STEPS:
            x, y = to = own[0] + dx, own[1] + dy
            if not (0 <= x < 8 and 0 <= y < 8) or near(to, other if self.white() else king):
                continue
            if self.white():
                if to != rook:
                    yield own, to
            elif rook is None or to == rook or to not in set(rays(rook, {king})):
                yield own, to
        if self.white() and rook is not None:
            for to in rays(rook, {king, other}):
                if to != king:
                    yield rook, to

    def legal(self, seat):
        return sorted((a[0] * 8 + a[1]) << 6 | b[0] * 8 + b[1] for a, b in self.targets())

    def to_move(self):
        repeated = self.game.repetition and 3 in self.seen.values()
        if repeated or "R" not in self.pieces or not self.legal(0):
            return []
        return [0 if self.white() else 1]

    def view(self, seat):
        told = {"fen": self.fen(), "start_fen": self.start, "moves": list(self.moves), "variant": self.game.variant}
        return {"board": told["fen"]} if self.game.broken else told

    def apply(self, actions, rng):
        (action,) = actions.values()
        start, to = divmod(action >> 6, 8), divmod(action & 63, 8)
        moved = next(piece for piece, square in self.pieces.items() if square == start)
        self.pieces = {piece: square for piece, square in self.pieces.items() if square != to}
        self.pieces[moved] = to
        self.moves.append(name(start) + name(to))
        self.seen[self.fen().split(" - ")[0]] += 1
        return self

    def scores(self):
        mated = not self.white() and "R" in self.pieces and not self.legal(1)
        mated = mated and self.pieces["k"] in set(rays(self.pieces["R"], {self.pieces["K"], self.pieces["k"]}))
        return (1.0, -1.0) if mated else (0.0, 0.0)


# --------------------------------------------------------------------------------------- go


class CaptureGo(Game):
    def __init__(self, size):
        self.size = size

    def initial(self, seats, rng):
        return Board(self.size)

    def action_to_str(self, action):
        row, column = divmod(action, self.size)
        return "pass" if action == self.size**2 else f"{COLUMNS[column]}{row + 1}"


class Board(State):
    def __init__(self, size):
        self.size = size
        self.stones = {}
        self.moves = []
        self.winner = None

    def seat(self):
        return len(self.moves) % 2

    def group(self, point, stones):
        """Return a group's stones and its liberties."""
        seen, free, todo = {point}, set(), [point]
        while todo:
            row, column = todo.pop()
            for dx, dy in LINES:
                next_to = row + dx, column + dy
                if not (0 <= next_to[0] < self.size and 0 <= next_to[1] < self.size):
                    continue
                if next_to not in stones:
                    free.add(next_to)
                elif stones[next_to] == stones[point] and next_to not in seen:
                    seen.add(next_to)
                    todo.append(next_to)
        return seen, free

    def captures(self, point, seat):
        stones = {**self.stones, point: seat}
        return any(not self.group(other, stones)[1] for other, owner in stones.items() if owner != seat)

    def playable(self, point, seat):
        return point not in self.stones and (
            self.captures(point, seat) or self.group(point, {**self.stones, point: seat})[1]
        )

    def legal(self, seat):
        points = [point for point in range(self.size**2) if self.playable(divmod(point, self.size), seat)]
        return [*points, self.size**2]

    def to_move(self):
        passed = [vertex for _, vertex in self.moves[-2:]] == ["pass", "pass"]
        return [] if passed or self.winner is not None else [self.seat()]

    def view(self, seat):
        return {"size": self.size, "komi": 0.5, "moves": [list(move) for move in self.moves], "rules": "chinese"}

    def apply(self, actions, rng):
        ((seat, action),) = actions.items()
        row, column = divmod(action, self.size)
        if action < self.size**2:
            if self.captures((row, column), seat):
                self.winner = seat
            self.stones[row, column] = seat
        self.moves.append(("bw"[seat], "pass" if action == self.size**2 else f"{COLUMNS[column]}{row + 1}"))
        return self

    def scores(self):
        if self.winner is None:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.winner == 0 else (-1.0, 1.0)
