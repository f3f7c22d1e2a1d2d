"""What a person sees while a run goes on, on stderr: the header, then a live display, or letters off a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evalengine.cli.text import note, one_line, rule, width
from evalengine.model import Termination
from evalengine.playing import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.model import MatchSpec, Played, Standing
    from evalengine.plugins import Plugins
    from evalengine.runs import Run

LETTERS = {
    "crash": "C", "timeout": "T", "illegal": "I", "memory": "M", "protocol": "P", "processes": "F", "disk": "S",
    "void": "V",
}  # fmt: skip
_THIN_ABOVE = 2_000  # matches; above, a letter stands for several
_SOON = 20_000  # matches that a run which stops by itself is expected to take at most
_PATIENCE = 20  # letters of another game that wait for the end of this one's line
_REFRESH_S = 0.1
_MOST_BARS = 12
_TOLD_GROWTH, _TOLD_FIRST = 1.25, 10  # of the matches, from one line on a stopping rule to the next; and the first


def letter(spec: MatchSpec, row: Played) -> str:
    """Return what one match looks like: '.' decided, 'D' draw, else its first fault or 'V'."""
    if row.termination == Termination.VOID.value:
        return "V"
    if row.faults:
        return LETTERS[row.faults[0][2][0]]
    # By agent, not by seat: one agent has all seats of its side.
    first = {agent for agent, place in zip(spec.agents, row.places, strict=True) if place == 1}
    return "D" if len(first) > 1 else "."


def make(options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> Display:
    """Return the display that fits the terminal and the options."""
    if options["quiet"]:
        return Display()
    start = Start(plugs, file, options["rootdir"])
    if options["verbose"]:
        return Lines(start)
    terminal = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    live = terminal if options["color"] == "auto" else options["color"] == "yes"
    return Live(start) if live else Letters(start)


class Display(Listener):
    """Says nothing but warnings; the base of the others. Used as a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""

    def note(self, text: str) -> None:
        """Print a line."""
        note(f"note: {text}")


class Start:
    """The lines above the first result."""

    def __init__(self, plugs: Plugins, file: Path | None, rootdir: str | None) -> None:
        self._plugs = plugs
        self._file = file
        self._root = Path(rootdir or (file.parent if file is not None else "")).absolute()

    def lines(self, run: Run) -> Iterator[str]:
        """Yield them."""
        entry, versions = run.entry, run.entry.versions
        yield rule("evalengine session starts")
        yield (
            f"evalengine {versions['evalengine']} -- Python {versions['python']}, {versions['system']}, "
            f"{run.workers} worker{'s' * (run.workers > 1)}, sandbox: {entry.sandbox}, seed: {run.seed}"
        )
        yield f"rootdir: {self._root}{self._config()}, db: {run.db}, run: {run.number}"
        known = [(name, version) for name, version in self._plugs.names.items() if name != "builtin"]
        yield "plugins: " + ", ".join(f"{name}-{version}" if version else name for name, version in known)
        if self._plugs.local:
            yield f"trusted code from: {', '.join(self._plugs.local)}"
        yield from entry.notes
        if entry.settings.failed_of is not None:
            yield f"only the {run.total} of them with a fault or void in run {entry.settings.failed_of}"
        if entry.settings.first_of is not None:
            yield f"first those with a fault or void in run {entry.settings.first_of}"
        if run.resumed:
            yield f"resumed: {run.resumed} matches were played already"

    def _config(self) -> str:
        if self._file is None:
            return ""
        file = self._file.absolute()
        return f", config: {file.relative_to(self._root) if file.is_relative_to(self._root) else file}"


class Lines(Display):
    """The header, then a line a match."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._told = 0  # matches when a stopping rule's numbers were printed

    def started(self, run: Run) -> None:
        """Print the header."""
        for line in self._start.lines(run):
            note(line)

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Print what became of each match."""
        for spec, row in zip(specs, rows, strict=True):
            note(f"{run.entry.name_of(spec)} {_outcome(run, spec, row)} ({row.turns} turns)")
        if run.stopping is not None and run.stopping.fed >= self._told * _TOLD_GROWTH + _TOLD_FIRST:
            self._told = run.stopping.fed
            self.note(f"{run.stopping.status()} after {self._told} matches")


class Letters(Lines):
    """The header, then one letter a match, one line a game."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._game = -1  # whose line is open
        self._column = 0  # of the open line; 0: none is
        self._waiting: dict[int, str] = {}  # letters of other games
        self._counts: dict[int, int] = {}  # matches by game
        self._seen = 0
        self._percent = ""

    def started(self, run: Run) -> None:
        """Print the header."""
        super().started(run)
        self._counts = run.played_by_game()
        if _every(run) > 1:
            note(f"a letter stands for {_every(run)} matches; faults are all shown")

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Print letters; above 2,000 matches one for several, faults always."""
        every = _every(run)
        for spec, row in zip(specs, rows, strict=True):
            self._seen += 1
            self._counts[spec.game_no] = self._counts.get(spec.game_no, 0) + 1
            shown = letter(spec, row)
            if shown not in ".D" or self._seen % every == 0:
                self._waiting[spec.game_no] = self._waiting.get(spec.game_no, "") + shown
        if run.total:
            self._percent = f"[{100 * run.played // run.total:3d}%]"
        self._show(run)
        if rows and run.played == run.total:
            self._show(run, last=True)
            self._end_line()

    def _show(self, run: Run, *, last: bool = False) -> None:
        """Print what waits: of the open line's game at once, of others when that one is complete."""
        self._print(run, self._waiting.pop(self._game, ""))
        for game_no in list(self._waiting):
            complete = run.sizes is None or self._counts.get(self._game, 0) >= run.sizes.get(self._game, 0)
            if last or complete or len(self._waiting[game_no]) >= _PATIENCE:
                self._end_line()
                self._game = game_no
                self._print(run, self._waiting.pop(game_no))

    def _print(self, run: Run, letters: str) -> None:
        for shown in letters:
            if self._column >= width() - 9:
                self._end_line()
            if not self._column:
                name = f"{run.entry.games[self._game].ref:<12} "
                self._column = len(name)
                note(name, end=False)
            self._column += 1
            note(shown, end=False)

    def _end_line(self) -> None:
        if self._column:
            note(" " * max(1, width() - 8 - self._column) + self._percent if self._percent else "")
            self._column = 0

    def close(self) -> None:
        """End the last line."""
        self._end_line()

    def note(self, text: str) -> None:
        """Print a line of its own."""
        self._end_line()
        super().note(text)


def _every(run: Run) -> int:
    """Return how many matches a letter stands for; a run that stops by itself will not play all that are planned."""
    total = run.total or 1
    return -(-(min(total, _SOON) if run.stopping is not None else total) // _THIN_ABOVE)


class Live(Lines):
    """The header, then a bar a game with the time left, and the current top three."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._live: Any = None
        self._counts: dict[int, int] = {}
        self._shown_s = 0.0

    def started(self, run: Run) -> None:
        """Print the header and begin the display."""
        from rich.console import Console
        from rich.live import Live as RichLive
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().started(run)
        self._counts = run.played_by_game()
        self._bars = Progress(
            TextColumn("{task.description:<14}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            auto_refresh=False,
        )
        self._all = self._bars.add_task("all matches", total=run.total, completed=run.played)
        self._tasks = {
            game_no: self._bars.add_task(
                run.entry.games[game_no].ref, total=matches, completed=self._counts.get(game_no, 0)
            )
            for game_no, matches in (run.sizes or {}).items()
        }
        # Forced: who asks for colour has it, wherever stderr leads; NO_COLOR is rich's own business.
        self._live = RichLive(
            self._frame(run), console=Console(stderr=True, force_terminal=True), auto_refresh=False, transient=True
        )
        self._live.start(refresh=True)

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:  # noqa: ARG002 - the base's
        """Move the bars, ten times a second at most."""
        for spec in specs:
            self._counts[spec.game_no] = self._counts.get(spec.game_no, 0) + 1
        now = time.monotonic()
        if now - self._shown_s >= _REFRESH_S and self._live is not None:
            self._shown_s = now
            self._live.update(self._frame(run), refresh=True)

    def _frame(self, run: Run) -> Any:
        from rich.console import Group
        from rich.text import Text

        self._bars.update(self._all, completed=run.played, visible=len(self._tasks) != 1)
        room = min(_MOST_BARS, shutil.get_terminal_size().lines - 4)
        for game_no, task in self._tasks.items():
            count, total = self._counts.get(game_no, 0), (run.sizes or {})[game_no]
            shown = len(self._tasks) <= room or 0 < count < total
            self._bars.update(task, completed=count, visible=shown)
        top = "   ".join(map(_glance, run.glance[:3]))
        faults = f"   {run.faults.total()} faults" if run.faults else ""
        rule = f"   {run.stopping.status()}" if run.stopping is not None else ""
        told = f"{run.played} played{rule}   {top}{faults}"
        return Group(self._bars, Text(told, no_wrap=True, overflow="ellipsis"))

    def close(self) -> None:
        """End the display."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def note(self, text: str) -> None:
        """Print a line above the display."""
        if self._live is None:
            super().note(text)
        else:
            from rich.text import Text

            self._live.console.print(Text(f"note: {one_line(text)}"))


def _glance(line: Standing) -> str:
    """Return a line of the board in short: with its interval where there is one."""
    if line.lo is None or line.hi is None:
        return f"{line.rank}. {line.agent} {line.rating:.1f}"
    digits = 0 if abs(line.rating) >= 100 else 2  # noqa: PLR2004 - an Elo-like scale, or one of a few units
    return f"{line.rank}. {line.agent} {line.rating:.{digits}f} ({line.lo:.{digits}f}..{line.hi:.{digits}f})"


def _outcome(run: Run, spec: MatchSpec, row: Played) -> str:
    if row.termination == Termination.VOID.value:
        return f"VOID {row.error.partition(chr(10))[0]}"
    names = [run.entry.agents[agent].name for agent in spec.agents]
    faults = "".join(f" {fault[0].upper()} {names[seat]}: {one_line(fault[1])}" for _, seat, fault in row.faults)
    if all(place == 1 for place in row.places):
        return f"drawn{faults}"
    first = ", ".join(dict.fromkeys(name for name, place in zip(names, row.places, strict=True) if place == 1))
    return f"{first} first{faults}"
