"""`evalengine doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalengine.checkup import Finding
from evalengine.cli import settings, text
from evalengine.errors import EvalengineError, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evalengine.plugins import Plugins


_WORDS, _OF_ATTACKS = ("FAIL", "ok"), ("ESCAPED", "held")  # by whether it works


@click.command("doctor", cls=settings.Command)
@click.argument("agent", required=False)
@click.option("--attack", is_flag=True, help="Play ten hostile agents, and say of each whether the sandbox held it.")
@click.option(
    "--sandbox",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="The sandbox that is attacked, or that contains AGENT.",
)
@click.option(
    "--games", metavar="EXPR", help="What AGENT plays: the first of these games that it fits. Default: of all."
)
@settings.format_option("table", "json")
@settings.database_options
@settings.plugin_options
def command(
    agent: str | None, form: str, db: str, wanted: Sequence[str], *, attack: bool, sandbox: str, games: str | None
) -> int:
    """Check this machine: versions, cores, the database's folder, plugins, agents' processes, sandboxes, a worker.

    With --attack: attack the sandbox. With AGENT, any reference that run takes: check this agent.
    """
    if attack and agent is not None:
        msg = "--attack attacks with agents of its own: give AGENT or --attack, not both"
        raise UsageError(msg)
    if games and agent is None:
        msg = "--games says what AGENT plays: name an agent"
        raise UsageError(msg)
    if attack:
        return _print(_attacks(sandbox, wanted), _OF_ATTACKS, form)
    if agent is not None:
        return _print(_of_agent(agent, games, sandbox, wanted), _WORDS, form)
    return _print(_findings(Path(db), wanted), _WORDS, form)


def _print(found: Iterable[Finding], words: tuple[str, str], form: str) -> int:
    findings = list(found)
    if form == "json":
        text.out(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        rows = [(words[finding.works], finding.what, finding.told) for finding in findings]
        text.out(text.table(("", "what", "found"), rows))
    return ExitCode.OK if all(finding.works for finding in findings) else ExitCode.FAILED


def _attacks(sandbox: str, wanted: Sequence[str]) -> Iterator[Finding]:
    from evalengine import attacking, sandboxes

    plugs = settings.load_plugins(wanted)
    sandboxes.check(sandbox, plugs)
    chosen = sandboxes.choose(sandbox, plugs)
    text.note(f"sandbox: {chosen.name}{f' ({chosen.line})' if chosen.line else ''}")
    for outcome in attacking.attacked(chosen.name, plugs):
        yield Finding(outcome.attack, outcome.held, outcome.told)


def _of_agent(agent: str, games: str | None, sandbox: str, wanted: Sequence[str]) -> Iterator[Finding]:
    from evalengine import checkup, sandboxes

    plugs = settings.load_plugins(wanted)
    sandboxes.check(sandbox, plugs)
    yield from checkup.checked(agent, games, sandbox, plugs)


def _findings(db: Path, wanted: Sequence[str]) -> Iterator[Finding]:
    yield Finding("python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", True, f"{cores}: as many workers by default")
    yield Finding("sqlite", sqlite3.sqlite_version_info >= (3, 37), f"{sqlite3.sqlite_version} (3.37 is needed)")
    yield _database(db)
    plugs = settings.load_plugins(wanted)
    told = ", ".join(f"{name} {version}" for name, version in plugs.names.items())
    left_out = "; ".join(f"left out: {item.name}: {item.reason}" for item in plugs.broken)
    yield Finding("plugins", not plugs.broken, "; ".join(part for part in (told, left_out) if part))
    yield _agent_process()
    yield _worker()
    yield from _sandboxes(plugs)


def _sandboxes(plugs: Plugins) -> Iterator[Finding]:
    """Contain a process at each level; one that works is enough."""
    from evalengine import sandboxes

    probes = [sandboxes.tried(sandbox) for sandbox in sandboxes.listed(plugs)]
    any_works = any(probe.works for probe in probes)
    for probe in probes:
        told = f"works: {probe.told}" if probe.works else f"does not work: {probe.told}"
        yield Finding(f"sandbox {probe.name}", probe.works or any_works, f"{told}. {probe.remedy}".removesuffix(". "))
    if not any_works:
        told = "none works: agents from outside are refused, but for --sandbox none, which is for code that you trust"
        yield Finding("sandbox", False, told)


def _database(db: Path) -> Finding:
    folder = db.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Finding("database", False, f"{folder} cannot be written: name another with --db")
    try:
        if db.exists():
            settings.open_store(str(db)).close()
    except EvalengineError as error:
        return Finding("database", False, str(error))
    return Finding("database", True, f"{db} {'can be read and written' if db.exists() else 'can be made'}")


def _agent_process() -> Finding:
    """Start a real agent's process and hear it answer."""
    import tempfile

    from evalengine.model import AgentSpec, Limits, MatchSpec, Orders
    from evalengine.plugins import Plugins
    from evalengine.worker import Worker

    if sys.platform != "linux":
        return Finding("agents' processes", False, "agents from outside need Linux; bundled ones play everywhere")
    spec = Plugins().games().get("tictactoe")
    if spec is None:
        return Finding("agents' processes", False, "the bundled games are not installed: nothing to try it with")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "agent.py").write_text("def act(observation):\n    return observation.legal[0]\n")
        agent = AgentSpec(name="probe", kind="python", path=folder, entry="agent.py")
        worker = Worker(Orders(games=((spec, {}),), agents=(agent,), limits=Limits()))
        try:
            played = worker.play(MatchSpec(0, 0, 0, 1, (0, 0)))
        finally:
            worker.close()
    why = played.error or "; ".join(fault[1] for _, _, fault in played.faults)
    return Finding("agents' processes", not why, why or f"a match of two in {played.seconds * 1000:.0f} ms")


def _worker() -> Finding:
    """Start a real worker and see it end."""
    from evalengine.model import Limits, Orders
    from evalengine.scheduler import Scheduler

    try:
        with Scheduler(Orders(games=(), agents=(), limits=Limits()), 1):
            pass
    except (EvalengineError, OSError) as error:
        return Finding("workers", False, str(error))
    return Finding("workers", True, "one started and ended")
