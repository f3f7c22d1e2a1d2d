"""Bytes: what goes in comes out, and damaged bytes are a WireError and nothing else."""

import sys
import threading

import msgpack
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalengine import Branch, Fault, FaultKind, MatchSpec
from evalengine.errors import WireError
from evalengine.model import Played
from evalengine.wire import BATCH, BEAT, READY, RESULT, pack, pack_turns, spec_of, unpack, unpack_turns

INTEGERS = st.integers(-(2**63), 2**64 - 1)
PLAIN = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False) | st.text(max_size=5) | st.binary(max_size=5)
KEYS = st.text(max_size=3) | st.integers(0, 99)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
seeds = st.integers(0, 2**63 - 1)
few = settings(max_examples=200, deadline=None)


def as_tuples(value):
    if isinstance(value, list | tuple):
        return tuple(map(as_tuples, value))
    return {key: as_tuples(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def exactly(value):
    """Return something that is equal only when types are too."""
    if isinstance(value, list | tuple):
        return type(value), [exactly(inner) for inner in value]
    if isinstance(value, dict):
        return [(type(key), key, exactly(inner)) for key, inner in value.items()]
    return type(value), repr(value)


# -------------------------------------------------------------------------------------- messages


@few
@given(VALUES)
def test_a_message_comes_back_as_it_was_with_arrays_as_tuples(value):
    assert exactly(unpack(pack(value))) == exactly(as_tuples(value))


@few
@given(
    st.lists(
        st.builds(
            MatchSpec,
            st.integers(0, 2**40),
            st.integers(0, 999),
            st.integers(0, 999),
            seeds,
            st.lists(st.integers(0, 2000), min_size=1, max_size=4).map(tuple),
            st.integers(0, 99),
            st.integers(0, 9999),
            st.none()
            | st.builds(
                Branch,
                st.just("1/5"),
                st.integers(0, 99),
                st.none() | seeds,
                st.lists(st.tuples(st.integers(0, 99), seeds), max_size=2).map(tuple),
                seeds,
                st.integers(0, 99),
                st.none() | st.integers(0, 99),
                played=st.booleans(),
                action=seeds | st.text(),
                turns=st.binary(max_size=9),
            ),
        ),
        max_size=3,
    )
)
def test_matches_travel_in_batches(specs):
    kind, batch_no, rows = unpack(pack([BATCH, 7, specs]))
    assert (kind, batch_no) == (BATCH, 7)
    found = [spec_of(fields) for fields in rows]
    assert found == specs
    assert all(type(spec) is MatchSpec and type(spec.branch) in (Branch, type(None)) for spec in found)


def test_results_travel_with_all_their_fields():
    fault = Fault("crash", "it fell", "Traceback ...")
    faults, logs = ((4, 1, fault),), ((1, "stderr", "x"),)
    row = Played(3, (1.0, -1.0), (1, 2), "fault", 5, b"\x90", b"\x90", 1.5, 0.25, b"\x91", faults, logs)
    kind, batch_no, (fields,) = unpack(pack([RESULT, 0, [row]]))
    assert (kind, batch_no) == (RESULT, 0)
    assert Played._make(fields) == row


def test_enums_travel_as_their_text():
    assert unpack(pack([FaultKind.ILLEGAL])) == ("illegal",)


def test_numpys_numbers_and_ranges_travel_as_plain_ones():
    value = {"number": np.int64(3), "flag": np.bool_(True), "share": np.float32(0.5), "legal": range(3)}
    assert exactly(unpack(pack(value))) == exactly({"number": 3, "flag": True, "share": 0.5, "legal": (0, 1, 2)})


UNSENDABLE = {"object": object(), "set": {1, 2}, "2**64": 2**64, "complex": 1j, "objects": np.array([object()])}


@pytest.mark.parametrize("value", UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_is_no_message_is_not_packed_and_leaves_nothing_behind(value):
    with pytest.raises((TypeError, OverflowError)):
        pack([1, "begun", value])
    assert unpack(pack([READY, 1])) == (READY, 1)


def test_threads_do_not_write_into_each_others_messages():
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    done = threading.Event()
    beats = []

    def beat():
        while not done.is_set():
            beats.append(pack([BEAT, len(beats)]))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        sent = [pack([range(3)] * 50) for _ in range(1000)]
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(switching)
    assert {unpack(data) for data in sent} == {((0, 1, 2),) * 50}
    assert [unpack(data) for data in beats] == [(BEAT, number) for number in range(len(beats))]


# ----------------------------------------------------------------------------------------- turns


@st.composite
def logs(draw):
    """Draw (a log as Match keeps it, the turns it stands for, whether any turn had several seats or a fault)."""
    actions, who, faults, turns, plain = [], [], [], [], True
    for turn in range(draw(st.integers(0, 6))):
        seats = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=draw(st.sampled_from((1, 3))))))
        who.append(seats[0] if len(seats) == 1 else ~sum(1 << seat for seat in seats))
        plain &= len(seats) == 1
        row = {}
        for seat in seats:
            if draw(st.integers(0, 4)) == 0:
                row[seat] = Fault(draw(st.sampled_from([*FaultKind])).value, draw(st.text(max_size=9)))
                faults.append((turn, seat, row[seat]))
                plain = False
            else:
                row[seat] = draw(VALUES)
                actions.append(row[seat])
        turns.append(row)
    return (actions, who, faults), turns, plain


@few
@given(logs())
@example((([{"to": [1, 2]}, [3]], [0, 1], []), [{0: {"to": [1, 2]}}, {1: [3]}], True))
def test_turns_come_back_with_their_masks_and_faults(drawn):
    log, turns, plain = drawn
    found = unpack_turns(pack_turns(log))
    assert len(found) == len(turns)
    for mine, theirs in zip(found, turns, strict=True):
        if set(mine) == {None}:  # the seat follows from the game
            assert len(theirs) == 1
            assert exactly(list(mine.values())) == exactly(list(theirs.values()))
        else:
            assert exactly(mine) == exactly(theirs)
    if plain:
        assert pack_turns(log) == pack(log[0])


def test_a_faults_traceback_is_not_stored_with_the_turns():
    log = ([], [1], [(0, 1, Fault("crash", "it fell", "Traceback ..."))])
    assert unpack_turns(pack_turns(log)) == [{1: Fault("crash", "it fell")}]


# --------------------------------------------------------------------------------- damaged bytes

FRAGMENTS = [
    b"",
    b"\xc1",  # never used
    b"\x81\x81\x01\x02\x03",  # a mapping as a key
    b"\x81\x91\x80\x01",  # an array with a mapping as a key
    b"\xdd\xff\xff\xff\xff",  # an array of four billion
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xd6\xff\xff\xff\xff\xff",  # a time
    b"\xc7\x0c\xff" + b"\xff" * 12,
    b"\xc7\x00\xff",
    b"\xd4\x05\x00",  # an unknown extension
    b"\xa2\xff\xff",  # no UTF-8
    b"\x91" * 5000 + b"\x01",
    b"\x01\x01",
]


@pytest.mark.parametrize("data", FRAGMENTS, ids=lambda data: data[:8].hex())
@pytest.mark.parametrize("read", [unpack, unpack_turns])
def test_fragments_are_values_or_wire_errors(read, data):
    only_wire_errors(read, data)


def only_wire_errors(read, data):
    try:
        read(data)
    except WireError as error:
        assert str(error).isprintable()  # noqa: PT017 - most damaged bytes are still some value
        return True
    return False


@few
@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_a_wire_error(data):
    only_wire_errors(unpack, data)
    only_wire_errors(unpack_turns, data)


@few
@given(logs(), st.data())
def test_a_changed_byte_is_never_more_than_a_wire_error(drawn, data):
    blob = bytearray(pack_turns(drawn[0]))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] = data.draw(st.integers(0, 255))
    only_wire_errors(unpack_turns, bytes(blob))


@few
@given(logs())
def test_turns_that_are_cut_off_or_run_on_are_damaged(drawn):
    log, _, plain = drawn
    blob = pack_turns(log)
    whole = {len(pack(log[0])), len(blob)}  # without masks the actions alone are turns of one seat each
    for length in range(len(blob)):
        assert only_wire_errors(unpack_turns, blob[:length]) or length in whole
    assert only_wire_errors(unpack_turns, blob + b"\x90")
    assert plain or only_wire_errors(unpack_turns, blob + pack([]) * 2)


@pytest.mark.parametrize(
    "parts",
    [
        ["abc"],  # actions that are a text
        [{0: 1}],
        [[1], [0]],  # masks without faults
        [[1], [0], [], []],
        [[1, 2], [0], []],  # more actions than turns
        [[1], [0, 0], []],  # fewer
        [[1], [3], []],
        [[1], ["x"], []],
        [[1], [1.5], []],
        [[1], [True], []],
        [[1], [-1], []],
        [[1], [0], [[5, 0, "crash", ""]]],  # a fault in no turn
        [[1], [0], [[-1, 0, "crash", ""]]],
        [[1], [1], [[0, 3, "crash", ""]]],  # of a seat that did not act
        [[], [0], [[0, -1, "crash", ""]]],
        [[], [0], [[0, 0, 7, ""]]],
        [[], [0], [[0, 0, "crash"]]],
        [[], [0], [[0, 0, "crash", []]]],
        [[], [0], [[[], 0, "crash", ""]]],
        [[], [0], 7],
    ],
    ids=repr,
)
def test_turns_that_do_not_add_up_are_damaged(parts):
    with pytest.raises(WireError, match="the turns of the match are damaged"):
        unpack_turns(b"".join(map(msgpack.packb, parts)))


@pytest.mark.parametrize("fields", [(), (1, 2), (0,) * 9, (0, 0, 0, 0, (0, 1), 0, 0, (1,)), 5, None], ids=repr)
def test_a_match_of_the_wrong_shape_is_a_wire_error(fields):
    with pytest.raises(WireError, match="not a match"):
        spec_of(fields)
