"""The bundled agents: what they are offered for, that they are fair opponents, and how strong."""

import re
from functools import cache
from itertools import product
from statistics import fmean
from time import perf_counter_ns

import pytest

from evalengine import AgentError, Info, Match, MatchSpec, Observation, State, Termination, derive, stream
from evalengine import load_game as load_game_anew
from evalengine.builtin.agents import AGENTS, evalengine_agents
from evalengine.builtin.kuhn import bet_probability
from evalengine.builtin.simple import First, Greedy, Random
from evalengine.plugins import Plugins, words_of
from evalengine.references import configured, imported, split_reference

SPECS = {spec.name: spec for spec in AGENTS}
GAMES = {name: spec for name, spec in Plugins().games().items() if spec.factory.startswith("evalengine_games.")}
load_game = cache(load_game_anew)  # listing the plugins takes longer than a small match
QUICK = {"mcts": "mcts(simulations=4)"}
SHORTER = {"market_simulator": "market_simulator(ticks=8)"}


def agent_of(ref):
    name, config = split_reference(ref)
    spec = SPECS[name]
    return imported(spec.factory, name)(**configured(name, spec.parameters, config))


def play(game, refs, seed, **fields):
    """Play one match between agents, given by seat."""
    agents = [agent_of(ref) if isinstance(ref, str) else ref for ref in refs]
    match = Match(MatchSpec(0, 0, 0, seed, tuple(range(len(agents))), **fields), game)
    infos = [Info(game, seat, match.sides, derive(seed, "agent", seat)) for seat in range(len(agents))]
    for agent, info in zip(agents, infos, strict=True):
        agent.start(info)
    match.advance([agent.act for agent in agents], infos, perf_counter_ns)
    assert match.result.termination in (Termination.RULES, Termination.TURN_LIMIT), match.result
    return match


def share(game_ref, one, other, matches):
    """Return the first agent's share of the points, as many matches from each seat."""
    game = load_game(game_ref)
    points = {1: 1.0, 0: 0.5, -1: 0.0}
    found = []
    for number in range(matches):
        refs = (one, other) if number % 2 == 0 else (other, one)
        places = play(game, refs, number // 2, opening=0).result.places
        mine, theirs = places if number % 2 == 0 else places[::-1]
        found.append(points[(theirs > mine) - (theirs < mine)])
    return fmean(found)


def fits(agent, game):
    """Evaluate an agent's expression over a game's words."""
    words = words_of(game)
    text = re.sub(
        r"[\w:-]+", lambda word: word[0] if word[0] in ("and", "or", "not") else str(word[0] in words), agent.fits
    )
    return not text or eval(text)


FITTING = [(agent.name, game) for agent in AGENTS for game in GAMES if fits(agent, GAMES[game])]


# --------------------------------------------------------------------------------------- what is offered


def test_names_are_those_that_people_type():
    assert list(SPECS) == [
        "random",
        "first",
        "greedy",
        "minimax",
        "mcts",
        "tit-for-tat",
        "always-cooperate",
        "always-defect",
        "kuhn-equilibrium",
        "value-trader",
    ]
    assert evalengine_agents() is AGENTS


def test_all_but_first_are_opponents():
    assert [spec.name for spec in AGENTS if not spec.opponent] == ["first"]


def test_labels_hold_the_strength():
    labels = {
        spec.name: spec.label.format(**configured(spec.name, spec.parameters, {})) for spec in AGENTS if spec.label
    }
    assert labels == {"minimax": "minimax-2", "mcts": "mcts-25"}


@pytest.mark.parametrize(("agent", "game"), FITTING)
def test_an_agent_plays_each_game_that_it_fits(agent, game):
    loaded = load_game(SHORTER.get(game, game))
    for seats in {loaded.spec.min_seats, loaded.spec.max_seats}:
        play(loaded, [QUICK.get(agent, agent)] * seats, 1)


def test_a_game_is_not_offered_to_an_agent_that_cannot_play_it():
    fitting = {name: {game for agent, game in FITTING if agent == name} for name in SPECS}
    assert fitting["kuhn-equilibrium"] == {"kuhn_poker"}
    assert fitting["value-trader"] == {"market_simulator"}
    assert fitting["tit-for-tat"] == fitting["always-defect"] == fitting["always-cooperate"] == {"prisoners_dilemma"}
    assert {"tictactoe", "connect4"} <= fitting["minimax"]
    assert not {"kuhn_poker", "leduc_poker", "rps", "tron", "prisoners_dilemma"} & fitting["minimax"]
    assert fitting["mcts"] == fitting["random"] == set(GAMES)


@pytest.mark.parametrize("agent", SPECS)
def test_an_agent_repeats_itself_under_its_seed(agent):
    game = load_game(next(game for name, game in FITTING if name == agent))
    seats = [QUICK.get(agent, agent)] * game.spec.default_seats
    logs = [play(game, seats, seed).log for seed in (*range(8), *range(8))]
    assert logs[:8] == logs[8:]


@pytest.mark.parametrize("agent", ["random", "greedy", "minimax", "mcts"])
def test_an_agent_varies_with_its_seed(agent):
    game = load_game("connect4")
    assert len({tuple(play(game, [QUICK.get(agent, agent)] * 2, seed, opening=0).log[0]) for seed in range(8)}) > 4


# ----------------------------------------------------------------------------------------------- simple


def observed(state, seat=0, seed=0, game_ref="tictactoe"):
    """Return what an agent is told and asked in `state`."""
    game = load_game(game_ref)
    info = Info(game, seat, [[0], [1]], seed)
    return info, Observation(state, seat, 0, info)


def act(agent, state, seat=0, seed=0, game_ref="tictactoe"):
    info, observation = observed(state, seat, seed, game_ref)
    agent.start(info)
    return agent.act(observation)


def position(game_ref, *actions):
    """Return the state after `actions`, each of the seat that is to move."""
    rng = stream(0, "test")
    state = load_game(game_ref).initial(2, rng)
    for action in actions:
        state = state.apply({state.to_move()[0]: action}, rng)
    return state


def test_random_draws_evenly():
    state = position("tictactoe")
    counts = [0] * 9
    agent = Random()
    info, observation = observed(state, seed=2024)
    agent.start(info)
    for _ in range(9000):
        counts[agent.act(observation)] += 1
    # Chi-squared, 8 degrees of freedom: 26.1 is passed by chance once in 1000.
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 26.1


def test_random_differs_between_neighbouring_seeds():
    assert len({act(Random(), position("tictactoe"), seed=seed) for seed in range(64)}) == 9


def test_first_does_the_first_legal_action():
    assert act(First(), position("tictactoe", 0, 1)) == 2


@pytest.mark.parametrize("agent", [*map(agent_of, ("random", "first", "greedy", "minimax", "mcts"))])
def test_a_game_that_does_not_list_its_actions_is_named(agent):
    class Unlisted(State):
        def to_move(self):
            return (0,)

        def view(self, seat):
            return None

        def legal(self, seat):
            return None

        def apply(self, actions, rng):
            return self

        def scores(self):
            return (0.0, 0.0)

    with pytest.raises(AgentError, match="does not list them"):
        act(agent, Unlisted())


def test_greedy_takes_a_win_but_does_not_look_further():
    assert act(Greedy(), position("tictactoe", 0, 3, 1, 4)) == 2
    assert {act(Greedy(), position("tictactoe", 0, 8, 1), seat=1, seed=seed) for seed in range(64)} == {
        2,
        3,
        4,
        5,
        6,
        7,
    }


# ----------------------------------------------------------------------------------------------- search


@pytest.mark.parametrize("ref", ["minimax", "mcts(simulations=400)"])
def test_search_wins_and_blocks(ref):
    assert act(agent_of(ref), position("tictactoe", 0, 3, 1, 4)) == 2
    assert act(agent_of(ref), position("tictactoe", 0, 8, 1), seat=1) == 2


def test_minimax_prefers_the_quicker_win():
    # Seat 0 wins at once with 2; with 4 it would block, threaten three lines and win a turn later.
    state = position("tictactoe", 0, 3, 1, 5)
    assert {act(agent_of("minimax(depth=3)"), state, seed=seed) for seed in range(16)} == {2}


def test_minimax_delays_a_loss():
    # Seat 0 threatens 8, and after that is blocked wins all the same by 3, with two lines at once.
    state = position("tictactoe", 0, 1, 4)
    assert {act(agent_of("minimax(depth=4)"), state, seat=1, seed=seed) for seed in range(16)} == {8}


@pytest.mark.parametrize("game", ["connect4", "kalah"])  # in kalah a seat may act twice in a row
@pytest.mark.parametrize("seed", range(3))
def test_minimax_draws_among_the_best_actions_of_an_unpruned_search(game, seed):
    rng = stream(seed, "test")
    state = position(game)
    while rng.random() > 0.05 or len(state.legal(state.to_move()[0])) < 3:
        (mover,) = state.to_move()
        after = state.clone().apply({mover: rng.choice(state.legal(mover))}, rng)
        if not after.to_move():
            break
        state = after
    (seat,) = state.to_move()

    def value(state, depth):
        if not state.to_move() or depth == 0:
            return state.scores()[seat] * (1 + depth / 1000)
        (mover,) = state.to_move()
        values = [value(state.clone().apply({mover: action}, rng), depth - 1) for action in state.legal(mover)]
        return max(values) if mover == seat else min(values)

    values = {action: value(state.clone().apply({seat: action}, rng), 3) for action in state.legal(seat)}
    best = {action for action, found in values.items() if found == max(values.values())}
    found = {act(agent_of("minimax(depth=4)"), state, seat, seed, game) for seed in range(60)}
    assert found == best


@pytest.mark.parametrize("other", ["random", "mcts"])
def test_a_full_search_never_loses_tictactoe(other):
    # A board played perfectly by one side is never lost; the full tree is nine actions deep.
    game = load_game("tictactoe")
    for seed in range(3):
        for seat in (0, 1):
            refs = [other, other]
            refs[seat] = "minimax(depth=9)"
            assert play(game, refs, seed, opening=0).result.scores[seat] >= 0


@pytest.mark.parametrize(
    ("game", "one", "other", "least"),
    [
        ("tictactoe", "mcts", "random", 0.8),
        ("tictactoe", "minimax", "random", 0.75),
        ("connect4", "mcts", "random", 0.8),
        ("connect4", "minimax", "random", 0.7),
        ("connect4", "mcts(simulations=100)", "minimax(depth=1)", 0.75),
    ],
)
def test_search_beats_what_looks_less_far(game, one, other, least):
    assert share(game, one, other, 40) >= least


def test_more_simulations_are_stronger():
    assert share("connect4", "mcts(simulations=100)", "mcts(simulations=10)", 24) >= 0.7


def test_mcts_survives_in_a_game_where_seats_act_at_once():
    assert share("tron", "mcts", "random", 20) >= 0.8


def test_mcts_wins_where_cards_are_hidden():
    game = load_game("leduc_poker")
    chips = [play(game, ("mcts", "random")[:: 1 - 2 * (seed % 2)], seed).result.scores[seed % 2] for seed in range(300)]
    assert fmean(chips) > 0.3


class Walk(State):
    """One seat steps left or right, actions being lists; it ends beyond `edge` with a win on the right."""

    def __init__(self, place, edge):
        self.place, self.edge = place, edge

    def to_move(self):
        return (0,) if abs(self.place) < self.edge else ()

    def view(self, seat):
        return self.place

    def legal(self, seat):
        return [["step", -1], ["step", 1]]

    def apply(self, actions, rng):
        self.place += actions[0][1]
        return self

    def scores(self):
        return (float(self.place), 0.0)

    def clone(self):
        return Walk(self.place, self.edge)


@pytest.mark.parametrize("ref", ["greedy", "minimax(depth=1)", "mcts(simulations=200)"])
def test_actions_may_be_lists(ref):
    assert act(agent_of(ref), Walk(0, 2)) == ["step", 1]


def test_a_playout_without_end_is_cut():
    assert act(agent_of("mcts(simulations=3)"), Walk(0, 10**9)) in Walk(0, 1).legal(0)


# ---------------------------------------------------------------------------------------------- dilemma


def test_tit_for_tat_cooperates_first_and_then_mirrors():
    game = load_game("prisoners_dilemma")

    class Scripted(Random):
        def start(self, info):
            self.plan = iter([0, 1, 1, 0, 1, 0])

        def act(self, observation):
            return next(self.plan)

    match = play(game, ["tit-for-tat", Scripted()], 1, max_turns=6, opening=0)
    assert [turn[0] for turn in match.turns] == [0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("one", "other", "actions"),
    [
        ("tit-for-tat", "tit-for-tat", (0, 0)),
        ("tit-for-tat", "always-cooperate", (0, 0)),
        ("tit-for-tat", "always-defect", (1, 1)),
        ("always-cooperate", "always-defect", (0, 1)),
    ],
)
def test_the_dilemma_settles(one, other, actions):
    match = play(load_game("prisoners_dilemma"), [one, other], 1, opening=0)
    assert {(turn[0], turn[1]) for turn in match.turns[1:]} == {actions}


# ------------------------------------------------------------------------------------------------- kuhn


def deals():
    """Return the first states of all six deals."""
    game = load_game("kuhn_poker")
    states = [game.initial(2, stream(seed, "test")) for seed in range(200)]
    found = {(state.view(0)["card"], state.view(1)["card"]): state for state in states}
    assert len(found) == 6
    return found


def expected(state, cards, strategies):
    """Return seat 0's expected score when both play by `strategies`: (card, actions) to the chance of a bet."""
    if not state.to_move():
        return state.scores()[0]
    (seat,) = state.to_move()
    bet = strategies[seat](cards[seat], tuple(state.view(seat)["actions"]))
    rng = stream(0, "test")
    return sum(
        chance * expected(state.clone().apply({seat: action}, rng), cards, strategies)
        for action, chance in ((0, 1 - bet), (1, bet))
        if chance
    )


def values(alpha, seat):
    """Yield the first seat's value of the equilibrium in `seat` against each of the 64 pure strategies."""
    asked = [(), (0, 1)] if seat == 1 else [(0,), (1,)]
    situations = list(product(range(3), asked))
    for plan in product((0, 1), repeat=len(situations)):
        pure = dict(zip(situations, plan, strict=True))
        strategies = [lambda card, actions: bet_probability(card, actions, alpha)] * 2
        strategies[1 - seat] = lambda card, actions, pure=pure: pure[card, actions]
        yield fmean(expected(state, cards, strategies) for cards, state in deals().items())


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1 / 3])
def test_kuhn_equilibrium_is_worth_minus_an_eighteenth_against_every_best_response(alpha):
    # The value of the game to the first seat is -1/18 (Kuhn 1950).
    assert min(values(alpha, seat=0)) == pytest.approx(-1 / 18, abs=1e-12)
    assert max(values(alpha, seat=1)) == pytest.approx(-1 / 18, abs=1e-12)


def test_kuhn_equilibrium_bets_as_often_as_its_probabilities_say():
    game = load_game("kuhn_poker")
    bets = []
    for seed in range(1500):
        match = play(game, ["kuhn-equilibrium", "kuhn-equilibrium"], seed, opening=0)
        if match.state.view(0)["card"] == 2:
            bets.append(match.turns[0][0])
    assert fmean(bets) == pytest.approx(0.6, abs=4 * (0.24 / len(bets)) ** 0.5)  # 3 * alpha, four standard errors


@pytest.mark.parametrize("ref", ["greedy", "mcts(simulations=50)", "kuhn-equilibrium"])
def test_an_agent_acts_alike_whatever_the_hidden_card_is(ref):
    for seed, mine in product(range(4), range(3)):
        states = [state for (own, _), state in deals().items() if own == mine]
        assert len({act(agent_of(ref), state, seed=seed, game_ref="kuhn_poker") for state in states}) == 1
