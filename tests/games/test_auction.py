"""The call auction: one price for all, by the rules that its module states."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalengine_games.auction import CROWD, add, cleared

LIMITS = range(1, 16)
orders = st.lists(
    st.tuples(st.sampled_from(["bid", "ask"]), st.sampled_from(LIMITS), st.integers(-1, 4), st.integers(1, 9)),
    max_size=12,
)


def auctioned(found, reference=8, lot=(0, 1, 2, 3, 4)):
    bids, asks = {}, {}
    for side, limit, owner, quantity in found:
        add(bids if side == "bid" else asks, limit, owner, quantity)
    return cleared(bids, asks, reference, lambda: lot)


def wanted(found, price):
    return sum(quantity for side, limit, _, quantity in found if side == "bid" and limit >= price)


def offered(found, price):
    return sum(quantity for side, limit, _, quantity in found if side == "ask" and limit <= price)


def best_price(found, reference):
    """Return the price and volume by the rules, looked up one after another over all limits of the book."""
    limits = sorted({limit for _, limit, _, _ in found})
    volume = max((min(wanted(found, p), offered(found, p)) for p in limits), default=0)
    if not volume:
        return 0, 0
    most = [p for p in limits if min(wanted(found, p), offered(found, p)) == volume]
    surplus = {p: wanted(found, p) - offered(found, p) for p in most}
    least = min(map(abs, surplus.values()))
    left = [p for p in most if abs(surplus[p]) == least]
    if all(surplus[p] > 0 for p in left):
        return max(left), volume
    if all(surplus[p] < 0 for p in left):
        return min(left), volume
    return min(left, key=lambda p: (abs(p - reference), p)), volume


@given(orders, st.sampled_from(LIMITS))
def test_the_price_is_the_one_that_the_rules_name(found, reference):
    outcome = auctioned(found, reference)
    assert (outcome.price, outcome.volume) == best_price(found, reference)


@given(orders, st.permutations(range(5)))
def test_what_is_bought_was_sold_and_nobody_gets_more_or_worse_than_ordered(found, lot):
    outcome = auctioned(found, lot=lot)
    assert sum(outcome.bought.values()) == sum(outcome.sold.values()) == outcome.volume
    for side, got in (("bid", outcome.bought), ("ask", outcome.sold)):
        within, all_of = Counter(), Counter()
        for placed, limit, owner, quantity in found:
            good = limit >= outcome.price if side == "bid" else limit <= outcome.price
            if placed == side:
                all_of[owner] += quantity
                within[owner] += quantity * good
        assert all(0 <= units <= within[owner] <= all_of[owner] for owner, units in got.items())


@given(orders, st.permutations(range(5)))
def test_better_limits_are_served_first_and_equal_ones_in_proportion(found, lot):
    outcome = auctioned(found, lot=lot)
    for side, got, sign in (("bid", outcome.bought, -1), ("ask", outcome.sold, 1)):
        left, due = outcome.volume, Counter()
        for limit in sorted({limit for placed, limit, _, _ in found if placed == side}, key=lambda p: sign * p):
            level = Counter()
            for placed, at, owner, quantity in found:
                if placed == side and at == limit:
                    level[owner] += quantity
            whole = sum(level.values())
            part = min(1, left / whole)
            due += Counter({owner: quantity * part for owner, quantity in level.items()})
            left -= min(left, whole)
            if not left:
                break
        owners = set(due) | set(got)
        assert all(abs(got.get(owner, 0) - due[owner]) < 1 for owner in owners)  # whole units


@given(orders, st.permutations(range(5)), st.permutations(range(5)))
def test_who_is_called_by_which_number_does_not_matter(found, lot, names):
    """Give seats other numbers, and the lot with them: all is as before under the other numbers."""
    renamed = {CROWD: CROWD, **dict(enumerate(names))}
    outcome = auctioned(found, lot=lot)
    other = auctioned(
        [(side, limit, renamed[owner], quantity) for side, limit, owner, quantity in reversed(found)],
        lot=[renamed[seat] for seat in lot],
    )
    assert (other.price, other.volume) == (outcome.price, outcome.volume)
    assert other.bought == {renamed[owner]: units for owner, units in outcome.bought.items()}
    assert other.sold == {renamed[owner]: units for owner, units in outcome.sold.items()}


@given(orders)
def test_to_split_an_order_gains_nothing(found):
    halves = [(s, p, o, part) for s, p, o, q in found for part in (q // 2, q - q // 2) if part]
    assert auctioned(halves) == auctioned(found)


@pytest.mark.parametrize(
    ("found", "price", "bought", "sold"),
    [
        ([("bid", 9, 0, 5)], 0, {}, {}),
        ([("bid", 7, 0, 5), ("ask", 8, 1, 5)], 0, {}, {}),
        # All of both change hands between 7 and 9: the limit nearest to the reference, 8, the lower of two.
        ([("bid", 9, 0, 5), ("ask", 7, 1, 5)], 7, {0: 5}, {1: 5}),
        # Demand is left over: the highest of the prices; supply is: the lowest.
        ([("bid", 9, 0, 6), ("ask", 7, 1, 5)], 9, {0: 5}, {1: 5}),
        ([("bid", 9, 0, 5), ("ask", 7, 1, 6)], 7, {0: 5}, {1: 5}),
        # The better bid is served whole, the others share the rest by 2 to 1.
        ([("bid", 9, 0, 4), ("bid", 8, 1, 8), ("bid", 8, 2, 4), ("ask", 8, 3, 10)], 8, {0: 4, 1: 4, 2: 2}, {3: 10}),
    ],
)
def test_prices_and_shares_by_hand(found, price, bought, sold):
    outcome = auctioned(found)
    assert (outcome.price, outcome.bought, outcome.sold) == (price, bought, sold)


def test_single_units_go_by_lot_and_to_the_crowd_last():
    found = [("bid", 8, 0, 3), ("bid", 8, 1, 3), ("bid", 8, CROWD, 3), ("ask", 8, 2, 5)]
    assert auctioned(found, lot=(1, 0, 2)).bought == {0: 2, 1: 2, CROWD: 1}
    found[-1] = ("ask", 8, 2, 4)
    assert auctioned(found, lot=(1, 0, 2)).bought == {0: 1, 1: 2, CROWD: 1}
    assert auctioned(found, lot=(0, 1, 2)).bought == {0: 2, 1: 1, CROWD: 1}
