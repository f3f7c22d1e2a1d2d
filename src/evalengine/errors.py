"""Every exception that evalengine raises on purpose, and the exit codes of the command line.

    EvalengineError                  exit 3 unless a subclass says otherwise
    ├── UsageError                   exit 4: what a person typed or configured cannot work
    │   ├── UnknownNameError         a game, tag, agent, rater ... that nobody registered
    │   ├── ConfigError              a parameter of a game, an agent or a file of settings
    │   ├── AgentError               an agent's file, folder, zip or program cannot be used
    │   ├── PluginError              a plugin is broken, clashes or needs another version
    │   ├── SandboxError             agents from outside cannot be contained as asked
    │   ├── StoreError               the database is foreign, newer, locked or lacks what was asked for
    │   │   └── RunLockedError       another process writes this run
    │   └── LiveError                a live match cannot do what was asked of it now
    ├── NothingToPlayError           exit 5: the plan is empty
    ├── StopError                    exit 2: stopped with everything so far stored
    │   ├── InterruptedRunError      Ctrl-C or SIGTERM
    │   └── StorageError             full disk or read-only folder after the start
    ├── GameError                    a game broke its contract; its match is void
    │   └── VoidError                an agent cannot be asked, and is not to blame; its match is void
    └── WireError                    bytes that are not a frame of our protocol

An agent's failure is never an exception above `Match`: it is a `Fault` in the result.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What the process exits with; the numbers are pytest's."""

    OK = 0
    FAILED = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    NOTHING = 5


class EvalengineError(Exception):
    """The base of all; its text is one line that says what happened, where, and what to do."""

    exit_code = ExitCode.INTERNAL


class UsageError(EvalengineError):
    """What a person typed or configured cannot work."""

    exit_code = ExitCode.USAGE


class UnknownNameError(UsageError):
    """A name that nobody registered; the text suggests a near one."""


class ConfigError(UsageError):
    """A parameter is unknown, of the wrong type or out of range."""


class AgentError(UsageError):
    """An agent's file, folder, zip or program cannot be used."""


class PluginError(UsageError):
    """A plugin is broken, clashes with another or needs another version of evalengine."""


class SandboxError(UsageError):
    """Agents from outside cannot be contained as asked; the text says why and what to do."""


class StoreError(UsageError):
    """The database is foreign, newer, or lacks what was asked for."""


class RunLockedError(StoreError):
    """Another process writes this run."""


class Why(enum.StrEnum):
    """Why a live match cannot do what was asked of it."""

    UNKNOWN = "unknown"  # there is no such match
    TOKEN = "token"  # noqa: S105 - a word; it is no token of this match
    STATE = "state"  # the match has not begun, or has ended
    ASKED = "asked"  # the seat is not asked now
    FULL = "full"  # it has no free seat
    BUSY = "busy"  # there are too many matches, or a process died: later it may work
    VALUE = "value"  # what was given cannot be used


class LiveError(UsageError):
    """A live match cannot do what was asked of it now; `code` says why in a word."""

    def __init__(self, code: Why, text: str) -> None:
        """Take both."""
        super().__init__(text)
        self.code = code


class NothingToPlayError(EvalengineError):
    """No match is left after games, agents and filters were applied."""

    exit_code = ExitCode.NOTHING


class StopError(EvalengineError):
    """A run ended early; everything finished so far is stored."""

    exit_code = ExitCode.INTERRUPTED


class InterruptedRunError(StopError):
    """Ctrl-C or SIGTERM."""


class StorageError(StopError):
    """The disk is full or the folder is read-only."""


class GameError(EvalengineError):
    """A game broke its contract; the match is void and the error is stored with it."""


class VoidError(GameError):
    """An agent cannot be asked, through no fault of its own (a cap that a person set, say); the match is void."""


class WireError(EvalengineError):
    """Bytes that are not a frame of our protocol, or of another version."""
