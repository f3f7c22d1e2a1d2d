"""evalengine: pytest for game-playing agents.

These names, the hook signatures, the command line, the wire version and the database views are public;
everything else may change. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalengine.builtin.alpharank import alpharank as alpharank
    from evalengine.builtin.nash import Equilibrium as Equilibrium
    from evalengine.builtin.nash import nash as nash
    from evalengine.builtin.quality import quality as quality
    from evalengine.contracts import Agent as Agent
    from evalengine.contracts import Contest as Contest
    from evalengine.contracts import Game as Game
    from evalengine.contracts import Info as Info
    from evalengine.contracts import Observation as Observation
    from evalengine.contracts import Pairing as Pairing
    from evalengine.contracts import Plan as Plan
    from evalengine.contracts import Rater as Rater
    from evalengine.contracts import Reporter as Reporter
    from evalengine.contracts import Sandbox as Sandbox
    from evalengine.contracts import State as State
    from evalengine.errors import AgentError as AgentError
    from evalengine.errors import ConfigError as ConfigError
    from evalengine.errors import EvalengineError as EvalengineError
    from evalengine.errors import ExitCode as ExitCode
    from evalengine.errors import GameError as GameError
    from evalengine.errors import SandboxError as SandboxError
    from evalengine.errors import UsageError as UsageError
    from evalengine.errors import VoidError as VoidError
    from evalengine.exports.contract import Exporter as Exporter
    from evalengine.exports.contract import Files as Files
    from evalengine.exports.contract import Selection as Selection
    from evalengine.exports.loading import Arena as Arena
    from evalengine.exports.loading import load as load
    from evalengine.exports.tables import Column as Column
    from evalengine.exports.tables import Table as Table
    from evalengine.hookspecs import hookimpl as hookimpl
    from evalengine.match import Match as Match
    from evalengine.model import API as API
    from evalengine.model import AgentSpec as AgentSpec
    from evalengine.model import Answer as Answer
    from evalengine.model import Branch as Branch
    from evalengine.model import Fault as Fault
    from evalengine.model import FaultKind as FaultKind
    from evalengine.model import GameSpec as GameSpec
    from evalengine.model import JobKind as JobKind
    from evalengine.model import Limits as Limits
    from evalengine.model import MatchResult as MatchResult
    from evalengine.model import MatchSpec as MatchSpec
    from evalengine.model import PluginSpec as PluginSpec
    from evalengine.model import Rated as Rated
    from evalengine.model import RaterInfo as RaterInfo
    from evalengine.model import Rating as Rating
    from evalengine.model import Standing as Standing
    from evalengine.model import Standings as Standings
    from evalengine.model import Termination as Termination
    from evalengine.outcomes import BranchOutcome as BranchOutcome
    from evalengine.outcomes import SeatOutcome as SeatOutcome
    from evalengine.plugins import load_game as load_game
    from evalengine.rating import rate as rate
    from evalengine.replays import StoredMatch as StoredMatch
    from evalengine.runner import branch as branch
    from evalengine.runner import explore as explore
    from evalengine.runner import open_run as open_run
    from evalengine.runner import run as run
    from evalengine.runs import Run as Run
    from evalengine.seeding import derive as derive
    from evalengine.seeding import stream as stream
    from evalengine.statistics.cycles import Intransitivity as Intransitivity
    from evalengine.statistics.cycles import intransitivity as intransitivity
    from evalengine.statistics.distributions import wilson_interval as wilson_interval
    from evalengine.statistics.estimates import EloEstimate as EloEstimate
    from evalengine.statistics.estimates import elo as elo
    from evalengine.statistics.estimates import elo_estimate as elo_estimate
    from evalengine.statistics.estimates import elo_expected as elo_expected
    from evalengine.statistics.estimates import matches_needed as matches_needed
    from evalengine.statistics.pairs import PairStatistics as PairStatistics
    from evalengine.statistics.pairs import Reliability as Reliability
    from evalengine.statistics.pairs import pair_statistics as pair_statistics
    from evalengine.statistics.pairs import reliability as reliability
    from evalengine.statistics.sequential import SprtResult as SprtResult
    from evalengine.statistics.sequential import sprt as sprt
    from evalengine.statistics.sequential import sprt_bounds as sprt_bounds
    from evalengine.statistics.settling import Settled as Settled
    from evalengine.statistics.settling import doubts as doubts
    from evalengine.statistics.settling import settled as settled
    from evalengine.statistics.stopping import SprtStopping as SprtStopping
    from evalengine.statistics.stopping import UntilSettled as UntilSettled
    from evalengine.web.answers import RefusedError as RefusedError
    from evalengine.web.house import Server as Server
    from evalengine.web.job_process import Work as Work

__version__ = "0.1.0"

_HOME = {
    "builtin.alpharank": ("alpharank",),
    "builtin.nash": ("Equilibrium", "nash"),
    "builtin.quality": ("quality",),
    "outcomes": ("BranchOutcome", "SeatOutcome"),
    "contracts": (
        "Agent",
        "Contest",
        "Game",
        "Info",
        "Observation",
        "Pairing",
        "Plan",
        "Rater",
        "Reporter",
        "Sandbox",
        "State",
    ),
    "errors": (
        "AgentError",
        "ConfigError",
        "EvalengineError",
        "ExitCode",
        "GameError",
        "SandboxError",
        "UsageError",
        "VoidError",
    ),
    "exports.contract": ("Exporter", "Files", "Selection"),
    "exports.loading": ("Arena", "load"),
    "exports.tables": ("Column", "Table"),
    "hookspecs": ("hookimpl",),
    "match": ("Match",),
    "model": (
        "API",
        "AgentSpec",
        "Answer",
        "Branch",
        "Fault",
        "FaultKind",
        "GameSpec",
        "JobKind",
        "Limits",
        "MatchResult",
        "MatchSpec",
        "PluginSpec",
        "Rated",
        "RaterInfo",
        "Rating",
        "Standing",
        "Standings",
        "Termination",
    ),
    "plugins": ("load_game",),
    "rating": ("rate",),
    "replays": ("StoredMatch",),
    "runner": ("branch", "explore", "open_run", "run"),
    "runs": ("Run",),
    "seeding": ("derive", "stream"),
    "statistics.cycles": ("Intransitivity", "intransitivity"),
    "statistics.distributions": ("wilson_interval",),
    "statistics.estimates": ("EloEstimate", "elo", "elo_estimate", "elo_expected", "matches_needed"),
    "statistics.pairs": ("PairStatistics", "Reliability", "pair_statistics", "reliability"),
    "statistics.sequential": ("SprtResult", "sprt", "sprt_bounds"),
    "statistics.settling": ("Settled", "doubts", "settled"),
    "statistics.stopping": ("SprtStopping", "UntilSettled"),
    "web.answers": ("RefusedError",),
    "web.house": ("Server",),
    "web.job_process": ("Work",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE_OF)
__all__ += ["__version__"]
__all__.sort()


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        msg = f"module 'evalengine' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"evalengine.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
