"""Claims on a mean score: evidence by betting, its bounds, and the rule that stops a run by it."""

import dataclasses
import math
import operator
import random

import pytest
from commandline import Shell
from hypothesis import given
from hypothesis import strategies as st

from evalengine import ConfigError
from evalengine.statistics import betting
from evalengine.statistics.stopping import ScoreStopping

COUNTS = st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(any) | st.lists(
    st.integers(0, 60), min_size=3, max_size=3
).filter(any)
SEED = str(1 << 50)


def by_hand(points, mean):
    """Return the capital of a grid of bets on points in 0..1, one after the other."""
    shares = [(number + 0.5) / 20 for number in range(20)]
    return sum(math.prod(1 - share + share * point / mean for point in points) for share in shares) / 20


def test_the_evidence_is_the_capital_of_bets_made_one_after_the_other():
    points = [1, 0.5, 0.75, 1, 0, 1, 0.25]
    counts = [1, 1, 1, 1, 3]
    for mean in (0.3, 0.5, 0.9):
        assert betting.evidence_above(counts, mean) == pytest.approx(math.log(by_hand(points, mean)))
        assert betting.evidence_below(counts, mean) == pytest.approx(
            math.log(by_hand([1 - point for point in points], 1 - mean))
        )


@pytest.mark.parametrize("mean", [0.2, 0.5, 0.7])
def test_where_the_claim_holds_the_capital_does_not_grow_on_average(mean):
    """Summed over all results of five fair bets, weighted by their probability, the capital is what it began as."""
    chances = {0.0: (1 - mean) ** 2, 0.5: 2 * mean * (1 - mean), 1.0: mean**2}  # any with this mean would do

    def expected(points):
        if len(points) == 5:
            return by_hand(points, mean)
        return sum(chance * expected([*points, point]) for point, chance in chances.items())

    assert expected([]) == pytest.approx(1)


@given(COUNTS, st.sampled_from([0.01, 0.05, 0.3]))
def test_the_bounds_hold_the_mean_and_turn_round_with_the_agents(counts, alpha):
    low, high = betting.lower_bound(counts, alpha), betting.upper_bound(counts, alpha)
    top = len(counts) - 1
    mean = sum(point * count for point, count in enumerate(counts)) / top / sum(counts)
    assert 0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1
    assert betting.upper_bound(counts[::-1], alpha) == pytest.approx(1 - low)
    if low:
        assert betting.evidence_above(counts, low) == pytest.approx(-math.log(alpha), abs=1e-6)
    more = [3 * count for count in counts]
    if counts[0] and counts[-1]:
        assert betting.upper_bound(more, alpha) - betting.lower_bound(more, alpha) < high - low


def fed(rule, results):
    for match_no, points in enumerate(results):
        rule.feed(match_no, rule.agents, match_no // rule.rotations.size, points)
    return rule


def test_who_wins_all_is_shown_after_seven_rotations():
    rule = fed(ScoreStopping("new", "old"), [1.0] * 40)
    assert rule.decided_no == 13
    assert rule.unused == 26
    found = rule.result()
    assert found.decision == "above"
    assert found.score == 1
    assert 0.5 < found.lo < found.hi == 1
    assert fed(ScoreStopping("new", "old"), [0.0] * 40).result().decision == "not above"
    assert fed(ScoreStopping("new", "old"), [0.5] * 400).result().decision is None


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.0, None]), max_size=60), st.integers(0, 60))
def test_a_rule_can_be_stored_and_taken_up_again_anywhere(results, cut):
    whole = fed(ScoreStopping("new", "old", threshold=0.4, alpha=0.1), results)
    rule = ScoreStopping("new", "old", threshold=0.4, alpha=0.1)
    for match_no, points in enumerate(results):
        if match_no == cut:
            rule = ScoreStopping.load(rule.dump())
        rule.feed(match_no, rule.agents, match_no // 2, points)
    assert rule.dump() == whole.dump()
    assert rule.result() == whole.result()


def test_the_agents_names_do_not_matter():
    results = [1.0, 0.0, 1.0, 0.5, 1.0, 1.0]
    one, other = (fed(ScoreStopping(*names), results).result() for names in (("a", "b"), ("b", "a")))
    assert dataclasses.asdict(one) == dataclasses.asdict(other)


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"threshold": 1.5}, {"alpha": 0}, {"alpha": 0.5}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        ScoreStopping("a", "b", **wrong)


# ------------------------------------------------------------------------------------------ in runs


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Shell(tmp_path, capsys)


def test_a_run_stops_when_it_is_shown_and_is_read_back(shell):
    run = ("run", "minimax", "random", "--games", "tictactoe", "--seed", SEED, "--until", "beats,score=0.6", "-n", 300)
    assert shell(*run) == 0
    assert (
        "stops when minimax-2 against random is shown to score more than 60.0%, or not more (alpha 0.05)" in shell.err
    )
    line = next(line for line in shell.out.splitlines() if line.startswith("shown: "))
    assert line.startswith("shown: minimax-2 scores more than 60.0% against random; score ")
    assert shell("standings") == 0
    assert line in shell.out
    assert shell("run", "random", "minimax", *run[3:]) == 0
    assert "shown: random scores no more than 60.0% against minimax-2" in shell.out
    assert shell("run", "random", "again=random", *run[3:-4], "--until", "beats", "-n", 20) == 0
    assert "undecided whether random scores more than 50.0% against again" in shell.out


WRONG = {
    "three": (("random", "greedy", "minimax", "--until", "beats"), "beats is about the first of two agents"),
    "value": (("random", "greedy", "--until", "beats=2"), "says not when"),
    "both": (("random", "greedy", "--until", "beats,top=1"), "says not when"),
    "margin": (("random", "greedy", "--until", "beats,margin=3"), "beats knows no margin"),
    "score": (("random", "greedy", "--until", "top=1,score=0.6"), "top knows no score"),
    "range": (("random", "greedy", "--until", "beats,score=2"), "score is 2.0. Give a number above 0 and below 1"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_rule_that_cannot_work_is_refused_in_one_line(shell, kind):
    arguments, told = WRONG[kind]
    assert shell("run", *arguments, "--games", "tictactoe") == 4
    assert told in shell.err
    assert shell.err.count("\n") == 1


# ------------------------------------------------------------------------------------------ measured

EQUAL = {
    # points of a rotation with their weights: all of mean 1/2
    "coins": ([0, 1, 2, 3, 4], [1, 4, 6, 4, 1]),
    "draws": ([1, 2, 3], [1, 18, 1]),
    "all or nothing": ([0, 4], [1, 1]),
    "rare and large": ([0, 3], [1, 2]),
    "rare the other way": ([1, 4], [2, 1]),
}


@pytest.mark.parametrize("kind", EQUAL)
def test_equal_agents_are_shown_to_be_better_no_more_often_than_promised(kind):
    points, weights = EQUAL[kind]
    rng, runs, alpha = random.Random(5), 2000, 0.05
    shares, wrong = [(number + 0.5) / 20 for number in range(20)], 0
    grown = [[1 - share + share * point / 2 for share in shares] for point in range(5)]  # points/4 over a mean of 1/2
    for _ in range(runs):
        capital = [1 / 20] * 20
        for point in rng.choices(points, weights, k=100):  # at most 200 matches; as `evidence_above`: see by_hand
            capital = list(map(operator.mul, capital, grown[point]))
            if sum(capital) >= 1 / alpha:
                wrong += 1
                break
    # Promised: at most alpha. Three standard deviations of the simulation on top.
    assert wrong / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def test_a_better_agent_is_shown_to_be_better_within_200_matches():
    rng, shown = random.Random(6), 0
    for _ in range(200):  # wins 65% of its matches
        results = (float(rng.random() < 0.65) for _ in range(200))
        shown += fed(ScoreStopping("new", "old"), results).result().decision == "above"
    assert shown >= 180
