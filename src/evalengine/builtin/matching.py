"""Matchings: as many pairs as possible of those who may meet, the most wanted first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def most_pairs(wishes: Sequence[Sequence[int]]) -> list[int]:
    """Return the partner of each vertex, -1 without one; no other choice has more pairs.

    First each vertex, in its order, takes the first free one of its wishes; then pairs are exchanged along augmenting
    paths (Edmonds 1965, Paths, trees, and flowers), which never takes away that a vertex has a partner.

    Args:
        wishes: by vertex its neighbours, the most wanted first; who is another's neighbour has it as its own.
    """
    mates = [-1] * len(wishes)
    for one, wanted in enumerate(wishes):
        if mates[one] < 0:
            for other in wanted:
                if mates[other] < 0:
                    mates[one], mates[other] = other, one
                    break
    for one in range(len(wishes)):
        if mates[one] < 0:
            _Search(wishes, mates, one).augment()
    return mates


class _Search:
    """One search for an augmenting path from a root, with odd cycles (blossoms) shrunk to their base."""

    def __init__(self, wishes: Sequence[Sequence[int]], mates: list[int], root: int) -> None:
        self._wishes = wishes
        self._mates = mates
        self._root = root
        self._parents = [-1] * len(wishes)
        self._bases = list(range(len(wishes)))
        self._outer = [False] * len(wishes)

    def augment(self) -> None:
        """Pair the root, if it can be."""
        end = self._end()
        while end >= 0:
            before = self._parents[end]
            after = self._mates[before]
            self._mates[end], self._mates[before] = before, end
            end = after

    def _end(self) -> int:
        """Return the free vertex at the end of a path, -1 when there is none."""
        self._outer[self._root] = True
        queue = [self._root]
        for one in queue:  # which grows meanwhile
            for other in self._wishes[one]:
                if self._bases[one] == self._bases[other] or self._mates[one] == other:
                    continue
                met = self._mates[other]
                if other == self._root or (met >= 0 and self._parents[met] >= 0):
                    self._shrink(one, other, queue)
                elif self._parents[other] < 0:
                    self._parents[other] = one
                    if met < 0:
                        return other
                    self._outer[met] = True
                    queue.append(met)
        return -1

    def _shrink(self, one: int, other: int, queue: list[int]) -> None:
        base = self._common(one, other)
        inside = [False] * len(self._bases)
        self._mark(one, base, other, inside)
        self._mark(other, base, one, inside)
        for vertex, its_base in enumerate(self._bases):
            if inside[its_base]:
                self._bases[vertex] = base
                if not self._outer[vertex]:
                    self._outer[vertex] = True
                    queue.append(vertex)

    def _common(self, one: int, other: int) -> int:
        """Return the base at which the ways of two vertices to the root meet."""
        seen = set()
        one = self._bases[one]
        while one != self._bases[self._root]:
            seen.add(one)
            one = self._bases[self._parents[self._mates[one]]]
        seen.add(one)
        other = self._bases[other]
        while other not in seen:
            other = self._bases[self._parents[self._mates[other]]]
        return other

    def _mark(self, vertex: int, base: int, child: int, inside: list[bool]) -> None:
        while self._bases[vertex] != base:
            inside[self._bases[vertex]] = inside[self._bases[self._mates[vertex]]] = True
            self._parents[vertex] = child
            child = self._mates[vertex]
            vertex = self._parents[child]
