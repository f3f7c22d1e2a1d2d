"""The statistics: peers' numbers, published numbers, and what holds for all counts."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import evalengine
from evalengine import (
    ConfigError,
    elo,
    elo_estimate,
    elo_expected,
    intransitivity,
    matches_needed,
    pair_statistics,
    reliability,
    sprt,
    sprt_bounds,
)
from evalengine.statistics.bradley_terry import fit
from evalengine.statistics.distributions import chi_square_above, normal_below, wilson_interval

ORACLES = json.loads((Path(__file__).parent / "oracles/ratings.json").read_text())["oracles"]


def oracles(kind):
    return [pytest.param(entry, id=entry["name"]) for entry in ORACLES if entry["rater"] == kind]


def near(entry, key=None):
    tolerance = entry["tolerance"]
    if not isinstance(tolerance, dict):
        return {"abs": tolerance}
    return {"abs": tolerance["los_abs"]} if key == "los_pct" else {"rel": tolerance["rel"]}


def as_counts(penta):
    return [penta["LL"], penta["LD"], penta["WL"] + penta["DD"], penta["WD"], penta["WW"]]


def told(estimate):
    return {
        "elo": estimate.elo,
        "elo_err95": estimate.elo_error,
        "nelo": estimate.nelo,
        "nelo_err95": estimate.nelo_error,
        "los_pct": 100 * estimate.los,
    }


# ------------------------------------------------------------------------------------------ peers


@pytest.mark.parametrize("entry", [*oracles("elo_wdl"), *oracles("elo_penta"), *oracles("elo_counts")])
def test_elo_and_its_error_are_those_of_fastchess_and_fishtest(entry):
    inputs = entry["inputs"]
    if entry["rater"] == "elo_wdl":
        estimate = elo_estimate(**inputs)
    else:
        estimate = elo_estimate(pentanomial=inputs["counts"] if "counts" in inputs else as_counts(inputs))
    for key, expected in entry["expected"].items():
        assert told(estimate)[key] == pytest.approx(expected, **near(entry, key)), key


# Disservin/fastchess, app/tests/elo_test.cpp @2f5e888: wins, losses, draws; LL, LD, WL, DD, WD, WW.
@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"wins": 76, "losses": 89, "draws": 123}, {"nelo": -20.76, "nelo_err95": 40.13, "los_pct": 15.53}),
        ({"wins": 34, "losses": 356, "draws": 0}, {"nelo": -508.44, "nelo_err95": 34.48}),
        (
            {"pentanomial": [332, 433, 498, 333, 334]},
            {"nelo": -9.17, "nelo_err95": 10.96, "elo": -8.64, "elo_err95": 10.33, "los_pct": 5.05},
        ),
    ],
)
def test_elo_is_what_fastchess_expects_of_itself(counts, expected):
    estimate = told(elo_estimate(**counts))
    for key, value in expected.items():
        assert estimate[key] == pytest.approx(value, **({"abs": 0.006} if key == "los_pct" else {"rel": 0.01})), key


def llr_of(inputs):
    inputs = dict(inputs)
    if "penta" in inputs:
        inputs["counts"] = as_counts(inputs.pop("penta"))
    elif "wins" in inputs:
        inputs["counts"] = [inputs.pop("losses"), inputs.pop("draws"), inputs.pop("wins")]
    return sprt(**inputs).llr


@pytest.mark.parametrize("entry", oracles("sprt_llr"))
def test_the_likelihood_ratio_is_that_of_fastchess_and_fishtest(entry):
    assert llr_of(entry["inputs"]) == pytest.approx(entry["expected"], **near(entry))


# Disservin/fastchess, app/tests/sprt_test.cpp @0cbac49; losses, draws, wins and LL, LD, WL+DD, WD, WW.
@pytest.mark.parametrize(
    ("counts", "elo0", "elo1", "model", "expected"),
    [
        ([36027, 68692, 36433], 0, 2, "normalized", 0.92),
        ([21184, 40708, 21404], 0.5, 2.5, "logistic", -1.57),
        ([68526, 128429, 68965], 0, 2, "bayesian", -1.26),
        ([365, 16618, 36229, 16974, 390], 0, 2, "normalized", 2.25),
        ([223, 9863, 21279, 10037, 246], 0.5, 2.5, "logistic", -3.07),
    ],
)
def test_the_likelihood_ratio_is_what_fastchess_expects_of_itself(counts, elo0, elo1, model, expected):
    assert sprt(counts, elo0=elo0, elo1=elo1, model=model).llr == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("entry", oracles("sprt_bounds"))
def test_the_bounds_are_walds(entry):
    assert sprt_bounds(**entry["inputs"]) == pytest.approx(entry["expected"], abs=entry["tolerance"])


@pytest.mark.parametrize("entry", [*oracles("elo_expected"), *oracles("elo_from_score")])
def test_elo_and_score_are_one_curve(entry):
    found = (elo_expected if entry["rater"] == "elo_expected" else elo)(*entry["inputs"].values())
    assert found == pytest.approx(entry["expected"], abs=entry["tolerance"])


@pytest.mark.parametrize(
    ("value", "freedom", "p_value"),
    # Abramowitz and Stegun 1964, table 26.8: percentage points of the chi-square distribution.
    [
        (3.84146, 1, 0.05),
        (6.63490, 1, 0.01),
        (18.3070, 10, 0.05),
        (2.15585, 10, 0.995),
        (124.342, 100, 0.05),
        (149.449, 100, 0.001),
    ],
)
def test_p_values_are_those_of_the_tables(value, freedom, p_value):
    assert chi_square_above(value, freedom) == pytest.approx(p_value, rel=1e-4)


def test_p_values_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 7, 30, 171, 4851):
        for ratio in (0.01, 0.3, 0.8, 0.999, 1.0, 1.001, 1.2, 2.0, 5.0):
            expected = stats.chi2.sf(ratio * freedom, freedom)
            if expected > 1e-280:
                assert chi_square_above(ratio * freedom, freedom) == pytest.approx(expected, rel=1e-9)


def test_wilsons_interval_is_the_published_one():
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for count, number, expected in [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0000, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ]:
        assert wilson_interval(count / number, number) == pytest.approx(expected, abs=6e-5)
    assert wilson_interval(0, 0) == (0, 1)
    assert normal_below(1.959963984540054) == pytest.approx(0.975, abs=1e-12)


# ------------------------------------------------------------------------------------------ always

COUNT = st.integers(0, 10_000)
THREE, FIVE = st.lists(COUNT, min_size=3, max_size=3), st.lists(COUNT, min_size=5, max_size=5)


def numbers(record):
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, float):
            yield field.name, value


@given(THREE | FIVE)
@example([0, 0, 0])
@example([0, 0, 1])
@example([0, 7, 0])
@example([1, 0, 1])
@example([0, 0, 0, 0, 10_000])
@example([0, 0, 0, 1, 10_000])
def test_an_estimate_is_finite_and_turns_round_with_the_agents(counts):
    one, other = estimate_of(counts), estimate_of(counts[::-1])
    assert all(map(math.isfinite, (value for _, value in numbers(one))))
    assert one.elo == pytest.approx(-other.elo, abs=1e-6)
    assert one.nelo == pytest.approx(-other.nelo, abs=1e-6)
    assert one.los == pytest.approx(1 - other.los, abs=1e-9)
    assert (one.elo_lo is None) == (other.elo_hi is None)
    assert one.elo_lo is None or one.elo_lo <= one.elo
    assert one.elo_hi is None or one.elo <= one.elo_hi
    assert one.matches_for(10) >= 1


def estimate_of(counts):
    if len(counts) == 5:
        return elo_estimate(pentanomial=counts)
    return elo_estimate(losses=counts[0], draws=counts[1], wins=counts[2])


@settings(deadline=None)
@given(THREE | FIVE, st.floats(-400, 400), st.floats(0.1, 400), st.sampled_from(["normalized", "logistic", "bayesian"]))
@example([0, 0, 10_000], 0, 5, "normalized")
@example([0, 0, 0, 0, 10_000], 0, 300, "normalized")
@example([10_000, 0, 0], -400, 400, "normalized")
@example([0, 10_000, 0], 0, 5, "normalized")
@example([0, 0, 1], 0, 5, "bayesian")
def test_a_ratio_is_finite_and_turns_round_with_the_hypotheses(counts, elo0, width, model):
    if model == "bayesian":
        counts = counts[:3]
    test = sprt(counts, elo0=elo0, elo1=elo0 + width, model=model)
    assert math.isfinite(test.llr)
    turned = sprt(counts[::-1], elo0=-elo0 - width, elo1=-elo0, model=model)
    assert turned.llr == pytest.approx(-test.llr, rel=1e-4, abs=1e-4)


def test_who_wins_all_has_a_bound_below_alone():
    estimate = elo_estimate(wins=20, draws=0, losses=0)
    assert estimate.one_sided
    assert estimate.elo_hi is None
    # Wilson's bound below for 20 of 20 is 20 / (20 + 1.96^2).
    assert estimate.elo_lo == pytest.approx(elo(20 / (20 + 1.959964**2)), abs=1e-3)
    assert estimate.elo_error == estimate.elo - estimate.elo_lo
    assert elo_estimate(wins=200, draws=0, losses=0).elo_lo > estimate.elo_lo


def test_nothing_but_draws_says_equal_and_is_not_certain():
    estimate = elo_estimate(wins=0, draws=100, losses=0)
    assert (estimate.elo, estimate.los, estimate.draw_ratio, estimate.one_sided) == (0, 0.5, 1, False)
    assert 0 < elo_estimate(wins=0, draws=1000, losses=0).elo_error < estimate.elo_error < 10


def test_without_a_match_nothing_is_known():
    estimate = elo_estimate(wins=0, draws=0, losses=0)
    assert (estimate.elo, estimate.elo_error, estimate.los, estimate.one_sided) == (0, None, 0.5, True)


def test_rotations_that_undo_the_opening_give_narrower_intervals():
    # 100 openings that always win for one side and 20 that tell the agents apart, in matches and in rotations.
    apart = elo_estimate(wins=120, draws=20, losses=100)
    paired = elo_estimate(pentanomial=[0, 0, 100, 20, 0])
    assert paired.score == apart.score
    assert paired.elo_error < apart.elo_error / 3
    assert paired.los > apart.los


def test_the_matches_needed_are_those_after_which_the_error_is_as_asked():
    number = matches_needed(10, draw_ratio=0.5)
    wins = number // 4
    assert elo_estimate(wins=wins, draws=number - 2 * wins, losses=wins).elo_error == pytest.approx(10, rel=0.01)
    estimate = elo_estimate(pentanomial=[10, 30, 60, 40, 15])
    more = round(estimate.matches_for(5) / estimate.matches)
    assert elo_estimate(pentanomial=[more * count for count in (10, 30, 60, 40, 15)]).elo_error == pytest.approx(
        5, rel=0.05
    )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (elo_estimate, "no counts"),
        (lambda: elo_estimate(wins=1, pentanomial=[1, 2, 3, 4, 5]), "both"),
        (lambda: elo_estimate(pentanomial=[1, 2, 3]), "Give 5"),
        (lambda: elo_estimate(wins=-1, draws=0, losses=0), "-1"),
        (lambda: elo_estimate(wins=float("nan"), draws=0, losses=0), "nan"),
        (lambda: elo_estimate(wins=True, draws=0, losses=0), "True"),
        (lambda: elo(1.5), "score is 1.5"),
        (lambda: elo(float("nan")), "score is nan"),
        (lambda: elo_expected(float("inf")), "diff is inf"),
        (lambda: matches_needed(0), "error_elo is 0"),
        (lambda: matches_needed(5, score=0.9, draw_ratio=0.3), "draw_ratio is 0.3"),
        (lambda: sprt_bounds(0, 0.05), "alpha is 0"),
        (lambda: sprt_bounds(0.5, 0.5), "not below 1"),
        (lambda: sprt([1, 2, 3], elo0=5, elo1=5), "above elo0"),
        (lambda: sprt([1, 2, 3, 4], elo1=5), "4 counts"),
        (lambda: sprt([1, 2, 3, 4, 5], elo1=5, model="bayesian"), "rotations"),
        (lambda: sprt([1, 2, 3], elo1=5, model="bayes"), "normalized"),
        (lambda: reliability(3, 2), "3 faults"),
        (lambda: pair_statistics(wins=1, draws=0, losses=0, pentanomial=[0, 0, 1, 0, 0]), "1 rotations"),
        (lambda: intransitivity({("a", "a"): [1, 0, 0]}), "itself"),
        (lambda: intransitivity({("a", "b"): [1, 0, 0], ("b", "a"): [1, 0, 0]}), "both orders"),
        (lambda: intransitivity({("a", "b"): [1, 0, 0], ("a", "c"): [1, 0, 0, 0, 0]}), "different kinds"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, told):
    with pytest.raises(ConfigError, match=told) as refused:
        call()
    assert "\n" not in str(refused.value)


# ------------------------------------------------------------------------------------------ pairs


def test_two_agents_are_told_apart_by_their_rotations():
    found = pair_statistics(
        wins=60, draws=30, losses=30, pentanomial=[5, 8, 20, 12, 15], first_seat=(70, 30, 20), faults=(0, 6)
    )
    assert found.elo == elo_estimate(pentanomial=[5, 8, 20, 12, 15])
    assert found.draw_ratio == 0.25
    assert found.first_seat.elo == pytest.approx(elo(85 / 120))
    assert found.first_seat.elo_lo > 0
    assert (found.reliability[0].rate, found.reliability[0].lo) == (0, 0)
    assert found.reliability[1].lo < 0.05 < found.reliability[1].hi
    alone = pair_statistics(wins=60, draws=30, losses=30, pentanomial=[0, 0, 0, 0, 0])
    assert alone.elo == elo_estimate(wins=60, draws=30, losses=30)
    assert alone.first_seat is None


# ------------------------------------------------------------------------------------------ circles

# Agresti 2013, Categorical Data Analysis, table 11.10: wins of seven baseball teams of the American League, 1987.
BASEBALL = {
    ("Milwaukee", "Detroit"): 7, ("Milwaukee", "Toronto"): 9, ("Milwaukee", "New York"): 7,
    ("Milwaukee", "Boston"): 7, ("Milwaukee", "Cleveland"): 9, ("Milwaukee", "Baltimore"): 11,
    ("Detroit", "Toronto"): 7, ("Detroit", "New York"): 5, ("Detroit", "Boston"): 11,
    ("Detroit", "Cleveland"): 9, ("Detroit", "Baltimore"): 9, ("Toronto", "New York"): 7,
    ("Toronto", "Boston"): 7, ("Toronto", "Cleveland"): 8, ("Toronto", "Baltimore"): 12,
    ("New York", "Boston"): 6, ("New York", "Cleveland"): 7, ("New York", "Baltimore"): 10,
    ("Boston", "Cleveland"): 7, ("Boston", "Baltimore"): 12, ("Cleveland", "Baltimore"): 6,
}  # fmt: skip


def test_the_deviance_is_the_published_one_and_baseball_has_one_scale():
    found = intransitivity({pair: [13 - wins, 0, wins] for pair, wins in BASEBALL.items()})
    # Agresti 2013, 11.6.2: G^2 = 15.7 with 15 degrees of freedom.
    assert found.deviance == pytest.approx(15.74, abs=0.05)
    assert (found.freedom, found.dispersion) == (15, 1)
    assert found.p_value == pytest.approx(0.40, abs=0.01)
    assert (found.significant, found.cycle) == (False, ())


def winners(found):
    return [edge.winner for edge in found.cycle]


def test_rock_beats_scissors_beats_paper():
    found = intransitivity(
        {("rock", "paper"): [30, 0, 5], ("paper", "scissors"): [28, 0, 7], ("rock", "scissors"): [6, 0, 29]}
    )
    assert found.significant
    assert found.freedom == 1
    assert set(winners(found)) == {"rock", "paper", "scissors"}
    assert all(
        edge.loser == following
        for edge, following in zip(found.cycle, [*winners(found)[1:], winners(found)[0]], strict=True)
    )
    assert min(edge.z for edge in found.cycle) > 1.6


def test_the_strongest_circle_is_shown_even_if_it_is_long():
    # d beats e by 55% and so on is too little to tell; a > b > c > d > a is told.
    sure, even = [20, 0, 80], [50, 0, 50]
    met = {
        ("a", "b"): sure,
        ("b", "c"): sure,
        ("c", "d"): sure,
        ("a", "d"): sure[::-1],
        ("a", "c"): even,
        ("b", "d"): even,
    }
    assert sorted(winners(intransitivity(met))) == ["a", "b", "c", "d"]


def test_a_ladder_with_someone_who_lost_all_has_no_circle():
    met = {("a", "b"): [0, 0, 40], ("b", "c"): [0, 0, 40], ("a", "c"): [0, 0, 40]}
    found = intransitivity(met)
    assert found.deviance == pytest.approx(0, abs=1e-6)
    assert not found.significant


@pytest.mark.parametrize(
    "pairs",
    [
        {},
        {("a", "b"): [1, 0, 0]},
        {("a", "b"): [0, 0, 0]},
        {("a", "b"): [0, 9, 0], ("b", "c"): [0, 9, 0], ("a", "c"): [0, 9, 0]},
    ],
)
def test_too_little_says_nothing_of_circles(pairs):
    found = intransitivity(pairs)
    assert (found.p_value, found.significant, found.cycle) == (1, False, ())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 50), min_size=5, max_size=5), min_size=10, max_size=10))
def test_circles_are_found_alike_whatever_the_agents_are_called(rows):
    names = [(one, other) for one in "abcde" for other in "abcde" if one < other]
    met = dict(zip(names, rows, strict=True))
    turn = dict(zip("abcde", "vzxwy", strict=True))
    turned = {(turn[other], turn[one]): counts[::-1] for (one, other), counts in met.items()}
    one, other = intransitivity(met), intransitivity(turned)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-5, abs=1e-9)
    assert all(map(math.isfinite, (value for _, value in numbers(one))))
    for edge in one.cycle:
        assert edge.score > 0.5


def test_draws_and_rotations_do_not_make_a_test_of_circles_wrong():
    """At one scale p-values are uniform: 300 tournaments of rotations with many draws."""
    from evalengine import stream

    low = 0
    rng = stream(5, "scale")
    for _ in range(300):
        met = {}
        for one in range(5):
            for other in range(one + 1, 5):
                edge = 0.02 * (other - one)
                weights = [0.02, 0.2 - edge, 0.5, 0.26 + edge, 0.02]
                found = rng.choices(range(5), weights, k=40)
                met[f"{one}", f"{other}"] = [found.count(kind) for kind in range(5)]
        low += intransitivity(met).p_value < 0.05
    assert 4 <= low <= 28  # 15 expected; 3.4 standard deviations


def test_a_fit_reaches_the_published_strengths():
    # Agresti 2013, 11.6.2: logits above Baltimore.
    strengths = fit({pair: [13 - wins, 0, wins] for pair, wins in BASEBALL.items()})
    published = {
        "Milwaukee": 1.58,
        "Detroit": 1.44,
        "Toronto": 1.29,
        "New York": 1.25,
        "Boston": 1.11,
        "Cleveland": 0.68,
    }
    for team, expected in published.items():
        assert strengths[team] - strengths["Baltimore"] == pytest.approx(expected, abs=0.006)


def test_all_of_this_is_public():
    assert evalengine.sprt is sprt
