"""From a model's answer to an action."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalengine.builtin.llm.parsing import Chosen, Refused, read, read_unlisted

CELLS = [0, 4, 8]
NAMES = ["a1", "b2", "c3"]


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        ("ACTION: b2", 4),
        ("I like a1, but\n\n**Action:** `b2`.", 4),
        ("ACTION: a1\nNo, wait.\nACTION: c3", 8),
        ("action = B2", 4),
        ("ACTION: [2]", 4),
        ("ACTION: [2] b2", 4),
        ("ACTION: 2", 4),
        ("ACTION: b2 (the middle)", 4),
        ('{"action": "b2"}', 4),
        ('```json\n{"why": {"a": 1}, "action": "b2"}\n```', 4),
        ('{"action": 8}', 8),
        ("The middle, b2, is best.", 4),
        ("b2", 4),
        ("<think>ACTION: a1\nor c3?</think>\nb2", 4),
        ("ACTION: a1? No.</think>\nb2", 4),
        ("\n" * 1_000_000 + "{" * 50_000 + "\nACTION: b2", 4),
    ],
)
def test_what_an_answer_names_is_taken(answer, action):
    assert read(answer, CELLS, NAMES) == Chosen(action)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ("", "protocol", "Your answer was empty."),
        ("<think>endless", "protocol", "Your answer was empty."),
        ("a1 or b2", "protocol", "Your answer has no line 'ACTION: ...'."),
        ("ab2c", "protocol", "Your answer has no line 'ACTION: ...'."),
        ("ACTION: d4", "illegal", "'d4' is not one of your legal actions."),
        ("b2 it is\nACTION: resign", "illegal", "'resign' is not one of your legal actions."),
        ("ACTION: [9]", "illegal", "'[9]' is not one of your legal actions."),
        ("ACTION: 0", "illegal", "'0' is not one of your legal actions."),
        ('{"action": true}', "illegal", "True is not one of your legal actions."),
    ],
)
def test_what_cannot_be_taken_is_told(answer, kind, reason):
    found = read(answer, CELLS, NAMES)
    assert isinstance(found, Refused)
    assert (found.kind, found.reason.replace("'True'", "True")) == (kind, reason)


def test_a_number_means_the_action_that_is_called_so_not_a_place_in_the_list():
    assert read("ACTION: 2", [7, 2], ["7", "2"]) == Chosen(2)
    assert isinstance(read("ACTION: 1", [7, 2], ["7", "2"]), Refused)
    assert read("ACTION: [1]", [7, 2], ["7", "2"]) == Chosen(7)


def test_letter_case_decides_where_it_must():
    assert read("ACTION: A", [0, 1], ["a", "A"]) == Chosen(1)


def test_actions_of_one_text_are_told_apart_by_number():
    assert isinstance(read("ACTION: go", [0, 1], ["go", "go"]), Refused)
    assert read("ACTION: [2]", [0, 1], ["go", "go"]) == Chosen(1)


def test_actions_that_cannot_be_listed_are_read_as_json():
    assert read_unlisted("ACTION: [1, 2]") == Chosen([1, 2])
    assert read_unlisted("ACTION: pass") == Chosen("pass")
    assert read_unlisted('{"action": {"to": 3}}') == Chosen({"to": 3})
    assert isinstance(read_unlisted("well"), Refused)


@pytest.mark.parametrize(
    "answer",
    [
        'ACTION: [\n  {"to": 3}\n]',
        'ACTION: ```json\n[{"to": 3}]\n```',
        '**ACTION:** [\n{"to": 3}] and that is all',
        'ACTION: [1]\nno, better\nACTION: [\n{"to": 3}]',
    ],
)
def test_an_action_may_go_on_over_several_lines(answer):
    assert read_unlisted(answer) == Chosen([{"to": 3}])


@pytest.mark.parametrize("answer", ["ACTION: [", 'ACTION: [\n{"to": 3}', "ACTION: go [\n1]"])
def test_what_is_no_json_is_a_word(answer):
    assert isinstance(read_unlisted(answer).action, str)


@given(st.text(), st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=5))
@example("ACTION: \u0660", ["a"])
@example('{"action": ' * 2000, ["a"])
@example("[" * 5000 + "ACTION:[[[", ["["])
def test_whatever_is_answered_is_an_action_or_a_reason(answer, names):
    found = read(answer, list(range(len(names))), names)
    assert isinstance(found, Refused) or found.action in range(len(names))
    assert isinstance(read_unlisted(answer), Chosen | Refused)
