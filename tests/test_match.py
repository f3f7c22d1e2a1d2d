"""The kernel: one match without I/O. The games here keep all that they are given, so nothing escapes a comparison."""

import copy
import itertools
import math
import pickle
import random
from time import perf_counter_ns

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import (
    Answer,
    Branch,
    Fault,
    Game,
    GameError,
    GameSpec,
    Info,
    Match,
    MatchSpec,
    State,
    load_game,
    stream,
)
from evalengine.contracts import contains
from evalengine.wire import pack_turns, unpack_turns

TIMEOUT = Fault("timeout", "2.00 s exceeded")
CRASH = Fault("crash", "it fell over")


class Trace(Game):
    """Takes any schedule of movers and keeps all that happens.

    Args:
        movers: by turn (cyclic) the seats that act; legal: what each may do; length: turns until it is over;
        sides: None for each seat alone; state: the class of its states.
    """

    def __init__(self, movers, *, legal=(0, 1, 2), length=6, sides=None, state=None, **fields):
        self.movers, self.legal, self.length, self.sides = movers, legal, length, sides
        self.state = state or Line
        self._rules = "a game may call its own things as it likes"
        self.spec = GameSpec(name="trace", version="1", doc="", factory="", **{"max_turns": 50, **fields})
        self.config = {}

    def initial(self, seats, rng):
        return self.state(self, seats, [rng.randrange(1000)] if self.spec.chance else [])

    def teams(self, seats):
        return self.sides or super().teams(seats)


class Line(State):
    """Changes itself, so that a state that is used twice shows."""

    def __init__(self, game, seats, luck):
        self.game, self.seats, self.luck = game, seats, luck
        self.turn, self.out, self.history = 0, [], []

    def to_move(self):
        game = self.game
        while self.turn < game.length:
            movers = [seat for seat in game.movers[self.turn % len(game.movers)] if seat not in self.out]
            if movers:
                return movers
            self.turn += 1
        return ()

    def view(self, seat):
        if self.game.spec.information == "hidden":
            history = [[pair for pair in turn if pair[0] == seat] for turn in self.history]
        else:
            history = self.history
        return copy.deepcopy({"history": history, "luck": self.luck, "out": self.out})

    def legal(self, seat):
        return self.game.legal

    def apply(self, actions, rng):
        assert not any(type(action) is Fault for action in actions.values())
        self.history.append([[seat, action] for seat, action in actions.items()])
        if self.game.spec.chance:
            self.luck += [rng.randrange(1000) for _ in actions]
        self.turn += 1
        return self

    def scores(self):
        total = [0.0] * self.seats
        for turn, (seat, action) in enumerate(itertools.chain(*self.history)):
            total[seat] += (turn + 1) * len(repr(action))
            total[seat] += action if type(action) is int else 0
        mean = sum(total) / self.seats
        return tuple(0.01 * (score - mean) for score in total)

    def clone(self):
        return copy.deepcopy(self)


class Field(Line):
    """Goes on without a seat."""

    def forfeit(self, seat):
        self.out.append(seat)
        return self


def begin(game, seats=2, seed=1, **fields):
    return Match(MatchSpec(0, 0, 0, seed, tuple(range(seats)), **fields), game)


def duel(**fields):
    return Trace([[0], [1]], **fields)


def all_at_once(seats, **fields):
    return Trace([list(range(seats))], dynamics="simultaneous", max_seats=seats, **fields)


def play(match, answer_of, order=sorted):
    """Drive a match by requests; `answer_of(request)` gives an action, an Answer or a Fault."""
    while not match.over:
        answers = {request.seat: answer_of(request) for request in match.requests()}
        for seat in order(answers):
            give(match, seat, answers[seat])
    return match


def give(match, seat, answer):
    if type(answer) is Fault:
        match.fault(seat, answer)
    elif type(answer) is Answer:
        match.answer(seat, answer.action, answer.info)
    else:
        match.answer(seat, answer)


def infos_of(match):
    return [Info(match.game, seat, match.sides, 7 + seat) for seat in range(len(match.spec.agents))]


def looks(match):
    """Return all that a match shows of itself."""
    views = [match.state.view(seat) for seat in range(len(match.spec.agents))]
    asked = [(request.turn, request.seat, request.legal, request.view) for request in match.requests()]
    return match.turn, match.over, match.result, match.turns, copy.deepcopy(match.log), views, asked


# --------------------------------------------------------------------------------- how it goes


def test_seats_take_turns_and_the_result_is_the_games():
    match = begin(load_game("tictactoe"))
    for turn, cell in enumerate((0, 3, 1, 4, 2)):
        (request,) = match.requests()
        assert (request.turn, request.seat) == (turn, turn % 2)
        assert cell in request.legal
        assert not match.over
        match.answer(request.seat, cell)
    assert match.over
    assert match.requests() == []
    assert match.result == ((1.0, -1.0), (1, 2), "rules", 5, ())


def test_a_turn_of_several_seats_is_resolved_when_all_have_answered():
    match = begin(all_at_once(3), 3)
    assert [request.seat for request in match.requests()] == [0, 1, 2]
    match.answer(2, 1)
    assert [request.seat for request in match.requests()] == [0, 1]
    match.fault(0, TIMEOUT)
    assert match.turn == 0
    match.answer(1, 0)
    assert match.turn == 1


def test_what_a_request_shows_is_of_the_turn_it_asks():
    match = begin(duel())
    (request,) = match.requests()
    assert (request.seat, request.turn, request.legal) == (0, 0, (0, 1, 2))
    assert request.view == {"history": [], "luck": [], "out": []}
    match.answer(0, 2)
    (request,) = match.requests()
    assert (request.seat, request.turn) == (1, 1)
    assert request.view["history"] == [[[0, 2]]]


def test_hidden_information_is_shown_to_its_own_seat_only():
    match = begin(all_at_once(2, information="hidden", length=2))
    match.answer(0, 1)
    match.answer(1, 2)
    first, second = match.requests()
    assert first.view["history"] == [[[0, 1]]]
    assert second.view["history"] == [[[1, 2]]]


def test_who_is_not_asked_cannot_answer():
    match = begin(duel())
    for refused in (lambda: match.answer(1, 0), lambda: match.fault(1, CRASH), lambda: match.refusal(1, 0)):
        with pytest.raises(ValueError, match="seat 1 is not asked in turn 0"):
            refused()
    match = begin(all_at_once(2))
    match.answer(0, 1)
    with pytest.raises(ValueError, match="seat 0 is not asked in turn 0"):
        match.answer(0, 2)


def test_a_match_that_is_over_asks_nobody():
    match = begin(duel(length=1))
    match.answer(0, 1)
    with pytest.raises(ValueError, match="seat 1 is not asked"):
        match.answer(1, 1)


def test_a_game_without_a_turn_is_over_at_once():
    match = begin(duel(length=0), opening=3)
    assert match.result == ((0.0, 0.0), (1, 1), "rules", 0, ())


def test_one_seat_plays_alone():
    match = play(begin(Trace([[0]], min_seats=1, utility="general", length=3), 1), lambda request: 1)
    assert match.result.places == (1,)
    assert match.result.turns == 3


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("where", ["game", "spec"])
def test_a_limit_of_turns_ends_a_match_by_its_scores(turns, where):
    match = begin(duel(max_turns=turns)) if where == "game" else begin(duel(), max_turns=turns)
    play(match, lambda request: 2)
    assert match.result.termination == "turn_limit"
    assert match.result.turns == turns
    assert match.result.scores == match.state.scores()


def test_a_spec_may_lower_a_games_limit_but_not_raise_it():
    assert play(begin(duel(max_turns=2), max_turns=5), lambda request: 1).result.turns == 2


def test_a_game_that_ends_in_the_last_turn_ended_by_its_rules():
    assert play(begin(duel(length=4, max_turns=4)), lambda request: 1).result.termination == "rules"


# ----------------------------------------------------------------------------------- refusals


def test_a_refused_action_is_a_fault_that_says_so():
    match = begin(duel())
    assert match.refusal(0, 2) is None
    assert match.refusal(0, 3) == "not a legal action"
    assert match.turn == 0
    match.answer(0, 3)
    assert match.result.termination == "fault"
    assert match.result.faults == ((0, 0, Fault("illegal", "3: not a legal action")),)


TRAPS = [
    ((0, 1), [True, False, 1.0, "1", None, [1], 2**70]),
    ((False, True), [1, 0, 1.0, "True"]),
    ((0.0, 1.0), [1, True, "1.0", math.nan]),
    (([0, 1], [1, 0]), [(0, 1), [False, True], [0.0, 1], [0], [0, 1, 0], "01"]),
    (({"a": 1}, {"b": [1]}), [{"a": True}, {"a": 1, "b": 1}, {"b": (1,)}, {"b": [True]}, [["a", 1]]]),
    (({1: 0},), [{True: 0}, {1.0: 0}, {"1": 0}]),
    (("a", "b"), ["", "ab", b"a", ["a"]]),
    ((None,), [0, False, ""]),
    ((), [0, None]),
]


@pytest.mark.parametrize(("legal", "others"), TRAPS, ids=repr)
def test_legal_actions_are_taken_with_their_exact_type_only(legal, others):
    for action in legal:
        assert begin(duel(legal=legal)).refusal(0, action) is None
        assert contains(legal, copy.deepcopy(action))
    for action in others:
        for driven in (play_by_request, play_by_advance):
            match = driven(duel(legal=legal), action)
            assert [fault.kind for _, _, fault in match.result.faults] == ["illegal"], (driven, action)


def play_by_request(game, action):
    match = begin(game)
    match.answer(0, action)
    return match


def play_by_advance(game, action):
    match = begin(game)
    match.advance([lambda _: action, None], infos_of(match), perf_counter_ns)
    return match


def test_a_game_that_cannot_list_its_actions_takes_all_that_it_does_not_refuse():
    class Words(Line):
        def refuse(self, seat, action):
            return None if type(action) is str else "say something"

    game = duel(legal=None, state=Words, length=2)
    assert play(begin(game), lambda request: "anything").result.termination == "rules"
    match = begin(game)
    match.answer(0, 5)
    assert match.result.faults[0][2].detail == "5: say something"
    assert play(begin(duel(legal=None, length=2)), lambda request: None).state.history == [[[0, None]], [[1, None]]]


def test_a_games_own_refuse_has_the_last_word_on_the_fast_path_too():
    class Strict(Line):
        def refuse(self, seat, action):
            return "no twos" if action == 2 else super().refuse(seat, action)

    for driven in (play_by_request, play_by_advance):
        match = driven(duel(state=Strict), 2)
        assert match.result.faults[0][2].detail == "2: no twos"


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "action",
    [deep(1020), 10**5000, Unspeakable(), "x" * 10**6, "\ud800\x1b[2J"],
    ids=["deep", "long", "mute", "big", "odd"],
)
def test_no_action_is_too_odd_to_be_refused(action):
    for driven in (play_by_request, play_by_advance):
        match = driven(duel(), action)
        ((_, _, fault),) = match.result.faults
        assert fault.kind == "illegal"
        assert len(fault.detail) <= 200
        assert fault.detail.isprintable()
        fault.detail.encode()


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "error", [ValueError("one\ntwo\nthree"), MuteError(), KeyError("\ud800"), SystemExit(3)], ids=repr
)
def test_an_agent_that_raises_has_crashed_and_one_line_says_how(error):
    def act(observation):
        raise error

    for game in (duel(), all_at_once(2)):
        match = begin(game)
        match.advance([act, lambda _: 0], infos_of(match), perf_counter_ns)
        assert match.result.termination == "fault"
        ((_, seat, fault),) = match.result.faults
        assert (seat, fault.kind) == (0, "crash")
        assert type(error).__name__ in fault.detail
        assert "test_match.py" in fault.detail
        assert fault.detail.isprintable()
        assert "in act" in fault.traceback
        f"{fault.detail}{fault.traceback}".encode()


def test_a_games_own_error_is_no_fault_of_an_agent():
    class Broken(Line):
        def view(self, seat):
            msg = "the game is broken"
            raise GameError(msg)

    for game in (duel(state=Broken), all_at_once(2, state=Broken)):
        match = begin(game)
        with pytest.raises(GameError, match="the game is broken"):
            match.advance([lambda observation: observation.view] * 2, infos_of(match), perf_counter_ns)


class Broken(Line):
    def view(self, seat):
        raise KeyError(seat)

    def legal(self, seat):
        raise KeyError(seat)

    def clone(self):
        raise KeyError(self)


@pytest.mark.parametrize("name", ["view", "legal", "state", "history", "missing"])
def test_what_a_game_raises_while_an_agent_looks_is_the_games_error(name):
    for game in (duel(state=Broken), all_at_once(2, state=Broken)):
        match = begin(game)
        with pytest.raises(GameError, match=r"Broken\.\w+\(\) failed: KeyError: ") as told:
            match.advance([lambda observation: getattr(observation, name)] * 2, infos_of(match), perf_counter_ns)
        assert isinstance(told.value.__cause__, KeyError)


def test_what_an_agent_raises_in_a_state_of_its_own_is_its_crash():
    match = begin(duel())
    match.advance([lambda observation: observation.state.view(0)["missing"], None], infos_of(match), perf_counter_ns)
    assert match.result.faults[0][2].kind == "crash"


# -------------------------------------------------------------------------- faults and places


def faulty(game, seats, faulting, *, turn=0, **fields):
    """Return the match in which `faulting` fail in `turn` and everybody else does 1."""
    return play(
        begin(game, seats, **fields),
        lambda request: TIMEOUT if request.turn == turn and request.seat in faulting else 1,
    )


@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize("turn", [0, 2])
def test_of_two_sides_the_faulting_one_is_last_whatever_the_position(seat, turn):
    match = faulty(all_at_once(2), 2, [seat], turn=turn)
    lost, won = (-1.0, 1.0), (2, 1)
    assert match.result.scores == (lost if seat == 0 else lost[::-1])
    assert match.result.places == (won if seat == 0 else won[::-1])
    assert match.result.termination == "fault"
    assert match.result.turns == turn + 1
    assert match.result.faults == ((turn, seat, TIMEOUT),)


def test_two_sides_that_both_fault_are_level():
    match = faulty(all_at_once(2), 2, [0, 1])
    assert match.result.scores == (-1.0, -1.0)
    assert match.result.places == (1, 1)
    assert [seat for _, seat, _ in match.result.faults] == [0, 1]


def test_who_faults_gets_the_least_score_and_the_other_what_there_is_to_win():
    match = faulty(duel(utility="constant", min_score=0, max_score=10), 2, [0])
    assert match.result.scores == (0.0, 10.0)


def test_where_scores_count_the_others_keep_theirs():
    match = faulty(all_at_once(2, utility="general", min_score=-99), 2, [1], turn=3)
    before = play(begin(all_at_once(2, utility="general"), max_turns=3), lambda request: 1)
    assert match.result.scores == (before.result.scores[0], -99.0)
    assert match.result.places == (1, 2)


def test_of_more_sides_without_forfeit_the_faulting_are_last_and_the_others_tie_for_first():
    match = faulty(all_at_once(4), 4, [1, 3], turn=2)
    assert match.result.places == (1, 3, 1, 3)
    assert match.result.scores == (0.0, -1.0, 0.0, -1.0)
    assert match.result.termination == "fault"
    assert match.result.turns == 3
    assert faulty(all_at_once(4), 4, [0, 1, 2]).result.places == (2, 2, 2, 1)
    assert faulty(all_at_once(4), 4, [0, 1, 2, 3]).result.places == (1, 1, 1, 1)


def test_the_last_who_did_not_fault_has_won():
    assert faulty(all_at_once(3), 3, [0, 2]).result.scores == (-1.0, 1.0, -1.0)
    assert faulty(all_at_once(3, state=Field), 3, [0, 2]).result.scores == (-1.0, 1.0, -1.0)


def test_with_forfeit_play_goes_on_without_the_seat():
    match = faulty(all_at_once(3, state=Field, length=4), 3, [1], turn=1)
    assert match.fallen == {1}
    assert match.result.termination == "rules"
    assert match.result.turns == 4
    assert match.state.history[1:] == [[[0, 1], [2, 1]]] * 3
    assert match.result.places[1] == 3
    assert match.result.scores[1] == -1.0
    assert match.result.scores[0] == match.state.scores()[0]
    assert sorted([match.result.places[0], match.result.places[2]]) == [1, 2]


def test_in_a_turn_of_one_seat_a_fault_takes_the_turn_and_the_next_is_asked():
    match = begin(Trace([[0], [1], [2]], state=Field, max_seats=3, length=6), 3)
    match.answer(0, 1)
    match.fault(1, CRASH)
    assert [(request.turn, request.seat) for request in match.requests()] == [(2, 2)]
    match.answer(2, 1)
    assert [request.seat for request in match.requests()] == [0]
    play(match, lambda request: 1)
    assert [pair[0] for turn in match.state.history for pair in turn] == [0, 2, 0, 2]
    assert match.result.places[1] == 3


def test_a_match_ends_when_one_side_is_left():
    match = begin(all_at_once(3, state=Field), 3)
    for seat, answer in enumerate((CRASH, 1, 1)):
        give(match, seat, answer)
    assert not match.over
    match.answer(1, 1)
    match.fault(2, TIMEOUT)
    assert match.result.termination == "fault"
    assert match.result.places == (2, 1, 2)
    assert match.result.scores == (-1.0, 1.0, -1.0)
    assert match.result.faults == ((0, 0, CRASH), (1, 2, TIMEOUT))


def test_all_who_are_left_may_fault_at_once():
    match = begin(all_at_once(3, state=Field), 3)
    for seat, answer in enumerate((CRASH, 1, 1)):
        give(match, seat, answer)
    match.fault(1, TIMEOUT)
    match.fault(2, TIMEOUT)
    assert match.result.places == (1, 1, 1)
    assert match.result.scores == (-1.0, -1.0, -1.0)


PAIRS = [[0, 2], [1, 3]]
TRIPLE = [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("seat", range(4))
def test_a_team_falls_with_its_member(seat):
    match = faulty(all_at_once(4, sides=PAIRS, teams=True), 4, [seat], turn=1)
    mine = seat % 2
    assert match.result.places == tuple(1 + (other % 2 == mine) for other in range(4))
    assert match.result.scores == tuple(-1.0 if other % 2 == mine else 1.0 for other in range(4))
    assert match.result.termination == "fault"


def test_three_teams_play_on_without_the_one_that_fell():
    match = faulty(all_at_once(6, sides=TRIPLE, teams=True, state=Field, length=3), 6, [4], turn=1)
    assert match.fallen == {1, 4}
    assert match.state.out == [1, 4]
    assert [pair[0] for pair in match.state.history[1]] == [0, 2, 3, 5]
    assert match.result.termination == "rules"
    places = match.result.places
    assert places[1] == places[4] == 3
    assert places[0] == places[3]
    assert places[2] == places[5]
    assert {places[0], places[2]} == {1, 2}


def test_three_teams_without_forfeit_end_with_the_first_fault():
    match = faulty(all_at_once(6, sides=TRIPLE, teams=True), 6, [4], turn=1)
    assert match.result.places == (1, 3, 1, 1, 3, 1)
    assert match.result.scores == (0.0, -1.0, 0.0, 0.0, -1.0, 0.0)


def with_scores(scores, sides=None, **fields):
    class Scored(Line):
        def scores(self):
            return scores

    seats = len(scores)
    return play(begin(all_at_once(seats, sides=sides, state=Scored, length=1, **fields), seats), lambda request: 0)


def test_places_follow_from_scores():
    assert with_scores((1.0, -1.0)).result.places == (1, 2)
    assert with_scores((0.25, 0.25)).result.places == (1, 1)
    assert with_scores((3, 1, 3, 2)).result.places == (1, 4, 1, 3)
    assert with_scores((1.0, 0.0, -1.0, 0.5), PAIRS).result.places == (2, 1, 2, 1)


def test_equal_teams_are_level_in_whatever_order_their_seats_are_added():
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    match = with_scores((0.1, 0.3, 0.2, 0.2, 0.3, 0.1), [[0, 2, 4], [1, 3, 5]])
    assert match.result.places == (1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    "scores", [(math.nan, 0.0), (0.0, math.inf), (0.0,), (0.0, 0.0, 0.0), (), None, ("a", "b"), (None, 0.0)], ids=repr
)
def test_scores_that_are_no_scores_are_the_games_error(scores):
    class Scored(Line):
        def scores(self):
            return scores

    for driven in (play_by_request, play_by_advance):
        with pytest.raises(GameError, match=r"game 'trace': scores\(\) must be 2 finite numbers"):
            driven(duel(state=Scored, length=1), 0)


def test_teams_must_hold_each_seat_once():
    for sides in ([[0], [0, 1]], [[0]], [[0, 2], [1]]):
        with pytest.raises(GameError, match="must hold each seat once"):
            begin(duel(sides=sides))


def test_a_forfeit_that_leaves_the_seat_to_move_is_the_games_error():
    class Stubborn(Line):
        def forfeit(self, seat):
            return self

    match = begin(all_at_once(3, state=Stubborn), 3)
    match.answer(0, 1)
    match.answer(1, 1)
    with pytest.raises(GameError, match="forfeit"):
        match.fault(2, TIMEOUT)


# --------------------------------------------------------------------- games that wait for nobody


def test_where_a_stand_in_action_is_given_a_fault_is_that_action():
    match = faulty(all_at_once(2, late=2, length=3), 2, [1], turn=1)
    assert match.state.history == [[[0, 1], [1, 1]], [[0, 1], [1, 2]], [[0, 1], [1, 1]]]
    assert match.result.termination == "rules"
    assert match.result.scores == match.state.scores()
    assert match.result.faults == ((1, 1, TIMEOUT),)
    assert match.turns[1] == {0: 1, 1: TIMEOUT}


def test_an_agent_that_is_late_in_every_turn_still_plays_to_the_end():
    match = play(begin(duel(late=0, length=5)), lambda request: CRASH)
    assert match.result.turns == 5
    assert [turn for turn, _, _ in match.result.faults] == [0, 1, 2, 3, 4]


def test_a_stand_in_that_the_game_refuses_does_not_reach_it():
    match = faulty(all_at_once(2, late=9), 2, [1])
    assert match.result.termination == "fault"
    assert match.result.places == (1, 2)
    match = faulty(all_at_once(3, late=9, state=Field, length=2), 3, [1])
    assert match.state.history == [[[0, 1], [2, 1]]] * 2


# ------------------------------------------------------------------------------------- openings


def opened(game, opening, agents=(0, 1), seed=5, **fields):
    return Match(MatchSpec(0, 0, 0, seed, agents, opening, **fields), game)


def test_an_opening_is_the_same_for_a_rotation_and_another_for_another_seed():
    game = load_game("connect4")
    one, other = opened(game, 6, (0, 1)), opened(game, 6, (1, 0))
    assert one.turn == 6
    assert looks(one)[3:5] == looks(other)[3:5]
    assert len({pack_turns(opened(game, 6, seed=seed).log) for seed in range(20)}) > 15


def test_opening_turns_count_and_the_first_question_follows_them():
    match = opened(duel(max_turns=4), 3)
    assert [(request.turn, request.seat) for request in match.requests()] == [(3, 1)]
    assert len(match.turns) == len(match.state.history) == 3
    match.answer(1, 1)
    assert match.result.turns == 4


@pytest.mark.parametrize("game", [duel(length=3), duel(length=9, max_turns=3)], ids=["rules", "limit"])
def test_an_opening_never_ends_a_match_and_is_shorter_where_the_game_is(game):
    for wanted, made in ((1, 1), (2, 2), (3, 2), (9, 2)):
        match = opened(game, wanted)
        assert not match.over
        assert match.turn == len(match.state.history) == made


def test_an_opening_that_cannot_be_played_leaves_the_first_state():
    match = opened(all_at_once(2, length=1, chance=True), 4)
    assert looks(match) == looks(opened(all_at_once(2, length=1, chance=True), 0))


@given(seed=st.integers(0, 2**63 - 1), opening=st.integers(0, 12))
@settings(max_examples=50, deadline=None)
def test_openings_of_small_games_are_lawful_and_can_be_resumed(seed, opening):
    for game in (load_game_once("tictactoe"), load_game_once("rps"), load_game_once("kuhn_poker")):
        match = opened(game, opening, seed=seed)
        assert not match.over
        assert match.turn <= opening
        assert looks(Match.resume(match.spec, game, match.turns)) == looks(match)


def test_where_actions_cannot_be_listed_there_is_no_opening():
    assert opened(duel(legal=None), 4).turn == 0


def load_game_once(name, _made={}):  # noqa: B006 - a cache: loading a game takes longer than a small match
    if name not in _made:
        _made[name] = load_game(name)
    return _made[name]


# ------------------------------------------------------------------------------------------ luck


@pytest.mark.parametrize("drawn", ["initial", "apply"])
def test_luck_in_a_game_that_declares_none_is_an_error_that_says_so(drawn):
    class Cheat(Line):
        def apply(self, actions, rng):
            rng.shuffle([1, 2])
            return super().apply(actions, rng)

    class Shuffled(Trace):
        def initial(self, seats, rng):
            rng.random()
            return super().initial(seats, rng)

    with pytest.raises(GameError, match=r"game 'trace' drew luck \(rng\.\w+\) but declares none: set chance=True"):
        play(begin(Shuffled([[0], [1]]) if drawn == "initial" else duel(state=Cheat)), lambda request: 0)


def test_a_state_that_holds_its_game_can_be_copied_and_pickled():
    match = play(begin(duel(length=3), seed=9), lambda request: 1)
    assert copy.deepcopy(match.state).view(0) == match.state.view(0)
    assert pickle.loads(pickle.dumps(match.state)).view(0) == match.state.view(0)


def test_luck_is_of_the_seed_and_the_turn():
    match = play(begin(all_at_once(2, chance=True, length=3), seed=9), lambda request: request.seat)
    expected = [stream(9, "initial").randrange(1000)]
    for turn in range(3):
        rng = stream(9, "turn", turn)
        expected += [rng.randrange(1000), rng.randrange(1000)]
    assert match.state.luck == expected


def test_the_same_actions_meet_the_same_luck_after_an_opening_too():
    game = all_at_once(2, chance=True, length=5)
    match = play(opened(game, 2), lambda request: 1)
    assert Match.resume(match.spec._replace(opening=0), game, match.turns).state.luck == match.state.luck


# ------------------------------------------------------------------------------ resume and branch


def test_a_replay_that_does_not_fit_the_game_is_an_error_that_says_where():
    spec = MatchSpec(0, 0, 0, 1, (0, 1))
    for turns, says in (
        ([{1: 0}], r"turn 0: seats \[0\] are to move, but \[1\] are recorded"),
        ([{0: 0, 1: 0}], r"turn 0: seats \[0\] are to move, but \[0, 1\]"),
        ([{0: 0}, {1: 7}], "turn 1: seat 1 did 7, which the game refuses now: not a legal action"),
        ([{0: 0}] + [{1: 1}, {0: 1}] * 9, "was over after 6 turns, but more are recorded"),
    ):
        with pytest.raises(GameError, match=says):
            Match.resume(spec, duel(), turns)
    with pytest.raises(GameError, match=r"turn 0: seats \[0, 1\] are to move, but one is recorded"):
        Match.resume(spec, all_at_once(2), [{None: 1}])
    with pytest.raises(GameError, match="refuses now"):
        Match.resume(spec, duel(), [{0: True}])


def test_a_branch_keeps_its_parents_luck_or_meets_its_own():
    game = all_at_once(2, chance=True, length=4)
    parent = play(begin(game, seed=3), lambda request: 1)
    again = Match.resume(parent.spec._replace(branch=Branch("1/0", 2)), game, parent.turns[:2])
    fresh = Match.resume(parent.spec._replace(branch=Branch("1/0", 2, 77)), game, parent.turns[:2])
    assert looks(again)[4:] == looks(fresh)[4:]
    for match in (again, fresh):
        play(match, lambda request: 1)
    assert looks(again) == looks(parent)
    assert fresh.state.luck[:5] == parent.state.luck[:5]
    draws = [rng.randrange(1000) for turn in (2, 3) for rng in [stream(77, "turn", turn)] for _ in range(2)]
    assert fresh.state.luck[5:] == draws


def test_a_branch_of_a_branch_meets_the_luck_of_each():
    game = all_at_once(2, chance=True, length=6)
    parent = play(begin(game, seed=3), lambda request: 1)
    for own, expected in ((88, [3, 3, 77, 77, 88, 88]), (None, [3, 3, 77, 77, 77, 77])):
        spec = parent.spec._replace(branch=Branch("2/0", 4, own, ((2, 77),)))
        match = Match.resume(spec, game, parent.turns)
        rngs = [stream(seed, "turn", turn) for turn, seed in enumerate(expected)]
        draws = [rng.randrange(1000) for rng in rngs for _ in range(2)]
        assert match.state.luck == [stream(3, "initial").randrange(1000), *draws]


@pytest.mark.parametrize("name", ["tictactoe", "leduc_poker", "rps", "tron", "checkers", "kalah"])
@given(seed=st.integers(0, 2**63 - 1), at=st.integers(0, 40))
@settings(max_examples=15, deadline=None)
def test_a_fork_goes_on_alone(name, seed, at):
    game = load_game_once(name)

    def answer(request):
        return stream(seed, request.turn, request.seat).choice(request.legal)

    whole = play(opened(game, 1, tuple(range(game.spec.default_seats)), seed), answer)
    at = min(at, whole.result.turns - 1)
    trunk = Match.resume(whole.spec, game, whole.turns[:at])
    fork = trunk.fork(whole.spec)
    if not fork.over:
        fork.replay([{request.seat: request.legal[0] for request in fork.requests()}])
    other = trunk.fork(whole.spec)
    other.replay(whole.turns[at:])
    assert looks(other) == looks(whole)
    trunk.replay(whole.turns[at:])
    assert looks(trunk) == looks(whole)


# ------------------------------------------------------------------- what holds for every match

LEGAL = {
    "ints": (0, 1, 2),
    "lists": ([0, 1], [1, 0], []),
    "dicts": ({"to": 1}, {"to": 2, "by": [1]}),
    "words": ("a", "b"),
    "none": (None, 1, "x"),  # never listed; anything is taken
}
SCHEDULES = {
    1: [[[0]]],
    2: [[[0], [1]], [[0, 1]], [[1, 0], [0], [1]]],
    3: [[[0], [1], [2]], [[2, 0, 1]], [[0, 1], [2], [2, 1]]],
    4: [[[0], [1], [2], [3]], [[3, 1, 2, 0]], [[0, 2], [1, 3], [1], [0, 1, 2, 3]]],
}
SIDES = {1: [None], 2: [None], 3: [None, [[0, 2], [1]]], 4: [None, PAIRS, [[0, 3], [1], [2]]]}


class Script:
    """Answers that depend on turn and seat only: legal ones, illegal ones, faults, and infos with some."""

    def __init__(self, seed, legal, faults):
        self.seed, self.legal, self.faults = seed, legal, faults

    def __call__(self, request):
        rng = random.Random(f"{self.seed} {request.turn} {request.seat}")
        if rng.random() < self.faults:
            return rng.choice((TIMEOUT, CRASH, ["no", "such"]))
        action = rng.choice(self.legal)
        return Answer(action, {"why": rng.random()}) if rng.random() < 0.3 else action


@st.composite
def setups(draw):
    """Return (make a match, its script)."""
    seats = draw(st.integers(1, 4))
    kind = draw(st.sampled_from(sorted(LEGAL)))
    game = Trace(
        draw(st.sampled_from(SCHEDULES[seats])),
        legal=None if kind == "none" else LEGAL[kind],
        length=draw(st.integers(0, 7)),
        sides=draw(st.sampled_from(SIDES[seats])),
        state=draw(st.sampled_from((Line, Field))),
        late=draw(st.sampled_from(("forfeit", "forfeit", LEGAL[kind][0], "unheard of"))),
        chance=draw(st.booleans()),
        information=draw(st.sampled_from(("perfect", "hidden"))),
        utility=draw(st.sampled_from(("zero", "general"))),
        min_seats=1,
        max_seats=4,
        max_turns=draw(st.integers(1, 9)),
    )
    spec = MatchSpec(0, 0, 0, draw(st.integers(0, 2**63 - 1)), tuple(range(seats)), draw(st.integers(0, 3)))
    return spec, game, Script(draw(st.integers(0, 2**32)), LEGAL[kind], draw(st.sampled_from((0.0, 0.1, 0.4))))


def test_the_fast_path_does_not_ask_again_who_has_answered():
    match = begin(all_at_once(3, length=2), 3)
    match.answer(1, 2)
    asked = []
    match.advance([lambda seen: asked.append((seen.turn, seen.seat)) or 0] * 3, infos_of(match), perf_counter_ns)
    assert asked == [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert match.turns == [{0: 0, 1: 2, 2: 0}, {0: 0, 1: 0, 2: 0}]


def with_infos(match):
    return looks(match), match.infos


@given(setup=setups(), shuffling=st.integers())
@settings(max_examples=200, deadline=None)
def test_the_order_of_answers_within_a_turn_never_matters(setup, shuffling):
    spec, game, script = setup
    rng = random.Random(shuffling)
    plain = play(Match(spec, game), script)
    shuffled = play(Match(spec, game), script, lambda seats: rng.sample(sorted(seats), len(seats)))
    assert with_infos(shuffled) == with_infos(plain)


@given(setup=setups())
@settings(max_examples=200, deadline=None)
def test_the_fast_path_gives_what_requests_and_answers_give(setup):
    spec, game, script = setup
    plain = play(Match(spec, game), script)
    fast = Match(spec, game)
    thought = fast.advance([script] * len(spec.agents), infos_of(fast), perf_counter_ns)
    assert with_infos(fast) == with_infos(plain)
    asked = sum(len(turn) for turn in fast.turns) - sum(len(turn) for turn in Match(spec, game).turns)
    assert len(thought) == asked
    assert all(took >= 0 for took in thought)


@given(setup=setups(), outside=st.sets(st.integers(0, 3)))
@settings(max_examples=200, deadline=None)
def test_seats_in_this_process_and_others_play_one_match(setup, outside):
    spec, game, script = setup
    plain = play(Match(spec, game), script)
    mixed = Match(spec, game)
    acts = [None if seat in outside else script for seat in range(len(spec.agents))]
    while not mixed.over:
        mixed.advance(acts, infos_of(mixed), perf_counter_ns)
        assert mixed.over or any(request.seat in outside for request in mixed.requests())
        for request in mixed.requests():
            if request.seat in outside:
                give(mixed, request.seat, script(request))
    assert with_infos(mixed) == with_infos(plain)


@given(setup=setups())
@settings(max_examples=150, deadline=None)
def test_a_match_resumed_from_any_prefix_stands_where_it_stood_and_ends_as_it_ended(setup):
    spec, game, script = setup
    match = Match(spec, game)
    stood = {match.turn: looks(match)}
    while not match.over:
        for request in match.requests():
            give(match, request.seat, script(request))
        stood[match.turn] = looks(match)
    turns = match.turns
    assert max(stood) == match.turn == len(turns)
    for length, stand in stood.items():
        resumed = Match.resume(spec, game, turns[:length])
        assert looks(resumed) == stand
        assert looks(play(resumed, script)) == looks(match)


@given(setup=setups())
@settings(max_examples=150, deadline=None)
def test_a_match_resumed_from_what_is_stored_is_the_same(setup):
    spec, game, script = setup
    match = play(Match(spec, game), script)
    resumed = Match.resume(spec, game, unpack_turns(pack_turns(match.log)))
    assert looks(resumed) == looks(match)


@given(setup=setups())
@settings(max_examples=150, deadline=None)
def test_results_are_sound(setup):
    spec, game, script = setup
    match = play(Match(spec, game), script)
    scores, places, termination, turns, faults = match.result
    fell = {seat for _, seat, _ in faults} if game.spec.late != game.legal and termination == "fault" else set()
    assert len(scores) == len(places) == len(spec.agents)
    assert turns == match.turn <= game.spec.max_turns
    assert min(places) == 1
    assert (termination == "fault") <= bool(faults)
    for side in match.sides:
        assert len({places[seat] for seat in side}) == 1
        if fell & set(side):
            assert {scores[seat] for seat in side} == {game.spec.min_score}
    assert faults == tuple(sorted(faults, key=lambda fault: fault[:2]))


# ---------------------------------------------------------------------------------------- infos


def test_what_an_agent_says_beside_its_action_is_kept_with_turn_and_seat():
    game = all_at_once(3, length=2)
    match = begin(game, 3)
    for seat in (2, 0, 1):
        match.answer(seat, seat, {"seat": seat} if seat else None)
    assert match.infos == [(0, 1, {"seat": 1}), (0, 2, {"seat": 2})]
    fast = begin(game, 3)
    fast.advance([lambda seen: Answer(seen.seat, seen.turn or None)] * 3, infos_of(fast), perf_counter_ns)
    assert fast.infos == [(1, 0, 1), (1, 1, 1), (1, 2, 1)]
    assert fast.turns == [{0: 0, 1: 1, 2: 2}] * 2


def test_an_info_beside_a_refused_action_is_kept_too():
    match = begin(duel())
    match.answer(0, 9, "I thought so")
    assert match.infos == [(0, 0, "I thought so")]
    fast = begin(duel())
    fast.advance([lambda _: Answer(9, "I thought so"), None], infos_of(fast), perf_counter_ns)
    assert fast.infos == match.infos
