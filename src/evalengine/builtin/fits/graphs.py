"""Who is connected with whom by results."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def strong_components(nodes: Iterable[int], above: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Return the sets in which each node reaches each other along `above`; each sorted.

    Source: Tarjan, Depth-first search and linear graph algorithms (1972); without recursion, since chains are long.
    """
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    inside: set[int] = set()
    found: list[list[int]] = []
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(above.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        inside.add(root)
        while work:
            node, left = work[-1]
            for other in left:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    inside.add(other)
                    work.append((other, iter(above.get(other, ()))))
                    break
                if other in inside:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    start = stack.index(node)
                    found.append(sorted(stack[start:]))
                    inside.difference_update(stack[start:])
                    del stack[start:]
    return found


def weak_components(nodes: Iterable[int], edges: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Return the sets that are connected in either direction, each sorted; the largest first, then by first node."""
    both: dict[int, list[int]] = {}
    for node, others in edges.items():
        for other in others:
            both.setdefault(node, []).append(other)
            both.setdefault(other, []).append(node)
    seen: set[int] = set()
    found: list[list[int]] = []
    for root in nodes:
        if root in seen:
            continue
        seen.add(root)
        group, work = [root], [root]
        while work:
            fresh = [other for other in dict.fromkeys(both.get(work.pop(), ())) if other not in seen]
            seen.update(fresh)
            group += fresh
            work += fresh
        found.append(sorted(group))
    return sorted(found, key=lambda group: (-len(group), group[0]))
