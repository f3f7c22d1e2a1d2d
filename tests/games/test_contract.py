"""What holds for every bundled game, in each number of seats and at the edges of its configuration."""

import math
import random
from functools import cache
from xml.etree import ElementTree as ET

import msgpack
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from evalengine import Fault, FaultKind, Match, MatchSpec, load_game, stream
from evalengine.contracts import OBSERVATION_FIELDS, contains
from evalengine.plugins import Plugins, tags_of

SPECS = {
    name: spec for name, spec in Plugins().games().items() if spec.factory.startswith("evalengine_games.")
}  # from data alone: a game that cannot be imported fails its own tests only
HIDDEN = [name for name, spec in SPECS.items() if spec.information == "hidden"]
CHANCE = [name for name, spec in SPECS.items() if spec.chance]


def edges(name):
    """Return references to a game with one parameter away from its default: the least, or another value."""
    found = []
    for parameter, schema in SPECS[name].config.items():
        values = [False, True] if schema["type"] == "boolean" else [schema.get("minimum"), *schema.get("enum", ())]
        found += [f"{name}({parameter}={value!r})" for value in values if value not in (None, schema["default"])]
    return found


def largest(name):
    """Return the reference to a game with every number at its maximum."""
    parts = [f"{key}={schema['maximum']!r}" for key, schema in SPECS[name].config.items() if "maximum" in schema]
    return f"{name}({', '.join(parts)})"


SHORTER = {"market_simulator": "market_simulator(ticks=10)"}  # a hundred turns of eight seats show no more
SETUPS = [
    *(
        (SHORTER.get(name, name), seats)
        for name, spec in SPECS.items()
        for seats in range(spec.min_seats, spec.max_seats + 1)
    ),
    *((ref, None) for name in SPECS for ref in edges(name)),  # None: as many seats as it has by default
]
everywhere = pytest.mark.parametrize(("ref", "seats"), SETUPS)
seeds = st.integers(0, 2**63 - 1)
moments = st.integers(0, 2**16)  # a position of a match, modulo its length
few = settings(max_examples=12, deadline=None, phases=set(Phase) - {Phase.explain})

game_of = cache(load_game)


def begin(ref, seats, seed, *, opening=0):
    game = game_of(ref)
    agents = tuple(range(seats or game.spec.default_seats))
    return Match(MatchSpec(0, 0, 0, seed, agents, opening), game)


def kind_of(game):
    """Return the type of a game's actions."""
    return list if game.spec.name == "market_simulator" else int


def drawn(state, rng):
    return {seat: rng.choice(state.legal(seat)) for seat in state.to_move()}


def play_on(match, rng):
    """Play random turns to the end, yielding before each."""
    while not match.over:
        yield match
        for seat, action in drawn(match.state, rng).items():
            match.answer(seat, action)


def played(ref, seats, seed, *, opening=0):
    match = begin(ref, seats, seed, opening=opening)
    for _ in play_on(match, random.Random(seed)):
        pass
    return match


def at(ref, seats, seed, moment):
    """Return a match that stands at one of the positions of a random one, the last included."""
    whole = played(ref, seats, seed)
    return Match.resume(whole.spec, whole.game, whole.turns[: moment % (whole.turn + 1)])


def looks(state, seats):
    """Return all that a state shows of itself."""
    movers = tuple(state.to_move())
    return (
        movers,
        [state.view(seat) for seat in range(seats)],
        [list(state.legal(seat)) for seat in movers],
        state.scores(),
        state.rewards(),
        state.render(),
    )


def seats_of(match):
    return len(match.spec.agents)


def check_scores(scores, spec, seats):
    assert type(scores) is tuple
    assert len(scores) == seats
    assert all(type(score) is float and math.isfinite(score) for score in scores)
    assert all(spec.min_score <= score <= spec.max_score for score in scores)
    if spec.utility == "zero":
        assert sum(scores) == pytest.approx(0, abs=1e-9)
    if spec.utility == "identical":
        assert len(set(scores)) == 1


@everywhere
@few
@given(seed=seeds)
def test_a_match_ends_within_its_turns_and_each_position_is_lawful(ref, seats, seed):
    match = begin(ref, seats, seed)
    seats, spec = seats_of(match), match.game.spec
    for _ in play_on(match, random.Random(seed)):
        state = match.state
        movers = list(state.to_move())
        assert movers == sorted(set(movers))
        assert set(movers) <= set(range(seats))
        assert spec.dynamics == "simultaneous" or len(movers) == 1
        for seat in movers:
            legal = state.legal(seat)
            assert len(legal) == len(set(map(repr, legal))) > 0
            assert {type(action) for action in legal} == {kind_of(match.game)}
        check_scores(state.scores(), spec, seats)
    check_scores(match.result.scores, spec, seats)
    assert match.turn == match.result.turns <= spec.max_turns
    assert match.result.termination in ("rules", "turn_limit")


@pytest.mark.parametrize("ref", [largest(name) for name in SPECS])
def test_the_largest_configuration_plays_to_the_end(ref):
    match = played(ref, None, 1)
    check_scores(match.result.scores, match.game.spec, seats_of(match))
    assert match.turn <= match.game.spec.max_turns
    assert len(msgpack.packb(match.state.view(0))) < 65536  # what one packet to an agent holds


@everywhere
@few
@given(seed=seeds, moment=moments)
def test_a_view_is_msgpacks_own_types_and_not_a_part_of_the_state(ref, seats, seed, moment):
    match = at(ref, seats, seed, moment)
    before = looks(match.state, seats_of(match))
    for seat in range(seats_of(match)):
        view = match.state.view(seat)
        assert msgpack.unpackb(msgpack.packb(view)) == view  # a tuple would come back as a list
        assert not OBSERVATION_FIELDS & view.keys()  # the observation's own fields would hide them
        empty(view)
    assert looks(match.state, seats_of(match)) == before


def empty(value):
    """Take all out of a view, as a careless agent in the same process may."""
    if isinstance(value, dict | list):
        for part in list(value.values() if isinstance(value, dict) else value):
            empty(part)
        value.clear()


@everywhere
@few
@given(seed=seeds, moment=moments)
def test_a_clone_goes_its_own_way_and_the_same_luck_leads_to_the_same_state(ref, seats, seed, moment):
    match = at(ref, seats, seed, moment)
    seats, state = seats_of(match), match.state
    one, other = state.clone(), state.clone()
    before = looks(state, seats)
    assert looks(one, seats) == before
    for turn in range(3):
        actions = drawn(one, random.Random(seed))
        if not actions:
            break
        assert actions == drawn(other, random.Random(seed))
        one = one.apply(actions, stream(seed, "turn", turn))
        # Nor does the order of the seats matter.
        other = other.apply(dict(reversed(actions.items())), stream(seed, "turn", turn))
        assert looks(one, seats) == looks(other, seats)
    assert looks(state, seats) == before
    if before[0]:
        kept = state.clone()
        state.apply(drawn(state, random.Random(seed)), stream(seed, "turn"))
        assert looks(kept, seats) == before


@everywhere
@few
@given(seed=seeds, moment=moments)
def test_only_legal_actions_of_the_exact_type_are_taken(ref, seats, seed, moment):
    state = at(ref, seats, seed, moment).state
    for seat in state.to_move():
        legal = list(state.legal(seat))
        numbers = range(-2, max(legal) + 3) if type(legal[0]) is int else ()
        outside = [*numbers, 10**6, 2**70, -(2**70), True, False, 0.0, 1.0, None, "x", [], {}, b"", [None], [[]], [{}]]
        for action in outside:
            if not contains(legal, action):
                assert isinstance(state.refuse(seat, action), str), action
        assert [state.refuse(seat, action) for action in legal] == [None] * len(legal)
        assert list(state.legal(seat)) == legal


@everywhere
@few
@given(seed=seeds, moment=moments)
def test_a_position_is_text_and_a_drawing_that_carries_it(ref, seats, seed, moment):
    match = at(ref, seats, seed, moment)
    for seat in (None, *range(seats_of(match))):
        text = match.state.render(seat)
        assert text.strip()
        assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
        root = ET.fromstring(match.state.svg(seat))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert text in "".join(root.itertext())
        for element in root.iter():
            assert "script" not in element.tag.lower()
            assert not [name for name in element.attrib if name.lower().startswith("on") or "href" in name.lower()]


@everywhere
@few
@given(seed=seeds, moment=moments)
def test_actions_have_names_of_their_own(ref, seats, seed, moment):
    match = at(ref, seats, seed, moment)
    for seat in match.state.to_move():
        legal = match.state.legal(seat)
        names = [match.game.action_to_str(action) for action in legal]
        assert all(name.strip() for name in names)
        assert len(set(names)) == len(legal)


@everywhere
@few
@given(seed=seeds, moment=moments, opening=st.integers(0, 4))
def test_a_replay_is_the_match_again(ref, seats, seed, moment, opening):
    match = begin(ref, seats, seed, opening=opening)
    seats = seats_of(match)
    seen = {}
    for _ in play_on(match, random.Random(seed)):
        seen[match.turn] = None if len(seen) > 8 else looks(match.state, seats)
    again = Match.resume(match.spec, match.game, match.turns)
    assert again.result == match.result
    assert again.log == match.log
    assert looks(again.state, seats) == looks(match.state, seats)
    turn = list(seen)[moment % min(8, len(seen))]
    part = Match.resume(match.spec, match.game, match.turns[:turn])
    assert not part.over
    assert looks(part.state, seats) == seen[turn]


@everywhere
@few
@given(seed=seeds, moment=moments)
def test_who_faults_is_last_and_gets_the_least(ref, seats, seed, moment):
    match = at(ref, seats, seed, moment)
    if match.over:
        return
    spec, seats = match.game.spec, seats_of(match)
    for seat, action in list(drawn(match.state, random.Random(seed)).items())[1:]:
        match.answer(seat, action)
    (request,) = match.requests()
    match.fault(request.seat, Fault(FaultKind.CRASH))
    for _ in play_on(match, random.Random(seed)):
        assert request.seat not in match.state.to_move()
    result = match.result
    assert len(match.sides) > 2 or result.termination == "fault"
    assert result.scores[request.seat] == spec.min_score
    assert result.places[request.seat] == max(result.places) > 1
    assert all(spec.min_score <= score <= spec.max_score for score in result.scores)
    assert len(result.scores) == seats


@pytest.mark.parametrize("name", CHANCE)
def test_luck_is_drawn_where_it_is_declared(name):
    starts = [begin(name, None, seed).state for seed in range(64)]
    ends = [played(name, None, seed).state for seed in range(64)]
    assert len({str(looks(state, 2)) for state in starts}) > 1 or len({str(looks(state, 2)) for state in ends}) > 1


# ------------------------------------------------------------------------------ hidden information


@pytest.mark.parametrize("name", HIDDEN)
@settings(max_examples=20, deadline=None)
@given(seed=seeds, moment=moments)
def test_states_that_a_seat_cannot_tell_apart_look_the_same_to_it(name, seed, moment):
    match = at(name, None, seed, moment)
    state, seats = match.state, seats_of(match)
    for seat in range(seats):
        rng = random.Random(seed)
        before = looks(state, seats)
        for _ in range(5):
            other = state.sample(seat, rng)
            assert other.view(seat) == state.view(seat)
            assert other.render(seat) == state.render(seat)
            assert other.svg(seat) == state.svg(seat)
            assert other.to_move() == state.to_move()
            if seat in state.to_move():
                assert list(other.legal(seat)) == list(state.legal(seat))
            if match.over:
                assert other.scores() == state.scores()
            finish(other, rng)
        assert looks(state, seats) == before


def finish(state, rng):
    """Play a sample to its end: it must be a position like any other."""
    while state.to_move():
        state = state.apply(drawn(state, rng), rng)


@pytest.mark.parametrize("name", HIDDEN)
def test_samples_vary_in_what_the_seat_does_not_see(name):
    state = begin(name, None, 1).state
    rng = random.Random(1)
    for seat, other in ((0, 1), (1, 0)):
        views = [state.sample(seat, rng).view(other) for _ in range(50)]
        assert len({str(view) for view in views}) > 1


# The deck of picks has more deals than can be gone through: tests/games/test_picks.py looks at its samples.
@pytest.mark.parametrize("name", [name for name in HIDDEN if name != "picks"])
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_sample_is_reached_by_the_same_actions_from_another_deal(name, seed):
    """Look for each sample among matches with other luck and the same actions that the seat saw alike, turn by turn."""
    whole = played(name, None, seed)
    turns = whole.turns[:-1]  # the last may be a showdown, where nothing is left to draw
    alike = {0: set(), 1: set()}
    mine = history(whole.spec, whole.game, turns)
    for luck in range(2000):  # so many that each deal of six cards is among them
        spec = whole.spec._replace(seed=luck)
        theirs = history(spec, whole.game, turns)
        for seat in (0, 1):
            if [views[seat] for views in theirs] == [views[seat] for views in mine]:
                alike[seat].add(str(theirs[-1]))
    state = Match.resume(whole.spec, whole.game, turns).state
    rng = random.Random(seed)
    for seat in (0, 1):
        for _ in range(10):
            sample = state.sample(seat, rng)
            assert str([sample.view(0), sample.view(1)]) in alike[seat]


def history(spec, game, turns):
    """Return the views of both seats, turn by turn."""
    state = game.initial(2, stream(spec.seed, "initial"))
    found = [[state.view(0), state.view(1)]]
    for number, actions in enumerate(turns):
        state = state.apply(actions, stream(spec.seed, "turn", number))
        found.append([state.view(0), state.view(1)])
    return found


# -------------------------------------------------------------------------------------------- specs


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_says_what_people_and_models_need(name):
    spec = SPECS[name]
    assert 2 <= len(spec.doc.splitlines()) <= 4
    assert "action" in spec.doc
    assert spec.min_seats <= spec.default_seats <= spec.max_seats
    for schema in spec.config.values():
        assert {"type", "default", "description"} <= schema.keys()
    follows = {"hidden", "chance", "simultaneous", "teams", "multiplayer"}
    assert not follows & set(spec.tags)  # they follow from the fields
    assert set(spec.tags) <= set(tags_of(spec))
    assert game_of(name).spec == spec  # with its defaults a game adapts nothing


@pytest.mark.parametrize("name", SPECS)
def test_a_game_documents_its_observation_and_action(name):
    text = __import__(f"evalengine_games.{name}", fromlist=["__doc__"]).__doc__
    assert "Observation:" in text
    assert "Action:" in text
