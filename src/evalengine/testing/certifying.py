"""What a certificate says of a game, and whether it still holds: rules, hostile actions, kills, replays, speed."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.util
import json
import platform
import random
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.contracts import contains
from evalengine.errors import UsageError
from evalengine.match import Match
from evalengine.model import MatchSpec
from evalengine.seeding import derive
from evalengine.testing import killing
from evalengine.testing.action_rules import HOSTILE
from evalengine.testing.breaches import Breach
from evalengine.testing.checking import Verdict, checked, tried
from evalengine.testing.rules import Rule
from evalengine.testing.spec_rules import measured
from evalengine.testing.subject import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalengine.plugins import Plugins
    from evalengine.testing.subject import Subject

FORMAT = 1
_RULES, _MATCHES, _FUZZ, _KILL, _SPEED = 0.35, 0.15, 0.15, 0.25, 0.05  # shares of the time
_RULE_COUNT = 34
_MOST = 1_000_000
_VERIFIED_S = 5.0  # of matches whose digest is kept, so that verifying takes as long
_DEEPEST = 30  # lists within one another


class Trial:
    """A game being certified.

    Attributes:
        figures: what was measured; digest: of the first matches, and how many they are.
    """

    def __init__(self, subject: Subject, seconds: float, plugs: Plugins, path: str | None) -> None:
        """Prepare: `path` is where the game's plugin lies, None when it is installed."""
        self.subject, self.seconds, self.path = subject, seconds, path
        self._plugs = plugs
        subject.rule_s = _RULES * seconds / _RULE_COUNT
        subject.matches = _MOST if seconds >= _VERIFIED_S else 24
        subject.matches = min(subject.matches, 2000)
        self.figures: dict[str, float] = {}
        self.digest: dict[str, Any] = {}

    def verdicts(self) -> Iterator[Verdict]:
        """Try everything, and yield what became of each."""
        playable = True
        for verdict in checked(self.subject):
            playable = playable and not (verdict.outcome == "FAIL" and verdict.rule in {"plays", "ends"})
            yield verdict
        stages: list[Callable[[Subject], str]] = [self.matches, self.fuzz, self.kill, self.speed]
        for stage in stages:
            if playable:
                yield tried(Rule(_NAMES[stage.__name__], "", stage), self.subject)
            else:
                yield Verdict(_NAMES[stage.__name__], "-", "not tried: the game cannot be played")

    def matches(self, subject: Subject) -> str:
        """Play random matches by the kernel; each is stored, read back and played again to the same end."""
        until = time.perf_counter() + _MATCHES * self.seconds
        digest, count, kept = hashlib.sha256(), 0, 0
        while count == 0 or (time.perf_counter() < until and count < _MOST):
            blob = _played(subject, count)
            if time.perf_counter() < until - (_MATCHES * self.seconds - min(_VERIFIED_S, _MATCHES * self.seconds / 2)):
                digest.update(blob)
                kept = count + 1
            elif not kept:
                digest.update(blob)
                kept = 1
            count += 1
        self.digest = {"matches": kept, "sha256": digest.hexdigest()}
        self.figures["matches_replayed"] = count
        return f"{count} random matches, each played again from what was stored, with the same end"

    def fuzz(self, subject: Subject) -> str:
        """Answer with hostile values in random positions."""
        until = time.perf_counter() + _FUZZ * self.seconds
        tries = 0
        for number in range(_MOST):
            tries += _fuzzed(subject, number)
            if time.perf_counter() > until:
                break
        self.figures["hostile_actions"] = tries
        return f"{tries} hostile actions: each refused with a reason, none broke a match"

    def kill(self, subject: Subject) -> str:
        """Kill a real run, resume it, and compare it with one that was left alone."""
        found = killing.killed_and_resumed(subject, self.path, _KILL * self.seconds, self._plugs)
        self.figures |= {"run_matches": found.matches, "run_matches_when_killed": found.stored}
        return (
            f"a run of {found.matches} matches was killed (SIGKILL) with {found.stored} stored, and resumed: all its "
            f"matches and standings are those of a run that was left alone, and {found.replayed} replay"
        )

    def speed(self, subject: Subject) -> str:
        """Measure random matches in this process."""
        found = measured(subject, _SPEED * self.seconds)
        self.figures |= {
            "turns_per_s": round(1 / found["turn_s"], 1),
            "matches_per_s": round(found["matches_per_s"], 2),
            "turns_per_match": round(found["turns_per_match"], 2),
        }
        return f"{1 / found['turn_s']:,.0f} turns/s, {found['matches_per_s']:,.1f} random matches/s on one core"

    def certificate(self, verdicts: list[Verdict]) -> dict[str, Any]:
        """Return what was found as a certificate."""
        subject = self.subject
        record = {
            "certificate": FORMAT,
            "game": {"name": subject.spec.name, "version": subject.spec.version, "config": dict(subject.config)},
            "passed": all(verdict.outcome == "ok" for verdict in verdicts),
            "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "seed": subject.seed,
            "seconds": self.seconds,
            "runtime": runtime(),
            "package": package_of(subject),
            "rules": [_record(verdict) for verdict in verdicts],
            "figures": self.figures,
            "replay": self.digest,
        }
        return record | {"sha256": _digest_of(record)}


_NAMES = {"matches": "matches", "fuzz": "fuzz", "kill": "resume", "speed": "figures"}


def _record(verdict: Verdict) -> dict[str, Any]:
    found = {"rule": verdict.rule, "outcome": verdict.outcome, "told": verdict.told}
    return found if verdict.outcome == "ok" else found | {"seed": verdict.seed, "call": verdict.call}


def runtime() -> dict[str, str]:
    """Return what a match may depend on beside the game."""
    return {
        "evalengine": metadata.version("evalengine"),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def package_of(subject: Subject) -> dict[str, Any]:
    """Return the game's package with a digest of its files.

    Raises:
        UsageError: its module cannot be found.
    """
    name = subject.spec.factory.partition(":")[0].partition(".")[0]
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        msg = f"the module {name!r} of game {subject.spec.name!r} is no file: it cannot be certified"
        raise UsageError(msg)
    origin = Path(found.origin)
    folder = origin.parent
    files = (
        [origin]
        if origin.name != "__init__.py"
        else sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    )
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return {"module": name, "files": len(files), "sha256": digest.hexdigest()}


def _digest_of(record: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


# --------------------------------------------------------------------------------- matches


def _played(subject: Subject, number: int) -> bytes:
    """Play a random match by the kernel and again from its bytes; return bytes that it fixes.

    Raises:
        Breach: it ends otherwise.
    """
    seats = subject.seats[number % len(subject.seats)]
    spec = MatchSpec(0, 0, 0, derive(subject.seed, "certified", number), tuple(range(seats)))
    match = Match(spec, subject.game)
    rng = random.Random(spec.seed)
    while not match.over:
        for request in match.requests():
            options = request.legal
            assert options is not None
            match.answer(request.seat, options[rng.randrange(len(options))])
    blob = wire.pack_turns(match.log)
    again = Match.resume(spec, subject.game, wire.unpack_turns(blob))
    if again.result != match.result:
        told = f"played again it ends with {again.result}, not {match.result}"
        raise Breach(told, "Draw from rng only", call="Match.resume()", seed=spec.seed)
    assert match.result is not None
    return blob + wire.pack([match.result.scores, match.result.places, match.result.turns])


def _fuzzed(subject: Subject, number: int) -> int:
    """Play a match in which hostile values are answered now and then; return how many.

    Raises:
        Breach: one is taken that is not legal, or breaks the match.
    """
    seats = subject.seats[number % len(subject.seats)]
    seed = derive(subject.seed, "fuzzed", number)
    match = Match(MatchSpec(0, 0, 0, seed, tuple(range(seats))), subject.game)
    rng, tries = random.Random(seed), 0
    while not match.over:
        for request in match.requests():
            options = request.legal
            assert options is not None
            value = hostile(rng, options)
            call = f"refuse({request.seat}, {shown(value)}) in turn {match.turn}"
            try:
                reason = match.refusal(request.seat, value)
            except Exception as error:
                told = f"it raised {type(error).__name__}: {error}"
                raise Breach(told, "Compare types first", call=call, seed=seed) from error
            tries += 1
            if (reason is None) != contains(options, value):
                told = "it is refused though it is legal" if reason else "it is accepted though it is not legal"
                raise Breach(told, "Let refuse() agree with legal()", call=call, seed=seed)
            ending = rng.random() < 0.02  # noqa: PLR2004 - now and then
            match.answer(request.seat, value if ending else options[rng.randrange(len(options))])
            if match.over:
                break
    return tries


def hostile(rng: random.Random, options: Any) -> Any:
    """Return a value that an agent may answer instead of an action."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(HOSTILE)
    if kind == 1:
        return rng.choice((-1, 1)) * rng.getrandbits(rng.choice((3, 8, 31, 64, 200, 4000)))
    if kind == 2:  # noqa: PLR2004 - the kinds are numbered
        return rng.choice((str, float, bool, repr))(rng.getrandbits(6))
    if kind == 3 and len(options):  # noqa: PLR2004 - as above
        near = options[rng.randrange(len(options))]
        return rng.choice(([near], {"action": near}, str(near), (near,), [near, near], {0: near}))
    if kind == 4:  # noqa: PLR2004 - as above
        value: Any = 0
        for _ in range(rng.randrange(_DEEPEST)):
            value = [value] if rng.random() < 0.7 else {"": value}  # noqa: PLR2004 - lists more often
        return value
    return "".join(chr(rng.choice((rng.randrange(32), rng.randrange(0x3000)))) for _ in range(rng.randrange(200)))


# ------------------------------------------------------------------------------- verifying


def read(path: Path) -> dict[str, Any]:
    """Return a certificate.

    Raises:
        UsageError: the file is none.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no JSON"
        msg = f"{path} cannot be read: {why}"
        raise UsageError(msg) from error
    shape = {
        "certificate": int,
        "game": dict,
        "passed": bool,
        "package": dict,
        "replay": dict,
        "seed": int,
        "sha256": str,
    }
    if not isinstance(record, dict) or any(not isinstance(record.get(key), kind) for key, kind in shape.items()):
        msg = f"{path} is no certificate of evalengine"
        raise UsageError(msg)
    if record["certificate"] != FORMAT:
        msg = f"{path} is a certificate of format {record['certificate']!r}, this reads {FORMAT}: upgrade"
        raise UsageError(msg)
    return record


def verified(record: Mapping[str, Any], subject: Subject) -> Iterator[Verdict]:
    """Yield whether a certificate holds for the game that is here."""
    yield _said("whole", record["sha256"] == _digest_of(record), "unchanged since it was made", "it was changed")
    yield _said("passed", bool(record["passed"]), "every rule held", "rules were broken when it was made")
    mine, theirs = subject.spec.version, record["game"].get("version")
    yield _said("version", mine == theirs, f"{mine}", f"the game here is {mine}, it is of {theirs}")
    package, told = package_of(subject), record["package"]
    same = package["sha256"] == told.get("sha256")
    yield _said(
        "files", same, f"the {package['files']} files of {package['module']} are as they were", "files were changed"
    )
    yield _replays(record, subject)


def _replays(record: Mapping[str, Any], subject: Subject) -> Verdict:
    count, wanted = record["replay"].get("matches"), record["replay"].get("sha256")
    if type(count) is not int or not 0 < count <= _MOST:
        return _said("replay", False, "", "it names no matches that could be played again")
    digest = hashlib.sha256()
    try:
        for number in range(count):
            digest.update(_played(subject, number))
    except Breach as breach:
        return Verdict("replay", "FAIL", breach.told, breach.seed, breach.call, breach.remedy)
    except Exception as error:  # noqa: BLE001 - the game's own: told as what is wrong with it
        return _said("replay", False, "", f"the matches cannot be played: {type(error).__name__}: {error}")
    here, there = runtime(), record.get("runtime")
    other = "" if here == there else f" (it was made with {there})"
    wrong = f"its {count} matches go another way here{other}"
    return _said("replay", digest.hexdigest() == wanted, f"its {count} matches go the same way here", wrong)


def _said(rule: str, holds: bool, right: str, wrong: str) -> Verdict:  # noqa: FBT001 - what is said is a yes or no
    if holds:
        return Verdict(rule, "ok", right)
    return Verdict(rule, "FAIL", wrong, remedy="Certify it anew: evalengine certify")
