"""Teams in TrueSkill, Glicko, Alpha-Rank, Nash averaging and wrapped packages: laws, and numbers of peers."""

from __future__ import annotations

import builtins
import math
import random
import sys
from statistics import NormalDist

import pytest
import trueskill as peer
from hypothesis import example, given, settings
from hypothesis import strategies as st

import evalengine
from evalengine import ConfigError, Rated
from evalengine.builtin import alpharank as alpharank_module
from evalengine.builtin import central_path
from evalengine.builtin.evalica_rater import Evalica
from evalengine.builtin.glicko import Glicko, Glicko2
from evalengine.builtin.openskill_rater import OpenSkill
from evalengine.builtin.payoffs import AlphaRank, Nash
from evalengine.builtin.trueskill import TrueSkill

AGENTS = 7
MEETING = Rated((0, 1), (1, 2), (1.0, -1.0))


def _after(rater, results):
    rater.update(results)
    return rater


def _ratings(rater, agents=AGENTS):
    return [rater.rating(agent) for agent in range(agents)]


# ------------------------------------------------------------------------------- what always holds


@st.composite
def _pair(draw):
    """One result of two agents; one may meet itself."""
    agents = draw(st.lists(st.integers(0, AGENTS - 1), min_size=2, max_size=2))
    return Rated(tuple(agents), tuple(draw(st.lists(st.integers(1, 2), min_size=2, max_size=2))), (0.0, 0.0))


@st.composite
def _teams(draw):
    """One result of two to four sides of one to three agents, who all are different."""
    members = draw(st.permutations(range(AGENTS)))
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4).filter(lambda sizes: sum(sizes) <= AGENTS))
    left = iter(members)
    teams = [tuple(next(left) for _ in range(size)) for size in sizes]
    ranks = draw(st.lists(st.integers(1, 4), min_size=len(teams), max_size=len(teams)))
    sides = [team[0] if len(team) == 1 else team for team in teams]
    return Rated(sides, ranks, [0.0] * len(sides))


MAKERS = {
    "glicko": lambda: Glicko(period=3),
    "glicko2": lambda: Glicko2(period=3),
    "alpharank": AlphaRank,
    "nash": Nash,
    "trueskill": TrueSkill,
}
RESULTS = {name: st.lists(_teams() if name == "trueskill" else _pair(), max_size=15) for name in MAKERS}
every_rater = pytest.mark.parametrize("name", MAKERS)


@every_rater
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_chunks_and_a_loaded_state_do_not_change_a_bit(name, data):
    results = data.draw(RESULTS[name])
    at = data.draw(st.integers(0, len(results)))
    whole = _after(MAKERS[name](), results)
    first = _after(MAKERS[name](), results[:at])
    _ratings(first)  # to ask for ratings changes nothing
    second = _after(MAKERS[name](), [MEETING])  # what it held is replaced
    second.load(first.dump())
    assert _after(first, results[at:]).dump() == _after(second, results[at:]).dump() == whole.dump()
    assert _ratings(first) == _ratings(second) == _ratings(whole)


@every_rater
@settings(max_examples=25, deadline=None)
@given(data=st.data(), names=st.permutations(range(AGENTS)))
def test_ratings_do_not_change_when_agents_are_renamed(name, data, names):
    results = data.draw(RESULTS[name])

    def renamed(side):
        return tuple(names[agent] for agent in side) if isinstance(side, tuple) else names[side]

    turned = [result._replace(agents=[renamed(side) for side in result.agents]) for result in results]
    rater = _after(MAKERS[name](), turned)
    for one, other in zip(
        [rater.rating(names[agent]) for agent in range(AGENTS)], _ratings(_after(MAKERS[name](), results)), strict=True
    ):
        # An equilibrium is approached from within: degenerate ones to some 1e-7.
        assert one == pytest.approx(other, rel=1e-9, abs=1e-6 if name == "nash" else 1e-9)


@every_rater
def test_a_damaged_state_and_one_of_another_rater_are_refused(name):
    rater = _after(MAKERS[name](), [MEETING])
    state = rater.dump()
    others = [MAKERS[other]().dump() for other in MAKERS if other != name]
    for damaged in (b"", state[:-1], state + bytes(8), bytes([state[0] ^ 1]) + state[1:], *others):
        with pytest.raises(ValueError, match="no state of rater"):
            rater.load(damaged)
    assert rater.dump() == state


@every_rater
@pytest.mark.parametrize("count", [1, 3000])
def test_ratings_are_finite_and_in_order_for_who_wins_all_and_who_plays_nobody(name, count):
    rater = _after(MAKERS[name](), [MEETING] * count)
    assert all(math.isfinite(value) for line in _ratings(rater) for value in line)
    assert rater.rating(0)[0] > rater.rating(1)[0]
    rater.update([MEETING._replace(ranks=(2, 1))])
    assert all(math.isfinite(value) for line in _ratings(rater) for value in line)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Glicko, {"c": -1.0}),
        (Glicko, {"period": 0}),
        (Glicko2, {"tau": 99.0}),
        (Glicko2, {"deviation": 0.0}),
        (Glicko2, {"prior": {0: (1500.0, math.nan)}}),
        (AlphaRank, {"m": 1}),
        (AlphaRank, {"alpha": 0.0}),
        (TrueSkill, {"prior": {0: (25.0, -1.0)}}),
        (TrueSkill, {"anchors": {0: 25.0}, "tau": 1.0}),
    ],
)
def test_options_out_of_range_are_refused(make, options):
    with pytest.raises(ConfigError, match=make.info.name):
        make(**options)


# ---------------------------------------------------------------------------------- TrueSkill


@pytest.fixture
def patient(monkeypatch):
    """Let the package pass messages 1,000 times instead of 10: it stops too early for nine digits."""
    monkeypatch.setattr(peer, "range", lambda *a: builtins.range(*((1000,) if a == (10,) else a)), raising=False)


@pytest.mark.parametrize("seed", range(30))
def test_teams_and_partial_play_equal_the_package(seed, patient):
    rng = random.Random(seed)
    sides = rng.randint(2, 5)
    teams = [[(rng.gauss(25, 8), rng.uniform(1, 9)) for _ in range(rng.randint(1, 3))] for _ in range(sides)]
    ranks = [rng.randint(1, sides) for _ in range(sides)]
    weights = [[rng.choice([1.0, 0.5, 0.25]) for _ in team] for team in teams]
    rated = [tuple(peer.Rating(*member) for member in team) for team in teams]
    env = peer.TrueSkill(tau=0.1, backend=(_cdf, _pdf, NormalDist().inv_cdf))
    expected = [
        (member.mu, member.sigma) for team in env.rate(rated, ranks, weights, min_delta=1e-9) for member in team
    ]
    numbers = iter(range(100))
    agents = [tuple(next(numbers) for _ in team) for team in teams]
    prior = dict(enumerate(member for team in teams for member in team))
    rater = _after(TrueSkill(tau=0.1, prior=prior), [Rated(agents, ranks, [0.0] * sides, weight=weights)])
    for one, other in zip(_ratings(rater, len(expected)), expected, strict=True):
        assert one == pytest.approx(other, rel=1e-8, abs=1e-8)
    assert evalengine.quality(teams, weights) == pytest.approx(env.quality(rated, weights), rel=1e-9)


def _cdf(x, mu=0.0, sigma=1.0):
    return 0.5 * math.erfc(-(x - mu) / (sigma * math.sqrt(2)))


def _pdf(x, mu=0.0, sigma=1.0):
    return math.exp(-(((x - mu) / sigma) ** 2) / 2) / (math.sqrt(2 * math.pi) * abs(sigma))


def test_who_did_not_play_learns_nothing():
    rater = TrueSkill()
    rater.update([Rated(((0, 1), 2), (1, 2), (0.0, 0.0), weight=[[1.0, 0.0], [1.0]])])
    assert rater.rating(1) == pytest.approx((25.0, 25 / 3), abs=1e-6)
    assert rater.rating(0)[0] > 29


def test_dynamics_add_a_hundredth_of_sigma_and_anchors_stay():
    moved, known = (_after(TrueSkill(**options), [MEETING]) for options in ({"dynamics": True}, {"tau": 25 / 300}))
    assert moved.rating(0) == pytest.approx(known.rating(0), rel=1e-12)
    assert moved.rating(0) != _after(TrueSkill(), [MEETING]).rating(0)
    rater = _after(
        TrueSkill(anchors={0: 30.0}), [MEETING, Rated((1, 0), (1, 2), (0, 0)), Rated((0, 1, 2), (3, 1, 2), (0,) * 3)]
    )
    assert rater.rating(0) == (30.0, 0.0)
    assert rater.rating(1)[0] > 25


@pytest.mark.parametrize(
    "call",
    [([[(25, 8)]],), ([[(25, 8)], []],), ([[(25, 8)], [(25, -1)]],), ([[(25, 8)], [(25, 8)]], [[0], [1]])],
)
def test_quality_refuses_what_is_no_match(call):
    with pytest.raises(ConfigError, match="quality"):
        evalengine.quality(*call)


# -------------------------------------------------------------------------------------- Glicko


def test_a_rating_within_a_period_is_that_of_a_period_that_ends_there():
    results = [Rated((0, k), (1, 2) if k % 2 else (2, 1), (0, 0)) for k in (1, 2, 3, 4)]
    asked = _after(Glicko2(period=100), results)
    ended = _after(Glicko2(period=4), results)
    assert _ratings(asked) == _ratings(ended)
    assert asked.table([0])[0].extra["volatility"] == ended.table([0])[0].extra["volatility"] < 0.06


@pytest.mark.parametrize("seed", range(5))
def test_glicko2_equals_the_package(seed):
    package = pytest.importorskip("glicko2")
    rng = random.Random(seed)
    opponents = [(rng.gauss(1500, 200), rng.uniform(30, 300)) for _ in range(8)]
    won = [rng.random() < 0.7 for _ in opponents]
    player = package.Player(1600.0, 120.0, 0.06)
    player.update_player([r for r, _ in opponents], [rd for _, rd in opponents], [int(one) for one in won])
    results = [Rated((0, k), (1, 2) if one else (2, 1), (0, 0)) for k, one in enumerate(won, 1)]
    rater = _after(Glicko2(prior={0: (1600.0, 120.0)} | dict(enumerate(opponents, 1))), results)
    # The package (2.1.0) takes the rating where the paper has its deviation in f, so its volatility is another one.
    assert rater.rating(0) == pytest.approx((player.rating, player.rd), rel=1e-5)


@pytest.mark.parametrize("score", [1, 0])
def test_the_volatility_is_the_root_of_the_papers_equation(score):
    opponents = [(1400.0, 30.0), (1900.0, 100.0)]
    results = [Rated((0, k), (1, 2) if score else (2, 1), (0, 0)) for k in (1, 2)]
    found = _after(Glicko2(prior={0: (1500.0, 60.0, 0.1)} | dict(enumerate(opponents, 1))), results)
    unit = 400 / math.log(10)
    information = surprise = 0.0
    for rating, deviation in opponents:  # Glickman (2013), steps 2 to 4
        weight = 1 / math.sqrt(1 + 3 * (deviation / unit) ** 2 / math.pi**2)
        expected = 1 / (1 + math.exp(-weight * (1500 - rating) / unit))
        information += weight**2 * expected * (1 - expected)
        surprise += weight * (score - expected)
    known = (60 / unit) ** 2 + 1 / information

    def f(x):  # step 5.1
        grown = math.exp(x)
        pull = (x - math.log(0.1**2)) / 0.5**2
        return grown * ((surprise / information) ** 2 - known - grown) / (2 * (known + grown) ** 2) - pull

    low, high = -20.0, 5.0
    for _ in range(100):
        low, high = ((low + high) / 2, high) if f((low + high) / 2) > 0 else (low, (low + high) / 2)
    assert found.table([0])[0].extra["volatility"] == pytest.approx(math.exp(low / 2), rel=1e-10)


# ------------------------------------------------------------------- Alpha-Rank, Nash averaging


@st.composite
def _game(draw):
    """An antisymmetric table, often degenerate."""
    n = draw(st.integers(1, 6))
    table = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            table[i][j] = draw(st.sampled_from([-2.0, -1.0, 0.0, 0.0, 0.25, 1.0]))
            table[j][i] = -table[i][j]
    return table


def _entropy(p):
    return -sum(share * math.log(share) for share in p if share > 0)


@settings(max_examples=60, deadline=None)
@given(game=_game())
@example(game=[[0.0, -1.0, 1.0, 1.0], [1.0, 0.0, -1.0, -1.0], [-1.0, 1.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0]])
def test_the_equilibrium_is_one_and_none_is_more_even(game):
    found = evalengine.nash(game)
    assert min(found.p) >= 0
    assert sum(found.p) == pytest.approx(1, abs=1e-12)
    assert max(found.value) <= 1e-9
    optimize = pytest.importorskip("scipy.optimize")
    other = optimize.minimize(
        lambda p: sum(share * math.log(max(share, 1e-15)) for share in p),
        found.p,
        bounds=[(0, 1)] * len(game),
        constraints=[
            {"type": "eq", "fun": lambda p: sum(p) - 1},
            {"type": "ineq", "fun": lambda p: [-sum(a * b for a, b in zip(row, p, strict=True)) for row in game]},
        ],
        method="SLSQP",
    )
    worst = max(sum(a * b for a, b in zip(row, other.x, strict=True)) for row in game)
    if worst <= 1e-9:
        assert _entropy(found.p) >= _entropy(other.x) - 1e-6


def test_an_agent_that_is_there_twice_shares_its_part():
    found = evalengine.nash([[0, -1, 1, 1], [1, 0, -1, -1], [-1, 1, 0, 0], [-1, 1, 0, 0]])
    assert found.p == pytest.approx([1 / 3, 1 / 3, 1 / 6, 1 / 6], abs=1e-9)


def test_agents_against_tasks_share_as_in_open_spiel():
    # open_spiel nash_averaging_test.py, game2: two agents that dominate the others share alike.
    found = evalengine.nash([[0, 0, 0], [1, 10, 100], [2, 20, 200], [3, 30, 300], [3, 30, 300]], tasks=True)
    assert found.p == pytest.approx([0, 0, 0, 0.5, 0.5], abs=1e-9)
    assert found.value[3] == pytest.approx(found.value[4], abs=1e-9)
    assert sum(found.tasks) == pytest.approx(1)


@pytest.mark.parametrize("n", [14, 40])
def test_plain_python_and_numpy_agree(n, monkeypatch):
    pytest.importorskip("numpy")
    rng = random.Random(n)
    game = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            game[i][j] = rng.choice([-1.0, 0.0, 1.0]) if rng.random() < 0.5 else rng.gauss(0, 1)
            game[j][i] = -game[i][j]
    fast = evalengine.nash(game).p, evalengine.alpharank(game, alpha=0.1)
    for module in (central_path, alpharank_module):
        monkeypatch.setattr(module, "numpy_if_installed", lambda: None)
    slow = evalengine.nash(game).p, evalengine.alpharank(game, alpha=0.1)
    for one, other in zip(fast, slow, strict=True):
        assert one == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 1.0, 3.0])
def test_shares_are_stationary(alpha):
    rng = random.Random(7)
    n, m = 6, 20
    payoff = [[rng.gauss(0, 1) for _ in range(n)] for _ in range(n)]
    shares = evalengine.alpharank(payoff, m, alpha)

    def takeover(new, old):  # Omidshafiei et al. (2019), equation 8
        u = alpha * (payoff[new][old] - payoff[old][new])
        return (1 - math.exp(-u)) / (1 - math.exp(-m * u)) / (n - 1)

    assert sum(shares) == pytest.approx(1)
    for one in range(n):
        out = shares[one] * sum(takeover(other, one) for other in range(n) if other != one)
        into = sum(shares[other] * takeover(one, other) for other in range(n) if other != one)
        assert into == pytest.approx(out, rel=1e-9)


@pytest.mark.parametrize("alpha", [1e-9, 1.0, 100.0, 1e9, math.inf])
def test_shares_are_finite_however_strict_selection_is(alpha):
    shares = evalengine.alpharank([[0, 1, 1, 1], [-1, 0, -1, 1], [-1, 1, 0, -1], [-1, -1, 1, 0]], alpha=alpha)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == max(shares)


@pytest.mark.parametrize("payoff", [[[0, 1], [-1]], [[0, math.nan], [0, 0]]])
def test_tables_that_are_none_are_refused(payoff):
    with pytest.raises(ConfigError, match="alpharank"):
        evalengine.alpharank(payoff)
    with pytest.raises(ConfigError, match="nash"):
        evalengine.nash(payoff)


def test_a_table_that_is_not_antisymmetric_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match="tasks=True"):
        evalengine.nash([[0, 1], [1, 0]])


def test_raters_of_circles_see_the_circle():
    names = ("rock", "paper", "scissors", "fool")
    beats = [("paper", "rock"), ("scissors", "paper"), ("rock", "scissors")] + [(name, "fool") for name in names[:3]]
    matches = [{"teams": [[one], [other]], "ranks": [1, 2]} for one, other in beats * 5]
    shares = {row["agent"]: row["rating"] for row in evalengine.rate(matches, rater="alpharank")}
    assert shares == pytest.approx({"rock": 1 / 3, "paper": 1 / 3, "scissors": 1 / 3, "fool": 0}, abs=1e-9)
    rows = {row["agent"]: row for row in evalengine.rate(matches, rater="nash")}
    assert rows["fool"]["rating"] == pytest.approx(-1)
    assert [rows[name]["probability"] for name in names] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0], abs=1e-9)


# ---------------------------------------------------------------------------- wrapped packages


@pytest.mark.parametrize("make", [OpenSkill, Evalica])
def test_a_package_that_is_missing_is_named_with_its_remedy(make, monkeypatch):
    monkeypatch.setitem(sys.modules, make.info.name, None)
    with pytest.raises(ConfigError, match=rf"pip install 'evalengine\[{make.info.name}\]'"):
        make()


@pytest.mark.parametrize("model", ["plackett-luce", "bradley-terry-full", "thurstone-mosteller-part"])
def test_openskill_rates_teams_and_continues_bit_identically(model):
    pytest.importorskip("openskill")
    results = [Rated(((0, 1), 2, 3), (1, 2, 2), (0,) * 3), MEETING, MEETING]
    whole = _after(OpenSkill(model=model), results)
    second = OpenSkill(model=model)
    second.load(_after(OpenSkill(model=model), results[:1]).dump())
    assert _after(second, results[1:]).dump() == whole.dump()
    assert whole.rating(0)[0] > whole.rating(2)[0]
    assert whole.rating(6) == (25.0, 25 / 3)


@pytest.mark.parametrize("method", ["bradley_terry", "newman", "pagerank", "eigen", "counting", "average_win_rate"])
def test_evalica_ranks_as_the_package_does_and_continues_bit_identically(method):
    package = pytest.importorskip("evalica")
    pairs = [(0, 1), (0, 1), (0, 1), (1, 0), (1, 2), (1, 2), (0, 2), (0, 2), (2, 0)]
    results = [Rated(pair, (1, 2), (0, 0)) for pair in pairs] + [Rated((1, 2), (1, 1), (0, 0))]
    whole = _after(Evalica(method=method), results)
    second = Evalica(method=method)
    second.load(_after(Evalica(method=method), results[:3]).dump())
    assert _after(second, results[3:]).dump() == whole.dump()
    winners = [package.Winner.X] * len(pairs) + [package.Winner.Draw]
    ranked = getattr(package, method)(
        [one for one, _ in [*pairs, (1, 2)]], [two for _, two in [*pairs, (1, 2)]], winners
    )
    for agent in range(3):
        assert whole.rating(agent)[0] == pytest.approx(ranked.scores[agent], rel=1e-5)
    assert whole.rating(6) == (0.0, 0.0)
