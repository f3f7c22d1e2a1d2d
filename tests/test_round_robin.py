"""Round-robin: exactly n matches, every cell alike, in whole rotations, with seeds that no agent moves."""

import dataclasses
import math
import time
import tracemalloc
from collections import Counter, defaultdict
from itertools import combinations, islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalengine import Contest, MatchSpec, Plan, derive
from evalengine.builtin.round_robin import RoundRobin

DUEL = ((0,), (1,))
SIDES = [
    DUEL,
    ((0,), (1,), (2,)),
    ((0,), (1,), (2,), (3,)),
    ((0, 2), (1, 3)),
    ((0,), (1, 2)),
    ((0, 3), (1, 4), (2, 5)),
    ((0,),),
]


@st.composite
def plans(draw, matches=None):
    contests = []
    for game_no in range(draw(st.integers(1, 3))):
        sides = draw(st.sampled_from(SIDES))
        count = draw(st.integers(len(sides), len(sides) + 4))
        agents = sorted(draw(st.sets(st.integers(0, 9), min_size=count, max_size=count)))
        fields = {"opening": draw(st.integers(0, 3)), "max_turns": draw(st.integers(0, 9))}
        contests.append(Contest(game_no=game_no, ref=f"game{game_no}", sides=sides, agents=tuple(agents), **fields))
    n = draw(st.integers(1, 200)) if matches is None else matches
    return Plan(seed=draw(st.integers(0, 2**63 - 1)), contests=tuple(contests), matches=n)


def specs_of(plan):
    return list(RoundRobin(plan).round(0, ()))


def cells_of(plan):
    """Return every cell there is as (game_no, agents)."""
    return [
        (contest.game_no, frozenset(agents))
        for contest in plan.contests
        for agents in combinations(contest.agents, len(contest.sides))
    ]


def by_cell(plan):
    """Return the matches of each cell, in their order; of those without any too."""
    found = {cell: [] for cell in cells_of(plan)}
    for spec in specs_of(plan):
        found[spec.game_no, frozenset(spec.agents)].append(spec)
    return found


def a_plan(agents, matches=None, *, sides=DUEL, seed=7, games=1, **fields):
    contests = [
        Contest(game_no=number, ref=f"game{number}", sides=sides, agents=tuple(range(agents)), opening=0)
        for number in range(games)
    ]
    return Plan(seed=seed, contests=tuple(contests), matches=matches, **fields)


many = settings(max_examples=100, deadline=None)


# ---------------------------------------------------------------------------------------- how many


@many
@given(plans())
def test_there_are_exactly_n_matches_numbered_without_a_gap(plan):
    specs = specs_of(plan)
    assert [spec.match_no for spec in specs] == list(range(plan.matches))
    assert all(type(spec) is MatchSpec for spec in specs)
    assert RoundRobin(plan).sizes() == {
        contest.game_no: sum(spec.game_no == contest.game_no for spec in specs) for contest in plan.contests
    }


@many
@given(plans())
@example(a_plan(5, 7, games=3))
def test_cells_differ_by_at_most_one_match(plan):
    sizes = [len(specs) for specs in by_cell(plan).values()]
    assert max(sizes) - min(sizes) <= 1


@many
@given(plans())
def test_agents_sit_as_the_sides_say(plan):
    contests = {contest.game_no: contest for contest in plan.contests}
    for spec in specs_of(plan):
        contest = contests[spec.game_no]
        assert len(spec.agents) == sum(map(len, contest.sides))
        teams = [{spec.agents[seat] for seat in side} for side in contest.sides]
        assert all(len(team) == 1 for team in teams)  # one agent fills all seats of its side
        assert len(set.union(*teams)) == len(teams)
        assert set.union(*teams) <= set(contest.agents)
        assert (spec.opening, spec.max_turns, spec.branch) == (contest.opening, contest.max_turns, None)


@many
@given(plans())
def test_within_a_cell_seat_orders_differ_by_at_most_one(plan):
    sides = {contest.game_no: len(contest.sides) for contest in plan.contests}
    for (game_no, _), specs in by_cell(plan).items():
        orders = Counter(spec.agents for spec in specs)
        assert len(orders) <= sides[game_no]
        counts = [*orders.values(), *[0] * (sides[game_no] - len(orders))]
        assert max(counts) - min(counts) <= 1


# --------------------------------------------------------------------------------------- rotations


@many
@given(plans())
def test_a_rotation_is_complete_before_the_next_begins_and_at_most_one_is_not(plan):
    sides = {contest.game_no: len(contest.sides) for contest in plan.contests}
    for (game_no, _), specs in by_cell(plan).items():
        for place, spec in enumerate(specs):
            assert spec.rotation == place // sides[game_no]
        for start in range(0, len(specs), sides[game_no]):
            rotation = specs[start : start + sides[game_no]]
            assert len({spec.agents for spec in rotation}) == len(rotation)
            assert len({spec.seed for spec in rotation}) == 1


@many
@given(plans())
def test_every_side_is_every_agents_once_in_a_whole_rotation(plan):
    for contest in plan.contests:
        whole = dataclasses.replace(plan, contests=(contest,), matches=None)
        for (_, agents), specs in by_cell(whole).items():
            assert len(specs) == len(contest.sides)
            for side in contest.sides:
                assert {spec.agents[side[0]] for spec in specs} == agents


@many
@given(plans())
def test_a_seed_is_of_the_run_the_game_and_the_rotation_only(plan):
    refs = {contest.game_no: contest.ref for contest in plan.contests}
    for spec in specs_of(plan):
        assert spec.seed == derive(plan.seed, refs[spec.game_no], spec.rotation)


@many
@given(plans(), st.integers(10, 20))
def test_one_more_agent_keeps_all_seeds_and_openings(plan, newcomer):
    more = [dataclasses.replace(contest, agents=(*contest.agents, newcomer)) for contest in plan.contests]
    bigger = dataclasses.replace(plan, contests=tuple(more), matches=None, rounds=3)
    met = defaultdict(set)
    for spec in [*specs_of(dataclasses.replace(plan, matches=None, rounds=3)), *specs_of(bigger)]:
        met[spec.game_no, spec.rotation].add((spec.seed, spec.opening))
    assert all(len(seeds) == 1 for seeds in met.values())


@many
@given(plans())
def test_matches_with_another_seed_are_the_same_but_for_their_seeds(plan):
    other = specs_of(dataclasses.replace(plan, seed=plan.seed ^ 1))
    assert [spec._replace(seed=0) for spec in other] == [spec._replace(seed=0) for spec in specs_of(plan)]
    assert {spec.seed for spec in other}.isdisjoint({spec.seed for spec in specs_of(plan)})


# ------------------------------------------------------------------------------- n, rounds, none


def test_without_n_every_cell_has_one_rotation():
    for plan, expected in ((a_plan(4), 6 * 2), (a_plan(4, sides=SIDES[1]), 4 * 3), (a_plan(3, sides=SIDES[3]), 3 * 2)):
        assert len(specs_of(plan)) == expected
        assert {spec.rotation for spec in specs_of(plan)} == {0}


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_rounds_are_whole_rotations_of_every_cell(rounds):
    plan = a_plan(4, rounds=rounds, games=2)
    assert {len(specs) for specs in by_cell(plan).values()} == {2 * rounds}
    assert specs_of(plan) == [spec._replace(match_no=number) for number, spec in enumerate(specs_of(plan))]


def test_there_is_one_round():
    pairing = RoundRobin(a_plan(3))
    assert pairing.round(1, ()) is None
    assert list(pairing.round(0, ())) == list(pairing.round(0, ()))


@many
@given(st.sampled_from(SIDES), st.integers(0, 5), st.data())
def test_fewer_matches_are_the_first_of_more_while_there_are_cells(sides, more, data):
    agents = len(sides) + more
    cells = math.comb(agents, len(sides))
    n = data.draw(st.integers(1, cells))
    assert specs_of(a_plan(agents, n, sides=sides)) == specs_of(a_plan(agents, cells, sides=sides))[:n]


@many
@given(st.integers(2, 12), st.data())
def test_a_few_matches_of_pairs_are_spread_evenly_over_the_agents(agents, data):
    n = data.draw(st.integers(1, math.comb(agents, 2)))
    played = Counter(agent for spec in specs_of(a_plan(agents, n)) for agent in spec.agents)
    counts = [played[agent] for agent in range(agents)]
    # With an odd number one agent rests in each round, so two rounds are needed to be level again.
    assert max(counts) - min(counts) <= 1 + agents % 2


@many
@given(st.integers(3, 12), st.integers(1, 4), st.data())
def test_seats_are_balanced_over_cells_that_are_played_once(agents, games, data):
    plan = a_plan(agents, data.draw(st.integers(1, games * math.comb(agents, 2))), games=games)
    first = Counter(spec.agents[0] < spec.agents[1] for spec in specs_of(plan))
    assert abs(first[True] - first[False]) <= games


def test_every_pair_and_every_triple_is_a_cell_once():
    for agents in range(2, 14):
        assert len({frozenset(spec.agents) for spec in specs_of(a_plan(agents))}) == math.comb(agents, 2)
    for agents in range(3, 9):
        found = {frozenset(spec.agents) for spec in specs_of(a_plan(agents, sides=SIDES[1]))}
        assert len(found) == math.comb(agents, 3)


@many
@given(plans())
def test_the_header_tells_the_numbers_that_are_played(plan):
    line, *rest = RoundRobin(plan).describe()
    sizes = [len(specs) for specs in by_cell(plan).values()]
    sides = {contest.game_no: len(contest.sides) for contest in plan.contests}
    whole = sum(len(specs) // sides[game_no] for (game_no, _), specs in by_cell(plan).items())
    assert line.startswith(f"{plan.matches} matches: {len(plan.contests)} game")
    assert line.endswith(f"{whole} whole rotations")
    if min(sizes) == 0:
        assert rest == [f"fewer matches than cells: {sizes.count(0)} of {len(sizes)} cells are not played"]
    else:
        assert rest == []
        each = f"{min(sizes)} each" if min(sizes) == max(sizes) else f"{min(sizes)} or {max(sizes)} each"
        assert each in line


# ----------------------------------------------------------------------------------------- size


BIG = pytest.mark.parametrize("matches", [None, 1000, 10**9])


@BIG
@pytest.mark.parametrize("sides", [DUEL, SIDES[1], SIDES[2], SIDES[3]], ids=["pairs", "triples", "fours", "teams"])
def test_two_thousand_agents_begin_at_once(sides, matches):
    plan = a_plan(2000, matches, sides=sides)
    began = time.process_time()
    first = list(islice(RoundRobin(plan).round(0, ()), 1000))
    assert time.process_time() - began < 0.5
    assert len(first) == 1000


@BIG
def test_two_thousand_agents_need_no_memory_for_what_is_to_come(matches):
    plan = a_plan(2000, matches and matches * 10)
    tracemalloc.start()
    try:
        stream = RoundRobin(plan).round(0, ())
        assert sum(1 for _ in islice(stream, 10_000)) == 10_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 256 << 10  # 26 bytes a match: a tuple alone is 120
