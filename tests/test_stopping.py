"""Sequential stopping: the decision falls at one match, whatever the chunks, and errs as seldom as promised."""

import dataclasses
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, SprtStopping, UntilSettled, settled, sprt, stream
from evalengine.statistics.sequential import Sprt

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))
import stopping_simulation as simulation

PAIR = ("new", "old")  # the first is not the first by name in every test: see turned


def results_of(world, seed, number):
    """Return (match_no, pair, rotation, points) of two agents."""
    rng = stream(seed, "results")
    found = []
    for rotation in range(number):
        for points in world.play(rng, 0, 1, rng.randrange(simulation.OPENINGS)):
            found.append((len(found), PAIR, rotation, points))
    return found


AHEAD = results_of(simulation.World(strengths=[40.0, 0.0], draw_elo=160.0), 3, 600)


def fed(stopping, results):
    for result in results:
        stopping.feed(*result)
    return stopping


def test_the_decision_falls_at_the_first_rotation_that_allows_it():
    stopping = fed(SprtStopping(*PAIR, elo0=0, elo1=40), AHEAD)
    result = stopping.result()
    assert result.decision == "H1"
    counts = [0] * 5
    for rotation in range(600):  # by hand, and with the exact ratio each time
        counts[int(2 * (AHEAD[2 * rotation][3] + AHEAD[2 * rotation + 1][3]))] += 1
        if sprt(counts, elo0=0, elo1=40).decision:
            break
    assert stopping.decided_no == 2 * rotation + 1
    assert stopping.counts() == counts
    assert result == sprt(counts, elo0=0, elo1=40)
    assert stopping.unused == len(AHEAD) - 1 - stopping.decided_no


@pytest.mark.parametrize("model", ["normalized", "logistic"])
@pytest.mark.parametrize("seed", range(4))
def test_leaving_out_the_exact_ratio_where_none_is_near_changes_nothing(model, seed):
    world = simulation.World(strengths=[12.0 * (seed % 2), 0.0], draw_elo=100.0 * seed)
    counts = [0] * 5
    stopping = SprtStopping(*PAIR, elo0=0, elo1=25, model=model)
    for result in results_of(world, seed, 2500):
        before = stopping.done
        stopping.feed(*result)
        if result[0] % 2 and not before:
            counts = stopping.counts()
            assert stopping.done == (sprt(counts, elo0=0, elo1=25, model=model).decision is not None)


@pytest.mark.parametrize("elo1", [1, 5, 40])
@pytest.mark.parametrize("others", [[0, 20, 0, 0], [0, 3, 3, 0], [20, 0], [1, 0], [0, 0], [0, 0, 0, 0]])
def test_lopsided_and_uniform_counts_decide_where_the_exact_ratio_does(others, elo1):
    test = Sprt(elo0=0, elo1=elo1)
    for place in range(len(others) + 1):

        def crossed(units, place=place):
            counts = [*others[:place], units, *others[place:]]
            return test.crossed(counts), not test.lower < test.llr(counts) < test.upper

        low, high = 0, 1
        while not crossed(high)[1]:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if crossed(middle)[1] else (middle, high)
        assert crossed(high - 1)[0] is False or high == 1
        assert crossed(high)[0] is True


def test_rotations_that_all_end_alike_cost_next_to_nothing(monkeypatch):
    stopping = SprtStopping("a", "b", elo1=2.0)
    exact, asked = Sprt.llr, []
    monkeypatch.setattr(Sprt, "llr", lambda *arguments: asked.append(1) or exact(*arguments))
    for rotation in range(100_000):
        for seat in (0, 1):
            stopping.feed(2 * rotation + seat, ("a", "b"), rotation, 1 - seat)
        if stopping.done:
            break
    assert 20_000 < rotation < 100_000
    assert len(asked) < 50


def test_the_other_agents_side_is_the_same_test_turned_round():
    turned = [(no, ("old", "new"), rotation, 1 - points) for no, _, rotation, points in AHEAD]
    one, other = fed(SprtStopping(*PAIR, elo1=40), AHEAD), fed(SprtStopping(*PAIR, elo1=40), turned)
    assert one.dump() == other.dump()
    back = fed(SprtStopping("old", "new", elo0=-40, elo1=0), AHEAD)
    assert back.result().llr == pytest.approx(-one.result().llr)
    assert (back.result().decision, back.decided_no) == ("H0", one.decided_no)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 500), max_size=6))
def test_a_test_can_be_stored_and_taken_up_again_anywhere(cuts):
    whole = fed(SprtStopping(*PAIR, elo1=60), AHEAD[:500])
    part, begin = SprtStopping(*PAIR, elo1=60), 0
    for cut in [*sorted(cuts), 500]:
        part = SprtStopping.load(fed(part, AHEAD[begin:cut]).dump())
        begin = max(begin, cut)
    assert part.dump() == whole.dump()
    assert part.result() == whole.result()


def test_a_void_leaves_its_rotation_out():
    stopping = SprtStopping(*PAIR, elo1=40)
    for result in [(0, PAIR, 0, 1), (1, PAIR, 0, None), (2, PAIR, 1, 1), (3, PAIR, 1, 1), (4, PAIR, 2, 0.5)]:
        stopping.feed(*result)
    assert stopping.counts() == [0, 0, 0, 0, 1]
    assert stopping.rotations.unpaired == 1


def test_single_matches_are_tested_by_losses_draws_and_wins():
    stopping = SprtStopping(*PAIR, elo1=40, model="bayesian", rotation=1)
    for number, points in enumerate([1, 0.5, 0, 1, 1]):
        stopping.feed(number, PAIR, number, points)
    assert stopping.counts() == [1, 1, 3]
    assert stopping.result().llr == sprt([1, 1, 3], elo1=40, model="bayesian").llr


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: SprtStopping(*PAIR, elo1=40, model="bayesian"), "rotations of 2"),
        (lambda: SprtStopping(*PAIR, elo1=40, rotation=3), "rotations of 3"),
        (lambda: SprtStopping(*PAIR, elo1=40).feed(0, ("new", "third"), 0, 1), "third"),
        (lambda: SprtStopping(*PAIR, elo1=40).feed(0, PAIR, 0, 0.7), "0.7 points"),
        (lambda: fed(SprtStopping(*PAIR, elo1=40), [(1, PAIR, 0, 1), (1, PAIR, 0, 1)]), "match_no order"),
        (lambda: UntilSettled(["a"]), "at least two"),
        (lambda: UntilSettled(["a", "a"]), "each once"),
        (lambda: UntilSettled(["a", "b"], top=2), "top is 2"),
        (lambda: UntilSettled(["a", "b"], top=0), "top is 0"),
        (lambda: UntilSettled(["a", "b"], alpha=1), "alpha is 1"),
        (lambda: UntilSettled(["a", "b"], margin_elo=-5), "margin_elo is -5"),
        (lambda: UntilSettled(["a", "b"], rotation=0), "0 matches"),
        (lambda: UntilSettled(["a", "b"]).feed(0, ("a", "c"), 0, 1), "'c'"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, told):
    with pytest.raises(ConfigError, match=told) as refused:
        call()
    assert "\n" not in str(refused.value)


# ------------------------------------------------------------------------------------ many agents

WORLD = simulation.World(strengths=[200.0, 120.0, 40.0, -40.0], draw_elo=160.0)
NAMES = ["a00", "a01", "a02", "a03"]


def tournament(world, seed, number):
    found = []
    for result in simulation.rounds(world, stream(seed, "tournament")):
        if result[0] >= number:
            return found
        found.append(result)
    return found


RESULTS = tournament(WORLD, 1, 3000)


def test_the_best_are_settled_before_all_neighbours_are_and_sooner_with_a_margin():
    ends = {}
    for top, margin in [(1, 0), (1, 40), (None, 0), (None, 40)]:
        until = fed(UntilSettled(NAMES, top=top, margin_elo=margin), RESULTS)
        assert until.done
        assert until.result().order[:1] == ("a00",)
        assert until.result().doubt <= 0.05
        assert until.unused == len(RESULTS) - 1 - until.decided_no
        ends[top, margin] = until.decided_no
    assert ends[1, 40] < ends[1, 0] < ends[None, 0]
    assert ends[None, 40] < ends[None, 0]


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 3000), max_size=5))
def test_waiting_can_be_stored_and_taken_up_again_anywhere(cuts):
    whole = fed(UntilSettled(NAMES, top=2), RESULTS)
    part, begin = UntilSettled(NAMES, top=2), 0
    for cut in [*sorted(cuts), 3000]:
        part = UntilSettled.load(fed(part, RESULTS[begin:cut]).dump())
        begin = max(begin, cut)
    assert part.dump() == whole.dump()
    assert part.result() == whole.result()


def test_a_claim_does_not_depend_on_the_agents_names():
    turn = {"a00": "z", "a01": "y", "a02": "x", "a03": "w"}
    turned = [(no, (turn[one], turn[other]), rotation, points) for no, (one, other), rotation, points in RESULTS]
    one, other = fed(UntilSettled(NAMES, top=2), RESULTS), fed(UntilSettled(list(turn.values()), top=2), turned)
    assert other.decided_no == one.decided_no
    assert set(other.result().order[:2]) == {turn[name] for name in one.result().order[:2]}
    assert other.result().doubt == pytest.approx(one.result().doubt, rel=1e-6)


def test_what_is_kept_does_not_grow():
    until = UntilSettled(NAMES, top=2, alpha=1e-300)
    sizes = [len(fed(until, part).dump()) for part in (RESULTS[:600], RESULTS[600:])]
    assert not until.done
    assert sizes[1] < sizes[0] + 120  # digits


def test_nothing_is_settled_of_an_agent_that_played_nobody():
    until = UntilSettled([*NAMES, "idle"], top=1)
    assert not fed(until, RESULTS).done
    assert until.result().doubt == 1
    assert "idle" in until.result().closest
    assert settled({}).settled is False


def test_two_that_never_met_are_compared_by_a_third():
    won, lost = [0, 0, 0, 20, 80], [80, 20, 0, 0, 0]
    found = settled({("a", "c"): won, ("b", "c"): lost})
    assert found.order == ("a", "c", "b")
    assert found.settled
    apart = settled({("a", "c"): won, ("b", "d"): lost})
    assert not apart.settled


def test_who_won_a_few_is_not_settled():
    found = settled({("a", "b"): [0, 0, 0, 0, 3]})
    assert found.order == ("a", "b")
    assert not found.settled
    assert settled({("a", "b"): [0, 0, 0, 0, 30]}).settled


def test_draws_alone_settle_nothing():
    found = settled({("a", "b"): [0, 0, 500, 0, 0]}, margin_elo=50)
    assert (found.settled, found.doubt) == (False, 1)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(st.integers(0, 300), min_size=5, max_size=5), min_size=6, max_size=6),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([0, 10, 400]),
)
def test_a_doubt_is_a_probability(rows, top, margin):
    names = [(one, other) for one in "abcd" for other in "abcd" if one < other]
    found = settled(dict(zip(names, rows, strict=True)), top=top, margin_elo=margin)
    assert 0 <= found.doubt <= 1
    assert sorted(found.order) == list("abcd")
    assert found.settled == (found.doubt <= 0.05)
    assert set(dataclasses.asdict(found)) == {"settled", "doubt", "alpha", "margin_elo", "top", "order", "closest"}


# -------------------------------------------------------------------------------------- simulation


@pytest.mark.slow
def test_the_errors_of_the_sprt_and_the_matches_that_it_saves():
    for row in simulation.sprt_rows(300, 11):
        if row["error"] is not None:
            assert row["error"] <= 0.07, row
            assert row["mean_matches"] <= 0.6 * row["fixed"], row


@pytest.mark.slow
@pytest.mark.parametrize("top", [3, None])
def test_claims_about_many_are_wrong_no_more_often_than_promised(top):
    worlds = {
        name: simulation.WORLDS[name] for name in ("3rd and 4th 2 Elo apart", "3rd to 8th equal", "with a circle")
    }
    for row in simulation.until_rows(100, 12, top, 4000, worlds):
        assert row["error"] <= 0.08, row  # 5% and one and a half standard deviations of 100 runs
