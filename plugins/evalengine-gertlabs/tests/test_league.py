"""Ratings and percentiles by themselves: numbers that can be checked by hand."""

import math

import pytest
from evalengine_gertlabs import league, selecting
from evalengine_gertlabs.tables import TABLES

from evalengine.web.rows import Rows


@pytest.fixture
def rows(tmp_path):
    with Rows(tmp_path / "arena.db") as made:
        made.together(TABLES.make)
        yield made


def matches(names, *results):
    """Return records: results as (places, how many)."""
    return [
        {"agents": list(names), "places": list(places), "scores": [-place for place in places], "termination": "normal"}
        for places, times in results
        for _ in range(times)
    ]


def store(rows, run, records):
    tally = league.Tally(records)
    rows.together(lambda connection: league.store(connection, run, "hex", tally.pairs))


def test_a_rating_is_the_logarithm_of_the_odds_against_chance(rows):
    tally = league.Tally(matches(["sub_a", "random"], ([1, 2], 750), ([2, 1], 250)))
    found = league.fitted(rows, "hex", tally.pairs, 1)
    assert found["random"]["rating"] == 1000
    # Bradley and Terry (1952): the odds are 3 to 1.
    assert found["sub_a"]["rating"] == pytest.approx(1000 + 400 * math.log10(3), abs=3)
    assert found["sub_a"]["lo"] < found["sub_a"]["rating"] < found["sub_a"]["hi"]


def test_ratings_do_not_depend_on_the_order_of_evaluations(rows, tmp_path):
    one = matches(["sub_a", "random"], ([1, 2], 30), ([2, 1], 10)) + matches(["sub_a", "greedy"], ([2, 1], 20))
    other = matches(["greedy", "sub_b"], ([1, 2], 7), ([1, 1], 4), ([2, 1], 9))
    store(rows, 1, one)
    store(rows, 1, one)  # as after a kill
    before = league.fitted(rows, "hex", league.Tally(other).pairs, 2)
    with Rows(tmp_path / "other.db") as second:
        second.together(TABLES.make)
        store(second, 2, other)
        after = league.fitted(second, "hex", league.Tally(one).pairs, 1)
    assert before.keys() == after.keys() == {"sub_a", "sub_b", "greedy", "random"}
    for name, line in before.items():
        assert line["rating"] == pytest.approx(after[name]["rating"], abs=1e-6)
    assert league.fitted(rows, "othello", {}, 0) == {}


def test_results_are_counted_by_agent_and_by_pair_also_where_more_than_two_play():
    records = matches(["a", "b", "c"], ([1, 2, 3], 2), ([1, 1, 3], 1)) + matches(["c", "a"], ([1, 2], 1))
    records.append({"agents": ["a", "b"], "places": [1, 2], "scores": [0, 0], "termination": "void"})
    tally = league.Tally(records)
    assert tally.pairs == {("a", "b"): [2, 1, 0], ("a", "c"): [3, 0, 1], ("b", "c"): [3, 0, 0]}
    assert {name: line[:3] for name, line in tally.agents.items()} == {"a": [2, 1, 1], "b": [0, 1, 2], "c": [1, 0, 3]}


def test_the_best_of_a_game_are_in_the_top_tenth_however_many_there_are(rows):
    def add(game, *ratings, owner="me"):
        for rating in ratings:
            sql = "insert into gert_submission (id, owner, game, language, state, files, created, elo) values "
            rows.change(f"{sql} (?, ?, ?, 'python', 'ready', '', 0, ?)", f"{game}{rating}{owner}", owner, game, rating)

    add("hex", *range(1000, 1020))
    add("kalah", 900)
    add("rps", 1, 5)
    add("rps", 9, owner="another")
    found = selecting.percentiles(rows, "me")
    assert [name for name, place in found.items() if name.startswith("hex") and place >= 0.9] == [
        "hex1018me",
        "hex1019me",
    ]
    assert (found["hex1000me"], found["kalah900me"], found["rps1me"], found["rps5me"]) == (0.0, 1.0, 0.0, 1.0)
    rows.change("update gert_submission set elo = 5 where game = 'rps'")
    assert selecting.percentiles(rows, "me")["rps1me"] == 1.0
