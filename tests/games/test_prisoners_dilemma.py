import pytest

from evalengine import Match, MatchSpec, load_game

C, D = 0, 1


def played(*rounds, **config):
    state = load_game("prisoners_dilemma", **config).initial(2, None)
    for actions in rounds:
        state = state.apply(dict(enumerate(actions)), None)
    return state


# Axelrod (1980), "Effective Choice in the Prisoner's Dilemma", J. Conflict Resolution 24(1), figure 1.
@pytest.mark.parametrize(
    ("actions", "payoffs"), [((C, C), (3, 3)), ((C, D), (0, 5)), ((D, C), (5, 0)), ((D, D), (1, 1))]
)
def test_payoffs_are_axelrods(actions, payoffs):
    assert played(actions).rewards() == payoffs
    assert played(actions).scores() == payoffs


def test_the_score_is_the_mean_payoff_a_round():
    assert played().scores() == (0.0, 0.0)
    assert played().rewards() is None
    assert played((C, C), (C, D), (D, D), (D, C)).scores() == (9 / 4, 9 / 4)
    assert played((C, C), (C, D)).scores() == (1.5, 4.0)


def test_each_seat_sees_its_own_actions_as_mine():
    state = played((C, D), (C, C), rounds=5)
    assert state.view(0) == {"mine": [0, 0], "theirs": [1, 0], "round": 2, "rounds": 5}
    assert state.view(1) == {"mine": [1, 0], "theirs": [0, 0], "round": 2, "rounds": 5}


def test_tit_for_tat_loses_only_the_first_round_to_a_defector():
    def tit_for_tat(view):
        return view["theirs"][-1] if view["theirs"] else C

    match = Match(MatchSpec(0, 0, 0, 1, (0, 1)), load_game("prisoners_dilemma"))
    while not match.over:
        for request in match.requests():
            match.answer(request.seat, D if request.seat else tit_for_tat(request.view))
    assert match.result.turns == 200
    assert match.result.scores == (199 / 200, 204 / 200)


def test_a_clone_has_its_own_history():
    state = played((C, C))
    state.clone().apply({0: D, 1: D}, None)
    assert state.view(0)["mine"] == [C]
    assert state.scores() == (3.0, 3.0)


def test_the_text_shows_points_and_actions():
    assert played((C, D)).render() == "1 of 200 rounds\nseat 0: 0 points C\nseat 1: 5 points D"
