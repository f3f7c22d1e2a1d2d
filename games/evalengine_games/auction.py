"""A call auction in whole numbers: all orders of one good are collected, and one price clears them.

The price is the limit of an order at which the most units change hands; of several, the one that leaves the fewest
units wanted or offered in vain; of those the highest where only demand is left over, the lowest where only supply is,
else the nearest to a reference, the lower first. So do exchanges that hold auctions (Xetra Market Model Equities,
"auction price determination": the most executable volume, the lowest surplus, the pressure of the surplus, the
reference price), but that only limits of the book are looked at.

Better limits are served first. Where a limit cannot be served whole it is shared out in proportion to the quantities;
the single units that remain of the division go by lot, the crowd's share last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CROWD = -1
"""Who places the orders that are no seat's."""

Book = dict[int, dict[int, int]]
"""One side of the orders of one good: by limit, then by owner, how many units."""


class Outcome(NamedTuple):
    """What came of an auction."""

    price: int  # 0 when nothing changed hands
    volume: int  # units that changed hands
    bought: Mapping[int, int]  # by owner
    sold: Mapping[int, int]


_NOTHING = Outcome(0, 0, {}, {})


def add(book: Book, limit: int, owner: int, quantity: int) -> None:
    """Put an order into one side of a book, together with what the same owner has at that limit."""
    level = book.get(limit)
    if level is None:
        book[limit] = {owner: quantity}
    else:
        level[owner] = level.get(owner, 0) + quantity


def cleared(bids: Book, asks: Book, reference: int, lot: Callable[[], Sequence[int]]) -> Outcome:
    """Return what an auction comes to.

    Args:
        lot: returns the seats in the order in which they are given single units; called only where there are some.
    """
    price, volume = _price(bids, asks, reference)
    if not volume:
        return _NOTHING
    bought = _served(bids, sorted(bids, reverse=True), volume, lot)
    return Outcome(price, volume, bought, _served(asks, sorted(asks), volume, lot))


def _price(bids: Book, asks: Book, reference: int) -> tuple[int, int]:
    """Return the price, and how many units change hands at it; zeros when none do."""
    if not bids or not asks or max(bids) < min(asks):
        return 0, 0
    wanted = {limit: sum(level.values()) for limit, level in bids.items()}
    supply, demand = 0, sum(wanted.values())
    most, least = 0, 0
    best: list[tuple[int, int]] = []  # limits that are equally good so far, ascending, with their surpluses
    for limit in sorted(bids.keys() | asks.keys()):
        if limit in asks:
            supply += sum(asks[limit].values())
        surplus = demand - supply
        volume = supply if surplus > 0 else demand
        if volume < most:
            if surplus < 0:
                break  # less and less is wanted from here on
        elif volume > most or abs(surplus) < least:
            most, least, best = volume, abs(surplus), [(limit, surplus)]
        elif abs(surplus) == least:
            best.append((limit, surplus))
        if limit in wanted:
            demand -= wanted[limit]
    return _pressed(best, reference), most


def _pressed(best: Sequence[tuple[int, int]], reference: int) -> int:
    """Return one of limits that are equally good: the surplus decides, else the reference."""
    if best[-1][1] > 0:
        return best[-1][0]
    if best[0][1] < 0:
        return best[0][0]
    return min(best, key=lambda pair: abs(pair[0] - reference))[0]  # the first of two: the lower


def _served(book: Book, limits: Sequence[int], volume: int, lot: Callable[[], Sequence[int]]) -> Mapping[int, int]:
    """Return how many of `volume` units each owner gets; `limits` are the best first."""
    got: dict[int, int] = {}
    for limit in limits:
        level = book[limit]
        whole = sum(level.values())
        shares = level if whole <= volume else _shared(level, whole, volume, lot)
        for owner, units in shares.items():
            got[owner] = got.get(owner, 0) + units
        volume -= min(whole, volume)
        if not volume:
            break
    return got


def _shared(level: Mapping[int, int], whole: int, volume: int, lot: Callable[[], Sequence[int]]) -> Mapping[int, int]:
    """Return the shares of one limit, which wants or offers `whole` units, in fewer."""
    shares = {owner: units * volume // whole for owner, units in level.items()}
    left = volume - sum(shares.values())  # fewer than there are owners
    if left:
        for owner in [seat for seat in (*lot(), CROWD) if seat in level][:left]:
            shares[owner] += 1
    return shares
