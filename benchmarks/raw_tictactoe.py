"""The raw loop that the whole pipeline is measured against. Frozen: an edit makes all older ratios worthless."""

from __future__ import annotations

import random

LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


def play(n: int) -> None:
    """Play `n` matches between random agents: a list board, `choice` of one shared Random, no classes."""
    choice = random.Random(1).choice
    for _ in range(n):
        board = [0] * 9
        seat = 1
        while 1:
            legal = [cell for cell in range(9) if not board[cell]]
            if not legal:
                break
            board[choice(legal)] = seat
            if any(board[x] == board[y] == board[z] == seat for x, y, z in LINES):
                break
            seat = 3 - seat
