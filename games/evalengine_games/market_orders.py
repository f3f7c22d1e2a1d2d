"""Orders of the market simulator: goods and limits, which are possible and why not, which are listed, as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Order = dict[str, Any]

HOLD = 60  # units of a good that a seat can store
MOST = 10  # units of a good that a seat may buy, and sell, in a tick
ORDERS = 12  # in an action
_KEYS = frozenset({"good", "side", "quantity", "price"})
# What is listed: each of these limits, in hundredths of the mean, either way. They are fixed, not around the value, so
# that of all orders that are ever listed those are listed now that are possible now.
_LADDER = (60, 80, 90, 100, 110, 120, 140)
_LISTED = 5  # units of a listed order
_NOTHING = "nothing"
_WRITTEN = re.compile(r"(buy|sell) ([0-9]{1,9}) ([a-z]+) at ([0-9]{1,9})")
_LONGEST = 1000  # characters of orders as text
_QUOTED = 30


class Good(NamedTuple):
    """One good, money in whole coins."""

    name: str
    mean: int
    shock: int  # the most that news add to its value, or take away
    width: int  # how far from the value a limit of the crowd may be
    low: int  # the least value
    high: int  # the greatest
    dearest: int  # the highest limit of an order


def _good(name: str, mean: int) -> Good:
    return Good(name, mean, mean * 12 // 100, mean // 10, mean * 2 // 5, mean * 8 // 5, mean * 2)


GOODS = (_good("grain", 50), _good("iron", 100), _good("silk", 200))


def _order(good: str, side: str, quantity: int, price: int) -> Order:
    return {"good": good, "side": side, "quantity": quantity, "price": price}


def listed(goods: Sequence[Good], cash: int, stock: Sequence[int]) -> list[list[Order]]:
    """Return a few of the actions that are possible: nothing, or one order at limits around the mean."""
    found: list[list[Order]] = [[]]
    for good, held in zip(goods, stock, strict=True):
        limits = [good.mean * part // 100 for part in _LADDER]
        if held + _LISTED <= HOLD:
            found += [[_order(good.name, "buy", _LISTED, limit)] for limit in limits if limit * _LISTED <= cash]
        if held >= _LISTED:
            found += [[_order(good.name, "sell", _LISTED, limit)] for limit in limits]
    return found


# ------------------------------------------------------------------------------------- refusals


def refusal(action: Any, goods: Sequence[Good], cash: int, stock: Sequence[int]) -> str | None:
    """Return why a value is no list of orders that an account allows, in words that say what would be; None: it is."""
    if type(action) is not list:
        return f"an action is a list of orders, [] for none; this is {_told(action)}"
    if len(action) > ORDERS:
        return f"{len(action)} orders; at most {ORDERS} are possible in a tick"
    known = {good.name: good for good in goods}
    for number, order in enumerate(action, 1):
        reason = _malformed(order, known)
        if reason is not None:
            return f"order {number}: {reason}"
    for good, held in zip(goods, stock, strict=True):
        placed = [order for order in action if order["good"] == good.name]
        reason = _beyond(good.name, held, placed) if placed else None
        if reason is not None:
            return reason
    cost = sum(order["quantity"] * order["price"] for order in action if order["side"] == "buy")
    if cost > cash:
        return f"your bids may cost {cost} coins together and you have {cash}; what you sell now is paid afterwards"
    return None


def _malformed(order: Any, known: Mapping[str, Good]) -> str | None:
    """Return what is wrong with an order by itself."""
    if type(order) is not dict:
        return f"an order is an object with {', '.join(sorted(_KEYS))}; this is {_told(order)}"
    if order.keys() != _KEYS:
        missing = ", ".join(sorted(_KEYS - order.keys()))
        return f"{missing} missing" if missing else f"only {', '.join(sorted(_KEYS))} belong into an order"
    name, side = order["good"], order["side"]
    if type(name) is not str or name not in known:
        return f"good is one of {', '.join(known)}; not {_told(name)}"
    if type(side) is not str or side not in {"buy", "sell"}:
        return f"side is buy or sell; not {_told(side)}"
    for key, most in (("quantity", MOST), ("price", known[name].dearest)):
        if type(order[key]) is not int or not 1 <= order[key] <= most:
            return f"{key} is a whole number, for {name} from 1 to {most}; not {_told(order[key])}"
    return None


def _beyond(name: str, held: int, placed: Sequence[Order]) -> str | None:
    """Return what is wrong with all orders of one good together, of which an account has `held` units."""
    buys = [order for order in placed if order["side"] == "buy"]
    sells = [order for order in placed if order["side"] == "sell"]
    bought, sold = (sum(order["quantity"] for order in side) for side in (buys, sells))
    for verb, units in (("buy", bought), ("sell", sold)):
        if units > MOST:
            return f"you would {verb} {units} {name}; at most {MOST} are possible in a tick"
    if sold > held:
        return f"you offer {sold} {name} and have {held}"
    if bought and held + bought > HOLD:
        return f"you have {held} {name} and bid for {bought} more; at most {HOLD} can be stored"
    if buys and sells:
        bid, ask = max(order["price"] for order in buys), min(order["price"] for order in sells)
        if bid >= ask:
            return f"you bid {bid} for {name} and offer it at {ask}: bid below your own offers"
    return None


def _told(value: Any) -> str:
    """Return a value in a few printable characters, whatever it is."""
    if type(value) is str:
        return ascii(value[:_QUOTED])
    if type(value) is int:
        return str(value) if abs(value) < 10**12 else "so large a number"
    kinds = {dict: "an object", list: "a list", float: "a number with a point", bool: "true or false"}
    return "nothing" if value is None else kinds.get(type(value), f"of type {type(value).__name__[:_QUOTED]}")


# ----------------------------------------------------------------------------------------- text


def written(action: Sequence[Order]) -> str:
    """Return orders as people write them: `buy 5 grain at 47, sell 2 silk at 230`."""
    parts = [f"{order['side']} {order['quantity']} {order['good']} at {order['price']}" for order in action]
    return ", ".join(parts) or _NOTHING


def read(text: str) -> list[Order] | None:
    """Return the orders that `written` writes so; None: it is no such text."""
    text = text.strip()
    if text == _NOTHING:
        return []
    if len(text) > _LONGEST:
        return None
    found = []
    for part in text.split(","):
        match = _WRITTEN.fullmatch(part.strip())
        if match is None:
            return None
        found.append(_order(match[3], match[1], int(match[2]), int(match[4])))
    return found
