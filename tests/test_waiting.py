"""Matches that wait: two lanes of one plan, and one computing at a time."""

import itertools
import threading

from evalengine.model import AgentSpec, MatchSpec
from evalengine.waiting import Core, Lanes, Pool, waits_of

AGENTS = [
    AgentSpec(name="model", waits_s=60.0),
    AgentSpec(name="mcts"),
    AgentSpec(name="function", payload=b"x"),
    AgentSpec(name="first"),
]


def spec(number, *agents):
    return MatchSpec(number, 0, 0, 1, agents)


def test_a_match_waits_when_one_of_its_agents_does_and_none_is_a_function_of_the_caller():
    waits = waits_of(AGENTS)
    assert waits(spec(0, 0, 1))
    assert not waits(spec(0, 1, 3))
    assert not waits(spec(0, 0, 2))
    assert waits_of(AGENTS[1:]) is None


def test_each_lane_keeps_the_order_of_the_plan_and_nothing_is_lost():
    plan = [spec(number, number % 3, 3) for number in range(30)]
    lanes = Lanes(plan, waits_of(AGENTS))
    waiting = [lanes.waiting() for _ in range(4)]
    computing = list(lanes)
    waiting += iter(lanes.waiting, None)
    assert not lanes
    assert [found.match_no for found in waiting] == list(range(0, 30, 3))
    assert [found.match_no for found in computing] == [number for number in range(30) if number % 3]


def test_an_endless_plan_of_one_kind_is_not_read_to_its_end_for_the_other():
    plan = (spec(number, 1, 3) for number in itertools.count())
    lanes = Lanes(plan, waits_of(AGENTS))
    assert lanes.waiting() is None
    assert lanes, "there is more"
    assert next(lanes).match_no == 0
    assert lanes.waiting() is None


def test_one_computes_at_a_time_and_those_who_wait_do_not_hold_it_back():
    core = Core()
    inside, most, both_wait = [], [], threading.Barrier(4)

    def play(found):
        inside.append(found)
        most.append(len(inside))
        inside.remove(found)
        with core.released():
            both_wait.wait(30)  # all four at once, or this breaks
        inside.append(found)
        most.append(len(inside))
        inside.remove(found)
        return found.match_no

    pool = Pool(play, core, 4)
    for number in range(4):
        pool.begin(number, spec(number, 0, 1))
    ended = []
    while len(ended) < 4:
        threading.Event().wait(0.001)
        ended += pool.ended()
    assert sorted(ended) == [(number, (number,)) for number in range(4)]
    assert max(most) == 1
    assert core.passed == 8


def test_it_is_given_in_the_order_of_asking():
    core, order, asked = Core(), [], []

    def ask(number):
        with core:
            order.append(number)

    with core:
        for number in range(5):
            asked.append(threading.Thread(target=ask, args=(number,)))
            asked[-1].start()
            while len(core._gates) <= number:
                threading.Event().wait(0.001)
    for thread in asked:
        thread.join(30)
    assert order == list(range(5))
