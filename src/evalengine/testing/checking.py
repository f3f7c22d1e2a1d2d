"""All rules tried on one game, one after another."""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, NamedTuple

from evalengine.references import one_line

# Each module lists its rules when it is imported; this is the order in which they are tried.
from evalengine.testing import (
    action_rules,
    copy_rules,
    hiding_rules,
    look_rules,
    machine_rules,
    play_rules,
    spec_rules,
)
from evalengine.testing.breaches import Breach, Broken
from evalengine.testing.hanging import watched
from evalengine.testing.rules import RULES, Rule
from evalengine.testing.subject import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine.testing.subject import Subject

__all__ = ["RULES", "Verdict", "checked", "tried"]

_FIRST = ("spec", "plays")
_ORDER = (spec_rules, play_rules, action_rules, look_rules, copy_rules, hiding_rules, machine_rules)


class Verdict(NamedTuple):
    """What became of one rule.

    Attributes:
        outcome: "ok", "FAIL", or "-" for one that was not tried; told: what was tried, or the breach;
        seed, call: what shows a breach; remedy: what to do.
    """

    rule: str
    outcome: str
    told: str
    seed: int | None = None
    call: str = ""
    remedy: str = ""
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The verdict's text: of a breach its seed, the call, what happened, what to do."""
        if self.outcome != "FAIL":
            return self.told
        return str(Breach(self.told, self.remedy, call=self.call, seed=self.seed))


def ordered() -> list[Rule]:
    """Return the rules as they are tried."""
    modules = [module.__name__ for module in _ORDER]
    return sorted(
        RULES.values(),
        key=lambda rule: (
            _FIRST.index(rule.name) if rule.name in _FIRST else len(_FIRST),
            modules.index(rule.function.__module__),
        ),
    )


def checked(subject: Subject) -> Iterator[Verdict]:
    """Try each rule on a game, and yield what became of it."""
    machine_rules.begin(subject)
    playable = True
    for rule in ordered():
        if rule.needs_play and not playable:
            yield Verdict(rule.name, "-", "not tried: the game cannot be played")
            continue
        verdict = tried(rule, subject)
        yield verdict
        if rule.name in _FIRST and verdict.outcome == "FAIL":
            playable = playable and rule.name != "plays" and _can_be_made(subject)


def _can_be_made(subject: Subject) -> bool:
    try:
        subject.make()
    except Broken:
        return False
    return True


def tried(rule: Rule, subject: Subject) -> Verdict:
    """Try one rule."""
    began = time.perf_counter()
    try:
        with watched(), redirect_stdout(sys.stderr):  # where results stand a game may not print
            told = rule.function(subject)
    except Breach as breach:
        spent = time.perf_counter() - began
        return Verdict(rule.name, "FAIL", breach.told, breach.seed, breach.call, breach.remedy, spent)
    except Exception as error:  # noqa: BLE001 - what a game returns can break anything; it is told as its own
        call = f"{CALLS[-1]}()" if CALLS else "making it"
        told = f"the rule broke on what a method returned: {one_line(error)}"
        return Verdict(rule.name, "FAIL", told, subject.seed, call, "Return what the contract says")
    return Verdict(rule.name, "ok", told, seconds=time.perf_counter() - began)
