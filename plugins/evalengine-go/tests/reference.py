"""The rules again, as slowly and as plainly as Tromp and Taylor write them; only for tests.

A board is a tuple of "." "X" "O" by point. https://tromp.github.io/go.html
"""

from __future__ import annotations


def around(size, point):
    row, column = divmod(point, size)
    steps = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [r * size + c for r, c in steps if 0 <= r < size and 0 <= c < size]


def connected(size, board, point):
    """Return the points of one mark that hang together with `point`, and the other points beside them."""
    inside, beside, todo = {point}, set(), [point]
    while todo:
        for other in around(size, todo.pop()):
            if board[other] != board[point]:
                beside.add(other)
            elif other not in inside:
                inside.add(other)
                todo.append(other)
    return inside, beside


def reaches(size, board, point, mark):
    return any(board[other] == mark for other in connected(size, board, point)[1])


def cleared(size, board, mark):
    return tuple(
        "." if cell == mark and not reaches(size, board, point, ".") else cell for point, cell in enumerate(board)
    )


def area(size, board):
    """Return the area of X and of O."""
    found = {"X": 0, "O": 0}
    for point, cell in enumerate(board):
        owners = {cell} if cell != "." else {mark for mark in "XO" if reaches(size, board, point, mark)}
        if len(owners) == 1:
            found[owners.pop()] += 1
    return found["X"], found["O"]


class Reference:
    """A match so far."""

    def __init__(self, size, superko):
        self.size, self.superko = size, superko
        self.board = tuple("." * size * size)
        self.mark = "X"
        self.captures = {"X": 0, "O": 0}
        self.seen = {self._situation()}

    @property
    def other(self):
        return "O" if self.mark == "X" else "X"

    def _situation(self):
        return self.board if self.superko == "positional" else (self.board, self.mark)

    def after(self, point):
        """Return the board after a stone of who is to move; None when that is not allowed by itself."""
        if self.board[point] != ".":
            return None
        stones = (*self.board[:point], self.mark, *self.board[point + 1 :])
        board = cleared(self.size, stones, self.other)
        return board if cleared(self.size, board, self.mark) == board else None

    def options(self):
        """Return the legal actions, and the points where only superko forbids a stone."""
        legal, barred = [], []
        for point in range(self.size**2):
            board = self.after(point)
            if board is not None:
                again = (board if self.superko == "positional" else (board, self.other)) in self.seen
                (barred if again else legal).append(point)
        return [*legal, self.size**2], barred

    def play(self, action):
        if action != self.size**2:
            board = self.after(action)
            self.captures[self.mark] += self.board.count(self.other) - board.count(self.other)
            self.board = board
        self.mark = self.other
        self.seen.add(self._situation())
