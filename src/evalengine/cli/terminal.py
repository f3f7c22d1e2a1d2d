"""A person at a terminal, or lines from a file or a pipe: shown what their seat sees, asked for an action."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from evalengine import typed_actions
from evalengine.errors import GameError
from evalengine.model import Fault
from evalengine.persons import Left, Undone
from evalengine.seats import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.contracts import Game, Request
    from evalengine.match import Match

_SHOWN = 40  # legal actions that are listed with the question; all of them by `legal`
_WIDTH = 79
_COMMANDS = {
    "help": "this",
    "board": "the position again",
    "legal": "all actions that are possible",
    "undo": "take your last action back, and what followed it",
    "quit": "end without a result; nothing is saved (Ctrl-D and Ctrl-C do the same)",
}


class Terminal:
    """Asks for actions.

    Args:
        names: of the agents, by seat; own: the seats of persons; color: whether what is printed has colours.

    Attributes:
        can_undo: says whether there is an action to take back.
    """

    can_undo: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, game: Game, names: Sequence[str], own: Sequence[int], *, color: bool) -> None:
        self._game = game
        self._names = names
        self._own = own
        self._color = color
        self._typed = sys.stdin.isatty()
        self._seen = 0  # turns that were told
        self._before: dict[int, str] = {}  # by seat, the last position shown
        if self._typed:
            _complete(lambda: [*self._choices, *_COMMANDS])
        self._choices: Mapping[str, Any] = {}

    # ---------------------------------------------------------------------------------- asking

    def decide(self, match: Match, request: Request) -> Any:
        """Return the action that a person takes.

        Raises:
            Undone: the last one is taken back; Left: the person has left.
        """
        self._tell_turns(match)
        legal = request.legal
        self._choices = typed_actions.named(self._game, legal)
        self.board(match, request.seat)
        self._list(legal, _SHOWN)
        while True:
            text = self._read(request)
            known, action = self._understood(text, legal)
            if known:
                reason = match.refusal(request.seat, action)
                if reason is None:
                    return action
                self.say(f"{text!r} is not possible: {reason}. Type legal for what is, help for more", fg="red")
            elif text:
                self._obey(text.removeprefix(":"), match, request)

    def _read(self, request: Request) -> str:
        several = f", seat {request.seat}" if len(self._own) > 1 else ""
        prompt = f"turn {request.turn}{several}> "
        try:
            # Python's own input() for a person: with readline it edits lines and completes words.
            text = input(self._styled(prompt, bold=True, prompt=True)) if self._typed else self._line(prompt)
        except EOFError:
            self.say("")
            raise Left from None
        return text.strip()

    def _line(self, prompt: str) -> str:
        """Return a line that nobody types, and print it as if it had been."""
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        self.say(f"{prompt}{line.rstrip()}")
        return line

    def _obey(self, word: str, match: Match, request: Request) -> None:
        word = word.lower()
        if word == "undo":
            if self.can_undo():
                self._seen = 0
                self._before.clear()
                raise Undone
            self.say("there is nothing to take back: you have not acted yet", fg="red")
        elif word in ("quit", "exit"):
            raise Left
        elif word == "help":
            self._help()
        elif word == "board":
            self.board(match, request.seat)
        elif word == "legal":
            self._list(request.legal, None)
        else:
            self.say(f"{word!r} is no action that is possible now and no command. Type legal or help", fg="red")

    def _help(self) -> None:
        self.say(" ".join(self._game.spec.doc.split()))
        self.say("An action is typed as it is listed, or by its number where it has one; Tab completes it. And:")
        for name, what in _COMMANDS.items():
            self.say(f"  {name:<6} {what}")
        self.say("Where an action is called like one of these, write a colon before the command: :quit")

    # ---------------------------------------------------------------------------------- actions

    def _understood(self, text: str, legal: Sequence[Any] | None) -> tuple[bool, Any]:
        """Say whether a text is an action, and return that."""
        if text.removeprefix(":").lower() in _COMMANDS and not self._is_choice(text):
            return False, None
        return typed_actions.understood(self._game, text, legal, self._choices)

    def _is_choice(self, text: str) -> bool:
        return text in self._choices or [name.lower() for name in self._choices].count(text.lower()) == 1

    def _list(self, legal: Sequence[Any] | None, most: int | None) -> None:
        if legal is None:
            self.say("this game cannot list its actions: type a value, such as 3, 0.5, [1, 2] or a word", dim=True)
            return
        texts = [self._game.action_to_str(action).strip() for action in legal]
        if "1" in self._choices and "1" not in texts:
            texts = [f"{number}:{text}" for number, text in enumerate(texts, 1)]
        shown = texts if most is None else texts[:most]
        more = f" ... ({len(texts)}: type legal)" if len(shown) < len(texts) else ""
        for line in _wrapped(shown):
            self.say(line, dim=True)
        if more:
            self.say(more.strip(), dim=True)

    # ---------------------------------------------------------------------------------- showing

    def board(self, match: Match, seat: int) -> None:
        """Print the position as a seat sees it; what has changed since it was last shown stands out."""
        try:
            position = printable(match.state.render(seat)).rstrip("\n")
        except Exception as error:
            msg = f"{type(match.state).__name__}.render() failed: {type(error).__name__}: {error}"
            raise GameError(msg) from error
        click.echo()
        before = self._before.get(seat, "")
        for number, line in enumerate(position.split("\n")):
            old = before.split("\n")[number] if before.count("\n") == position.count("\n") else line
            click.echo(self._marked(line, old), color=self._color)
        self._before[seat] = position

    def _marked(self, line: str, old: str) -> str:
        if not self._color or len(line) != len(old):
            return line
        return "".join(
            click.style(new, fg="yellow", bold=True) if new != was and not new.isspace() else new
            for new, was in zip(line, old, strict=True)
        )

    def _tell_turns(self, match: Match) -> None:
        """Print what the others have done since, where all may see it."""
        turns = match.turns
        if match.game.spec.information == "perfect":
            for number, turn in enumerate(turns[self._seen :], self._seen):
                for seat, action in turn.items():
                    if seat is not None and (seat not in self._own or number < match.spec.opening):
                        self.say(f"turn {number}: {self._names[seat]} (seat {seat}) {self._act(action)}", fg="cyan")
        self._seen = len(turns)

    def _act(self, action: Any) -> str:
        if isinstance(action, Fault):
            return f"{action.kind.upper()}: {' '.join(action.detail.split())}"
        return self._game.action_to_str(action)

    def ended(self, match: Match) -> None:
        """Print the last position and how it ended."""
        result = match.result
        assert result is not None
        self._tell_turns(match)
        self.board(match, self._own[0])
        for turn, seat, fault in result.faults:
            self.say(f"turn {turn}: {self._names[seat]} (seat {seat}) {self._act(fault)}", fg="red")
        for seat, (score, place) in enumerate(zip(result.scores, result.places, strict=True)):
            self.say(f"seat {seat}: {self._names[seat]}  place {place}, score {score:g}")
        if len(self._own) < len(self._names):
            place = result.places[self._own[0]]
            alone = result.places.count(place) == sum(result.places[seat] == place for seat in self._own)
            told, colour = (
                ("a draw", "yellow") if not alone else ("you won", "green") if place == 1 else ("you lost", "red")
            )
            self.say(f"{told}, after {result.turns} turns ({result.termination})", fg=colour)

    def say(self, text: str, **style: Any) -> None:
        """Print a line."""
        click.echo(self._styled(printable(text), **style), color=self._color)

    def _styled(self, text: str, *, prompt: bool = False, **style: Any) -> str:
        if not self._color or not style:
            return text
        styled = click.style(text, **style)
        if prompt:  # readline must know which characters have no width
            styled = styled.replace("\x1b[1m", "\x01\x1b[1m\x02").replace("\x1b[0m", "\x01\x1b[0m\x02")
        return styled


def _wrapped(words: Sequence[str]) -> list[str]:
    """Return words in lines, a word never cut."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append("")
        lines[-1] += f"{' ' * bool(lines[-1])}{word}"
    return lines


def _complete(words: Callable[[], Sequence[str]]) -> None:
    """Let Tab complete a line to one of `words`, where this Python can."""
    try:
        import readline
    except ImportError:
        return

    def complete(text: str, number: int) -> str | None:
        found = [word for word in words() if word.startswith(text)]
        return found[number] if number < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims("")
    readline.parse_and_bind("tab: complete")
