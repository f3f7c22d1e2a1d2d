"""Rules of what a game asks of the machine: nothing. Found in two processes of their own with other string hashes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evalengine.testing import probe
from evalengine.testing.breaches import Breach
from evalengine.testing.rules import rule
from evalengine.testing.subject import CALLS

if TYPE_CHECKING:
    from evalengine.testing.subject import Subject

_MATCHES = 6
_HASH_SEEDS = (1, 2)


def probes(subject: Subject) -> list[probe.Found]:
    """Return what both probes saw; they were started when the first rule asked."""
    found: list[probe.Found] | None = subject.__dict__.get("_probed")
    if found is None:
        begin(subject)
        CALLS.clear()  # what is waited for now is no call of the game
        begun, since_s = subject.__dict__["_probes"]
        found = subject.__dict__["_probed"] = [probe.found_by(process, since_s) for process in begun]
    return found


def begin(subject: Subject) -> None:
    """Start both probes, if they were not; they work while other rules are tried."""
    if "_probes" not in subject.__dict__:
        try:
            matches = subject.all_seeds()[:_MATCHES]
        except Breach:  # it cannot even be made: its own rule says so
            matches = []
        begun = [probe.started(subject, seed, matches) for seed in _HASH_SEEDS]
        subject.__dict__["_probes"] = begun, time.monotonic()


def _nothing_of(subject: Subject, kind: str, told: str, remedy: str) -> str:
    for found in probes(subject):
        if kind in found.noted:
            raise Breach(
                f"{told}: {found.noted[kind]}", remedy, seed=subject.seed, call=found.noted[kind].split(" at ")[0]
            )
    tried = probes(subject)[0]
    return f"none in {len(tried.matches)} matches" if not tried.failed else f"none, until: {tried.failed}"


@rule("clock", needs_play=False)
def clock(subject: Subject) -> str:
    """No clock is read."""
    return _nothing_of(subject, "clock", "it asks a clock", "Count turns instead; limits of time are the engine's")


@rule("random", needs_play=False)
def global_random(subject: Subject) -> str:
    """No luck is drawn but from the generator that initial() and apply() are given."""
    remedy = "Draw from rng, which initial() and apply() are given, and say chance=True"
    return _nothing_of(subject, "random", "it draws luck that the seed does not fix", remedy)


@rule("network", needs_play=False)
def network(subject: Subject) -> str:
    """No network is used."""
    return _nothing_of(subject, "network", "it uses the network", "Put what it needs into the package")


@rule("process", needs_play=False)
def process(subject: Subject) -> str:
    """No process or thread is started, and the process is left as it was: folder, environment, limits."""
    return _nothing_of(subject, "process", "it changes the process that it shares", "Keep what changes in the State")


@rule("files", needs_play=False)
def files(subject: Subject) -> str:
    """No file is written."""
    return _nothing_of(
        subject, "files", "it writes files", "Keep what changes in the State; matches are stored by the engine"
    )


@rule("prints", needs_play=False)
def prints(subject: Subject) -> str:
    """Nothing is printed."""
    return _nothing_of(subject, "prints", "it prints", "Take print() out: results go to standard output")


@rule("hashing")
def hashing(subject: Subject) -> str:
    """The same seed gives the same match in every process, whatever PYTHONHASHSEED."""
    one, other = probes(subject)
    failed = one.failed or other.failed
    if failed:
        raise Breach(f"in a process of its own it fails: {failed}", "Let it depend on nothing that was done before")
    seeds = subject.all_seeds()
    for (seats, seed), first, second in zip(seeds, one.matches, other.matches, strict=False):
        for here, there in zip(first, second, strict=False):
            if here != there:
                told = f"with PYTHONHASHSEED={_HASH_SEEDS[0]} and {_HASH_SEEDS[1]} a match of {seats} seats differs"
                remedy = "Go through no set, sort by no id(), and use no hash(): lists and dicts keep their order"
                raise Breach(told, remedy, call=here[0], seed=seed)
    return f"{min(len(one.matches), len(other.matches))} matches the same in two processes"
