"""The bundled raters: laws that always hold, and numbers of peers."""

from __future__ import annotations

import json
import math
import random
import statistics
from pathlib import Path
from statistics import NormalDist

import pytest
import trueskill as peer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, Rated
from evalengine.builtin.elo import Elo
from evalengine.builtin.mean import Mean
from evalengine.builtin.trueskill import TrueSkill
from evalengine.plugins import Plugins
from evalengine.references import imported

GOLDEN = {
    oracle["name"]: oracle
    for oracle in json.loads((Path(__file__).parent / "golden" / "ratings.json").read_text())["oracles"]
}
RATERS = (TrueSkill, Elo, Mean)
every_rater = pytest.mark.parametrize("make", RATERS, ids=lambda make: make.info.name)
AGENTS = 7
SCORE = st.floats(-1000, 1000)


@st.composite
def _rated(draw):
    """One result of one to four sides; an agent may meet itself."""
    sides = draw(st.sampled_from((1, 2, 2, 2, 2, 2, 3, 4)))
    agents = draw(st.lists(st.integers(0, AGENTS - 1), min_size=sides, max_size=sides))
    ranks = draw(st.lists(st.integers(1, sides), min_size=sides, max_size=sides))
    return Rated(tuple(agents), tuple(ranks), tuple(draw(st.lists(SCORE, min_size=sides, max_size=sides))))


RESULTS = st.lists(_rated(), max_size=20)
MEETING = Rated((0, 1), (1, 2), (1.0, -1.0))  # agent 0 beats agent 1


def _after(make, results, **options):
    rater = make(**options)
    rater.update(results)
    return rater


def _ratings(rater, agents=AGENTS):
    return [rater.rating(agent) for agent in range(agents)]


def _random_results(seed, count, sides=2, agents=8):
    """Return results whose first agents are stronger, a fifth of them with ties, so that upsets are among them."""
    rng = random.Random(seed)
    results = []
    for _ in range(count):
        group = rng.sample(range(agents), sides)
        strength = [round(rng.gauss(-agent, 3) / 2) for agent in group]
        ranks = [1 + sum(other > own for other in strength) for own in strength]
        results.append(Rated(tuple(group), tuple(ranks), tuple(map(float, strength))))
    return results


# ------------------------------------------------------------------------------- what always holds


@every_rater
@settings(max_examples=40, deadline=None)
@given(results=RESULTS, cuts=st.lists(st.integers(0, 20), max_size=5))
def test_chunks_do_not_change_a_bit(make, results, cuts):
    chunked = make()
    edges = [0, *sorted(cuts), len(results)]
    for start, stop in zip(edges, [*edges[1:], len(results)], strict=True):
        chunked.update(iter(results[start:stop]))
    assert chunked.dump() == _after(make, results).dump()


@every_rater
@settings(max_examples=40, deadline=None)
@given(results=RESULTS, names=st.permutations(range(AGENTS)))
def test_ratings_do_not_change_when_agents_are_renamed(make, results, names):
    renamed = _after(make, [result._replace(agents=[names[agent] for agent in result.agents]) for result in results])
    assert [renamed.rating(names[agent]) for agent in range(AGENTS)] == _ratings(_after(make, results))


@every_rater
@settings(max_examples=40, deadline=None)
@given(results=st.lists(_rated().filter(lambda result: len(result.agents) == 2), max_size=20))
def test_ratings_of_two_sides_do_not_depend_on_the_order_of_sides(make, results):
    turned = _after(make, [Rated(*(field[::-1] for field in result[:3])) for result in results])
    for one, other in zip(_ratings(turned), _ratings(_after(make, results)), strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9)


@every_rater
@settings(max_examples=40, deadline=None)
@given(before=RESULTS, after=RESULTS)
@example(before=[], after=[])
def test_a_loaded_state_continues_bit_identically(make, before, after):
    first = _after(make, before)
    second = _after(make, after)  # what it held is replaced
    second.load(first.dump())
    assert second.dump() == first.dump()
    first.update(after)
    second.update(after)
    assert second.dump() == first.dump()
    assert _ratings(second) == _ratings(first)


@every_rater
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_state_is_refused_and_changes_nothing(make, data):
    rater = _after(make, [MEETING, Rated((2, 0), (1, 1), (0.0, 0.0))])
    state = rater.dump()
    at = data.draw(st.integers(0, len(state) - 1))
    damaged = data.draw(
        st.one_of(
            st.just(state[:at]),
            st.just(state + bytes(8)),
            st.integers(1, 255).map(lambda mask: state[:at] + bytes([state[at] ^ mask]) + state[at + 1 :]),
            st.binary(max_size=80),
        )
    )
    with pytest.raises(ValueError, match="no state of rater"):
        rater.load(damaged)
    assert rater.dump() == state


@pytest.mark.parametrize(
    ("saved", "other"),
    [
        (TrueSkill(), TrueSkill(tau=25 / 300)),
        (TrueSkill(), TrueSkill(draw_probability=0.2)),
        (Elo(), Elo(k=16)),
        (Elo(), TrueSkill()),
        (Mean(), Elo()),
        (Elo(), Mean()),
    ],
)
def test_a_state_of_other_options_or_another_rater_is_refused(saved, other):
    saved.update([MEETING])
    with pytest.raises(ValueError, match="no state of rater"):
        other.load(saved.dump())


@every_rater
def test_an_agent_that_meets_itself_changes_nothing(make):
    rater = _after(make, _random_results(1, 50))
    before = _ratings(rater)
    rater.update([Rated((3, 3), (1, 2), (5.0, -5.0)), Rated((1, 2, 1), (1, 2, 3), (9.0, 1.0, -9.0))])
    assert _ratings(rater) == before


@pytest.mark.parametrize("make", [TrueSkill, Elo])
def test_a_result_of_one_side_changes_no_rating_by_places(make):
    rater = _after(make, [MEETING])
    before = _ratings(rater)
    rater.update([Rated((0,), (1,), (7.0,))])
    assert _ratings(rater) == before


@pytest.mark.slow
@every_rater
@pytest.mark.parametrize("sides", [2, 3])
def test_ratings_stay_finite_after_10000_wins_in_a_row(make, sides):
    win = Rated(tuple(range(sides)), tuple(range(1, sides + 1)), tuple(map(float, range(sides, 0, -1))))
    rater = _after(make, [win] * 10_000)
    table = _ratings(rater, sides)
    assert all(math.isfinite(value) for line in table for value in line)
    assert table == sorted(table, reverse=True)
    # Then the last beats the first: the largest upset there is.
    rater.update([win._replace(ranks=win.ranks[::-1], scores=win.scores[::-1])])
    assert all(math.isfinite(value) for line in _ratings(rater, sides) for value in line)
    assert rater.rating(0)[0] < table[0][0]
    assert rater.rating(sides - 1)[0] > table[-1][0]


@pytest.mark.parametrize(
    ("rater", "prior"), [(TrueSkill(), (25.0, 25 / 3)), (Elo(), (1500.0, 0.0)), (Mean(), (0.0, 0.0))]
)
def test_an_agent_that_plays_nobody_has_the_prior(rater, prior):
    assert rater.rating(5) == prior
    rater.update([Rated((9, 2), (1, 2), (1.0, 0.0))])
    assert rater.rating(5) == rater.rating(1000) == prior


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Elo, {"k": 0}),
        (Elo, {"scale": -1.0}),
        (Elo, {"initial": math.nan}),
        (TrueSkill, {"beta": 0}),
        (TrueSkill, {"sigma": 0.0}),
        (TrueSkill, {"sigma": 1e9}),
        (TrueSkill, {"tau": -1}),
        (TrueSkill, {"mu": math.inf}),
        (TrueSkill, {"draw_probability": 1.0}),
        (TrueSkill, {"draw_probability": -0.1}),
    ],
)
def test_options_out_of_range_are_refused(make, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        make(**options)


# --------------------------------------------------------------------- numbers of peers: TrueSkill


def _cdf(x, mu=0.0, sigma=1.0):
    """The normal integral by the C library's erfc; the package's own is good to 1e-7 only, NormalDist's lacks tails."""
    return 0.5 * math.erfc(-(x - mu) / (sigma * math.sqrt(2)))


def _peer(**options):
    normal = NormalDist()
    return peer.TrueSkill(**{"tau": 0.0} | options, backend=(_cdf, normal.pdf, normal.inv_cdf))


def _peer_ratings(results, agents=8, **options):
    env = _peer(**options)
    table = [env.create_rating() for _ in range(agents)]
    for result in results:
        rated = env.rate([(table[agent],) for agent in result.agents], ranks=result.ranks)
        for agent, (rating,) in zip(result.agents, rated, strict=True):
            table[agent] = rating
    return [(rating.mu, rating.sigma) for rating in table]


def _primed(ratings, **options):
    """Return a rater whose agents have these ratings already."""
    rater = TrueSkill(**options)
    rater._mu = [float(mu) for mu, _ in ratings]
    rater._variance = [float(sigma) ** 2 for _, sigma in ratings]
    return rater


def _close(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=tolerance)


@pytest.mark.parametrize(
    "options", [{}, {"tau": 25 / 300}, {"draw_probability": 0.6}, {"mu": 1500.0, "sigma": 500.0, "beta": 200.0}]
)
@pytest.mark.parametrize("seed", range(3))
def test_trueskill_of_two_sides_equals_the_package(seed, options):
    results = _random_results(seed, 300)
    assert any(a == b for _, (a, b), *_ in results)
    _close(_ratings(_after(TrueSkill, results, **options), 8), _peer_ratings(results, **options), 1e-9)


@pytest.mark.parametrize("sides", [3, 4, 6])
@pytest.mark.parametrize("options", [{}, {"tau": 25 / 300, "draw_probability": 0.3}])
def test_trueskill_in_free_for_all_equals_the_package(sides, options):
    results = _random_results(sides, 60, sides)
    _close(_ratings(_after(TrueSkill, results, **options), 8), _peer_ratings(results, **options), 1e-9)


def test_trueskill_with_mixed_numbers_of_sides_equals_the_package():
    results = [result for k in range(40) for result in _random_results(k, 1, 2 + k % 3)]
    _close(_ratings(_after(TrueSkill, results), 8), _peer_ratings(results), 1e-9)


@settings(max_examples=300, deadline=None)
@given(
    mu=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    sigma=st.tuples(st.floats(0.3, 9), st.floats(0.3, 9)),
    ranks=st.sampled_from([(1, 2), (2, 1), (1, 1)]),
    draws=st.floats(0.02, 0.9),
)
def test_one_trueskill_result_equals_the_package(mu, sigma, ranks, draws):
    env = _peer(draw_probability=draws)
    sides = [(env.create_rating(*rating),) for rating in zip(mu, sigma, strict=True)]
    expected = [(rating.mu, rating.sigma) for (rating,) in env.rate(sides, ranks=ranks)]
    rater = _primed(list(zip(mu, sigma, strict=True)), draw_probability=draws)
    rater.update([Rated((0, 1), ranks, (0.0, 0.0))])
    for one, other in zip(_ratings(rater, 2), expected, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9)  # a mu can be close to 0


@pytest.mark.parametrize("case", GOLDEN["ts_extremes"]["inputs"]["cases"], ids=lambda case: case["name"])
def test_trueskill_of_extreme_differences_equals_the_package_at_60_digits(case):
    rater = _primed(case["sides"])
    rater.update([Rated((0, 1), case["ranks"], (0.0, 0.0))])
    _close(_ratings(rater, 2), case["expected"], GOLDEN["ts_extremes"]["tolerance"])


@pytest.mark.parametrize("name", ["ts_1v1_win", "ts_upset_draw", "ts_ffa3_all_draw", "ts_ffa4", "ts_ffa8_msr_example"])
def test_trueskill_gives_the_known_answers(name):
    oracle = GOLDEN[name]
    sides = oracle["inputs"]["sides"]
    rater = _primed(sides, tau=25 / 300)
    rater.update([Rated(range(len(sides)), oracle["inputs"]["ranks"], [0.0] * len(sides))])
    for found, expected in zip(_ratings(rater, len(sides)), oracle["expected"], strict=True):
        assert found == pytest.approx(expected, abs=oracle["tolerance"])


def test_trueskill_gives_the_known_answer_of_a_sequence():
    oracle = GOLDEN["ts_sequence_40"]
    ranks = {1: (1, 2), 0: (1, 1), -1: (2, 1)}
    results = [Rated((a, b), ranks[won], (0.0, 0.0)) for a, b, won in oracle["inputs"]["matches"]]
    found = _ratings(_after(TrueSkill, results, tau=25 / 300), oracle["inputs"]["n"])
    _close(found, oracle["expected"], oracle["tolerance"])


def test_a_draw_where_draws_have_no_margin_moves_both_to_the_same_place():
    rater = _primed([(30.0, 2.0), (20.0, 2.0)], draw_probability=0.0)
    rater.update([Rated((0, 1), (1, 1), (0.0, 0.0))])
    (high, _), (low, _) = _ratings(rater, 2)
    # The difference is known to be 0 up to the noise of both: 10 * noise / (noise + 2 * variance), noise = 2 beta^2.
    noise = 2 * (25 / 6) ** 2
    assert high - low == pytest.approx(10 * noise / (noise + 8), rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    ratings=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3)), min_size=2, max_size=5),
    draws=st.sampled_from([0.0, 1e-9, 0.1, 0.99]),
    data=st.data(),
)
def test_trueskill_is_finite_whatever_the_ratings_are(ratings, draws, data):
    ranks = data.draw(st.lists(st.integers(1, len(ratings)), min_size=len(ratings), max_size=len(ratings)))
    rater = _primed(ratings, draw_probability=draws)
    rater.update([Rated(range(len(ratings)), ranks, [0.0] * len(ratings))])
    for mu, sigma in _ratings(rater, len(ratings)):
        assert math.isfinite(mu)
        assert 0 < sigma < math.inf


# ---------------------------------------------------------------------- numbers of peers: Elo, mean


def _elo_moves(diff, ranks, **options):
    rater = Elo(**options)
    rater._ratings = [1500.0 + diff, 1500.0]
    rater.update([Rated((0, 1), ranks, (0.0, 0.0))])
    return rater.rating(0)[0] - 1500.0 - diff, rater.rating(1)[0] - 1500.0


def test_elo_expects_half_of_equals():
    oracle = GOLDEN["elo_expected_0"]
    won, lost = _elo_moves(oracle["inputs"]["diff"], (1, 2), k=1.0)
    assert won == -lost == pytest.approx(1 - oracle["expected"], abs=oracle["tolerance"])


def test_elo_expects_three_quarters_at_the_known_difference():
    oracle = GOLDEN["elo_diff_75pct"]
    won, _ = _elo_moves(oracle["expected"], (1, 2), k=1.0)
    assert won == pytest.approx(1 - oracle["inputs"]["score"], abs=oracle["tolerance"])


@given(results=st.lists(_rated().filter(lambda result: len(set(result.agents)) == len(result.agents)), max_size=30))
def test_elo_equals_the_textbook_formula_over_all_pairs(results):
    table = [1500.0] * AGENTS
    for agents, ranks, *_ in results:
        before = list(table)
        for i, a in zip(agents, ranks, strict=True):
            for j, b in zip(agents, ranks, strict=True):
                if i != j:
                    expected = 1 / (1 + 10 ** ((before[j] - before[i]) / 400))  # Elo (1978), FIDE handbook B.02
                    table[i] += 32 / (len(agents) - 1) * ((1.0 if a < b else 0.5 if a == b else 0.0) - expected)
    assert [rating for rating, _ in _ratings(_after(Elo, results))] == pytest.approx(table, rel=1e-12)


def test_elo_survives_differences_whose_power_of_ten_overflows():
    assert _elo_moves(1e9, (1, 2)) == (0.0, 0.0)
    assert _elo_moves(1e9, (2, 1)) == (-32.0, 32.0)


@given(scores=st.lists(SCORE, min_size=2, max_size=30))
def test_mean_and_its_standard_error_equal_the_statistics_module(scores):
    rater = _after(Mean, [Rated((0,), (1,), (score,)) for score in scores])
    error = statistics.stdev(scores) / math.sqrt(len(scores))
    assert rater.rating(0) == pytest.approx((statistics.fmean(scores), error), rel=1e-9, abs=1e-9)


def test_mean_gives_the_known_answer():
    oracle = GOLDEN["mean_score_min_runs"]
    rater = _after(Mean, [Rated((0,), (1,), (score,)) for score in oracle["inputs"]["scores"]])
    assert rater.rating(0) == (pytest.approx(oracle["expected"]["current"], abs=oracle["tolerance"]), 0.0)


def test_mean_of_large_scores_keeps_its_digits():
    rater = _after(Mean, [Rated((0,), (1,), (1e9 + digit,)) for digit in (4, 7, 13, 16)])
    # Variance 30 whatever is added: the usual example of cancellation, 1e9 + (4, 7, 13, 16).
    assert rater.rating(0) == (1e9 + 10, pytest.approx(math.sqrt(30 / 4), rel=1e-12))


# ------------------------------------------------------------------------------------ as plugins


def test_the_raters_are_listed_and_made_from_their_specs():
    listed = Plugins(["no:builtin", "evalengine.builtin.raters"]).listed("raters")
    names = ["trueskill", "elo", "mean", "bt", "plackett-luce", "pooled", "glicko", "glicko2", "alpharank", "nash"]
    assert list(listed) == [*names, "openskill", "evalica"]
    for name in names:
        rater = imported(listed[name].factory, name)()
        assert rater.info.name == name
    for name in ("openskill", "evalica"):  # whose packages are extras
        assert imported(listed[name].factory, name).info.name == name
