"""Expressions with and, or, not and parentheses over words."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalengine import UsageError
from evalengine.expressions import Expression


def holds(text, *true):
    return Expression(text).holds(true.__contains__)


@pytest.mark.parametrize(
    ("text", "true", "expected"),
    [
        ("hex", ["hex"], True),
        ("hex", [], False),
        ("not hex", [], True),
        ("not not hex", ["hex"], True),
        ("a and b", ["a"], False),
        ("a or b", ["b"], True),
        ("a or b and c", ["a"], True),  # and binds tighter
        ("(a or b) and c", ["a"], False),
        ("not a or b", ["b"], True),
        ("not (a or b)", ["b"], False),
        ("not a and b", ["b"], True),
        ("a and not(b)and(c)", ["a", "c"], True),
        ("  a\n and\tb ", ["a", "b"], True),
        ("notation or order", ["order"], True),  # words that begin like operators
        ("android and (normal)", ["android", "normal"], True),
    ],
)
def test_operators_bind_as_in_python(text, true, expected):
    assert holds(text, *true) is expected


WORDS = [
    "hex(size=5)",
    "hex(size=5, swap=True)",
    "openspiel:chess",
    "./folder/file.py",
    "connect4::a-vs-b[17]",
    "hex(size=5)::mcts-25-vs-random[3]",
    "~/x",
    "a.b_c-d",
    "ünïcode",
]


@pytest.mark.parametrize("word", WORDS)
def test_what_people_type_as_one_name_is_one_word(word):
    assert Expression(word).words == [word]
    assert Expression(f"not ({word} and {word})or {word}").words == [word] * 3


def test_words_are_kept_in_their_order():
    assert Expression("b and (a or not c) and b").words == ["b", "a", "c", "b"]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", "the end"),
        ("   ", "the end"),
        ("a and", "the end"),
        ("not", "the end"),
        ("(a", "the end"),
        ("a)", "')'"),
        ("a b", "'b'"),
        ("a not b", "'not b'"),
        ("and a", "'and a'"),
        ("a or or b", "'or b'"),
        ("()", "')'"),
        ("a (b)", "'(b)'"),
    ],
)
def test_what_is_no_expression_is_told_with_its_place(text, rest):
    with pytest.raises(UsageError) as told:
        Expression(text)
    assert str(told.value).endswith(f"before {rest}")
    assert repr(text) in str(told.value)


@pytest.mark.parametrize("text", ["(" * 50_000 + "a" + ")" * 50_000, "not " * 50_000 + "a"], ids=["brackets", "nots"])
def test_an_expression_that_is_nested_too_deep_is_a_usage_error(text):
    with pytest.raises(UsageError, match="nested too deep"):
        Expression(text)


def test_fifty_levels_are_not_too_many():
    assert holds("(" * 50 + "a" + ")" * 50, "a")
    assert holds("not " * 50 + "a", "a")


LONG = " or ".join(f"word{number}" for number in range(5000))


def test_a_long_expression_is_no_deep_one():
    assert holds(LONG, "word4999")
    assert not holds(LONG)


NAMES = ("a", "b", "c", "not_d", "e(x=1)")
TREES = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(st.sampled_from(("and", "or")), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=8,
)


def written(tree):
    if isinstance(tree, str):
        return tree
    operator, *inner = tree
    return (
        f"not ({written(inner[0])})" if operator == "not" else f"({written(inner[0])}) {operator} ({written(inner[1])})"
    )


def value(tree, true):
    if isinstance(tree, str):
        return tree in true
    operator, *inner = tree
    values = [value(part, true) for part in inner]
    return not values[0] if operator == "not" else (all if operator == "and" else any)(values)


@given(TREES, st.sets(st.sampled_from(NAMES)))
def test_an_expression_means_its_tree(tree, true):
    assert holds(written(tree), *true) == value(tree, true)


@given(st.text(alphabet="ab ()notrd=,", max_size=20))
def test_any_text_is_an_expression_or_a_usage_error(text):
    with contextlib.suppress(UsageError):
        assert Expression(text).holds(lambda word: bool(word.strip())) in (True, False)
