"""Batch raters: known values, laws that always hold, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, Rated, UsageError, rate
from evalengine.builtin.bradley_terry import BradleyTerry
from evalengine.builtin.fits import matrices
from evalengine.builtin.mean import Mean
from evalengine.builtin.plackett_luce import PlackettLuce, Pooled

ROOT = Path(__file__).resolve().parent.parent
ORACLES = {
    oracle["name"]: oracle
    for oracle in json.loads((ROOT / "tests" / "oracles" / "ratings.json").read_text())["oracles"]
}
AGENTS = 6
RATERS = (BradleyTerry, PlackettLuce, Pooled)
every_rater = pytest.mark.parametrize("make", RATERS, ids=lambda make: make.info.name)


def match(a, b, ranks=(1, 2), **more):
    return {"teams": [[a], [b]], "ranks": list(ranks), **more}


def won(a, b, count=1, **more):
    return [match(a, b, **more)] * count


def drawn(a, b, count=1, **more):
    return [match(a, b, (1, 1), **more)] * count


def by_agent(rows, key="rating"):
    return {row["agent"]: row[key] for row in rows}


def assert_finite(rows):
    for row in rows:
        for value in row.values():
            assert not isinstance(value, float) or math.isfinite(value), row


# ------------------------------------------------------------------------------------ known values


@pytest.mark.parametrize("name", ["bt_citations", "bt_two_players_2_1"])
def test_abilities_and_errors_are_those_of_the_literature(name):
    oracle = ORACLES[name]
    matches = [one for a, b, wins, losses in oracle["inputs"]["pairs"] for one in won(a, b, wins) + won(b, a, losses)]
    rows = rate(
        matches, "bt", scale=1, mean=0, anchors=oracle["inputs"]["anchor"], covariance="model", first_seat=False
    )
    assert by_agent(rows) == pytest.approx(oracle["expected"]["ability"], abs=oracle["tolerance"])
    errors = by_agent(rows, "se")
    for agent, error in oracle["expected"].get("se", {}).items():
        assert errors[agent] == pytest.approx(error, abs=oracle["tolerance"])


def test_playing_at_home_is_worth_what_agresti_says():
    oracle = ORACLES["bt_baseball_1987_first_move"]
    matches = []
    for home, away, wins, losses in oracle["inputs"]["home_away"]:
        matches += won(home, away, wins) + [match(home, away, (2, 1))] * losses
    rows = rate(matches, "bt", scale=1, anchors=oracle["inputs"]["anchor"])
    assert rows[0]["first_seat"] == pytest.approx(oracle["expected"]["at_home"], abs=oracle["tolerance"])
    shares = [math.exp(row["rating"]) for row in rows]
    found = sorted(share / sum(shares) for share in shares)
    assert found == pytest.approx(oracle["expected"]["softmax_sorted_3dp"], abs=oracle["tolerance"])


def test_log_strengths_of_orders_are_those_of_choix():
    oracle = ORACLES["pl_mle"]
    matches = [{"teams": [[agent] for agent in order], "ranks": [1, 2, 3, 4]} for order in oracle["inputs"]["rankings"]]
    assert by_agent(rate(matches, "plackett-luce")) == pytest.approx(oracle["expected"], abs=oracle["tolerance"])


def test_an_agent_below_its_least_number_of_runs_is_not_fully_evaluated():
    oracle = ORACLES["mean_score_min_runs"]
    matches = [{"teams": [["a"]], "scores": [score]} for score in oracle["inputs"]["scores"]]
    (row,) = rate(matches, "mean", min_runs=oracle["inputs"]["min_runs"])
    expected = oracle["expected"]
    assert (row["rating"], row["fully_evaluated"]) == (expected["current"], expected["fully_evaluated"])
    (row,) = rate([*matches, matches[0]], "mean")
    assert row["fully_evaluated"]


def test_a_score_of_three_quarters_is_191_elo():
    # 400 log10(3): Elo's curve (1978).
    rows = by_agent(rate(won("a", "b", 75) + won("b", "a", 25), "bt"))
    assert rows["a"] - rows["b"] == pytest.approx(400 * math.log10(3))
    assert rows["a"] + rows["b"] == pytest.approx(3000)


def test_a_draw_is_half_a_win_and_half_a_loss():
    drawn_ones = by_agent(rate(won("a", "b", 10) + drawn("a", "b", 20), "bt"))
    decided = by_agent(rate(won("a", "b", 20) + won("b", "a", 10), "bt"))
    assert drawn_ones == pytest.approx(decided)
    assert drawn_ones == pytest.approx(by_agent(rate(won("a", "b", 10) + drawn("a", "b", 20), "pooled")))


# ------------------------------------------------------------------------- intervals and clusters


def test_matches_of_one_rotation_that_repeat_each_other_are_one_piece_of_evidence():
    alone = [match("a", "b", (1, 2) if number % 3 else (2, 1)) for number in range(60)]
    repeated = [{**one, "rotation": number} for number, one in enumerate(alone) for _ in range(4)]
    (once, *_), (four_times, *_) = rate(alone, "bt"), rate(repeated, "bt")
    assert four_times["rating"] == pytest.approx(once["rating"])
    assert four_times["se"] == pytest.approx(once["se"], rel=1e-3)
    (independent, *_) = rate(alone * 4, "bt")
    assert independent["se"] == pytest.approx(once["se"] / 2, rel=0.02)


def test_an_opening_that_decides_both_matches_of_a_rotation_says_nothing_of_the_agents():
    # Whoever has the first seat wins: each rotation is 1-1 without exception.
    matches = [match(*pair, rotation=number) for number in range(30) for pair in (("a", "b"), ("b", "a"))]
    clustered = rate(matches, "bt", first_seat=False)
    model = rate(matches, "bt", first_seat=False, covariance="model")
    assert by_agent(clustered) == pytest.approx({"a": 1500, "b": 1500})
    assert clustered[0]["se"] < model[0]["se"] / 4
    assert_finite(rate(matches, "bt", first_seat=True))  # with a first seat whose advantage is infinite


def test_draws_make_intervals_narrower_than_the_model_thinks():
    matches = drawn("a", "b", 80) + won("a", "b", 10) + won("b", "a", 10)
    clustered, model = rate(matches, "bt"), rate(matches, "bt", covariance="model")
    assert clustered[0]["se"] == pytest.approx(model[0]["se"] * math.sqrt(0.2), rel=0.05)


def test_rotations_that_are_told_mixed_are_put_together():
    rotations = [won("a", "b", rotation=n) + drawn("b", "a", rotation=n) for n in range(20)]
    rotations += [won("b", "a", rotation=n) + drawn("a", "b", rotation=n) for n in range(20, 30)]
    ordered = [one for rotation in rotations for one in rotation]
    mixed = [rotation[0] for rotation in rotations] + [rotation[1] for rotation in rotations]
    assert rate(ordered, "bt") == rate(mixed, "bt")


def test_bands_of_ranks_hold_who_cannot_be_told_apart():
    matches = won("a", "b", 6) + won("b", "a", 5) + won("a", "z", 60) + won("z", "a", 3) + won("b", "z", 60)
    matches += won("z", "b", 3)
    bands = {row["agent"]: (row["rank"], row["rank_lo"], row["rank_hi"]) for row in rate(matches, "bt")}
    assert bands == {"a": (1, 1, 2), "b": (2, 1, 2), "z": (3, 3, 3)}


# ----------------------------------------------------------------- undefeated, disconnected, known


@every_rater
def test_extremes_are_finite_and_flagged(make):
    matches = won("best", "a", 5) + won("best", "b", 5) + won("a", "worst", 5) + won("b", "worst", 5)
    matches += won("a", "b", 4) + won("b", "a", 4) + drawn("peace", "a", 5) + drawn("peace", "b", 5) + won("once", "a")
    rows = rate(matches, make.info.name, prior={"nobody": (0.0, 1.0)} if make is PlackettLuce else None)
    assert_finite(rows)
    assert {row["agent"] for row in rows if row["provisional"]} >= {"best", "worst", "once"}
    assert not {row["agent"] for row in rows if row["provisional"]} & {"a", "b", "peace"}
    ratings = by_agent(rows)
    assert ratings["best"] > ratings["a"] > ratings["worst"]
    assert all(row["se"] > 0 for row in rows)


@every_rater
@pytest.mark.parametrize("results", [won("a", "b"), drawn("a", "b"), drawn("a", "b", 1000), won("a", "b", 100_000)])
def test_two_agents_are_finite_and_in_doubt_however_they_ended(make, results):
    rows = rate(results, make.info.name)
    assert_finite(rows)
    assert all(row["lo"] < row["rating"] < row["hi"] for row in rows)
    if results[0]["ranks"] == [1, 1]:
        assert [(row["rank"], row["rank_lo"], row["rank_hi"]) for row in rows] == [(1, 1, 2), (1, 1, 2)]
    else:
        assert all(row["provisional"] for row in rows)


@every_rater
def test_no_results_are_no_rows_and_no_error(make):
    assert rate([], make.info.name) == []
    (line,) = make().table([3])
    assert (line.matches, line.rank, line.lo, line.provisional) == (0, None, None, True)


@every_rater
def test_groups_that_never_met_are_not_ranked_against_each_other(make):
    matches = won("a", "b", 3) + won("b", "a", 2) + won("x", "y", 30) + won("y", "x", 2) + drawn("y", "z", 5)
    rows = rate(matches, make.info.name)
    groups = {}
    for row in rows:
        groups.setdefault(row["component"], []).append((row["agent"], row["rank"], row["rank_hi"]))
    assert {tuple(agent for agent, *_ in group) for group in groups.values()} == {("x", "y", "z"), ("a", "b")} or {
        tuple(agent for agent, *_ in group) for group in groups.values()
    } == {("x", "z", "y"), ("a", "b")}
    assert all(min(rank for _, rank, _ in group) == 1 for group in groups.values())
    assert all(max(hi for *_, hi in group) == len(group) for group in groups.values())
    middle = {
        number: sum(row["rating"] for row in rows if row["component"] == number) / len(groups[number])
        for number in groups
    }
    assert len({round(value, 6) for value in middle.values()}) == 1  # each about its own mean


def test_differences_are_known_within_a_component_only():
    rater = BradleyTerry()
    rater.update([Rated((0, 1), (1, 2), (0, 0)), Rated((1, 0), (1, 2), (0, 0)), Rated((2, 3), (1, 1), (0, 0))])
    assert rater.difference(0, 1)[0] == pytest.approx(0)
    assert rater.difference(0, 2) is rater.difference(0, 9) is None


def test_anchors_do_not_move_and_carry_the_scale():
    matches = won("new", "old", 15) + won("old", "new", 5)
    rows = rate(matches, "bt", anchors={"old": 2000.0, "idle": 1234.0})
    ratings = by_agent(rows)
    assert ratings["old"] == 2000.0
    assert ratings["new"] == pytest.approx(2000 + 400 * math.log10(3))
    assert ratings["idle"] == 1234.0
    assert by_agent(rows, "se")["old"] == 0.0
    # Anchors connect those who never met.
    two = rate(won("a", "x", 2) + won("x", "a") + won("b", "y", 3) + won("y", "b"), "bt", anchors={"x": 0, "y": 0})
    assert {row["component"] for row in two} == {0}


def test_a_prior_weighs_as_its_deviation_says():
    matches = won("a", "b", 3) + won("b", "a", 3)
    vague = by_agent(rate(matches, "bt", anchors={"b": 1500}, prior={"a": (2500, 5000)}))
    firm = by_agent(rate(matches, "bt", anchors={"b": 1500}, prior={"a": (2500, 1)}))
    assert vague["a"] == pytest.approx(1500, abs=3)
    assert firm["a"] == pytest.approx(2500, abs=1)
    (idle,) = [row for row in rate(matches, "bt", prior={"c": (1700, 80)}) if row["agent"] == "c"]
    assert (idle["rating"], idle["se"], idle["matches"]) == (1700, 80, 0)


def test_each_game_weighs_the_same_when_pooled():
    many = (won("a", "b", 900) + won("b", "a", 300)) * 1
    few = [{**one, "game": "other"} for one in won("b", "a", 9) + won("a", "b", 3)]
    pooled = by_agent(rate(many + few, "pooled"))
    assert pooled["a"] == pytest.approx(pooled["b"], abs=1e-6)
    assert by_agent(rate(many + few, "bt"))["a"] > 1500


def test_large_ties_are_rated():
    names = [f"agent{number}" for number in range(12)]
    matches = [{"teams": [[name] for name in names], "ranks": [1] * 11 + [12]}] * 3
    matches += [{"teams": [[name] for name in names], "ranks": [12] + [1] * 10 + [1]}]
    rows = rate(matches, "plackett-luce")
    assert_finite(rows)
    assert rows[-1]["agent"] == names[-1]


# -------------------------------------------------------------------------------------------- laws


@st.composite
def results(draw, sides=(2,), agents=AGENTS):
    """Whole rotations of the same agents, one after the other, now and then without a number."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        group = draw(st.permutations(range(agents)))[: draw(st.sampled_from(sides))]
        rotation, game = draw(st.sampled_from((-1, number))), draw(st.integers(0, 1))
        for shift in range(draw(st.integers(1, len(group)))):
            ranks = tuple(draw(st.integers(1, len(group))) for _ in group)
            order = tuple(group[shift:] + group[:shift])
            found.append(Rated(order, ranks, (0.0,) * len(group), rotation, game))
    return found


def results_for(make):
    return results() if make is BradleyTerry else results(sides=(2, 2, 3, 4))


def fitted(make, matches):
    rater = make()
    rater.update(matches)
    return rater


def shown(rater, agents=AGENTS):
    found = {}
    for line in rater.table(range(agents)):
        found[line.agent] = [line.rating, line.se, line.lo or 0.0, line.hi or 0.0, line.matches, line.provisional]
    return found


def assert_close(one, other):
    assert one.keys() == other.keys()
    for agent, values in one.items():
        assert values == pytest.approx(other[agent], rel=1e-8, abs=1e-6)


@every_rater
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_everything_is_finite_whatever_happened(make, data):
    rater = fitted(make, data.draw(results_for(make)))
    for line in rater.table(range(AGENTS + 1)):
        assert all(math.isfinite(value) for value in (line.rating, line.se, line.lo or 0.0, line.hi or 0.0))
        assert line.rank is None or line.rank_lo <= line.rank <= line.rank_hi
        assert (line.rank is None) == (line.matches == 0)
        assert line.rank is None or line.se > 0


@every_rater
@settings(max_examples=30, deadline=None)
@given(data=st.data(), cuts=st.lists(st.integers(0, 40), max_size=5))
@example(data=None, cuts=[])
def test_chunks_and_saved_states_do_not_change_a_bit(make, data, cuts):
    matches = [] if data is None else data.draw(results_for(make))
    whole, rater = fitted(make, matches), make()
    edges = [0, *sorted(cuts), len(matches)]
    for start, stop in zip(edges, [*edges[1:], len(matches)], strict=True):
        rater.update(matches[start:stop])
        state = rater.dump()
        rater = make()
        rater.load(state)
    assert rater.dump() == whole.dump()
    assert rater.table(range(AGENTS)) == whole.table(range(AGENTS))


@every_rater
@settings(max_examples=30, deadline=None)
@given(data=st.data(), names=st.permutations(range(AGENTS)))
def test_ratings_do_not_change_when_agents_are_renamed(make, data, names):
    matches = data.draw(results_for(make))
    renamed = [one._replace(agents=tuple(names[agent] for agent in one.agents)) for one in matches]
    found = shown(fitted(make, renamed))
    assert_close({agent: found[names[agent]] for agent in range(AGENTS)}, shown(fitted(make, matches)))


@every_rater
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_ratings_do_not_depend_on_the_order_of_rotations(make, data):
    matches = data.draw(results_for(make))
    rotations = {}
    for number, one in enumerate(matches):
        key = number if one.rotation < 0 else (one.rotation, one.game, tuple(sorted(one.agents)))
        rotations.setdefault(key, []).append(one)
    mixed = data.draw(st.permutations(list(rotations.values())))
    assert_close(shown(fitted(make, [one for group in mixed for one in group])), shown(fitted(make, matches)))


@settings(max_examples=30, deadline=None)
@given(matches=results())
def test_of_two_sides_plackett_and_luce_are_bradley_and_terry(matches):
    one = BradleyTerry(scale=1, mean=0, first_seat=False)
    one.update(matches)
    found, other = shown(one), shown(fitted(PlackettLuce, matches))
    assert {agent: values[0] for agent, values in found.items()} == pytest.approx(
        {agent: values[0] for agent, values in other.items()}, abs=1e-7
    )


@every_rater
def test_a_damaged_state_or_that_of_another_rater_is_refused(make):
    rater = fitted(make, [Rated((0, 1), (1, 2), (0.0, 0.0))])
    state = rater.dump()
    for damaged in (b"", state[:-1], bytes([state[0] ^ 1]) + state[1:], Mean().dump()):
        with pytest.raises(ValueError, match="no state of rater"):
            rater.load(damaged)
    assert rater.dump() == state


@every_rater
def test_the_state_does_not_grow_with_the_number_of_matches(make):
    rng = random.Random(3)
    sizes = []
    rater = make()
    for part in range(3):
        for number in range(4000):
            pair = rng.sample(range(3), 2)
            rotation = part * 4000 + number
            ranks = [rng.choice(((1, 2), (2, 1), (1, 1))) for _ in range(2)]
            rater.update(
                [Rated(tuple(pair), ranks[0], (0, 0), rotation), Rated(tuple(pair[::-1]), ranks[1], (0, 0), rotation)]
            )
        sizes.append(len(rater.dump()))
    assert sizes[2] < sizes[0] * 1.2  # the same keys with larger numbers


@pytest.mark.parametrize("weighted", [False, True])
def test_without_numpy_the_table_is_the_same(monkeypatch, weighted):
    pytest.importorskip("numpy")
    rng = random.Random(5)
    matches = []
    for rotation in range(300):
        a, b = rng.sample(range(25), 2)
        weight = rng.choice((1.0, 2.5)) if weighted else 1.0
        for pair in ((a, b), (b, a)):
            ranks = (
                (1, 1) if rng.random() < 0.3 else (1, 2) if rng.random() < 0.5 + 0.1 * (pair[0] < pair[1]) else (2, 1)
            )
            matches.append(Rated(pair, ranks, (0, 0), rotation, 0, weight))
    for make in RATERS:
        fast = fitted(make, matches).table(range(25))
        with monkeypatch.context() as patch:
            patch.setattr(matrices, "numpy_if_installed", lambda: None)
            plain = fitted(make, matches).table(range(25))
        for one, other in zip(fast, plain, strict=True):
            assert one.agent == other.agent
            assert (one.rating, one.se, one.lo) == pytest.approx((other.rating, other.se, other.lo), rel=1e-9, abs=1e-9)


def test_rating_needs_no_numpy_and_leaves_it_alone_for_few_agents():
    code = (
        "import sys\n"
        "import evalengine\n"
        "few = [{'teams': [['a'], ['b']], 'ranks': ranks} for ranks in ([1, 2], [2, 1], [1, 2])]\n"
        "many = few + [{'teams': [['a'], [f'c{n}']], 'ranks': [2 - n % 2, 1 + n % 2]} for n in range(20)]\n"
        "print(evalengine.rate(few, 'bt')[0]['agent'], 'numpy' in sys.modules)\n"
        "sys.modules['numpy'] = None\n"
        "print(len(evalengine.rate(many, 'bt')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "a False\n22\n"


# ------------------------------------------------------------------------------------- the mean


def scored(agent, score, **more):
    return {"teams": [[agent]], "scores": [score], **more}


def test_scores_of_one_rotation_are_one_piece_of_evidence_for_the_mean():
    alone = [scored("a", float(number % 4)) for number in range(40)]
    repeated = [{**one, "rotation": number} for number, one in enumerate(alone) for _ in range(3)]
    (once,), (thrice,) = rate(alone, "mean"), rate(repeated, "mean")
    assert thrice["rating"] == pytest.approx(once["rating"], rel=1e-12)
    assert thrice["se"] == pytest.approx(once["se"], rel=1e-9)


def test_the_best_mean_of_matches_in_a_row_is_told():
    scores = [0, 0, 1, 1, 1, 0, 0]
    (row,) = rate([scored("a", score) for score in scores], "mean", min_runs=4, window=3)
    assert (row["best"], row["fully_evaluated"]) == (1.0, True)
    (row,) = rate([scored("a", score) for score in scores], "mean", window=3, objective="min")
    assert row["best"] == pytest.approx(1 / 3)
    (row,) = rate([scored("a", 1.0)], "mean")
    assert (row["best"], row["lo"], row["provisional"]) == (None, None, True)


def test_the_lowest_mean_is_first_where_low_is_good():
    matches = [scored(agent, score) for agent, score in (("a", 3), ("b", 1), ("c", 2))]
    assert [row["agent"] for row in rate(matches, "mean", objective="min")] == ["b", "c", "a"]
    assert [row["agent"] for row in rate(matches, "mean")] == ["a", "c", "b"]


# ---------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("matches", "rater", "told"),
    [
        ([{"teams": [["a"], ["b"], ["c"]], "ranks": [1, 2, 3]}], "bt", "does not rate matches of 3 sides"),
        ([{"teams": [["a", "b"], ["c"]], "ranks": [1, 2]}], "bt", "does not rate teams"),
        ([{"teams": [["a", "b"], ["c"]], "ranks": [1, 2]}], "elo", "does not rate teams"),
        ([match("a", "b", weights=2)], "elo", "does not take the weights 2"),
        ([match("a", "b", weights=[[1], [0.5]])], "bt", "does not take the weights"),
        ([match("a", "b")], "mean", "match 0 has no scores"),
        ([match("a", "b"), {"teams": [["a"], ["b"]], "scores": [1, 0]}], "bt", "match 1 has no ranks"),
        ([{"teams": ["a", "b"], "ranks": [1, 2]}], "bt", "teams must be lists"),
        ([match("a", "a")], "bt", "takes part once"),
        ([match("a", "b", (1, 2, 3))], "bt", "ranks must be a list with a number for each of 2 teams"),
        ([match("a", "b", (1, math.nan))], "bt", "ranks must be finite"),
        ([match("a", "b", rotation=[])], "bt", "rotation must be a name or a number"),
        ([match("a", "b", weight=2)], "bt", "a record has teams"),
        ([7], "bt", "a record has teams"),
        ([], "bradley", "no rater"),
    ],
)
def test_what_cannot_be_rated_is_refused_in_one_line(matches, rater, told):
    with pytest.raises(UsageError, match=told) as error:
        rate(matches, rater)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("rater", "options"),
    [
        ("bt", {"k": 3}),
        ("bt", {"scale": 0}),
        ("bt", {"scale": "wide"}),
        ("bt", {"covariance": "hessian"}),
        ("bt", {"first_seat": "yes"}),
        ("bt", {"anchors": {"a": math.nan}}),
        ("bt", {"anchors": {"a": 0, "b": 1e9}}),
        ("bt", {"anchors": ["a"]}),
        ("bt", {"prior": {"a": 1500}}),
        ("bt", {"prior": {"a": (1500, 0)}}),
        ("bt", {"anchors": {"a": 1}, "prior": {"a": (1, 1)}}),
        ("mean", {"min_runs": 0}),
        ("mean", {"objective": "best"}),
        ("elo", {"anchors": {"a": 1500}}),
    ],
)
def test_options_that_a_rater_lacks_or_that_are_out_of_range_are_refused(rater, options):
    with pytest.raises(ConfigError, match=f"rater '{rater}'") as error:
        rate([match("a", "b")], rater, **options)
    assert "\n" not in str(error.value)


def test_weights_count_as_so_many_matches():
    weighted = by_agent(rate([match("a", "b", weights=3), match("b", "a")], "bt"))
    assert weighted == pytest.approx(by_agent(rate(won("a", "b", 3) + won("b", "a"), "bt")))
    assert by_agent(rate([match("a", "b", weights=3), match("b", "a")], "bt"), "matches") == {"a": 2, "b": 2}


@pytest.mark.parametrize("rater", ["trueskill", "elo"])
def test_online_raters_have_rows_without_an_interval(rater):
    rows = rate(won("a", "b", 3), rater)
    assert [(row["agent"], row["rank"], row["matches"], row["lo"]) for row in rows] == [
        ("a", 1, 3, None),
        ("b", 2, 3, None),
    ]


# ------------------------------------------------------------------------------------- simulations


def simulation():
    spec = importlib.util.spec_from_file_location("ratings_simulation", ROOT / "benchmarks" / "ratings_simulation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    "scene", ["no draws", "33% draws", "65% draws", "openings shared", "openings shared, 33% draws"]
)
def test_95_percent_intervals_of_differences_hold_the_truth(scene, capsys):
    simulated = simulation()
    found = simulated.simulate(simulated.SCENES[scene], 250)
    with capsys.disabled():
        print(f"\n{scene}: {found}")  # noqa: T201 - figures are asked for
    assert 0.93 <= found.differences <= 0.97
    assert 0.93 <= found.ratings <= 0.97
    assert found.bands >= 0.95
