"""`evalengine check`: what every game, or an agent, must hold, tried in about two seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings, text
from evalengine.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.plugins import Plugins
    from evalengine.testing.checking import Verdict
    from evalengine.testing.subject import Subject

_WIDE = 15  # columns of a rule's name


@click.command("check", cls=settings.Command)
@click.argument("what", required=False, metavar="[GAME|AGENT|PATH]")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="What all tries are derived from."
)
@click.option("--games", metavar="EXPR", help="What an agent plays: the first of these games that it fits.")
@click.option("--sandbox", default="auto", show_default=True, metavar="NAME", help="What contains an agent.")
@settings.format_option("table", "json")
@settings.plugin_options
def command(  # noqa: PLR0917 - click gives them by name
    what: str | None, seed: int, games: str | None, sandbox: str, form: str, wanted: Sequence[str]
) -> int:
    """Try each rule of the contract on a game or an agent, in about two seconds.

    Without an argument: the plugin in this folder, or those in the folders in it. Each failure names the rule, the
    seed, the call, and what to do.
    """
    from evalengine.testing import finding

    plugs = settings.load_plugins(wanted)
    refs = [what] if what is not None else finding.projects(Path())
    records = []
    for ref in refs:
        if finding.is_agent(ref, plugs):
            records.append(_of_agent(ref, games, sandbox, plugs, form))
        else:
            for subject in finding.subjects(ref, plugs):
                subject.seed = seed
                records.append(_of_game(subject, form))
    if form == "json":
        text.out(json.dumps(records, indent=2))
    held = all(record["passed"] for record in records)
    return ExitCode.OK if held else ExitCode.FAILED


def _of_game(subject: Subject, form: str) -> dict[str, Any]:
    from evalengine.testing import checking

    began = time.perf_counter()
    title = f"{subject.ref} {subject.spec.version}, seed {subject.seed}"
    verdicts = list(_told(checking.checked(subject), title, form))
    failed = [verdict for verdict in verdicts if verdict.outcome == "FAIL"]
    if form == "table":
        untried = sum(verdict.outcome == "-" for verdict in verdicts)
        rest = f", {untried} not tried" if untried else ""
        held = len(verdicts) - len(failed) - untried
        text.out(f"{held} rules hold, {len(failed)} broken{rest}, in {time.perf_counter() - began:.1f} s")
    return {
        "game": subject.ref,
        "version": subject.spec.version,
        "seed": subject.seed,
        "passed": not failed,
        "rules": [_record(verdict) for verdict in verdicts],
    }


def _record(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as an interface has it."""
    outcome = {"ok": "ok", "FAIL": "failed"}.get(verdict.outcome, "not tried")
    found = {"rule": verdict.rule, "outcome": outcome, "told": verdict.told}
    return (
        found | {"seed": verdict.seed, "call": verdict.call, "remedy": verdict.remedy} if outcome == "failed" else found
    )


def _told(verdicts: Iterator[Verdict], title: str, form: str) -> Iterator[Verdict]:
    """Pass verdicts on, and print each as it comes."""
    if form == "table":
        text.out(title)
    for verdict in verdicts:
        if form == "table":
            text.out(f"{verdict.outcome:<6}{verdict.rule:<{_WIDE}}{text.one_line(verdict.line)}")
        yield verdict


def _of_agent(ref: str, games: str | None, sandbox: str, plugs: Plugins, form: str) -> dict[str, Any]:
    from evalengine import checkup, planning, sandboxes

    sandboxes.check(sandbox, plugs)
    if games:
        planning.load_local(games, plugs)
    found = list(checkup.checked(ref, games, sandbox, plugs))
    if form == "table":
        text.out(ref)
        for finding in found:
            text.out(f"{'ok' if finding.works else 'FAIL':<6}{finding.what:<{_WIDE}}{text.one_line(finding.told)}")
    rules = [{"rule": one.what, "outcome": "ok" if one.works else "failed", "told": one.told} for one in found]
    return {"agent": ref, "passed": all(one.works for one in found), "rules": rules}
