"""The market: what may be ordered, what an order costs and brings, and that nobody gains by being rich or seat 0."""

import random
from time import perf_counter_ns

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import Agent, ConfigError, Fault, FaultKind, Info, Match, MatchSpec, derive, load_game, stream
from evalengine.builtin import market
from evalengine.builtin.simple import First, Random
from evalengine_games import market_orders
from evalengine_games.market_orders import HOLD, MOST

GRAIN, SILK = 0, 2


def begin(seats=2, seed=1, **config):
    return Match(MatchSpec(0, 0, 0, seed, tuple(range(seats))), load_game("market_simulator", **config))


def order(side, quantity, good, price):
    return {"good": good, "side": side, "quantity": quantity, "price": price}


def tick(match, *actions):
    for seat, action in enumerate(actions):
        match.answer(seat, action)
    return match.state


def drawn(match, seat, rng):
    """Return random orders, many of one seat at once, thrown away until the game takes them."""
    goods = match.game.goods
    while True:
        action = [
            order(rng.choice(["buy", "sell"]), rng.randint(1, 6), good.name, rng.randint(1, good.dearest))
            for good in rng.choices(goods, k=rng.randint(0, 5))
        ]
        if match.refusal(seat, action) is None:
            return action


def play_on(match, rng):
    while not match.over:
        yield match, {request.seat: drawn(match, request.seat, rng) for request in match.requests()}


some = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32)


# --------------------------------------------------------------------------------- orders


def test_nothing_is_an_action_and_all_seats_act_at_once():
    match = begin()
    assert [request.seat for request in match.requests()] == [0, 1]
    for _ in range(100):
        tick(match, [], [])
    assert match.over
    assert match.result.termination == "rules"
    assert match.state.cash == [5000, 5000]
    assert match.state.stock == [[20, 20, 20]] * 2
    assert match.result.places == (1, 1)


def test_the_ticks_are_the_most_turns_and_fewer_may_be_played():
    assert load_game("market_simulator", ticks=600).spec.max_turns == 600
    short = Match(MatchSpec(0, 0, 0, 1, (0, 1), max_turns=3), load_game("market_simulator"))
    for _ in range(3):
        tick(short, [], [])
    assert short.result.termination == "turn_limit"
    with pytest.raises(ConfigError, match="ticks"):
        load_game("market_simulator", ticks=1001)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (None, "a list of orders, [] for none; this is nothing"),
        ({"orders": []}, "this is an object"),
        ("buy", "this is 'buy'"),
        ([[]], "order 1: an order is an object with good, price, quantity, side; this is a list"),
        ([{}], "order 1: good, price, quantity, side missing"),
        ([order("buy", 1, "grain", 50) | {"note": 1}], "only good, price, quantity, side belong into an order"),
        ([order("buy", 1, "gold", 50)], "good is one of grain, iron, silk; not 'gold'"),
        ([order("hold", 1, "iron", 50)], "side is buy or sell; not 'hold'"),
        ([order("buy", 0, "iron", 50)], "quantity is a whole number, for iron from 1 to 10; not 0"),
        ([order("buy", 1.0, "iron", 50)], "not a number with a point"),
        ([order("buy", True, "iron", 50)], "not true or false"),
        ([order("buy", 10**5000, "iron", 50)], "so large a number"),
        ([order("buy", 1, "iron", 201)], "price is a whole number, for iron from 1 to 200; not 201"),
        ([[], order("buy", 1, "iron", 50)], "order 1: an order is an object"),
        ([order("buy", 1, "iron", 50), "x"], "order 2: an order is an object"),
        ([order("buy", 1, "grain", 1)] * 13, "13 orders; at most 12"),
        ([order("buy", 6, "grain", 40), order("buy", 5, "grain", 41)], "you would buy 11 grain; at most 10"),
        ([order("sell", 6, "grain", 40), order("sell", 5, "grain", 41)], "you would sell 11 grain; at most 10"),
        ([order("buy", 1, "grain", 40), order("sell", 1, "grain", 40)], "you bid 40 for grain and offer it at 40"),
        (
            [order("buy", 10, "silk", 400), order("buy", 10, "iron", 101)],
            "your bids may cost 5010 coins together and you have 5000",
        ),
        ([order("\ud800" * 99, 1, "iron", 50)], "not '"),
    ],
)
def test_a_refusal_says_what_would_be_possible(action, told):
    reason = begin().refusal(0, action)
    assert told in reason
    assert reason.isprintable()
    assert reason.isascii()
    assert len(reason) < 400


def test_what_is_stored_bounds_bids_and_offers():
    match = begin()
    match.state.stock[0][GRAIN] = 3
    assert match.refusal(0, [order("sell", 4, "grain", 50)]) == "you offer 4 grain and have 3"
    assert match.refusal(1, [order("sell", 4, "grain", 50)]) is None
    match.state.stock[0][GRAIN] = HOLD - 2
    assert match.refusal(0, [order("buy", 3, "grain", 50)]) == (
        "you have 58 grain and bid for 3 more; at most 60 can be stored"
    )
    assert match.refusal(0, [order("buy", 2, "grain", 50)]) is None


def test_what_is_listed_is_possible_and_what_is_possible_need_not_be_listed():
    match = begin()
    legal = match.requests()[0].legal
    assert legal[0] == []
    assert len(legal) == 1 + 3 * 2 * 7
    assert all(match.refusal(0, action) is None for action in legal)
    several = [order("buy", 7, "grain", 47), order("sell", 3, "silk", 231)]
    assert several not in legal
    assert match.refusal(0, several) is None


@some
@given(seeds)
def test_orders_are_read_as_they_are_written(seed):
    match = begin()
    action = drawn(match, 0, random.Random(seed))
    assert match.game.action_from_str(match.game.action_to_str(action)) == action


@pytest.mark.parametrize(
    "text", ["", "buy", "buy 5 grain", "buy 5 grain at 47,", "buy -5 grain at 47", "[]", "x" * 9999]
)
def test_other_texts_are_no_orders(text):
    assert load_game("market_simulator").action_from_str(text) is None


# --------------------------------------------------------------------------------- trading


@some
@given(seeds, st.integers(2, 8), st.integers(1, 3))
def test_money_and_goods_only_change_hands(seed, seats, goods):
    """Check each account by what it traded at the one price, and all together by what was traded with the crowd."""
    match = begin(seats, seed, ticks=20, goods=goods)
    for _, actions in play_on(match, random.Random(seed)):
        cash, stock = match.state.cash[:], [row[:] for row in match.state.stock]
        state = tick(match, *actions.values())
        view = state.view(0)
        for seat, fills in enumerate(view["fills"]):
            assert view["stock"][seat] == [had + got for had, got in zip(stock[seat], fills, strict=True)]
            paid = sum(got * price for got, price in zip(fills, view["prices"], strict=True))
            assert view["cash"][seat] == cash[seat] - paid >= 0
            assert all(0 <= units <= HOLD for units in view["stock"][seat])
        for place in range(goods):
            bought = sum(max(0, fills[place]) for fills in view["fills"])
            sold = sum(max(0, -fills[place]) for fills in view["fills"])
            assert max(bought, sold) <= view["volumes"][place]
            assert (view["prices"][place] > 0) == (view["volumes"][place] > 0)


@some
@given(seeds, st.integers(2, 8))
def test_an_order_is_served_at_its_limit_or_better(seed, seats):
    match = begin(seats, seed, ticks=20)
    names = [good.name for good in match.game.goods]
    for _, actions in play_on(match, random.Random(seed)):
        state = tick(match, *actions.values())
        for seat, action in actions.items():
            for place, fill in enumerate(state.fills[seat]):
                mine, price = [one for one in action if one["good"] == names[place]], state.prices[place]
                bids = sum(one["quantity"] for one in mine if one["side"] == "buy" and one["price"] >= price)
                offers = sum(one["quantity"] for one in mine if one["side"] == "sell" and one["price"] <= price)
                assert -offers <= fill <= bids


class Renamed(random.Random):
    """The same luck for seats that have other numbers."""

    names = ()

    def sample(self, population, k, **_):
        return [self.names[seat] for seat in super().sample(population, k)]


@some
@given(seeds, st.integers(2, 8), st.data())
def test_the_order_of_the_seats_does_not_matter(seed, seats, data):
    names = data.draw(st.permutations(range(seats)))
    match = begin(seats, seed, ticks=12)
    other = match.state.clone()
    for turn, (_, actions) in enumerate(play_on(match, random.Random(seed))):
        luck = Renamed()
        luck.setstate(stream(seed, "turn", turn).getstate())
        luck.names = names
        other = other.apply({names[seat]: action for seat, action in reversed(actions.items())}, luck)
        state = tick(match, *actions.values())
        for seat in range(seats):
            assert other.stock[names[seat]] == state.stock[seat]
            assert other.cash[names[seat]] == state.cash[seat]
            assert other.scores()[names[seat]] == state.scores()[seat]


@some
@given(seeds)
def test_no_order_moves_a_value(seed):
    busy, idle = begin(seed=seed, ticks=20), begin(seed=seed, ticks=20)
    for _, actions in play_on(busy, random.Random(seed)):
        tick(busy, *actions.values())
        tick(idle, [], [])
        assert busy.state.past == idle.state.past


@some
@given(seeds)
def test_a_refused_action_changes_nothing(seed):
    match = begin(seed=seed, ticks=10)
    for _, actions in play_on(match, random.Random(seed)):
        before = [match.state.view(0), match.state.render(), match.requests()[0].legal]
        for wrong in (None, [None], [order("buy", 11, "grain", 1)], [order("sell", 1, "silk", 401)]):
            assert match.refusal(0, wrong)
        assert [match.state.view(0), match.state.render(), match.requests()[0].legal] == before
        tick(match, *actions.values())


def test_a_refused_answer_is_a_fault():
    match = begin()
    match.answer(1, [])
    match.answer(0, [order("sell", 10, "gold", 1)])
    assert match.result.places == (2, 1)
    assert "good is one of grain, iron, silk" in match.result.faults[0][2].detail


@some
@given(seeds, st.integers(2, 8))
def test_rewards_add_up_to_what_was_won(seed, seats):
    match = begin(seats, seed, ticks=15)
    won = list(match.state.scores())
    assert match.state.rewards() is None
    for _, actions in play_on(match, random.Random(seed)):
        state = tick(match, *actions.values())
        won = [one + reward for one, reward in zip(won, state.rewards(), strict=True)]
        assert won == list(state.scores())


@some
@given(seeds)
def test_a_replay_is_the_match_again(seed):
    match = begin(3, seed, ticks=15)
    for _, actions in play_on(match, random.Random(seed)):
        tick(match, *actions.values())
    stored = msgpack.unpackb(msgpack.packb(match.turns), strict_map_key=False)
    again = Match.resume(match.spec, match.game, stored)
    assert again.result == match.result
    assert [again.state.view(seat) for seat in range(3)] == [match.state.view(seat) for seat in range(3)]


def test_values_return_to_their_means():
    ends = [begin(seed=seed, ticks=40) for seed in range(150)]
    for match in ends:
        while not match.over:
            tick(match, [], [])
    for place, good in enumerate(ends[0].game.goods):
        mean = sum(match.state.past[place][-1] for match in ends) / len(ends)
        # A deviation of about 16% of the mean each: six of those of 150 matches.
        assert abs(mean - good.mean) < 6 * 0.16 * good.mean / len(ends) ** 0.5


def test_play_goes_on_without_a_seat_that_faults():
    match = begin(3, ticks=5)
    match.fault(1, Fault(FaultKind.CRASH))
    match.answer(0, [])
    match.answer(2, [])
    assert [request.seat for request in match.requests()] == [0, 2]
    assert match.state.view(0)["out"] == [1]
    assert "1 out" in match.state.render()
    while not match.over:
        for request in match.requests():
            match.answer(request.seat, [])
    assert match.result.scores[1] == 0.0
    assert match.result.places == (1, 3, 1)


# ------------------------------------------------------------------------------ strategies


class Corner(Agent):
    """Buy all there is at nearly any price, and keep it."""

    def act(self, observation):
        view = observation.view
        cash, orders = view["cash"][view["me"]], []
        for place, good in enumerate(view["goods"]):
            price = min(2 * view["means"][place], cash // MOST)
            quantity = min(MOST, HOLD - view["stock"][view["me"]][place])
            if price and quantity:
                orders.append(order("buy", quantity, good, price))
                cash -= quantity * price
        return orders


class LastBid(Corner):
    """Keep what there is, and bid dear in the last tick: for a high last price."""

    def act(self, observation):
        return super().act(observation) if observation["tick"] == observation["ticks"] - 1 else []


def mean_scores(one, other, matches=20, **config):
    """Return the mean scores of two kinds of agent over matches in both seats."""
    game, total = load_game("market_simulator", **config), [0.0, 0.0]
    for number in range(2 * matches):
        kinds = [other, one] if number % 2 else [one, other]
        match = Match(MatchSpec(0, 0, 0, number // 2, (0, 1)), game)
        infos = [Info(game, seat, match.sides, derive(number, "agent", seat)) for seat in (0, 1)]
        agents = [kind() for kind in kinds]
        for agent, info in zip(agents, infos, strict=True):
            agent.start(info)
        match.advance([agent.act for agent in agents], infos, perf_counter_ns)
        assert not match.result.faults
        scores = match.result.scores[::-1] if number % 2 else match.result.scores
        total = [before + score for before, score in zip(total, scores, strict=True)]
    return [part / (2 * matches) for part in total]


def test_the_traders_bounds_are_the_games():
    assert (market.MOST, market.HOLD) == (MOST, HOLD) == (market_orders.MOST, market_orders.HOLD)


def test_who_buys_low_and_sells_high_beats_random_orders_and_idling():
    trader, other = mean_scores(market.ValueTrader, Random)
    assert trader > 1.25 * other
    trader, other = mean_scores(market.ValueTrader, First)
    assert trader > 1.25 * other


@pytest.mark.parametrize("goods", [1, 3])
@pytest.mark.parametrize("buyer", [Corner, LastBid])
def test_a_corner_and_a_last_dear_bid_gain_nothing(buyer, goods):
    bought, idle = mean_scores(buyer, First, goods=goods)
    assert bought < idle


def test_a_dear_bid_costs_whoever_makes_it():
    """Bid the most in the last tick, against the same match without it."""
    for seed in range(20):
        with_bid, without = begin(seed=seed, ticks=1), begin(seed=seed, ticks=1)
        tick(with_bid, [order("buy", 10, "silk", 400)], [])
        tick(without, [], [])
        assert with_bid.state.past == without.state.past
        assert with_bid.state.prices[SILK] >= without.state.prices[SILK]
        value, price = with_bid.state.past[SILK][-1], with_bid.state.prices[SILK]
        assert with_bid.result.scores[0] - without.result.scores[0] == 10 * (value - price)
