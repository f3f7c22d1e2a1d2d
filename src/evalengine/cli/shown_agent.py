"""What `evalengine show AGENT` prints: what an agent is, what became of it, and why."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalengine import forfeits
from evalengine.cli.text import one_line, table
from evalengine.runs import reopen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_AGENT = re.compile(r"(?:(?P<run>\d+)/)?(?P<name>[A-Za-z0-9_.-]+)")


def record(text: str, store: Store, plugs: Plugins) -> dict[str, Any] | None:
    """Return what is known of the agent that `[RUN/]NAME` names; None when it names none.

    Raises:
        StoreError: there is no such run.
    """
    found = _AGENT.fullmatch(text.strip())
    if found is None or found["name"].isdecimal():
        return None
    with store.reading():
        run = reopen(store, int(found["run"]) if found["run"] else store.latest_run(), plugs)
        names = [agent.name for agent in run.entry.agents]
        return _record(run, store, names.index(found["name"])) if found["name"] in names else None


def _record(run: Run, store: Store, agent_no: int) -> dict[str, Any]:
    spec = run.entry.agents[agent_no]
    row = store.rows("select ref from agent where run = ? and agent_no = ?", run.number, agent_no)[0]
    line = next((line for line in run.standings if line.agent == spec.name), None)
    given = run.entry.settings.agents
    return {
        "agent": spec.name,
        "run": run.number,
        "given": given[agent_no] if agent_no < len(given) else row["ref"],
        "kind": "forfeit" if forfeits.is_stand_in(spec) else spec.kind,
        "version": spec.version,
        "note": spec.note,
        "matches": run.matches_by_agent().get(spec.name, 0),
        "standing": line and asdict(line),
        "faults": [_fault(fault) for fault in run.agent_faults() if fault.agent_no == agent_no],
    }


def _fault(fault: Any) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in ("kind", "matches", "first", "first_no", "turn", "detail")}


def lines(known: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as text."""
    import shlex

    yield f"{known['agent']} of run {known['run']}: {known['given']}"
    yield f"{known['kind']}, version {known['version'][:16]}"
    if known["note"]:
        yield known["note"]
    line = known["standing"]
    if line:
        yield (
            f"rank {line['rank']}, rating {line['rating']:.2f}; {line['matches']} matches: "
            f"{line['wins']} won, {line['draws']} drawn, {line['losses']} lost"
        )
    if not known["faults"]:
        yield f"no fault in {known['matches']} matches"
        return
    rows = [
        [fault["kind"], f"{fault['matches']} of {known['matches']}", str(fault["first_no"]), one_line(fault["detail"])]
        for fault in known["faults"]
    ]
    yield table(["fault", "matches", "first", "its reason"], rows)
    for fault in known["faults"]:
        whole = f"{known['run']}/{fault['first']}"
        yield f"the first {fault['kind']}: evalengine show {shlex.quote(whole)}"
