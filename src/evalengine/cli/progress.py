"""What a person sees while a run goes on: the header, then a live display on a terminal, letters elsewhere; on stderr."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from evalengine.model import Termination
from evalengine.runner import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalengine.model import MatchSpec, Played
    from evalengine.plugins import Plugins
    from evalengine.runner import Run

LETTERS = {"crash": "C", "timeout": "T", "illegal": "I", "memory": "M", "protocol": "P", "void": "V"}
_THIN_ABOVE = 2_000  # matches; above, a letter stands for several
_REFRESH_S = 0.1


def letter(row: Played) -> str:
    """Return what one match looks like: '.' decided, 'D' draw, else its first fault or 'V'."""
    if row.termination == Termination.VOID.value:
        return "V"
    if row.faults:
        return LETTERS[row.faults[0][2][0]]
    return "D" if row.places.count(1) > 1 else "."


def make(options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> Display:
    """Return the display that fits the terminal and the options."""
    if options["quiet"]:
        return Display(options, plugs, file)
    live = sys.stderr.isatty() if options["color"] == "auto" else options["color"] == "yes"
    if options["verbose"]:
        return Lines(options, plugs, file)
    return Live(options, plugs, file) if live else Letters(options, plugs, file)


class Display(Listener):
    """Says nothing but warnings; the base of the others."""

    def __init__(self, options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> None:
        self._plugs = plugs
        self._file = file
        self._db = options["db"]

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""

    def note(self, text: str) -> None:
        """Print a line."""
        click.echo(f"note: {text}", err=True)


class Lines(Display):
    """The header, then a line a match."""

    def started(self, run: Run) -> None:
        """Print the header."""
        for line in header(run, self._plugs, self._file):
            click.echo(line, err=True)

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Print what became of each match."""
        for spec, row in zip(specs, rows, strict=True):
            click.echo(f"{run.entry.name_of(spec)} {_outcome(run, spec, row)} ({row.turns} turns)", err=True)


class Letters(Lines):
    """The header, then one letter a match, one line a game."""

    def __init__(self, options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> None:
        super().__init__(options, plugs, file)
        self._game = -1
        self._column = 0
        self._seen = 0
        self._width = min(shutil.get_terminal_size().columns, 100)

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Print letters; above 2,000 matches one for several, faults always."""
        every = 1 + (run.total or 0) // _THIN_ABOVE
        for spec, row in zip(specs, rows, strict=True):
            self._seen += 1
            shown = letter(row)
            if self._seen % every and shown in ".D":
                continue
            if spec.game_no != self._game:
                self._end_line(run)
                self._game = spec.game_no
                self._begin_line(run)
            elif self._column >= self._width - 9:
                self._end_line(run)
                self._begin_line(run)
            self._column += 1
            click.echo(shown, nl=False, err=True)
        if rows and run.played == run.total:
            self._end_line(run)

    def _begin_line(self, run: Run) -> None:
        name = run.entry.games[self._game].ref
        self._column = max(len(name), 12) + 1
        click.echo(f"{name:<12} ", nl=False, err=True)

    def _end_line(self, run: Run) -> None:
        if self._column:
            percent = f"[{100 * run.played // run.total:3d}%]" if run.total else ""
            click.echo(" " * max(1, self._width - 8 - self._column) + percent, err=True)
            self._column = 0

    def close(self) -> None:
        """End the last line."""
        if self._column:
            click.echo(err=True)
            self._column = 0

    def note(self, text: str) -> None:
        """Print a line of its own."""
        self.close()
        self._game = -1
        super().note(text)


class Live(Lines):
    """The header, then a bar a game with the time left, and the current top three."""

    def __init__(self, options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> None:
        super().__init__(options, plugs, file)
        self._live: Any = None
        self._counts: dict[int, int] = {}
        self._shown_s = 0.0

    def started(self, run: Run) -> None:
        """Print the header and begin the display."""
        from rich.console import Console
        from rich.live import Live as RichLive
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().started(run)
        self._bars = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            auto_refresh=False,
        )
        self._tasks = {
            game_no: self._bars.add_task(run.entry.games[game_no].ref, total=matches)
            for game_no, matches in (run.sizes or {}).items()
        }
        self._live = RichLive(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Move the bars, ten times a second at most."""
        for spec in specs:
            self._counts[spec.game_no] = self._counts.get(spec.game_no, 0) + 1
        now = time.monotonic()
        if now - self._shown_s < _REFRESH_S or self._live is None:
            return
        self._shown_s = now
        for game_no, count in self._counts.items():
            if game_no in self._tasks:
                self._bars.update(self._tasks[game_no], completed=count)
        self._live.update(self._frame(run), refresh=True)

    def _frame(self, run: Run) -> Any:
        from rich.console import Group
        from rich.text import Text

        top = "   ".join(f"{line.rank}. {line.agent} {line.rating:.1f}" for line in run.standings[:3])
        faults = f"   {run.faults.total()} faults" if run.faults else ""
        return Group(self._bars, Text(f"{run.played} played   {top}{faults}"))

    def close(self) -> None:
        """End the display."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def note(self, text: str) -> None:
        """Print a line above the display."""
        if self._live is not None:
            self._live.console.print(f"note: {text}", markup=False, highlight=False)
        else:
            super().note(text)


def _outcome(run: Run, spec: MatchSpec, row: Played) -> str:
    if row.termination == Termination.VOID.value:
        return f"VOID {row.error.partition(chr(10))[0]}"
    names = [run.entry.agents[agent].name for agent in spec.agents]
    faults = "".join(f" {fault[0].upper()} {names[seat]}: {fault[1]}" for _, seat, fault in row.faults)
    if all(place == 1 for place in row.places):
        return f"drawn{faults}"
    first = ", ".join(dict.fromkeys(name for name, place in zip(names, row.places, strict=True) if place == 1))
    return f"{first} first{faults}"


def header(run: Run, plugs: Plugins, file: Path | None) -> Iterator[str]:
    """Yield the lines above the first result."""
    versions = run.entry.versions
    yield rule("evalengine session starts")
    yield (
        f"evalengine {versions['evalengine']} -- Python {versions['python']}, {versions['system']}, "
        f"{run.workers} workers, sandbox: {run.entry.sandbox}, seed: {run.seed}"
    )
    settings = f", config: {file.name}" if file is not None else ""
    from pathlib import Path

    yield f"rootdir: {Path.cwd().name or '/'}{settings}, db: {run.db}, run: {run.number}"
    yield "plugins: " + (
        ", ".join(
            f"{name}-{version}" if version else name for name, version in plugs.names.items() if name != "builtin"
        )
    )
    if plugs.local:
        yield f"trusted code from: {', '.join(plugs.local)}"
    yield from run.entry.notes
    if run.resumed:
        yield f"resumed: {run.resumed} matches were played already"


def rule(text: str) -> str:
    """Return `text` in the middle of a line of '='."""
    width = min(shutil.get_terminal_size().columns, 100)
    return f" {text} ".center(width, "=")
