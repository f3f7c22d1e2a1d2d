"""Pairings of several rounds: exactly n matches, balanced, no rematch while avoidable, the same whoever resumes."""

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import Contest, Plan, Standing, Standings, UsageError, derive
from evalengine.builtin.active import Active
from evalengine.builtin.contested import Contested
from evalengine.builtin.knockout import Knockout
from evalengine.builtin.ladder import Ladder
from evalengine.builtin.matching import most_pairs
from evalengine.builtin.pfsp import Pfsp
from evalengine.builtin.swiss import Swiss

DUEL = ((0,), (1,))
TEAMS = ((0, 2), (1, 3))
IN_ROUNDS = [Swiss, Ladder, Active, Pfsp, Contested]
some = settings(max_examples=40, deadline=None)


def plan_of(agents, matches=None, rounds=None, *, sides=DUEL, games=1, seed=7):
    contests = [
        Contest(game_no=number, ref=f"game{number}", sides=sides, agents=tuple(range(agents)), opening=2)
        for number in range(games)
    ]
    return Plan(seed=seed, contests=tuple(contests), matches=matches, rounds=rounds)


class Played:
    """A tournament of a pairing; results are drawn, or made by `result(spec)`: 1, 0.5, 0 or None for a void."""

    def __init__(self, make, plan, seed=0, result=None):
        self.plan = plan
        self.pairing = make(plan)
        self.rounds = []
        self.pairs = {}
        self.results = {}
        rng = random.Random(seed)
        self._result = result or (lambda _spec: rng.choice([1, 1, 0.5, 0, 0, None]))
        while (specs := self.pairing.round(len(self.rounds), self.standings())) is not None:
            specs = list(specs)
            again = list(make(plan).round(len(self.rounds), self.standings()))
            assert specs == again, "not pure"
            assert [spec.match_no for spec in specs] == list(range(len(specs)))
            self.rounds.append(specs)
            for spec in specs:
                self._count(spec)

    def _count(self, spec):
        sides = self.plan.contests[spec.game_no].sides
        agents = [spec.agents[side[0]] for side in sides]
        result = self._result(spec)
        place = {1: 0, 0.5: 1, 0: 2, None: 3}[result]
        for one, other in combinations(agents, 2):
            counts = self.pairs.setdefault((spec.game_no, one, other), [0, 0, 0, 0])
            counts[place] += 1

    def standings(self):
        points = Counter()
        for (_, one, other), (wins, draws, losses, _) in self.pairs.items():
            points[one] += wins + draws / 2
            points[other] += losses + draws / 2
        everybody = self.plan.contests[0].agents
        order = sorted(everybody, key=lambda agent: (-points[agent], agent))
        zero = dict.fromkeys(("sigma", "matches", "wins", "draws", "losses", "score", "faults"), 0)
        lines = [Standing(rank=1, agent=str(agent), rating=points[agent], **zero) for agent in order]
        return Standings(lines, order, {pair: tuple(counts) for pair, counts in sorted(self.pairs.items())})

    @property
    def specs(self):
        return [spec for specs in self.rounds for spec in specs]


# ------------------------------------------------------------------------------------ all of them


@some
@given(st.sampled_from(IN_ROUNDS), st.integers(2, 11), st.integers(1, 150), st.integers(1, 3), st.integers(0, 99))
def test_exactly_n_matches_are_played_over_all_rounds(make, agents, matches, games, seed):
    played = Played(make, plan_of(agents, matches, games=games), seed)
    assert len(played.specs) == matches
    assert len(played.rounds) == played.pairing.rounds()
    by_game = Counter(spec.game_no for spec in played.specs)
    assert {game: number for game, number in played.pairing.sizes().items() if number} == by_game


@some
@given(
    st.sampled_from(IN_ROUNDS),
    st.integers(2, 10),
    st.integers(1, 6),
    st.integers(0, 99),
    st.sampled_from([DUEL, TEAMS]),
)
def test_whole_rounds_have_whole_rotations_with_the_seeds_of_their_cell(make, agents, rounds, seed, sides):
    played = Played(make, plan_of(agents, rounds=rounds, sides=sides), seed)
    rotations = {}
    for spec in played.specs:
        rotations.setdefault((frozenset(spec.agents), spec.rotation), []).append(spec.agents)
        assert spec.seed == derive(7, "game0", spec.rotation)
        assert spec.opening == 2
    for orders in rotations.values():
        assert len(orders) == len(set(orders)) == 2
    for cell in {cell for cell, _ in rotations}:
        numbers = sorted(number for one, number in rotations if one == cell)
        assert numbers == list(range(len(numbers)))  # the first seeds, none twice


@some
@given(st.sampled_from([Swiss, Ladder, Active]), st.integers(2, 11), st.integers(1, 150), st.integers(0, 99))
def test_everybody_plays_about_equally_often_in_each_seat(make, agents, matches, seed):
    specs = Played(make, plan_of(agents, matches), seed).specs
    played = Counter(agent for spec in specs for agent in spec.agents)
    counts = [played[agent] for agent in range(agents)]
    # Of an odd number one rests in each round, for a whole rotation; a round that is cut short is uneven by one match.
    assert max(counts) - min(counts) <= (3 if agents % 2 else 1)
    first = Counter(spec.agents[0] for spec in specs)
    assert all(abs(2 * first[agent] - played[agent]) <= 1 for agent in range(agents))


@pytest.mark.parametrize("make", [Swiss, Active, Pfsp, Knockout])
def test_games_of_three_sides_are_refused_where_they_make_no_sense(make):
    with pytest.raises(UsageError, match="two sides"):
        make(plan_of(4, 10, sides=((0,), (1,), (2,))))


# ------------------------------------------------------------------------------------------ swiss


@some
@given(st.integers(2, 12), st.integers(0, 999))
def test_nobody_meets_twice_in_a_swiss_while_that_can_be_avoided(agents, seed):
    played = Played(Swiss, plan_of(agents, rounds=agents + 1), seed)
    met = set()
    rested = Counter()
    for specs in played.rounds:
        pairs = {frozenset(spec.agents) for spec in specs}
        busy = {agent for pair in pairs for agent in pair}
        assert len(busy) == 2 * len(pairs) == agents - agents % 2
        rested.update(set(range(agents)) - busy)
        again = pairs & met
        if again:
            assert _most(sorted(busy), met) < len(pairs), "a rematch that could be avoided"
        met |= pairs
    if agents % 2:
        assert max(rested.values()) - min(rested[agent] for agent in range(agents)) <= 1 + len(played.rounds) // agents


def _most(vertices, met):
    """Return how many pairs of agents that have not met there are at most, by trying all (a peer of the matching)."""
    best = 0

    def grow(free, pairs):
        nonlocal best
        best = max(best, pairs)
        if len(free) < 2 or pairs + len(free) // 2 <= best:
            return
        one, *rest = free
        for other in rest:
            if frozenset((one, other)) not in met:
                grow([agent for agent in rest if agent != other], pairs + 1)
        grow(rest, pairs)

    grow(list(vertices), 0)
    return best


@some
@given(st.integers(0, 14), st.data())
def test_a_matching_has_as_many_pairs_as_any(vertices, data):
    edges = data.draw(st.sets(st.sampled_from(list(combinations(range(vertices), 2))))) if vertices > 1 else set()
    wishes = [[other for other in range(vertices) if tuple(sorted((one, other))) in edges] for one in range(vertices)]
    mates = most_pairs(wishes)
    assert all(mate < 0 or (mates[mate] == one and mate in wishes[one]) for one, mate in enumerate(mates))
    missing = {frozenset(pair) for pair in combinations(range(vertices), 2)} - {frozenset(pair) for pair in edges}
    assert sum(mate >= 0 for mate in mates) == 2 * _most(range(vertices), missing)


def test_a_swiss_in_which_the_better_always_wins_ranks_the_best_first():
    played = Played(Swiss, plan_of(16), result=lambda spec: int(spec.agents[0] < spec.agents[1]))
    assert len(played.rounds) == 4
    assert {frozenset(spec.agents) for spec in played.rounds[0]} == {frozenset((k, k + 8)) for k in range(8)}
    totals = Counter()
    for (_, one, other), (wins, _, losses, _) in played.pairs.items():
        totals[one] += wins
        totals[other] += losses
    assert totals[0] == 8
    assert [agent for agent, points in totals.items() if points == 8] == [0]


# --------------------------------------------------------------------------------------- knockout


def loser_out(played):
    """Return the agents that met in each level's first round."""
    return [{agent for spec in specs for agent in spec.agents} for specs in played.rounds if specs]


@pytest.mark.parametrize("agents", range(2, 18))
def test_in_a_knockout_without_surprises_the_favourites_meet_as_late_as_can_be(agents):
    played = Played(
        lambda plan: Knockout(plan, 0), plan_of(agents), result=lambda spec: int(spec.agents[0] < spec.agents[1])
    )
    levels = loser_out(played)
    assert levels[-1] == {0, 1}
    assert [max(level) for level in levels[1:]] == [2**k - 1 for k in range(len(levels) - 1, 0, -1)]
    assert len({frozenset(spec.agents) for spec in played.specs}) == agents - 1
    assert len(played.specs) == 2 * (agents - 1)


def test_even_ties_are_replayed_with_another_seed_and_then_the_better_seed_goes_on():
    played = Played(lambda plan: Knockout(plan, 2), plan_of(4), result=lambda _: 0.5)
    assert [len(specs) for specs in played.rounds] == [4, 4, 4, 2, 2, 2]
    assert {spec.rotation for spec in played.rounds[2]} == {2}
    assert loser_out(played)[-1] == {0, 1}


@some
@given(st.integers(2, 12), st.integers(0, 60), st.integers(0, 3), st.integers(0, 99))
def test_a_knockout_plays_exactly_n_matches(agents, more, replays, seed):
    matches = 2 * (agents - 1) + more
    played = Played(lambda plan: Knockout(plan, replays), plan_of(agents, matches), seed)
    assert len(played.specs) == matches
    assert played.pairing.sizes() == {0: matches}


def test_too_few_matches_for_a_knockout_are_refused():
    with pytest.raises(UsageError, match="at least 14 matches"):
        Knockout(plan_of(8, 13))


# ------------------------------------------------------------------------------------- contested


def stronger_first(spec):
    """Let the agent with the lower number win, but for the third and the fourth, who win in turn."""
    one, other = spec.agents
    return int(spec.rotation % 2 == (one > other)) if {one, other} == {2, 3} else int(one < other)


def test_all_meet_twice_and_then_those_at_the_border_alone():
    played = Played(lambda plan: Contested(plan, top=3), plan_of(8, rounds=40), result=stronger_first)
    cells = Counter(frozenset(spec.agents) for spec in played.specs)
    assert min(cells.values()) >= 4
    late = {frozenset(spec.agents) for specs in played.rounds[-5:] for spec in specs}
    assert late == {frozenset({2, 3})}
    assert {len(specs) for specs in played.rounds} == {16}


def test_agents_that_are_all_alike_all_go_on_meeting():
    played = Played(lambda plan: Contested(plan, top=3), plan_of(6, rounds=50), result=lambda _: 0.5)
    cells = Counter(frozenset(spec.agents) for spec in played.specs)
    assert len(cells) == 15
    assert max(cells.values()) - min(cells.values()) <= 2


def test_when_nothing_is_contested_all_meet_alike():
    wins = lambda spec: int(spec.agents[0] < spec.agents[1])  # noqa: E731 - as others here
    played = Played(lambda plan: Contested(plan, top=2, margin=50), plan_of(4, rounds=100), result=wins)
    cells = Counter(frozenset(spec.agents) for spec in played.specs)
    late = Counter(frozenset(spec.agents) for specs in played.rounds[-12:] for spec in specs)
    assert len(late) == len(cells) == 6


def test_a_border_behind_the_last_agent_is_refused():
    with pytest.raises(UsageError, match="4 agents play game0: give a smaller top"):
        Contested(plan_of(4), top=4)


# --------------------------------------------------------------------------------- ladder, pfsp


def test_neighbours_of_the_board_meet_on_a_ladder():
    standings = Standings(_lines([4, 2, 0, 1, 3, 5]), [4, 2, 0, 1, 3, 5])
    ladder = Ladder(plan_of(6, rounds=9))
    assert [spec.agents for spec in ladder.round(2, standings)][::2] == [(4, 2), (0, 1), (3, 5)]
    assert [spec.agents for spec in ladder.round(3, standings)][::2] == [(2, 0), (1, 3), (5, 4)]


def test_a_ladder_of_three_sides_seats_three_neighbours():
    ladder = Ladder(plan_of(7, rounds=2, sides=((0,), (1,), (2,))))
    specs = list(ladder.round(0, Standings()))
    assert [sorted(spec.agents) for spec in specs] == [[0, 1, 2]] * 3 + [[3, 4, 5]] * 3
    assert len({spec.agents for spec in specs}) == 6


def _lines(order):
    zero = dict.fromkeys(("rating", "sigma", "matches", "wins", "draws", "losses", "score", "faults"), 0)
    return [Standing(rank=1, agent=str(agent), **zero) for agent in order]


@pytest.mark.parametrize(("weighting", "shares"), [("squared", (1, 0.25)), ("linear", (1, 0.5)), ("variance", (0, 1))])
def test_opponents_are_drawn_by_the_weights_of_alphastar(weighting, shares):
    # The learner has lost all against 1 and drawn all against 2.
    standings = Standings(_lines([1, 2, 0]), [1, 2, 0], {(0, 0, 1): (0, 0, 10, 0), (0, 0, 2): (0, 10, 0, 0)})
    drawn = Counter()
    for seed in range(400):
        pairing = Pfsp(plan_of(3, rounds=9, seed=seed), learners=1, weighting=weighting)
        drawn.update(spec.agents[1] for spec in list(pairing.round(3, standings))[:1])
    assert abs(drawn[1] / 400 - shares[0] / sum(shares)) < 0.1


# ----------------------------------------------------------------------------------------- active


def test_active_prefers_those_whose_order_is_open():
    pairs = {(0, 0, 1): (50, 0, 50, 0), (0, 2, 3): (50, 0, 50, 0), (0, 0, 2): (99, 0, 1, 0), (0, 1, 3): (99, 0, 1, 0)}
    standings = Standings(_lines(range(4)), range(4), pairs)
    specs = list(Active(plan_of(4, rounds=9)).round(5, standings))
    assert {frozenset(spec.agents) for spec in specs} == {frozenset((0, 1)), frozenset((2, 3))}
