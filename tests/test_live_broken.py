"""Live matches with games and agents that hang, die, or are late; and what is left of them afterwards."""

import asyncio
import time
from pathlib import Path
from textwrap import dedent

import moody_game
from live_seats import asked, awaited, check_replays, live_at, play_out
from moody_game import COUNT, DIE, HANG, SEIZE

from evalengine import tasks
from evalengine.errors import LiveError
from evalengine.live.hearing import MOST_REFUSED
from evalengine.live.values import Wish
from evalengine.model import Limits
from evalengine.store import Store

MOODY = str(Path(moody_game.__file__))
HUNG_S = 1.0
LATE = dedent(
    """
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def act(observation):
        while observation.turn > 2:
            pass
        return observation.legal[0]
    """
)
KNOWING = dedent(
    """
    seen = []

    def act(observation):
        seen.append(observation.turn)
        print("asked in turns", seen)
        return observation.legal[0]
    """
)


def moody(**more):
    return Wish(game=f"{MOODY} and moody", seats=[None, "random"], **more)


async def other_match(live):
    """Return a match in its third turn, and the position in which its remote seat is asked."""
    opened = await live.open(Wish(game="tictactoe", seats=[None, "random"], seed=1 << 50))
    token = opened.seats[0].token
    position = await asked(live, opened.id, token)
    await live.act(opened.id, token, position.question.legal[0])
    return opened.id, token, await asked(live, opened.id, token, 2)


async def goes_on(live, live_id, token, before):
    """Say that a match stands where it did, and play it to its end."""
    while True:
        position = await asked(live, live_id, token, before.turn)
        assert (position.turn, position.question, position.view) == (before.turn, before.question, before.view)
        with contextlib.suppress(LiveError):  # it may be begun again just now
            await live.act(live_id, token, position.question.legal[0], turn=position.turn)
            break
    assert (await play_out(live, live_id, token)).state == "completed"


# ------------------------------------------------------------------------------------- who hangs


def test_a_game_that_does_not_return_fails_its_match_alone(tmp_path):
    async def body():
        async with live_at(tmp_path, hung_s=HUNG_S) as live:
            opened = await live.open(Wish(game=f"{MOODY} and moody", seats=[None, None], take=2))
            other = await other_match(live)
            pids = live.pids
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            began = time.monotonic()
            assert (await live.act(opened.id, token, HANG)).accepted
            end = await asked(live, opened.id, token, 99)
            assert time.monotonic() - began > HUNG_S
            assert (end.state, end.reason) == ("failed", "the game did not return in 1 s")
            await goes_on(live, *other)
            assert live.pids[0] != pids[0]
            assert live.pids[1:] == pids[1:]
            assert not tasks.family(pids[0])[1:]

    awaited(body())
    check_replays(tmp_path)


def test_a_bundled_agent_that_does_not_return_fails_its_match_alone(tmp_path):
    async def body():
        async with live_at(tmp_path, "moody_game", hung_s=HUNG_S) as live:
            other = await other_match(live)
            opened = await live.open(Wish(game="moody", seats=[None, "pondering"]))
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            await live.act(opened.id, token, COUNT)
            end = await asked(live, opened.id, token, 99)
            assert (end.state, end.reason) == ("failed", "agent 'pondering' did not return in 1 s")
            await goes_on(live, *other)

    awaited(body())


def test_a_game_that_keeps_all_threads_waiting_is_given_up_after_three_processes(tmp_path):
    async def body():
        async with live_at(tmp_path, hung_s=HUNG_S) as live:
            other = await other_match(live)
            opened = await live.open(Wish(game=f"{MOODY} and moody", seats=[None, None], take=2))
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            await live.act(opened.id, token, SEIZE)
            end = await asked(live, opened.id, token, 99)
            assert (end.state, end.reason) == ("failed", "the process that played it died 3 times in a row")
            await goes_on(live, *other)

    awaited(body())


def test_a_game_that_kills_its_process_is_given_up(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            other = await other_match(live)
            opened = await live.open(moody())
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            await live.act(opened.id, token, DIE)
            end = await asked(live, opened.id, token, 99)
            assert (end.state, end.reason) == ("failed", "the process that played it died 3 times in a row")
            await goes_on(live, *other)

    awaited(body())


def test_who_only_waits_for_a_person_does_not_hang(tmp_path):
    async def body():
        async with live_at(tmp_path, hung_s=0.2) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            pids = live.pids
            await asked(live, opened.id, opened.seats[0].token)
            await asyncio.sleep(1.0)  # nothing must happen, and there is no sign of that
            assert live.pids == pids
            assert (await play_out(live, opened.id, opened.seats[0].token)).state == "completed"

    awaited(body())


# -------------------------------------------------------------------------- agents from outside


def test_a_contained_agent_that_is_late_has_made_a_fault_and_its_process_ends(tmp_path):
    (tmp_path / "late.py").write_text(LATE)

    async def body():
        async with live_at(tmp_path) as live:
            limits = Limits(turn_s=0.3)
            opened = await live.open(Wish(game="tictactoe", seats=[None, str(tmp_path / "late.py")], limits=limits))
            end = await play_out(live, opened.id, opened.seats[0].token)
            assert (end.state, end.termination, list(end.places)) == ("completed", "fault", [1, 2])
            run = (await live.show(opened.id)).run
            await gone(lambda: [pid for host in live.pids for pid in tasks.family(host)[1:]])
            return run

    run = awaited(body())
    with Store(tmp_path / "arena.db", create=False) as store:
        assert [(row["kind"], row["turn"]) for row in store.faults(run, 0)] == [("timeout", 3)]
    check_replays(tmp_path)


async def gone(found):
    """Wait until there is nothing any more."""
    while left := found():
        await asyncio.sleep(0.02)
        assert left


def test_a_contained_agent_goes_on_for_who_leaves_and_knows_the_past(tmp_path):
    (tmp_path / "knowing.py").write_text(KNOWING)

    async def body():
        async with live_at(tmp_path) as live:
            wish = Wish(game="connect4", seats=[None, None], take=2, stand_in=str(tmp_path / "knowing.py"), max_turns=9)
            opened = await live.open(wish)
            first, second = (one.token for one in opened.seats)
            for turn, token in enumerate([first, second, first]):
                position = await asked(live, opened.id, token, turn)
                await live.act(opened.id, token, position.question.legal[turn])
            await live.leave(opened.id, second)
            end = await play_out(live, opened.id, first)
            assert (end.state, end.turn) == ("completed", 9)
            return (await live.show(opened.id)).run, await live.turns(opened.id)

    run, turns = awaited(body())
    theirs = [one for one in turns if one.seat == 1]
    assert [one.what for one in theirs][1:] == [0, 0, 0]
    with Store(tmp_path / "arena.db", create=False) as store:
        assert store.faults(run, 0) == []
        (log,) = store.logs(run, 0)
    assert log["text"].splitlines()[-1] == "asked in turns [3, 5, 7]"
    check_replays(tmp_path)


def test_a_match_with_a_contained_agent_is_branched_and_the_agent_knows_the_past(tmp_path):
    (tmp_path / "knowing.py").write_text(KNOWING)

    async def body():
        async with live_at(tmp_path) as live:
            wish = Wish(game="connect4", seats=[None, str(tmp_path / "knowing.py")], max_turns=8)
            opened = await live.open(wish)
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            await live.act(opened.id, token, 3)
            await asked(live, opened.id, token, 2)
            (going_on,) = await live.branch(opened.id)
            await play_out(live, opened.id, token)
            (ended,) = await live.branch(opened.id, turn=4)
            before = [(one.turn, one.what) for one in await live.turns(opened.id)]
            for child, since in ((going_on, 2), (ended, 4)):
                end = await play_out(live, child.id, child.seats[0].token, choose=lambda legal: legal[-1])
                assert (end.state, end.turn) == ("completed", 8)
                after = [(one.turn, one.what) for one in await live.turns(child.id)]
                assert after[:since] == before[:since]
                assert after != before
            assert [(one.turn, one.what) for one in await live.turns(opened.id)] == before

    awaited(body())
    check_replays(tmp_path)


# ----------------------------------------------------------------------------------- repeated


def test_a_refused_action_repeated_by_its_id_is_refused_alike(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, None], take=2))
            first, second = (one.token for one in opened.seats)
            await asked(live, opened.id, first)
            no = await live.act(opened.id, first, 99, action_id="a")
            assert not no.accepted
            assert await live.act(opened.id, first, 4, action_id="a") == no  # the id is of the first
            assert await live.turns(opened.id) == []
            assert (await live.act(opened.id, first, 4, action_id="b")).accepted
            await asked(live, opened.id, second, 1)
            assert await live.act(opened.id, first, 0, action_id="a") == no  # also when somebody else is asked
            for number in range(1000):  # nobody fills our memory with them
                await live.act(opened.id, second, 4, action_id=f"n{number}")
            (session,) = live._keeper.sessions.values()
            assert len(session.refused) == MOST_REFUSED

    awaited(body())
