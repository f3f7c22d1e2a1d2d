"""Gauntlet: challengers meet all others and nobody else, in exactly n balanced matches."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import Place, ended, until

from evalengine import ConfigError, Contest, Plan
from evalengine.builtin.gauntlet import Gauntlet
from evalengine.builtin.round_robin import RoundRobin

DUEL = ((0,), (1,))


def plan_of(agents, matches=None, rounds=None, sides=DUEL):
    contest = Contest(game_no=0, ref="game", sides=sides, agents=tuple(range(agents)), opening=2)
    return Plan(seed=7, contests=(contest,), matches=matches, rounds=rounds)


@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 300))
def test_a_gauntlet_plays_exactly_n_matches_balanced_over_its_cells(challengers, others, matches):
    pairing = Gauntlet(plan_of(challengers + others, matches), challengers)
    specs = list(pairing.round(0, ()))
    assert [spec.match_no for spec in specs] == list(range(matches))
    assert sum(pairing.sizes().values()) == matches
    assert pairing.round(1, ()) is None
    cells = Counter(tuple(sorted(spec.agents)) for spec in specs)
    assert all(one < challengers <= other for one, other in cells)
    counts = [cells[one, other] for one in range(challengers) for other in range(challengers, challengers + others)]
    assert max(counts) - min(counts) <= 1
    played = Counter(agent for spec in specs for agent in spec.agents)
    for group in (range(challengers), range(challengers, challengers + others)):
        assert max(played[agent] for agent in group) - min(played[agent] for agent in group) <= 1


@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 300))
def test_each_challenger_sits_in_both_seats_alike(challengers, others, matches):
    specs = list(Gauntlet(plan_of(challengers + others, matches), challengers).round(0, ()))
    first = Counter(spec.agents[0] for spec in specs)
    second = Counter(spec.agents[1] for spec in specs)
    assert all(abs(first[one] - second[one]) <= 1 for one in range(challengers))


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4))
def test_rounds_are_whole_rotations_of_the_seeds_of_round_robin(challengers, others, rounds):
    plan = plan_of(challengers + others, rounds=rounds)
    specs = [spec._replace(match_no=0) for spec in Gauntlet(plan, challengers).round(0, ())]
    assert set(specs) <= {spec._replace(match_no=0) for spec in RoundRobin(plan).round(0, ())}
    assert len(specs) == len(set(specs)) == 2 * rounds * challengers * others


@pytest.mark.parametrize("challengers", [0, -1, True, 1.0, "a", 3])
def test_wrong_numbers_of_challengers_are_refused(challengers):
    with pytest.raises(ConfigError, match="gauntlet"):
        Gauntlet(plan_of(3, 10), challengers)


def test_games_of_three_sides_are_refused():
    with pytest.raises(ConfigError, match="two sides"):
        Gauntlet(plan_of(4, 10, sides=((0,), (1,), (2,))))


@pytest.fixture
def places(tmp_path):
    made = [Place(tmp_path / f"at{number}") for number in range(4)]
    yield made
    for place in made:
        place.close()


@pytest.mark.slow
def test_a_gauntlet_killed_and_resumed_ends_as_for_any_number_of_workers(places):
    command = ("run", "random", "greedy", "minimax(depth=1)", "--games", "tictactoe", "--seed", "5")
    command += ("--pairing", "gauntlet(challengers=2)", "-n", "3001", "--format", "json")
    outcomes = [
        place.outcome(place.run(*command, "--workers", str(2**number)).stdout)
        for number, place in enumerate(places[:3])
    ]
    place = places[3]
    process = place.start(*command, "--workers", "2")
    until(lambda: place.stored() > 200 or process.poll() is not None)
    process.kill()
    ended(process, None)
    assert 0 < place.stored() < 3001, "killed too late to prove anything"
    until(lambda: not place.processes(), 10)
    resumed = place.run("run", "--resume", "--format", "json", "--workers", "2")
    outcomes.append(place.outcome(resumed.stdout))
    assert len(outcomes[0]["matches"]) == 3001
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_options_of_a_pairing_that_it_has_not_are_refused_in_a_line(places):
    command = ("run", "random", "greedy", "--games", "tictactoe", "-n", "4", "--pairing")
    for pairing, told in {
        "gauntlet(x=1)": "It takes: challengers=1",
        "gauntlet(challengers=2)": "2 of the 2 agents",
    }.items():
        error = places[0].run(*command, pairing, code=4).stderr
        assert told in error
        assert error.count("\n") == 1
