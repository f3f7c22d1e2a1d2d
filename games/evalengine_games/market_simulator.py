"""A market: two to eight traders with equal accounts order goods, tick after tick, among a crowd that buys and sells.

A tick has three steps: all seats give their orders at once; news move the value of each good; then each good has a call
auction (`auction`) of the seats' orders and those of a crowd that thinks the good worth its new value, more or less.
Orders last one tick. What a seat orders it must be able to pay, deliver and store, whatever the auction comes to, so
that no account is ever below zero; proceeds of the same tick are not counted.
A value returns to its good's mean, a tenth of the way in a tick on average, and no order moves it. The score is cash
and goods at the last values: at the last auction's prices whoever holds most could make its score by one dear bid.
The rules are our own; those of the auction are in `auction`.

Observation: {"tick": of the auction that comes, from 0, "ticks": in all, "me": the own seat,
    "goods": [names], "means": [value in the long run], "values": [now], "past": [the last 24 values, oldest first],
    "prices": [of the last auction, 0 where nothing was traded], "volumes": [units traded in it],
    "cash": [by seat], "stock": [[units by good] by seat], "fills": [[bought - sold in the last auction by good] by
    seat], "wealth": [cash + stock at the values, by seat], "out": [seats that are gone]}; lists are in the order of
    goods where nothing else is said, money is in whole coins.
Action: a list of at most 12 orders {"good": name, "side": "buy" or "sell", "quantity": int, "price": int}, the price
    the worst that is accepted; [] does nothing. `legal` lists a few of one order each; `refuse` takes all others too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import auction, drawing
from evalengine_games import market_orders as orders
from evalengine_games.auction import CROWD, Book
from evalengine_games.market_orders import GOODS, HOLD, MOST, Good, Order

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from evalengine import GameSpec

CASH, STOCK = 5000, 20  # of each seat at the start, units of each good
_CROWD = 6  # orders of the crowd a good, side and tick
_PAST = 24  # values of a good that are shown
_REVERSION = 10  # the part of its distance from the mean that a value returns in a tick is 1 / _REVERSION


class MarketSimulator(Game):
    """The rules."""

    def __init__(self, ticks: int, goods: int) -> None:
        self.ticks = ticks
        self.goods = GOODS[:goods]

    def adapt(self, spec: GameSpec) -> GameSpec:
        # All that can ever be sold at the highest limit, and full stores at the highest values.
        most = CASH + sum(self.ticks * MOST * good.dearest + HOLD * good.high for good in self.goods)
        return replace(spec, max_turns=self.ticks, max_score=float(most))

    def initial(self, seats: int, rng: random.Random) -> Market:
        """Return the accounts before the first auction, values a little way from their means."""
        values = [_moved(good, good.mean, rng) for good in self.goods]
        return Market(self.goods, self.ticks, values, seats)

    def action_to_str(self, action: Sequence[Order]) -> str:
        """Return the orders as `buy 5 grain at 47, sell 2 silk at 230`."""
        return orders.written(action)

    def action_from_str(self, text: str) -> list[Order] | None:
        return orders.read(text)


class Market(State):
    """The accounts and the values; changes itself."""

    __slots__ = ("cash", "fills", "goods", "movers", "out", "past", "prices", "stock", "tick", "ticks", "volumes")

    def __init__(self, goods: Sequence[Good], ticks: int, values: Sequence[int], seats: int) -> None:
        none = [0] * len(goods)
        self.goods = goods
        self.ticks = ticks
        self.tick = 0  # auctions held so far
        self.past = [[value] for value in values]  # by good, the value of now last
        self.prices, self.volumes = none, none  # by good, of the last auction
        self.cash = [CASH] * seats
        self.stock = [[STOCK] * len(goods) for _ in range(seats)]  # by seat, then by good
        self.fills = [none] * seats  # by seat, then by good: bought - sold in the last auction
        self.movers: tuple[int, ...] = tuple(range(seats))
        self.out: tuple[int, ...] = ()  # seats that forfeited; what they have lies idle

    def to_move(self) -> Sequence[int]:
        return self.movers

    def legal(self, seat: int) -> list[list[Order]]:
        """Return a few of the actions that are possible."""
        return orders.listed(self.goods, self.cash[seat], self.stock[seat]) if self.movers else []

    def refuse(self, seat: int, action: Any) -> str | None:
        return orders.refusal(action, self.goods, self.cash[seat], self.stock[seat])

    # -------------------------------------------------------------------------------- a tick

    def apply(self, actions: Mapping[int, Sequence[Order]], rng: random.Random) -> Market:
        # All luck but lots is drawn first, so that it is the same whatever the seats do.
        values = [_moved(good, past[-1], rng) for good, past in zip(self.goods, self.past, strict=True)]
        books = [self._crowd(good, value, rng) for good, value in zip(self.goods, values, strict=True)]
        names = {good.name: place for place, good in enumerate(self.goods)}
        for seat, action in actions.items():
            for order in action:
                book = books[names[order["good"]]][order["side"] == "sell"]
                auction.add(book, order["price"], seat, order["quantity"])
        held = [auction.cleared(*book, value, self._lot(rng)) for book, value in zip(books, values, strict=True)]
        self._settle(held)
        self.past = [[*past[1 - _PAST :], value] for past, value in zip(self.past, values, strict=True)]
        self.tick += 1
        if self.tick >= self.ticks:
            self.movers = ()
        return self

    def _crowd(self, good: Good, value: int, rng: random.Random) -> tuple[Book, Book]:
        """Return bids and asks of the crowd, which is as large as the seats are many."""
        size, limits = 2 * len(self.cash), 2 * good.width + 1
        cheapest, kinds, draw = value - good.width, limits * size, rng.random
        books: tuple[Book, Book] = ({}, {})
        for book in books:
            for _ in range(_CROWD):
                above, units = divmod(int(draw() * kinds), size)
                level = book.setdefault(cheapest + above, {CROWD: 0})
                level[CROWD] += units + 1
        return books

    def _lot(self, rng: random.Random) -> Callable[[], Sequence[int]]:
        return lambda: rng.sample(range(len(self.cash)), len(self.cash))

    def _settle(self, held: Sequence[auction.Outcome]) -> None:
        self.prices = [outcome.price for outcome in held]
        self.volumes = [outcome.volume for outcome in held]
        self.fills = [
            [outcome.bought.get(seat, 0) - outcome.sold.get(seat, 0) for outcome in held]
            for seat in range(len(self.cash))
        ]
        for seat, fills in enumerate(self.fills):
            for place, units in enumerate(fills):
                self.stock[seat][place] += units
                self.cash[seat] -= units * self.prices[place]

    def forfeit(self, seat: int) -> Market:
        """Let `seat` order nothing any more."""
        self.movers = tuple(other for other in self.movers if other != seat)
        self.out = tuple(sorted({*self.out, seat}))
        return self

    # -------------------------------------------------------------------------------- looks

    def _wealth(self, values: Sequence[int]) -> list[int]:
        return [
            cash + sum(units * value for units, value in zip(stock, values, strict=True))
            for cash, stock in zip(self.cash, self.stock, strict=True)
        ]

    def scores(self) -> tuple[float, ...]:
        """Return each seat's wealth at the values of now."""
        return tuple(map(float, self._wealth(self._values())))

    def rewards(self) -> tuple[float, ...] | None:
        """Return what the last tick added to each seat's wealth."""
        if not self.tick:
            return None
        before = [past[-2] for past in self.past]
        values, found = self._values(), []
        for stock, fills in zip(self.stock, self.fills, strict=True):
            rows = zip(stock, fills, values, before, self.prices, strict=True)
            # Units that were held through the tick gained what the value did, bought ones the value less the price.
            gains = [held * (now - then) + units * (then - price) for held, units, now, then, price in rows]
            found.append(float(sum(gains)))
        return tuple(found)

    def clone(self) -> Market:
        state = Market.__new__(Market)
        state.goods, state.ticks, state.tick = self.goods, self.ticks, self.tick
        state.movers, state.out = self.movers, self.out
        # Replaced by apply(), never changed: past, prices, volumes and fills may be shared.
        state.past, state.prices, state.volumes, state.fills = self.past, self.prices, self.volumes, self.fills
        state.cash, state.stock = self.cash[:], [stock[:] for stock in self.stock]
        return state

    def _values(self) -> list[int]:
        return [past[-1] for past in self.past]

    def view(self, seat: int) -> dict[str, Any]:
        values = self._values()
        return {
            "tick": self.tick,
            "ticks": self.ticks,
            "me": seat,
            "goods": [good.name for good in self.goods],
            "means": [good.mean for good in self.goods],
            "values": values,
            "past": [past[:] for past in self.past],
            "prices": self.prices[:],
            "volumes": self.volumes[:],
            "cash": self.cash[:],
            "stock": [stock[:] for stock in self.stock],
            "fills": [fills[:] for fills in self.fills],
            "wealth": self._wealth(values),
            "out": list(self.out),
        }

    def render(self, seat: int | None = None) -> str:
        lines = [f"{self.tick} of {self.ticks} ticks", f"{'good':<8}{'mean':>6}{'value':>7}{'price':>7}{'volume':>8}"]
        for good, value, price, volume in zip(self.goods, self._values(), self.prices, self.volumes, strict=True):
            lines.append(f"{good.name:<8}{good.mean:>6}{value:>7}{price or '-':>7}{volume:>8}")
        names = "".join(f"{good.name:>12}" for good in self.goods)
        lines.append(f"{'seat':<8}{'wealth':>8}{'cash':>8}{names}")
        wealth = self._wealth(self._values())
        for number, (cash, stock, fills) in enumerate(zip(self.cash, self.stock, self.fills, strict=True)):
            name = f"{number}{' out' if number in self.out else ''}"
            cells = "".join(_cell(units, fill) for units, fill in zip(stock, fills, strict=True))
            lines.append(f"{name:<8}{wealth[number]:>8}{cash:>8}{cells}".rstrip())
        return "\n".join(lines)

    def svg(self, seat: int | None = None) -> str:
        width, chart = 12 * drawing.CELL, 3 * drawing.CELL
        shapes = []
        for place in range(len(self.goods)):
            shapes += self._chart(place, place * chart, width, chart)
        top = len(self.goods) * chart
        shapes += self._bars(top, width)
        height = top + (len(self.cash) + 0.5) * drawing.CELL
        return drawing.document(width, height, shapes, self.render(seat))

    def _chart(self, place: int, top: float, width: float, height: float) -> list[str]:
        """Draw the past of a good's value; its mean is the line across."""
        good, past = self.goods[place], self.past[place]
        scale, step = (height - 10) / (good.high - good.low), (width - 20) / (_PAST - 1)
        points = [(10 + k * step, top + height - 5 - (value - good.low) * scale) for k, value in enumerate(past)]
        mean = top + height - 5 - (good.mean - good.low) * scale
        told = f"{good.name} {past[-1]} (mean {good.mean}), traded {self.volumes[place]} at {self.prices[place] or '-'}"
        line = " ".join(f"{x:g},{y:g}" for x, y in points)
        return [
            drawing.rect(0, top, width, height, drawing.BOARD, drawing.LINE),
            drawing.rect(0, mean, width, 1, drawing.LINE),
            f'<polyline points="{line}" fill="none" stroke="{drawing.INK}" stroke-width="2"/>',
            drawing.circle(*points[-1], 4, drawing.HIGHLIGHT),
            drawing.label(width / 2, top + 14, told),
        ]

    def _bars(self, top: float, width: float) -> list[str]:
        """Draw a bar for each seat's wealth, the richest across."""
        wealth, shapes = self._wealth(self._values()), []
        for number, mine in enumerate(wealth):
            y, length = top + (number + 0.25) * drawing.CELL, (width - 20) * mine / max(1, *wealth)
            told = f"seat {number}: {mine}, cash {self.cash[number]}{', out' if number in self.out else ''}"
            shapes += [
                drawing.rect(10, y, length, drawing.CELL * 0.75, drawing.SEAT_COLOURS[number]),
                drawing.rect(width / 2 - 110, y + 4, 220, drawing.CELL * 0.75 - 8, drawing.PAPER),
                drawing.label(width / 2, y + drawing.CELL * 0.375, told),
            ]
        return shapes


def _moved(good: Good, value: int, rng: random.Random) -> int:
    """Return a value after news: towards the mean, rounded by luck so that it is exact on average, and a shock."""
    back = (good.mean - value + int(rng.random() * _REVERSION)) // _REVERSION
    shock = int(rng.random() * (2 * good.shock + 1)) - good.shock
    return min(max(value + back + shock, good.low), good.high)


def _cell(units: int, fill: int) -> str:
    return f"{units:>6}{f' ({fill:+})' if fill else '':<6}"
