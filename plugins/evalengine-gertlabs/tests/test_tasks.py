"""Verifiable tasks, issued and scored through the published client."""

import itertools
import json
import math
import random
import re
import sqlite3

import gertlabs
import pytest
from evalengine_gertlabs.tasks.descriptions import _expanded, _written
from evalengine_gertlabs.tasks.expressions import Expression
from evalengine_gertlabs.tasks.routes import VARIANTS
from evalengine_gertlabs.tasks.variants import FORMAT
from gertlabs import NotFoundError, ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reply(answer):
    return f"Some thoughts [1, 2] first.\n```json\n{json.dumps({'answer': answer})}\n```\nThat is all {{}}."


# ------------------------------------------------------------------------------ solved from the prompt


def cells(prompt):
    later = re.search(r"give (?:the row (\d+) rows after|the next row)", prompt)
    rows = re.findall(r"^[01]+$", prompt, re.MULTILINE)
    table = {}
    for above, below in itertools.pairwise(rows):
        for place, cell in enumerate(below):
            table[above[place - 1] + above[place] + above[(place + 1) % len(above)]] = cell
    row = rows[-1]
    for _ in range(int(later[1] or 1)):
        row = "".join(table[row[k - 1] + row[k] + row[(k + 1) % len(row)]] for k in range(len(row)))
    return row


def rule(prompt):
    size = int(re.search(r"Windows are (\d) cells wide", prompt)[1])
    rows = re.findall(r"^[01]+$", prompt, re.MULTILINE)
    votes = [0] * (1 << size)
    for above, below in zip(rows[::2], rows[1::2], strict=True):
        ring = above[-(size // 2) :] + above + above[: size // 2]
        for place, cell in enumerate(below):
            votes[int(ring[place : place + size], 2)] += 1 if cell == "1" else -1
    return "".join("1" if vote > 0 else "0" for vote in votes)


def source(prompt):
    *tables, text = re.split(r"\n\n", prompt)[-1 - prompt.count(":\n   ") :]
    text = text.split("\n")[1]
    fits = {}
    for table in tables:
        name, letters, *rows = table.split("\n")
        letters = letters.split()
        chances = {row[0]: dict(zip(letters, map(int, row[2:].split()), strict=True)) for row in rows}
        fits[name[0]] = sum(math.log(chances[a][b]) for a, b in itertools.pairwise(text))
    return max(fits, key=fits.get)


@pytest.mark.parametrize("solve", [cells, rule, source])
@pytest.mark.parametrize("difficulty", [0.0, 0.45, 1.0])
def test_what_the_prompt_tells_is_enough(client, solve, difficulty):
    for task in gertlabs.gert(3, variants=[solve.__name__], difficulty=difficulty, client=client):
        answer = solve(task.prompt)
        assert task.score(reply(answer)) == {"points": 1.0, "solved": True}, task.prompt


def test_sequences_count_up_to_the_first_wrong_term(served, client):
    task = gertlabs.gert(variants=["sequence"], difficulty=1, client=client)
    with sqlite3.connect(served.folder / "arena.db") as db:
        ((state,),) = db.execute("select state from gert_task where id = ?", (task.task_id,)).fetchall()
    right = json.loads(state)["next"]
    one_wrong = [*right[:3], right[3] + 1, right[4]]
    assert task.score([reply(right), reply(one_wrong), reply(right[:4])]) == [
        {"points": 1.0, "solved": True},
        {"points": 0.6, "solved": False},
        {"points": 0.0, "solved": False, "error": "the answer must be a list of 5 numbers"},
    ]


@pytest.mark.parametrize("difficulty", LEVELS)
def test_a_description_is_worth_the_more_the_shorter_it_is(difficulty):
    rng = random.Random(difficulty)
    for _ in range(20):
        known = _written(rng, difficulty)
        text = _expanded(known, 1_000)
        if text is None or len(text) < 2 * len(known):
            continue
        state = {"text": text, "known": len(known)}
        score = VARIANTS["repeats"].score
        assert (score(state, known).points, score(state, known).solved) == (1.0, True)
        assert score(state, text).points == 0
        half = score(state, f"1{known}")
        assert not half.solved
        assert "description" in half.error
        longer = score(state, f"~(~({known.rpartition(';')[2]}))" if ";" not in known else known)
        assert longer.points <= 1
        assert not longer.error


@pytest.mark.parametrize(
    ("text", "stands_for"),
    [
        ("3(ab)", "ababab"),
        ("~(abc)", "cba"),
        ("X=abc;XXdX", "abcabcdabc"),
        ("A=2(x);B=A~(Ay);B2(B)", "xxyxx" * 3),
        ("", ""),
    ],
)
def test_the_language_of_descriptions(text, stands_for):
    assert _expanded(text, 100) == stands_for


@pytest.mark.parametrize(
    "text", ["1(a)", "(a)", "2a", "3(", "3(a", "a)", "X", "X=a", "a=b;c", "=a;b", "\u00e9", "2(\u0661)"]
)
def test_what_is_no_description(text):
    with pytest.raises(ValueError, match="is expected"):
        _expanded(text, 100)


def test_a_description_cannot_be_made_to_take_long():
    for text in ("999999(999999(a))", "X=99999(a);Y=99999(X);Y", "9(" * 30 + "a" + ")" * 30):
        assert _expanded(text, 700) is None
    with pytest.raises(ValueError, match="within one another"):
        _expanded("~(" * 300 + "a" + ")" * 300, 700)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2+3*4", 14), ("2^3^2", 512), ("(1-3)^3", -8), ("10-2-3", 5), ("0^0", 1), ("(1-2)^999999999", -1)],
)
def test_the_language_of_expressions(text, value):
    assert Expression(text, 80).value() == value


@pytest.mark.parametrize(
    "text", ["", "2+", "9^9^9^9", "-1", "2**3", "1e9", "(2", "2)", "2^(1-3)", "\u0662", "((((" * 20 + "1"]
)
def test_what_is_no_expression(text):
    with pytest.raises(ValueError, match=r"."):
        Expression(text, 80).value()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_MADE = {
    (name, level): VARIANTS[name].make(random.Random(f"{name}{level}"), level) for name in VARIANTS for level in LEVELS
}


@given(answer=JSON | st.text(alphabet="0123456789+-*^()abXYZ=;~", max_size=60), place=st.integers(0, len(_MADE) - 1))
@settings(deadline=None)
def test_any_answer_has_a_score(answer, place):
    (name, _), problem = list(_MADE.items())[place]
    scored = VARIANTS[name].score(json.loads(json.dumps(problem.state)), answer)
    assert 0 <= scored.points <= 1
    assert not (scored.error and scored.points)


# --------------------------------------------------------------------------------------- the routes


def test_one_task_or_several_are_issued(client):
    task = gertlabs.gert(client=client)
    assert (task.difficulty, task.kind) == (0.45, VARIANTS[task.variant].kind)
    assert [message["role"] for message in task.messages] == ["user"]
    tasks = gertlabs.gert(16, difficulty=0.52, kinds=["compression"], client=client)
    assert len({one.task_id for one in tasks}) == 16
    assert {one.variant for one in tasks} == {"repeats", "number"}
    assert {one.difficulty for one in tasks} == {0.5}
    some = gertlabs.gert(16, weights={"cells": 5, "rule": 0}, kinds=["prediction", "identification"], client=client)
    assert "rule" not in {one.variant for one in some}
    assert sum(one.variant == "cells" for one in some) > 4


def test_everything_before_the_problem_is_the_same_unless_it_is_drawn(client):
    usual = {task.prompt.rpartition(FORMAT[0][0])[0] for task in gertlabs.gert(5, variants=["rule"], client=client)}
    assert len(usual) == 1
    drawn = gertlabs.gert(8, variants=["rule"], randomize_prompt=True, client=client)
    assert len({task.prompt[:60] for task in drawn}) > 1
    assert all(re.search(r"pairs:\n\n[01\s]+$", task.prompt) for task in drawn)


def test_equal_answers_are_scored_once_and_what_is_none_is_not_charged(client):
    task = gertlabs.gert(variants=["source"], difficulty=0, client=client)
    price = next(one for one in client.tasks.info(0)["variants"] if one["name"] == "source")["score_price"]
    found = client.tasks.score(task.task_id, ['{"answer": "A"}', reply("A"), reply("B"), "A", "", '{"answer": NaN}'])
    points = [one["points"] for one in found["results"]]
    assert points[0] == points[1]
    assert sorted(points[1:3]) == [0.0, 1.0]
    assert [one.get("error", "")[:7] for one in found["results"]] == [""] * 3 + ["format:"] * 3
    assert found["price"] == pytest.approx(2 * price)
    assert client.tasks.score(task.task_id, [reply("B")])["price"] == 0
    assert gertlabs.score(task.task_id, reply("A"), client=client)["points"] == points[0]


def test_prices_grow_with_the_difficulty(client):
    easy, hard = client.tasks.info(0), client.tasks.info(1.0)
    assert [one["name"] for one in easy["variants"]] == list(VARIANTS)
    assert {one["kind"] for one in easy["variants"]} == {"compression", "prediction", "identification"}
    for one, other in zip(easy["variants"], hard["variants"], strict=True):
        assert 0 < one["generate_price"] < other["generate_price"]
        assert 0 < one["score_price"] < other["score_price"]
    assert client.tasks.info()["difficulty"] == 0.45


def test_anothers_task_does_not_exist(served, client):
    task = gertlabs.gert(client=client)
    with served.client() as other, pytest.raises(NotFoundError):
        other.tasks.score(task.task_id, ["{}"])
    with sqlite3.connect(served.folder / "arena.db") as db:
        db.execute("update gert_task set created = created - 7 * 86400 where id = ?", (task.task_id,))
    with pytest.raises(NotFoundError, match="7 days"):
        task.score("{}")


@pytest.mark.parametrize(
    "body",
    [
        {"n": 0}, {"n": 17}, {"n": "2"}, {"difficulty": 1.1}, {"difficulty": True}, {"variants": ["chess"]},
        {"kinds": ["games"]}, {"variants": ["rule"], "kinds": ["prediction"]}, {"weights": {"rule": -1}},
        {"weights": {"chess": 1}}, {"weights": dict.fromkeys(VARIANTS, 0)}, {"weights": ["rule"]},
        {"max_prompt_bytes": 65_535}, {"randomize_prompt": "yes"},
    ],
)  # fmt: skip
def test_wrong_wishes_are_refused(client, body):
    with pytest.raises(ValidationError):
        client.request("POST", "/tasks", json=body)


@pytest.mark.parametrize("responses", [[], ["{}"] * 65, "{}", [1], [None], ["x" * ((1 << 20) + 1)]])
def test_wrong_replies_are_refused(client, responses):
    task = gertlabs.gert(client=client)
    with pytest.raises(ValidationError):
        client.request("POST", "/tasks/score", json={"task_id": task.task_id, "responses": responses})


def test_hostile_replies_are_read_soon(client):
    task = gertlabs.gert(client=client)
    brackets = [
        "[" * 100_000,
        "{" * 1_000_000,
        "[{" * 40_000 + "}]" * 40_000,
        '{"answer": ' * 50_000,
        '{"' + "a" * 900_000,
    ]
    fences = ["```" + " " * 900_000, "```json" * 100_000, "```" + "\n" * 500_000 + "`` `"]
    numbers = ['{"answer": ' + "9" * 90_000 + "}"]
    for hostile in (brackets, fences, numbers):
        found = client.tasks.score(task.task_id, hostile, timeout=20)
        assert all(one["error"].startswith("format:") for one in found["results"])


def test_the_last_answer_counts_and_that_of_a_block_first(client):
    task = gertlabs.gert(variants=["source"], difficulty=0, client=client)
    points = {name: task.score(reply(name))["points"] for name in "AB"}
    for text, name in (
        ('{"answer": "A"} no, {"answer": "B"}', "B"),
        ('```json\n{"answer": "A"}\n``` or {"answer": "B"}', "A"),
        ('```\n[{"answer": "A"}]\n``` then ```json {"answer": "B"} ``` done', "B"),
        ('``` not closed {"answer": "A"}', "A"),
        ('{"step": {"answer": "B"}, "answer": "A"}', "A"),
    ):
        assert task.score(text)["points"] == points[name], text
