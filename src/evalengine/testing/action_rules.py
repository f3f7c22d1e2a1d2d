"""Rules of actions: what is legal, what is refused, how they travel and are written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evalengine.contracts import State, contains
from evalengine.testing.rules import rule
from evalengine.testing.subject import differs, shown
from evalengine_host import protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from evalengine.testing.subject import Line, Subject

_MOST = 200  # actions of one position that are tried
_TRIED = 12  # that are played in clones
_POOL = 60  # actions of other positions that are tried in each

HOSTILE: tuple[Any, ...] = (
    None, True, False, -1, -(2**70), 2**31, 2**63, 2**70, 10**300, 0.0, 1.0, 1.5, math.nan, math.inf, "", "x", "0",
    "\ud800", "\0" * 100, b"", b"\xff", [], [0], [[]], [None, None], {}, {"a": 1}, {0: 0}, [[[[[[[[0]]]]]]]], (0, 0),
)  # fmt: skip
"""What an agent may answer instead of an action."""


def a_few(legal: Sequence[Any], most: int, rng: random.Random) -> Sequence[Any]:
    """Return all actions, or a random few of very many."""
    return legal if len(legal) <= most else rng.sample(list(legal), most)


@rule("legal")
def legal(subject: Subject) -> str:
    """The legal list is right: nothing twice, each action of one type, accepted, and possible to play."""
    tried = 0
    for line in subject.positions():
        for seat in line.movers():
            options = list(line.legal(seat))
            kinds = {type(option) for option in options}
            call = f"legal({seat})"
            if len(kinds) > 1:
                names = " and ".join(sorted(kind.__name__ for kind in kinds))
                raise line.breach(f"it holds actions of the types {names}", "Return actions of one type", call)
            twice = _twice(options)
            if twice is not None:
                raise line.breach(f"it holds {shown(twice)} twice", "List each action once", call)
            for action in a_few(options, _MOST, line.rng):
                reason = line.refuse(seat, action)
                if reason is not None:
                    told = f"{shown(action)} is in legal({seat}), but is refused: {shown(reason)}"
                    remedy = "List what is accepted and nothing else"
                    raise line.breach(told, remedy, f"refuse({seat}, {shown(action)})")
                tried += 1
        _play_each(line)
    return f"{tried} legal actions accepted"


def _twice(options: Sequence[Any]) -> Any:
    seen = set()
    for option in options:
        key = repr(option)
        if key in seen:
            return option
        seen.add(key)
    return None


def _play_each(line: Line) -> None:
    """Play each action of the only seat to move in a clone of its own."""
    movers = line.movers()
    if len(movers) != 1 or not line.clones or type(line.state).clone is State.clone:
        return
    spec = line.game.spec
    steady = line.seats > 1 and not spec.chance and spec.information == "perfect"
    before = line.looks(drawings=False) if steady else {}
    for action in a_few(line.legal(movers[0]), _TRIED, line.rng):
        twin = line.cloned()
        twin.play({movers[0]: action})
        twin.movers()
        if steady and differs(before, twin.looks(drawings=False)) is None:
            told = f"{shown(action)} changes nothing: the same seat is to move in the same position, again and again"
            raise line.breach(told, "List it only where it can be done, or let it end the turn", f"legal({movers[0]})")


@rule("refuse")
def refuse(subject: Subject) -> str:
    """What is not legal is refused with a reason, whatever it is, and changes nothing."""
    pool: list[Any] = []
    tried = 0
    for line in subject.positions():
        before = line.looks(drawings=False)
        for seat in line.movers():
            options = line.legal(seat)
            near = [] if not options else _near(options[0])
            for action in [*HOSTILE, *near, *pool]:
                check_refusal(line, seat, options, action)
                tried += 1
            pool += a_few(options, 3, line.rng)
        del pool[:-_POOL]
        changed = differs(before, line.looks(drawings=False))
        if changed is not None:
            told = f"after refused actions {changed} returns something else"
            raise line.breach(told, "Let refuse() look and change nothing", "refuse()")
    return f"{tried} other values judged as legal() says"


def _near(action: Any) -> Iterable[Any]:
    """Return values that are almost an action: of another type, in a list."""
    found: list[Any] = [str(action), [action], {"action": action}]
    if type(action) is int:
        found += [float(action), action + 1, action - 1, action + 1000, bool(action)]
    return found


def check_refusal(line: Line, seat: int, options: Any, action: Any) -> None:
    """Compare what refuse says of an action with what legal says.

    Raises:
        Breach: they disagree, or refuse does not answer.
    """
    reason = line.refuse(seat, action)
    call = f"refuse({seat}, {shown(action)})"
    if reason is not None and (not isinstance(reason, str) or not reason.strip()):
        told = f"it returned {shown(reason)}"
        raise line.breach(told, "Return the reason as text, or None where the action is possible", call)
    if options is None:
        return
    allowed = contains(options, action) if len(options) else False
    if reason is None and not allowed:
        told = f"it accepts {shown(action)}, which is not in legal({seat})"
        remedy = "Refuse what legal() does not list: True is not 1, and 1.0 is not 1"
        raise line.breach(told, remedy, call)
    if allowed and reason is not None:
        told = f"it refuses {shown(action)}, which is in legal({seat}): {shown(reason)}"
        raise line.breach(told, "List what is accepted and nothing else", call)


@rule("actions")
def actions(subject: Subject) -> str:
    """Actions come back from msgpack as they were, and each has a name of its own."""
    tried = 0
    known: dict[str, str] = {}
    for line in subject.positions():
        for seat in line.movers():
            options = list(a_few(line.legal(seat), _MOST, line.rng))
            for action in options:
                _check_travel(line, seat, action)
                tried += 1
            _check_names(line, seat, options, known)
    return f"{tried} came back as they were, with names of their own"


def _check_travel(line: Line, seat: int, action: Any) -> None:
    remedy = "Use numbers, text, or lists of them: tuples come back as lists, numpy's numbers as Python's"
    try:
        back = protocol.unpack(protocol.pack(action))
    except Exception as error:
        told = f"the action {shown(action)} of type {type(action).__name__} does not go through msgpack: {error}"
        raise line.breach(told, remedy, f"legal({seat})") from error
    if not contains([action], back):
        told = f"the action {shown(action)} of type {type(action).__name__} comes back as {shown(back)}"
        raise line.breach(told, remedy, f"legal({seat})")


def _check_names(line: Line, seat: int, options: Sequence[Any], known: dict[str, str]) -> None:
    """Check the names of a seat's actions; `known` are those that were given before, by action."""
    names: dict[str, Any] = {}
    for action in options:
        call = f"action_to_str({shown(action)})"
        name = line.call("action_to_str", line.game.action_to_str, action)
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise line.breach(f"it returned {shown(name)}", "Return one line of text", call)
        if known.setdefault(repr(action), name) != name:
            told = f"it returned {name!r}, and {known[repr(action)]!r} when it was asked before"
            raise line.breach(told, "Make the name of the action alone: nothing else is known when it is read", call)
        if name in names:
            told = f"it returned {name!r}, as for {shown(names[name])}, which is open to seat {seat} too"
            raise line.breach(told, "Give each action a name of its own", call)
        names[name] = action
        read = line.call("action_from_str", line.game.action_from_str, name)
        if read is not None and not contains([action], read):
            told = f"action_from_str({name!r}) is {shown(read)}, not {shown(action)}"
            raise line.breach(told, "Read names as action_to_str writes them, or return None", call)
