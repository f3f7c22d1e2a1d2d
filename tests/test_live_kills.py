"""SIGKILL at any moment, of the server, of what plays, of agents, while many live matches are played."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import environment
from live_seats import awaited, check_replays, live_at

from evalengine import tasks
from evalengine.store import Store

SERVER = Path(__file__).with_name("live_server.py")
LINES = 25  # between two kills, one with another; a match makes about a dozen


def started(folder, matches):
    return subprocess.Popen(
        [sys.executable, SERVER, folder, str(matches)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def killed(folder, matches, kills, rng):
    """Play matches to their end, with so many kills meanwhile; return what was told, and what was killed."""
    told, victims = [], []
    while True:
        with started(folder, matches) as server:
            hosts = []
            while line := server.stdout.readline():
                told.append(line.split())
                if told[-1][0] == "pids":
                    hosts = [int(pid) for pid in told[-1][1:]]
                if len(victims) == kills or rng.randrange(LINES):
                    continue
                victims.append(rng.choice(["server", "host", "agent"]))
                kill(victims[-1], server, hosts, rng)
            if server.wait() == 0:
                return told, victims


def kill(what, server, hosts, rng):
    living = tasks.family(server.pid)
    # Below a process that plays: the zygote, the warden, the agent; whichever goes, the agent goes with it.
    agents = [pid for host in hosts for pid in tasks.family(host)[1:]]
    found = {"server": [server.pid], "host": [pid for pid in hosts if pid in living], "agent": agents}[what]
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(rng.choice(found), signal.SIGKILL)


def stored(folder, matches):
    """Return of each match, by its number, what was done in it and its end."""

    async def body():
        async with live_at(folder) as live:
            found = await live.listed(limit=10_000)
            assert sorted(one.note["number"] for one in found) == list(range(matches))
            return {
                one.note["number"]: (
                    one,
                    [(done.turn, done.seat, done.what) for done in await live.turns(one.id)],
                )
                for one in found
            }

    return awaited(body())


def check(folder, matches, kills, seed):
    (folder / "whole").mkdir()
    (folder / "killed").mkdir()
    with started(folder / "whole", matches) as whole:
        assert whole.stdout.read().split()[-1] == "done"
    told, victims = killed(folder / "killed", matches, kills, random.Random(seed))
    assert len(victims) == kills
    reference, found = stored(folder / "whole", matches), stored(folder / "killed", matches)
    by_id = {one.id: (one, turns) for one, turns in found.values()}
    for word, live_id, *more in (line for line in told if line[0] in {"acted", "ended"}):
        one, turns = by_id[live_id]
        if word == "ended":
            assert more == [one.position.state]
        else:
            turn, action = map(int, more)
            assert (turn, action) in {(done[0], done[2]) for done in turns if done[1] in one.remote}
    for number, (one, turns) in found.items():
        theirs, as_it_was = reference[number]
        assert one.position.state == "completed", one.position
        if one.position.termination == "fault":  # the agent that was killed
            assert "agent" in victims
            assert "knowing" in one.agents
            assert turns[:-1] == as_it_was[: len(turns) - 1]
            continue
        assert turns == as_it_was
        assert one.position == theirs.position
    runs = sorted(one.run for one, _ in found.values())
    with Store(folder / "killed" / "arena.db", create=False) as store:
        assert sorted(number >> 40 for (number,) in store.iterate("select id from match")) == runs
        assert store.rows("select run, sum(matches) n from tally group by run having n != 2") == []
        assert list(store.iterate("pragma integrity_check")) == [("ok",)]
    check_replays(folder / "killed")


@pytest.mark.slow
def test_nothing_is_lost_or_changed_by_ten_kills(tmp_path):
    check(tmp_path, 60, 10, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
def test_nothing_is_lost_or_changed_by_many_kills(tmp_path, seed):
    check(tmp_path, 240, 40, seed)
