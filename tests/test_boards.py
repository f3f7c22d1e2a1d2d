"""Boards: ratings and tallies are those of the plan's order, whatever the order in which results came."""

import contextlib
import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalengine
from evalengine import Fault, GameSpec, MatchSpec, RaterInfo, UsageError
from evalengine.boards import Boards, RatedGame, make_boards, pair_counts
from evalengine.builtin.bradley_terry import BradleyTerry
from evalengine.builtin.elo import Elo
from evalengine.builtin.mean import Mean
from evalengine.builtin.plackett_luce import PlackettLuce
from evalengine.builtin.trueskill import TrueSkill
from evalengine.model import Played
from evalengine.store import Store
from evalengine.wire import pack

RATERS = {"trueskill": TrueSkill, "elo": Elo, "mean": Mean, "bt": BradleyTerry, "plackett-luce": PlackettLuce}
AGENTS = ["ann", "bob", "cid", "dan"]
RUN = 1
DUEL = ((0,), (1,))
FREE = ((0,), (1,), (2,))
TEAMS = ((0, 2), (1, 3))


def a_game(ref, sides=DUEL, **fields):
    spec = GameSpec(name=ref, version="1", doc="", factory="", max_turns=1, **fields)
    return RatedGame(ref=ref, spec=spec, sides=sides, agents=(0, 1, 2, 3))


DUELS = [a_game("duel")]
SEVERAL = [a_game("duel"), a_game("free", FREE), a_game("teams", TEAMS), a_game("money", DUEL, utility="general")]


class Clock:
    """Time that passes in leaps: never, always or now and then enough for a save and a fit."""

    def __init__(self, leaps):
        self._rng = random.Random(7)
        self._leaps = leaps
        self._now_s = 0.0

    def __call__(self):
        self._now_s += self._rng.choice(self._leaps)
        return self._now_s


NEVER, ALWAYS, SOMETIMES = (0.0,), (100.0,), (0.0, 0.0, 0.0, 1000.0)


def made(name, **options):
    return RATERS[name](**options)


def boards_of(store, games, rater=None, leaps=NEVER):
    return Boards(store, RUN, games, AGENTS, make_boards(games, rater, made), clock=Clock(leaps))


def result_of(match_no, game_no, game, rng):
    """Return one result as boards take it, drawn with `rng`: a void now and then, faults, ties."""
    members = rng.sample(range(len(AGENTS)), len(game.sides))
    seats = sorted(seat for side in game.sides for seat in side)
    side_of = {seat: number for number, side in enumerate(game.sides) for seat in side}
    agents = tuple(members[side_of[seat]] for seat in seats)
    if rng.random() < 0.1:
        return match_no, game_no, "void", agents, (0.0,) * len(seats), (1,) * len(seats), [], 0
    worth = [rng.choice((-1.0, 0.0, 0.1, 0.7, 1.0)) for _ in game.sides]
    scores = tuple(worth[side_of[seat]] for seat in seats)
    places = tuple(1 + sum(other > worth[side_of[seat]] for other in worth) for seat in seats)
    faulted = [rng.choice(agents)] if rng.random() < 0.1 else []
    return match_no, game_no, "fault" if faulted else "rules", agents, scores, places, faulted, 0


def results_of(games, count, seed, numbers=None):
    rng = random.Random(seed)
    found = []
    for match_no in numbers or range(count):
        game_no = rng.randrange(len(games))
        found.append(result_of(match_no, game_no, games[game_no], rng))
    return found


def put(store, games, results):
    """Store results as a run does before it rates them."""
    specs, rows = [], []
    for match_no, game_no, termination, agents, scores, places, faulted, _ in results:
        specs.append(MatchSpec(match_no, game_no, 0, 1, agents))
        faults = tuple((0, agents.index(agent), Fault("crash")) for agent in faulted)
        rows.append(Played(match_no, scores, places, termination, 1, b"", pack([]), 0.0, 0.0, None, faults))
    store.write(RUN, specs, rows, [None] * len(rows), 0)


def rows_of(store, table):
    return sorted(tuple(row.values()) for row in store.rows(f"select * from {table}"))


def shown(boards, store):
    """Return all that is left of a run: in memory and in the store."""
    with store.transaction():
        boards.save(last=True)
    dumps = [(board.scope, name, rater.dump()) for board in boards.boards for name, rater in board.raters()]
    standings = [boards.standings(board) for board in boards.boards]
    tables = [rows_of(store, table) for table in ("tally", "rating", "rating_state", "rating_history")]
    return boards.watermark, dumps, standings, tables


@contextlib.contextmanager
def a_store(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("boards") / "arena.db") as store:
        yield store


def in_order(tmp_path_factory, games, results, rater=None):
    """Return what is shown after all results came at once and in their order."""
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, games, rater)
        with store.transaction():
            put(store, games, results)
        take(boards, results, [result[0] for result in results], results[0][0])
        return shown(boards, store)


def take(boards, chunk, numbers, next_no):
    """Take results of a plan with these match_nos; return the one that is missing now."""
    after = iter([number for number in numbers if number > next_no])
    return boards.take(chunk, after, next_no)


def chunks_of(results, sizes):
    left = list(results)
    while left:
        for size in sizes:
            yield left[:size]
            left = left[size:]


@st.composite
def arrivals(draw):
    """Draw (games, rater, results in the plan's order, the chunks in which they come)."""
    games, rater = draw(st.sampled_from([(DUELS, None), (DUELS, "elo"), (DUELS, "bt"), (SEVERAL, None)]))
    count = draw(st.integers(1, 25))
    numbers = draw(st.none() | st.sets(st.integers(0, 60), min_size=count, max_size=count).map(sorted))
    results = results_of(games, count, draw(st.integers(0, 2**32)), numbers)
    mixed = draw(st.permutations(results))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    return games, rater, results, list(chunks_of(mixed, sizes))


def feed(boards, store, games, chunks, *, numbers, next_no):
    """Store and take chunk after chunk, as the runner does; return the match_no that is missing."""
    for chunk in chunks:
        with store.transaction():
            put(store, games, chunk)
            next_no = take(boards, chunk, numbers, next_no)
            boards.save()
    return next_no


@settings(max_examples=30, deadline=None)
@given(
    arrival=arrivals(),
    held=st.sampled_from((0, 1, 3, 50_000)),
    chunk=st.sampled_from((1, 2, 2_000)),
    leaps=st.sampled_from((NEVER, ALWAYS, SOMETIMES)),
)
def test_the_order_of_arrival_and_its_chunks_never_show(tmp_path_factory, arrival, held, chunk, leaps):
    games, rater, results, chunks = arrival
    numbers = [result[0] for result in results]
    with a_store(tmp_path_factory) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr("evalengine.boards._HELD", held)
        patch.setattr("evalengine.boards._CHUNK", chunk)
        patch.setattr("evalengine.boards._FIRST_FIT", 4)
        boards = boards_of(store, games, rater, leaps)
        feed(boards, store, games, chunks, numbers=numbers, next_no=numbers[0])
        assert boards.watermark == len(results)
        boards.glance()
        assert shown(boards, store) == in_order(tmp_path_factory, games, results, rater)


@settings(max_examples=30, deadline=None)
@given(
    arrival=arrivals(),
    held=st.sampled_from((0, 2, 50_000)),
    cut=st.floats(0, 1),
    leaps=st.sampled_from((NEVER, ALWAYS, SOMETIMES)),
    stopped=st.booleans(),
)
def test_a_run_that_was_killed_goes_on_bit_by_bit(tmp_path_factory, arrival, held, cut, leaps, stopped):  # noqa: PLR0917 - drawn
    games, rater, results, chunks = arrival
    numbers = [result[0] for result in results]
    first = chunks[: round(cut * len(chunks))]
    with a_store(tmp_path_factory) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr("evalengine.boards._HELD", held)
        patch.setattr("evalengine.boards._FIRST_FIT", 4)
        before = boards_of(store, games, rater, leaps)
        feed(before, store, games, first, numbers=numbers, next_no=numbers[0])
        if stopped:  # by Ctrl-C, not by a kill
            with store.transaction():
                before.save(last=True)
        boards = boards_of(store, games, rater, leaps)
        boards.load()
        assert boards.watermark <= before.watermark
        if boards.watermark < len(numbers):
            next_no = take(boards, (), numbers, numbers[boards.watermark])
            assert boards.watermark == before.watermark
            feed(boards, store, games, chunks[len(first) :], numbers=numbers, next_no=next_no)
        assert shown(boards, store) == in_order(tmp_path_factory, games, results, rater)


@settings(max_examples=20, deadline=None)
@given(arrival=arrivals())
def test_ratings_are_those_of_the_prefix_without_a_gap(tmp_path_factory, arrival):
    games, rater, results, chunks = arrival
    numbers = [result[0] for result in results]
    arrived = set()
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, games, rater)
        next_no = numbers[0]
        for chunk in chunks:
            arrived |= {result[0] for result in chunk}
            next_no = feed(boards, store, games, [chunk], numbers=numbers, next_no=next_no)
            gap = next((place for place, number in enumerate(numbers) if number not in arrived), len(numbers))
            assert boards.watermark == gap
            if gap < len(numbers):
                assert next_no == numbers[gap]


def test_results_that_are_counted_need_no_order(tmp_path_factory):
    results = results_of(DUELS, 30, 5)
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS)
        with store.transaction():
            put(store, DUELS, results)
        assert boards.take(results[10:], None, 0) == 0
        assert boards.take(results[:10], None, 0) == 30
        assert shown(boards, store) == in_order(tmp_path_factory, DUELS, results)


def test_few_results_are_held_however_many_wait(tmp_path_factory, monkeypatch):
    monkeypatch.setattr("evalengine.boards._HELD", 10)
    monkeypatch.setattr("evalengine.boards._CHUNK", 5)
    results = results_of(DUELS, 300, 5)
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS)
        next_no = 0
        for start in range(290, -1, -10):  # the first comes last
            with store.transaction():
                put(store, DUELS, results[start : start + 10])
                next_no = boards.take(results[start : start + 10], None, next_no)
            assert len(boards._held) <= 15
        assert next_no == 300


def test_a_void_is_counted_as_done_and_rates_nobody(tmp_path_factory):
    void = (0, 0, "void", (0, 1), (0.0, 0.0), (1, 1), [], 0)
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS)
        prior = boards.boards[0].rater.dump()
        assert boards.take([void], None, 0) == 1
        assert boards.watermark == 1
        assert boards.boards[0].rater.dump() == prior
        assert {standing.matches for standing in boards.standings(boards.boards[0])} == {0}
        with store.transaction():
            boards.save(last=True)
        assert rows_of(store, "tally") == rows_of(store, "rating") == []
    assert pair_counts(DUELS, [void]) == {}


# --------------------------------------------------------------------------------------- tallies


def tallied(games, *results, tmp_path_factory):
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, games)
        boards.take(results, None, 0)
        return {
            standing.agent: (standing.matches, standing.wins, standing.draws, standing.losses, standing.score)
            for standing in boards.standings(boards.boards[0])
            if standing.matches
        }


def test_wins_draws_and_losses_are_counted_by_agent(tmp_path_factory):
    assert tallied(
        DUELS,
        (0, 0, "rules", (0, 1), (1.0, -1.0), (1, 2), [], 0),
        (1, 0, "rules", (1, 0), (0.0, 0.0), (1, 1), [], 0),
        (2, 0, "fault", (0, 2), (-1.0, 1.0), (2, 1), [0], 0),
        tmp_path_factory=tmp_path_factory,
    ) == {"ann": (3, 1, 1, 1, 0.5), "bob": (2, 0, 1, 1, 0.25), "cid": (1, 1, 0, 0, 1.0)}


def test_of_more_sides_those_who_share_the_first_place_draw_and_the_others_lose(tmp_path_factory):
    assert tallied(
        [a_game("free", FREE)],
        (0, 0, "rules", (0, 1, 2), (1.0, 1.0, 0.0), (1, 1, 3), [], 0),
        tmp_path_factory=tmp_path_factory,
    ) == {"ann": (1, 0, 1, 0, 0.5), "bob": (1, 0, 1, 0, 0.5), "cid": (1, 0, 0, 1, 0.0)}


def test_an_agent_that_fills_a_team_is_counted_once(tmp_path_factory):
    assert tallied(
        [a_game("teams", TEAMS)],
        (0, 0, "rules", (3, 1, 3, 1), (1.0, -1.0, 1.0, -1.0), (1, 2, 1, 2), [], 0),
        tmp_path_factory=tmp_path_factory,
    ) == {"dan": (1, 1, 0, 0, 1.0), "bob": (1, 0, 0, 1, 0.0)}


def test_where_scores_count_the_mean_score_is_told(tmp_path_factory):
    assert tallied(
        [a_game("money", DUEL, utility="general")],
        (0, 0, "rules", (0, 1), (3.0, 5.0), (2, 1), [], 0),
        (1, 0, "rules", (0, 1), (4.0, 4.0), (1, 1), [], 0),
        tmp_path_factory=tmp_path_factory,
    ) == {"ann": (2, 0, 1, 1, 3.5), "bob": (2, 1, 1, 0, 4.5)}


def test_faults_are_counted_by_agent(tmp_path_factory):
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS)
        boards.take([(0, 0, "fault", (0, 1), (-1.0, -1.0), (1, 1), [0, 1], 0)], None, 0)
        boards.take([(1, 0, "fault", (0, 2), (-1.0, 1.0), (2, 1), [0], 0)], None, 1)
        faults = {standing.agent: standing.faults for standing in boards.standings(boards.boards[0])}
    assert faults == {"ann": 2, "bob": 1, "cid": 0, "dan": 0}


def test_equal_ratings_share_a_rank_and_are_listed_in_order(tmp_path_factory):
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS, "elo")
        boards.take([(0, 0, "rules", (3, 1), (1.0, -1.0), (1, 2), [], 0)], None, 0)
        lines = [(standing.rank, standing.agent) for standing in boards.standings(boards.boards[0])]
    # Who has not played stands below who lost.
    assert lines == [(1, "dan"), (2, "bob"), (3, "ann"), (3, "cid")]


def duels(*pairs):
    """Return results of matches that the first of each pair won; each pair twice, seats exchanged."""
    return [
        (number, 0, "rules", (one, other), (1.0, -1.0), (1, 2), [], number) for number, (one, other) in enumerate(pairs)
    ]


def test_the_board_is_the_fit_of_all_results_with_its_intervals(tmp_path_factory):
    results = [(*result[:7], number // 2) for number, result in enumerate(results_of(DUELS, 200, 5))]
    played = [result for result in results if result[2] != "void"]
    records = [
        {"teams": [[AGENTS[agent]] for agent in agents], "ranks": list(places), "rotation": rotation}
        for _, _, _, agents, _, places, _, rotation in played
    ]
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS)
        boards.take(results, None, 0)
        lines = {line.agent: line for line in boards.standings(boards.boards[0])}
    for row in evalengine.rate(records, "bt"):
        line = lines[row["agent"]]
        for name in ("rating", "lo", "hi"):
            assert getattr(line, name) == pytest.approx(row[name], abs=1e-6)
        assert [line.rank, line.rank_lo, line.rank_hi] == [row["rank"], row["rank_lo"], row["rank_hi"]]
        assert (line.provisional, line.component, line.matches) == (row["provisional"], 0, row["matches"])
    for row in evalengine.rate(records, "trueskill"):
        line = lines[row["agent"]]
        assert (line.mu, line.sigma) == pytest.approx((row["rating"], row["se"]), abs=1e-9)


def test_agents_that_never_met_are_not_ranked_against_each_other(tmp_path_factory):
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, [a_game("duel")])
        boards.take(duels((0, 1), (1, 0), (3, 2), (3, 2), (2, 3)), None, 0)
        lines = boards.standings(boards.boards[0])
        with store.transaction():
            boards.save(last=True)
        stored = rows_of(store, "rating")
    assert [(line.agent, line.rank, line.component) for line in lines] == [
        ("ann", 1, 0), ("bob", 1, 0), ("dan", 1, 1), ("cid", 2, 1),
    ]  # fmt: skip
    components = {row[3]: row[-1] for row in stored if row[2] == "bt"}
    assert components == {0: 0, 1: 0, 2: 1, 3: 1}


def test_who_won_all_is_provisional_and_who_did_not_play_stands_below(tmp_path_factory):
    with a_store(tmp_path_factory) as store:
        boards = boards_of(store, DUELS)
        boards.take(duels((3, 1), (3, 1)), None, 0)
        lines = boards.standings(boards.boards[0])
    assert [(line.rank, line.agent, line.provisional, line.matches) for line in lines] == [
        (1, "dan", True, 2), (2, "bob", True, 2), (3, "ann", True, 0), (3, "cid", True, 0),
    ]  # fmt: skip
    assert [line.lo is None for line in lines] == [False, False, True, True]


def test_a_board_that_an_earlier_version_saved_is_rated_anew(tmp_path_factory):
    results = results_of(DUELS, 60, 5)
    with a_store(tmp_path_factory) as store:
        before = boards_of(store, DUELS)
        feed(before, store, DUELS, [results], numbers=range(60), next_no=0)
        with store.transaction():
            before.save(last=True)
            store.replace("rating_state", [(RUN, "", "bt", 1, "{}", 20, "[]", b"")], 8)  # of another moment
        boards = boards_of(store, DUELS)
        boards.load()
        assert boards.watermark == 0
        take(boards, (), range(60), 0)
        assert shown(boards, store) == in_order(tmp_path_factory, DUELS, results)


def test_a_glance_shows_trueskill_until_there_was_time_for_a_fit(tmp_path_factory):
    results = results_of(DUELS, 60, 5)
    with a_store(tmp_path_factory) as store:
        hasty, idle = boards_of(store, DUELS, leaps=NEVER), boards_of(store, DUELS, leaps=(0.0, 1000.0))
        for boards in (hasty, idle):
            boards.take(results, None, 0)
        idle._clock()
        assert [line.lo for line in hasty.glance()] == [None] * 4
        assert hasty.glance()[0].rating == hasty.glance()[0].mu
        assert idle.glance() == idle.standings(idle.boards[0])
        assert all(line.lo < line.rating < line.hi for line in idle.glance())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40))
def test_pairs_are_counted_from_the_earlier_sides_view(seed, count):
    results = results_of(SEVERAL, count, seed)
    expected = {}
    for _, game_no, termination, agents, _, places, *_ in results:
        if termination == "void":
            continue
        firsts = [side[0] for side in SEVERAL[game_no].sides]
        for place, one in enumerate(firsts):
            for other in firsts[place + 1 :]:
                key = (game_no, agents[one], agents[other])
                outcome = (places[one] < places[other], places[one] == places[other], places[one] > places[other])
                expected[key] = [a + b for a, b in zip(expected.get(key, [0, 0, 0]), outcome, strict=True)]
    assert pair_counts(SEVERAL, results) == expected


# ------------------------------------------------------------------------------------ which boards


def scopes(games, rater=None):
    return [(board.scope, board.rater_name, board.games, board.by_score) for board in make_boards(games, rater, made)]


def test_one_game_has_one_board():
    assert scopes(DUELS) == [("", "bt", (0,), False)]
    assert scopes([SEVERAL[3]]) == [("", "mean", (0,), True)]
    assert scopes(DUELS, "elo") == [("", "elo", (0,), False)]


def test_games_whose_scores_count_are_not_pooled_with_the_others():
    games = [SEVERAL[0], SEVERAL[3], SEVERAL[1]]
    assert scopes(games) == [
        ("", "plackett-luce", (0, 2), False),
        ("duel", "bt", (0,), False),
        ("money", "mean", (1,), True),
        ("free", "plackett-luce", (2,), False),
    ]


def test_where_a_fit_would_take_minutes_trueskill_ranks():
    def rater_of(sides, agents):
        game = dataclasses.replace(a_game("g", sides), agents=tuple(range(agents)))
        return make_boards([game], None, made)[0].rater_name

    assert (rater_of(DUEL, 400), rater_of(DUEL, 401)) == ("bt", "trueskill")
    assert (rater_of(FREE, 20), rater_of(FREE, 30)) == ("plackett-luce", "trueskill")
    assert rater_of(((0, 3), (1, 4), (2, 5)), 4) == "trueskill"  # the one that rates teams


def test_trueskill_is_rated_beside_a_fit_unless_somebody_names_the_rater():
    def beside(games, rater=None):
        return [[name for name, _ in board.raters()] for board in make_boards(games, rater, made)]

    assert beside(DUELS) == [["bt", "trueskill"]]
    assert beside([SEVERAL[3]]) == [["mean"]]
    assert beside(DUELS, "bt") == [["bt"]]
    assert beside(DUELS, "trueskill") == [["trueskill"]]


def test_a_person_who_names_the_rater_pools_all_games():
    games = [SEVERAL[0], SEVERAL[3]]
    assert [scope[:3] for scope in scopes(games, "elo")] == [
        ("", "elo", (0, 1)),
        ("duel", "elo", (0,)),
        ("money", "elo", (1,)),
    ]


class Pairs(Mean):
    """Rates two sides of one agent each, and nothing else."""

    info = RaterInfo(name="pairs", doc="")


RATERS["pairs"] = Pairs


def test_a_rater_that_cannot_rate_a_game_is_refused_with_the_game():
    with pytest.raises(UsageError, match=r"rater 'pairs' does not rate matches of 3 sides \(free\): take another with"):
        scopes([SEVERAL[0], SEVERAL[1]], "pairs")
    with pytest.raises(UsageError, match=r"rater 'elo' does not rate teams \(squads\): take another with"):
        scopes([a_game("squads", ((0, 3), (1, 4), (2, 5)))], "elo")
    assert scopes([SEVERAL[2]], "pairs")[0][1] == "pairs"  # two teams of one agent each are two sides
