"""What went wrong for each agent of a run: how often, of which kind, and where to look first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import planning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.entry import Entry
    from evalengine.store import Store


class AgentFault(NamedTuple):
    """The faults of one kind of one agent, or the voids of a run, which nobody is to blame for."""

    agent_no: int | None  # None: void
    agent: str
    kind: str
    matches: int
    first_no: int  # the first match with one
    first: str  # its id
    turn: int
    detail: str


def of_run(run: int, entry: Entry, store: Store) -> list[AgentFault]:
    """Return the faults by agent and kind: who has most comes first, and of each agent its first kind of fault."""
    found = [_named(row, run, entry, store) for row in store.faults_by_agent(run)]
    totals: dict[int | None, int] = {}
    for line in found:
        totals[line.agent_no] = totals.get(line.agent_no, 0) + line.matches
    return sorted(
        found, key=lambda line: (-totals[line.agent_no], -1 if line.agent_no is None else line.agent_no, line.first_no)
    )


def _named(row: dict[str, Any], run: int, entry: Entry, store: Store) -> AgentFault:
    names = [entry.agents[seat["agent_no"]].name for seat in store.seats(run, row["first_no"])]
    agent = "" if row["agent_no"] is None else entry.agents[row["agent_no"]].name
    match = planning.match_name(entry.games[row.pop("game_no")].ref, names, row["first_no"])
    return AgentFault(agent=agent, first=match, **row)


def summed_up(faults: Sequence[AgentFault], matches: dict[str, int]) -> list[dict[str, Any]]:
    """Return the records of `--format json`, one an agent; voids are not among them.

    Args:
        matches: how many each agent has played.
    """
    agents: dict[str, list[AgentFault]] = {}
    for fault in faults:
        if fault.agent_no is not None:
            agents.setdefault(fault.agent, []).append(fault)
    return [
        {
            "agent": name,
            "matches": matches.get(name, 0),
            "faulted": sum(line.matches for line in lines),
            "faults": {line.kind: line.matches for line in lines},
            "first": {
                "match": lines[0].first,
                "turn": lines[0].turn,
                "kind": lines[0].kind,
                "detail": lines[0].detail,
            },
        }
        for name, lines in agents.items()
    ]
