"""Rules of hidden information: a seat learns nothing that its views do not tell it.

Nothing says of a game what is hidden, so it is found out: one draw of luck, or one action, is made otherwise while all
else stays, and what each seat sees is compared. Who saw the same views up to here is *blind* to the change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalengine.contracts import State
from evalengine.seeding import derive
from evalengine.testing.breaches import Breach
from evalengine.testing.rules import rule
from evalengine.testing.subject import Line, listed, packed, shown
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalengine.testing.subject import Subject

_TURNS = 16  # of a match that are compared
_CHANGES = 24  # draws or actions of one match that are made otherwise
_ENOUGH = 8  # changes that somebody saw, before nothing is said to be hidden
_SAMPLES = 6  # of one position and seat


class Twisted(random.Random):
    """A generator one of whose draws comes out otherwise.

    Attributes:
        drawn: draws so far.
    """

    def __init__(self, seed: int, at: int = -1, twist: int = 0) -> None:
        super().__init__(seed)
        self._at, self._twist = at, twist
        self.drawn = 0

    def getrandbits(self, k: int, /) -> int:
        """Return bits, the chosen ones changed."""
        bits = super().getrandbits(k)
        mine, self.drawn = self.drawn == self._at, self.drawn + 1
        return bits ^ (1 + self._twist % ((1 << k) - 1)) if mine and k > 1 else bits ^ int(mine)

    def random(self) -> float:
        """Return a number from 0 to 1, the chosen one changed."""
        number = super().random()
        mine, self.drawn = self.drawn == self._at, self.drawn + 1
        return (number + 0.17 + 0.66 * (self._twist % 97) / 97) % 1.0 if mine else number


@dataclass(frozen=True)
class Change:
    """What is made otherwise: a draw of luck at the start or in a turn, or a seat's action in a turn."""

    turn: int  # -1: the start
    draw: int = -1
    twist: int = 0
    seat: int = -1

    def told(self) -> str:
        """Return it for people."""
        when = "the start" if self.turn < 0 else f"turn {self.turn}"
        return f"the action of seat {self.seat} in {when}" if self.seat >= 0 else f"draw {self.draw} of {when}"


@dataclass
class Frame:
    """One position as the seats see it."""

    movers: list[int]
    seen: list[Any]  # by seat: its view, and whether it is to move
    beyond: list[dict[str, Any]]  # by seat: what else is shown to it, legal actions and refusals while it is to move


@dataclass
class Played:
    """A match with its frames, and how often luck was drawn: at the start, then in each turn."""

    line: Line
    frames: list[Frame] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)


@dataclass
class Evidence:
    """What changes have shown.

    Attributes:
        hidden: changes that one seat saw and another did not, or that nobody saw until later; seen: by anybody;
        open: whether all that tells the views of two seats apart stood in both.
    """

    hidden: int = 0
    seen: int = 0
    open: bool = True


@rule("leaks")
def leaks(subject: Subject) -> str:
    """A seat sees no more than its view says, and information is hidden exactly where the spec says so."""
    spec = subject.game.spec
    evidence = Evidence()
    for seats, seed in subject.seeds():
        base = _play(subject, seats, seed)
        evidence.open = evidence.open and all(_is_open(frame) for frame in base.frames)
        for change in _changes(base, seed):
            other = _play(subject, seats, seed, base, change)
            _compare(base, other, change, evidence, perfect=spec.information == "perfect")
            enough = bool(evidence.hidden) or spec.information == "perfect" or evidence.seen >= 6 * _ENOUGH
            if subject.late() and enough and evidence.seen >= _ENOUGH:
                break
    nothing = not evidence.hidden and evidence.seen >= _ENOUGH
    if spec.information == "hidden" and nothing and evidence.open:
        told = f"information is hidden, but of {evidence.seen} changes of luck or action every seat saw every one"
        remedy = "Leave out of view(seat) what that seat must not know, or say information='perfect'"
        raise Breach(told, remedy, call="view()", seed=subject.seed)
    if spec.information == "perfect":
        return "nothing is hidden, as the spec says"
    return f"{evidence.hidden} of {evidence.seen} changes of luck or action were hidden from a seat, everywhere alike"


def _is_open(frame: Frame) -> bool:
    """Say whether each value in the view of a seat stands somewhere in those of all others, too.

    Where all luck is one draw, of one of a thousand deals, whatever is drawn otherwise is seen by all. Then only this
    tells a game that hides nothing from one that does.
    """
    held = [set(_values(seen[0])) for seen in frame.seen]
    return len(held) > 1 and all(one == held[0] for one in held)


def _values(data: Any) -> Iterator[str]:
    """Yield the values in a packed view, as text; words of texts one by one."""
    try:
        yield from _parts(protocol.unpack(data))
    except (TypeError, ValueError):
        yield repr(data)


def _parts(value: Any) -> Iterator[str]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _parts(part)
    elif isinstance(value, str):
        yield from value.split()
    else:
        yield str(value)


def _changes(base: Played, seed: int) -> Iterator[Change]:
    """Yield changes of a match: of its luck, then of actions."""
    rng = random.Random(seed)
    draws = [(turn - 1, draw) for turn, count in enumerate(base.draws) for draw in range(count)]
    for turn, draw in rng.sample(draws, min(len(draws), _CHANGES)):
        yield Change(turn, draw, rng.getrandbits(30))
        yield Change(turn, draw, rng.getrandbits(30))
    turns = list(enumerate(base.line.done))
    for turn, actions in rng.sample(turns, min(len(turns), _CHANGES // 2)):
        yield Change(turn, seat=rng.choice(sorted(actions)))


def _play(subject: Subject, seats: int, seed: int, base: Played | None = None, change: Change | None = None) -> Played:
    """Play a match, or one like `base` but for a change, as far as the same actions lead."""
    made: list[Twisted] = []

    def luck(what: str, turn: int) -> Twisted:
        turn = -1 if what == "initial" else turn
        mine = change is not None and change.turn == turn
        at, twist = (change.draw, change.twist) if mine and change is not None else (-1, 0)
        made.append(Twisted(derive(seed, what, turn), at, twist))
        return made[-1]

    played = Played(Line(subject, subject.game, seats, seed, luck))
    line = played.line
    turns = _TURNS if base is None else len(base.line.done)
    played.draws.append(made[-1].drawn if made else 0)
    played.frames.append(_frame(line))
    while line.movers() and line.turn < min(turns, line.game.spec.max_turns):
        actions = line.drawn(line.rng) if base is None else _like(line, base, change)
        if actions is None:
            break
        made.clear()
        line.play(actions)
        played.draws.append(made[-1].drawn if made else 0)
        played.frames.append(_frame(line))
    return played


def _like(line: Line, base: Played, change: Change | None) -> Mapping[int, Any] | None:
    """Return the actions of the base in this turn, one changed; None when they are not possible here."""
    actions = dict(base.line.done[line.turn])
    if sorted(actions) != sorted(line.movers()):
        return None
    if change is not None and change.turn == line.turn and change.seat >= 0:
        options = [action for action in line.legal(change.seat) if action != actions[change.seat]]
        if not options:
            return None
        actions[change.seat] = options[line.rng.randrange(len(options))]
    refused = any(line.refuse(seat, action) is not None for seat, action in actions.items())
    return None if refused else actions


def _frame(line: Line) -> Frame:
    movers = sorted(line.movers())
    seen, beyond = [], []
    for seat in range(line.seats):
        seen.append((packed(line.view(seat)), seat in movers))
        told = {f"render({seat})": line.call("render", line.state.render, seat), f"svg({seat})": line.svg(seat)}
        if seat in movers:
            told[f"legal({seat})"] = packed(listed(line.legal(seat)))
            told[f"refuse({seat}, None)"] = line.refuse(seat, None)
        beyond.append(told)
    return Frame(movers, seen, beyond)


def _compare(base: Played, other: Played, change: Change, evidence: Evidence, *, perfect: bool) -> None:
    """Add to the evidence what a change shows.

    Raises:
        Breach: something tells a blind seat of it, or it is hidden in a game of perfect information.
    """
    seats = range(base.line.seats)
    blind = set(seats)
    hidden_at = None
    # An action in turn k shows after it, luck of turn k too.
    start = change.turn + 1
    for turn, (one, two) in enumerate(zip(base.frames, other.frames, strict=False)):
        blind -= {seat for seat in seats if one.seen[seat] != two.seen[seat]}
        saw = len(blind) < len(seats)
        if turn >= start and blind:
            _check_beyond(base, one, two, blind - {change.seat}, turn, change)  # what it did it knows
            if saw and change.seat not in blind:
                hidden_at = turn if hidden_at is None else hidden_at
                if perfect:
                    _refuse_hidden(base, blind, turn, change)
        if turn > start and not blind and turn and _all_blind_before(base, other, turn):
            hidden_at = turn  # nobody saw it until now: it was hidden from everybody
            if perfect:
                _refuse_hidden(base, set(seats), turn - 1, change)
    differ = len(blind) < len(seats)
    evidence.seen += differ
    evidence.hidden += differ and hidden_at is not None


def _all_blind_before(base: Played, other: Played, turn: int) -> bool:
    before = zip(base.frames[:turn], other.frames[:turn], strict=False)
    return all(one.seen == two.seen for one, two in before)


def _check_beyond(  # noqa: PLR0917 - two frames of one turn
    base: Played, one: Frame, two: Frame, blind: set[int], turn: int, change: Change
) -> None:
    for seat in sorted(blind):
        for call, found in one.beyond[seat].items():
            if found != two.beyond[seat].get(call, found):
                told = f"with {change.told()} otherwise the views of seat {seat} are the same, but {call} differs"
                remedy = f"Let it tell only what view({seat}) holds"
                raise Breach(told, remedy, call=f"{call} in turn {turn}", seed=base.line.seed)


def _refuse_hidden(base: Played, blind: set[int], turn: int, change: Change) -> None:
    told = f"with {change.told()} otherwise the views of seat {min(blind)} stay the same; the spec says 'perfect'"
    remedy = "Say information='hidden', or show it: search agents of a perfect game are given the whole state"
    raise Breach(told, remedy, call=f"view({min(blind)}) in turn {turn}", seed=base.line.seed)


@rule("sample")
def sample(subject: Subject) -> str:
    """A sample looks to its seat as the position does, and varies in what the seat does not see."""
    spec = subject.game.spec
    if spec.information == "perfect" or not spec.sample:
        return "its spec says that it has none"
    varied = tried = 0
    for line in subject.positions():
        if type(line.state).sample is State.sample:
            told = f"{type(line.state).__name__} has no sample(), though its spec says sample=True"
            raise line.breach(told, "Write one, or say sample=False", "sample()")
        if not line.movers():
            continue  # nobody asks for a sample of a match that is over
        for seat in range(line.seats):
            tried += 1
            varied += _check_samples(line, seat, subject.late)
            if subject.late() and tried > _ENOUGH:
                break
    if not varied and tried > _ENOUGH:
        told = f"in {tried} positions each sample was the position itself"
        raise Breach(told, "Draw anew what the seat does not see", call="sample()", seed=subject.seed)
    return f"{tried} positions, {varied} with samples that differ from them"


def _check_samples(line: Line, seat: int, late: Callable[[], bool]) -> bool:
    """Compare samples of a position with it; return whether any differs in what the seat does not see."""
    mine, whole, movers = _own(line, seat), _whole(line), list(line.movers())
    varied = False
    for number in range(_SAMPLES):
        twin = _sampled(line, seat, number)
        call = f"sample({seat})"
        if list(twin.movers()) != movers:
            told = f"in the sample {shown(list(twin.movers()))} are to move, in the position {movers}"
            raise line.breach(told, "Keep what the seat knows", call)
        theirs = _own(twin, seat)
        changed = next((key for key in mine if mine[key] != theirs[key]), None)
        if changed is not None:
            told = f"in the sample {changed} is another: it tells what seat {seat} must not see, or the sample is wrong"
            raise line.breach(told, "Leave it out, or keep in sample() all that the seat has seen", changed)
        varied = varied or _whole(twin) != whole
        if late() and number:
            break
        while twin.movers() and twin.turn < min(twin.game.spec.max_turns, line.turn + _TURNS):
            twin.play()
    if _own(line, seat) != mine or _whole(line) != whole:
        raise line.breach("after samples were played on, the position differs", "Copy in sample()", f"sample({seat})")
    return varied


def _sampled(line: Line, seat: int, number: int) -> Line:
    twin: Line = object.__new__(Line)
    twin.__dict__.update(line.__dict__)
    twin.done = list(line.done)
    twin.rng = random.Random(number)
    twin.state = line.call("sample", line.state.sample, seat, random.Random(derive(line.seed, "sample", number)))
    return twin


def _own(line: Line, seat: int) -> dict[str, Any]:
    frame = _frame(line)
    return {
        f"view({seat})": frame.seen[seat][0],
        **frame.beyond[seat],
    }


def _whole(line: Line) -> Sequence[Any]:
    return [packed(line.view(seat)) for seat in range(line.seats)] + [
        line.call("render", line.state.render, None),
    ]
