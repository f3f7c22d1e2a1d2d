"""A trader for `market_simulator` that knows where values return to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Agent

if TYPE_CHECKING:
    from evalengine import Observation

MOST, HOLD = 10, 60  # the game's: units of a good that may be bought, and sold, in a tick; units that can be stored


class ValueTrader(Agent):
    """Bid below the mean of each good and offer above it, as much as is possible.

    Values return to their means, and the limits keep it from paying more than it hopes to get.
    """

    __slots__ = ("_margin",)

    def __init__(self, margin: int = 10) -> None:
        self._margin = margin

    def act(self, observation: Observation) -> list[dict[str, Any]]:
        view = observation.view
        cash, stock = view["cash"][view["me"]], view["stock"][view["me"]]
        means, values, goods = view["means"], view["values"], view["goods"]
        orders = []
        # Cash goes to what is cheapest first.
        for place in sorted(range(len(goods)), key=lambda place: values[place] / means[place]):
            bid = max(1, means[place] * (100 - self._margin) // 100)
            wanted = min(MOST, HOLD - stock[place], cash // bid)
            offered = min(MOST, stock[place])
            ask = bid + max(1, means[place] * 2 * self._margin // 100)
            sides = (("buy", wanted, bid), ("sell", offered, min(ask, 2 * means[place])))
            orders += [_order(goods[place], *side) for side in sides if side[1]]
            cash -= wanted * bid
        return orders


def _order(good: str, side: str, quantity: int, price: int) -> dict[str, Any]:
    return {"good": good, "side": side, "quantity": quantity, "price": price}
