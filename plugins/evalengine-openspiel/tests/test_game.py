"""What one position does: luck, several seats at once, views, samples, texts, configurations."""

from __future__ import annotations

import random
from collections import Counter
from xml.etree import ElementTree as ET

import pytest
from evalengine_openspiel.game import OpenSpielGame, Position, text_document
from evalengine_openspiel.table import GAMES
from hypothesis import given
from hypothesis import strategies as st

from evalengine import ConfigError, GameError, Match, MatchSpec, load_game

SVG = "{http://www.w3.org/2000/svg}"
SAMPLING = [name for name, row in GAMES.items() if row["samples"]]


class Dice:
    """Stands for a generator: gives the numbers that it is told."""

    def __init__(self, *numbers):
        self._numbers = list(numbers)

    def random(self):
        return self._numbers.pop(0)


class Line:
    """Stands for a state of OpenSpiel: nodes as (who is to move, legal actions by seat or outcomes)."""

    def __init__(self, *nodes):
        self.nodes, self.applied = list(nodes), []

    def current_player(self):
        return self.nodes[0][0] if self.nodes else -4

    def legal_actions(self, seat):
        return self.nodes[0][1][seat]

    def chance_outcomes(self):
        return self.nodes[0][1]

    def apply_action(self, action):
        self.applied.append(action)
        self.nodes.pop(0)

    apply_actions = apply_action


@pytest.fixture
def three_seats(load):
    return load("matching_pennies_3p")


# ------------------------------------------------------------------------------------------- luck


@pytest.mark.parametrize(("number", "card"), [(0.0, 0), (0.34, 1), (0.999999, 2)])
def test_an_outcome_is_drawn_by_cumulated_probability(number, card, load):
    state = load("kuhn_poker").initial(2, Dice(number, 0.0))
    assert state.view(0)["string"] == str(card)


def test_rounding_never_draws_what_cannot_happen(three_seats):
    line = Line((-1, [(7, 0.3), (8, 0.6999999), (9, 0.0)]))
    Position(three_seats, line).settle(Dice(0.99999999))
    assert line.applied == [8]


def test_outcomes_come_as_often_as_they_should(load):
    game = load("pig", diceoutcomes=2, winscore=10)
    rng, totals = random.Random(0), Counter()
    for _ in range(2000):
        state = game.initial(2, rng)
        totals[state.apply({0: 0}, rng).to_move()] += 1
    # A 1, half of the throws of a coin, ends the turn: the other seat is to move.
    assert 900 < totals[1,] < 1100


def test_the_same_actions_meet_the_same_luck(load):
    game = load("backgammon")
    one, other = (Match(MatchSpec(0, 0, 0, 77, (0, 1)), game) for _ in range(2))
    for match in (one, other):
        for _ in range(6):
            (request,) = match.requests()
            match.answer(request.seat, request.legal[-1])
    assert one.state.render() == other.state.render()
    assert one.state.render() != Match(MatchSpec(0, 0, 0, 78, (0, 1)), game).state.render()


def test_luck_inside_openspiel_follows_the_match_seed(load):
    game = load("negotiation")
    deals = [Match(MatchSpec(0, 0, 0, seed, (0, 1)), game).state.render() for seed in (1, 1, 2, 3)]
    assert deals[0] == deals[1]
    assert len(set(deals)) == 3
    assert game.spec.branching == "same-luck"


# ---------------------------------------------------------------------------------- several seats


def test_seats_without_a_choice_are_not_asked_and_get_action_0(three_seats):
    line = Line((-2, [[4, 5], [], [6]]))
    state = Position(three_seats, line).settle(None)
    assert state.to_move() == (0, 2)
    state.apply({0: 5, 2: 6}, None)
    assert line.applied == [[5, 0, 6]]


def test_one_seat_with_a_choice_at_a_simultaneous_node_still_acts_jointly(three_seats):
    line = Line((-2, [[], [3], []]))
    state = Position(three_seats, line).settle(None)
    assert state.to_move() == (1,)
    state.apply({1: 3}, None)
    assert line.applied == [[0, 3, 0]]


def test_a_node_where_nobody_has_a_choice_passes_by_itself(three_seats):
    line = Line((-2, [[], [], []]), (2, [[], [], [1]]))
    state = Position(three_seats, line).settle(None)
    assert (state.to_move(), line.applied) == ((2,), [[0, 0, 0]])


def test_a_mean_field_node_is_an_error(three_seats):
    with pytest.raises(GameError, match="-5"):
        Position(three_seats, Line((-5, []))).settle(None)


# ------------------------------------------------------------------------------------ hidden views


def test_a_seat_does_not_see_the_other_card(load):
    game = load("kuhn_poker")
    with_jack, with_king = (game.initial(2, Dice(0.5, other)) for other in (0.0, 0.9))
    assert with_jack.render() != with_king.render()
    assert with_jack.view(0) == with_king.view(0)
    assert with_jack.view(1) != with_king.view(1)


def test_a_hidden_game_shows_all_that_the_seat_has_seen(load):
    state = load("kuhn_poker").initial(2, Dice(0.5, 0.0)).apply({0: 0}, None)
    assert state.view(1)["string"] == "0p"  # its card and the pass before


@pytest.mark.parametrize("name", SAMPLING)
def test_samples_fit_what_the_seat_has_seen(name, load, random_match):
    match, _ = random_match(load(name), 1, 4)
    for seat in match.state.to_move():
        samples = [match.state.sample(seat, random.Random(seed)) for seed in range(3)]
        for sample in samples:
            assert sample.view(seat) == match.state.view(seat)
            assert (sample.to_move(), sample.legal(seat)) == (match.state.to_move(), match.state.legal(seat))
            assert sample.clone().render() == sample.render()


def test_samples_differ_in_what_is_hidden(load):
    state = load("kuhn_poker").initial(2, Dice(0.5, 0.0))
    assert {state.sample(0, random.Random(seed)).view(1)["string"] for seed in range(20)} == {"0", "2"}


def test_a_configured_game_says_that_it_hides(load):
    assert load("goofspiel").spec.information == "perfect"
    assert load("goofspiel", imp_info=True).spec.information == "hidden"


# ----------------------------------------------------------------------------------- configuration


def test_a_configuration_sets_the_spec(load):
    hex5, poker3 = load("hex", board_size=5), load("kuhn_poker", players=3)
    assert (hex5.spec.max_turns, len(hex5.initial(2, None).legal(0))) == (25, 25)
    assert (poker3.spec.min_seats, poker3.spec.max_seats, poker3.spec.default_seats) == (3, 3, 3)
    assert (poker3.spec.min_score, poker3.spec.max_score) == (-2.0, 4.0)  # a pot of 6: Kuhn poker with three seats


def test_parameters_that_follow_from_others_can_be_set_too():
    game = load_game("openspiel:hex(board_size=5, num_cols=11)")
    assert game.spec.max_turns == 55


def test_a_number_may_be_written_without_its_point(load):
    assert load("bargaining", discount=1, prob_end=0).spec.max_turns == load("bargaining").spec.max_turns


@pytest.mark.parametrize(
    ("name", "config", "said"),
    [
        ("kuhn_poker", {"players": 99}, "from 2 to 10"),
        ("hex", {"bord_size": 3}, "board_size"),
        ("misere", {"game": "no_such_game()"}, "no_such_game"),
        ("misere", {"game": "tarok()"}, "cannot be replayed"),
        ("misere", {"game": "mfg_garnet()"}, "mean-field"),
        ("snake", {"players": 3}, "2 or 4"),
    ],
)
def test_a_wrong_configuration_is_one_line(name, config, said, load):
    with pytest.raises(ConfigError, match=said) as caught:
        load(name, **config)
    assert "\n" not in str(caught.value)


def test_a_wrong_number_of_seats_is_an_error(load):
    with pytest.raises(GameError, match="2 seats"):
        load("tic_tac_toe").initial(3, None)


def test_partners_are_teams(load):
    assert [list(side) for side in load("euchre").teams(4)] == [[0, 2], [1, 3]]
    assert load("euchre").spec.teams
    assert load("hearts").teams(4) == [[0], [1], [2], [3]]


# --------------------------------------------------------------------------------- rewards and text


def test_rewards_add_up_to_the_scores(load):
    game, rng = load("2048"), random.Random(4)
    state, total = game.initial(1, rng), 0.0
    assert state.rewards() is None
    for _ in range(60):
        state = state.apply({0: state.legal(0)[0]}, rng)
        total += state.rewards()[0]
    assert total == state.scores()[0] > 0


def test_games_that_only_score_at_the_end_give_no_rewards(load):
    assert load("tic_tac_toe").initial(2, None).apply({0: 4}, None).rewards() is None


@pytest.mark.parametrize(
    ("name", "action", "text"),
    [
        ("breakthrough", 2, "a8a7"),
        ("leduc_poker", 2, "Raise"),
        ("tic_tac_toe", 4, "4"),  # OpenSpiel's text says whose mark it is
        ("breakthrough", 10**9, "1000000000"),
    ],
)
def test_actions_have_texts_where_these_need_no_state(name, action, text, load):
    assert load(name).action_to_str(action) == text


STATELESS = [name for name, row in GAMES.items() if row["action_text"]]


@pytest.mark.parametrize("name", [name for name in STATELESS if name != "bridge_uncontested_bidding"])
def test_texts_of_actions_are_those_of_the_state(name, load, random_match):
    game = load(name)
    match, _ = random_match(game, 11, 12)
    for seat in match.state.to_move():
        text = match.state.render(seat).partition("\nActions: ")[2]
        for action in match.state.legal(seat):
            assert f"{action}={game.action_to_str(action)}" in text


def test_a_seat_that_is_to_move_is_shown_its_actions(load):
    state = load("tic_tac_toe").initial(2, None)
    assert state.render(0) == "...\n...\n...\nActions: " + "  ".join(
        f"{cell}=x({cell // 3},{cell % 3})" for cell in range(9)
    )
    assert state.render(1) == "...\n...\n..."


@given(st.text())
def test_any_text_makes_a_well_formed_document(text):
    root = ET.fromstring(text_document(text))  # our own document
    assert len(root.findall(f"{SVG}text")) == max(1, len(text.splitlines()))


def test_no_colour_codes_are_printed(load):
    state = load("twixt").initial(2, None)
    assert "\x1b" not in state.render() + state.render(0) + state.view(0)["string"]


def test_an_unknown_game_has_no_factory():
    import evalengine_openspiel.game as module

    assert isinstance(module.go(board_size=9), OpenSpielGame)
    with pytest.raises(AttributeError, match="no_such_game"):
        module.no_such_game  # noqa: B018 - reading it is the test
