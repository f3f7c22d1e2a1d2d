"""Live matches: in real processes that are killed at any moment, against bundled and contained agents."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from commandline import LEFT_OUT, environment
from hypothesis import given, settings
from hypothesis import strategies as st
from live_seats import asked, awaited, check_replays, live_at, play_out, refused

import evalengine
from evalengine.errors import LiveError, StoreError, UsageError, Why
from evalengine.live.seating import Seating
from evalengine.live.values import Wish
from evalengine.model import Limits
from evalengine.plugins import Plugins
from evalengine.run_rows import run_row
from evalengine.store import Store

DICE = str(Path(__file__).with_name("dice_game.py"))
COUNTING = dedent(
    """
    turns = []

    def act(observation):
        turns.append(observation.turn)
        print("asked in turns", turns)
        return observation.legal[len(turns) % 2]
    """
)
SLOW = "import time\n\ndef act(observation):\n    time.sleep(1.5)\n    return observation.legal[0]\n"


# --------------------------------------------------------------------------------- to take part


def test_a_live_match_becomes_one_stored_match_and_disturbs_no_run(tmp_path):
    evalengine.run("tictactoe", n=2, seed=1 << 50, db=tmp_path / "arena.db")

    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"], seed=1 << 50))
            assert (opened.state, [one.seat for one in opened.seats]) == ("active", [0])
            end = await play_out(live, opened.id, opened.seats[0].token)
            assert (end.state, end.termination) == ("completed", "rules")
            shown = await live.show(opened.id)
            return end, shown

    end, shown = awaited(body())
    with Store(tmp_path / "arena.db", create=False) as store:
        assert store.latest_run() == 1
        assert (store.run(shown.run)["kind"], store.run(shown.run)["state"]) == ("live", "done")
        ((scores, places),) = [row[4:6] for row in store.stored(shown.run, 0, 9)]
        assert (list(scores), list(places)) == (list(end.scores), list(end.places))
        assert shown.agents == ["human", "random"]
    check_replays(tmp_path)


def test_a_match_waits_until_its_seats_are_taken_and_a_seat_is_taken_once(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, None], holder="one"))
            assert opened.state == "waiting"
            with refused(Why.STATE):
                await live.act(opened.id, opened.seats[0].token, 0)
            again = await live.join(opened.id, "one")
            assert again.seat == 0
            assert again.token != opened.seats[0].token
            assert (await live.observe(opened.id)).state == "waiting"
            other = await live.join(opened.id, "two")
            assert other.seat == 1
            with refused(Why.FULL):
                await live.join(opened.id, "three")
            assert (await live.join(opened.id, "two")).seat == 1  # who holds a seat gets it back
            end = await play_out(live, opened.id, again.token, other.token)
            assert end.state == "completed"
            with refused(Why.STATE):
                await live.join(opened.id, "three")

    awaited(body())


def test_agents_play_among_themselves_and_go_on_after_a_restart(tmp_path):
    slow = str(tmp_path / "slow.py")
    Path(slow).write_text(
        "import time\n\ndef act(observation):\n    time.sleep(0.1)\n    return observation.legal[0]\n"
    )

    async def body():
        async with live_at(tmp_path) as live:
            fast = await live.open(Wish(game="tictactoe", seats=["random", "random"], take=0))
            assert (fast.state, fast.seats) == ("active", ())
            *_, end = [position async for position in await live.subscribe(fast.id)]
            assert (end.state, end.termination) == ("completed", "rules")
            with refused(Why.FULL):
                await live.join((await live.open(Wish(game="tictactoe", seats=["first", slow], take=0))).id)
            (begun,) = await live.listed(state="active")
            async for position in await live.subscribe(begun.id):
                if position.turn >= 2:
                    break
        async with live_at(tmp_path) as live:
            *_, end = [position async for position in await live.subscribe(begun.id)]
            assert (end.state, end.reason) == ("completed", "")
            for child in await live.branch(begun.id, count=2):
                assert (child.state, child.seats) == ("active", ())
                *_, end = [position async for position in await live.subscribe(child.id)]
                assert end.state == "completed"

    awaited(body())
    check_replays(tmp_path)


def test_what_is_no_action_changes_nothing_and_is_told_why(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, None], take=2))
            first, second = (one.token for one in opened.seats)
            other = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            await asked(live, opened.id, first)
            for nonsense in (9, -1, True, "a1", None, [], {"a": [1]}, 1 << 60, 0.0):
                acted = await live.act(opened.id, first, nonsense)
                assert not acted.accepted
                assert acted.reason
            for impossible in (1 << 70, object(), "x" * (65 << 10)):
                with refused(Why.VALUE):
                    await live.act(opened.id, first, impossible)
            with refused(Why.ASKED):
                await live.act(opened.id, second, 0)
            with refused(Why.ASKED):
                await live.act(opened.id, first, 0, turn=3)
            for token in ("", "x", "\N{SNOWMAN}", other.seats[0].token):
                with refused(Why.TOKEN):
                    await live.act(opened.id, token, 0)
            with refused(Why.UNKNOWN):
                await live.observe("no-such-match")
            assert (await live.act(opened.id, first, 4)).accepted
            assert [(one.turn, one.what) for one in await live.turns(opened.id)] == [(0, 4)]

    awaited(body())


@pytest.mark.parametrize(
    "wish",
    [
        Wish(game="tictactoe", seats=[None]),
        Wish(game="tictactoe", seats=["random", "random"]),
        Wish(game="tictactoe", seats=[None, "random"], take=2),
        Wish(game="tictactoe or hex", seats=[None, "random"]),
        Wish(game="no_such_game", seats=[None, "random"]),
        Wish(game="tictactoe", seats=[None, "nobody"]),
        Wish(game="kuhn_poker", seats=[None, "minimax"]),
        Wish(game="tictactoe", seats=[None, "random"], stand_in="nobody"),
    ],
)
def test_a_match_that_cannot_be_played_is_refused_and_leaves_nothing(tmp_path, wish):
    async def body():
        async with live_at(tmp_path) as live:
            with pytest.raises(UsageError):
                await live.open(wish)
            assert await live.listed() == []

    awaited(body())
    with Store(tmp_path / "arena.db") as store:
        assert store.rows("select * from run") == []


def test_a_match_that_was_wished_for_before_is_planned_as_if_it_was_not(tmp_path):
    plugs = Plugins(LEFT_OUT)
    knows = Seating(plugs)
    with Store(tmp_path / "arena.db") as store:
        for seed in (1 << 50, 5, 1 << 62):
            for seats in ([None, "random"], ["mcts(simulations=9)", None]):
                for turns in (0, 4):
                    wish = Wish(game="hex(size=4)", seats=seats, seed=seed, max_turns=turns)
                    again, fresh = knows.seated(wish, store), Seating(plugs).seated(wish, store)
                    assert again.spec == fresh.spec
                    assert stored_of(again) == stored_of(fresh)
                    assert again[2:] == fresh[2:]


def stored_of(seated):
    return {name: value for name, value in run_row(seated.entry, "live").items() if name != "started"}


def test_tokens_are_not_in_the_file(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, None]))
            return [opened.seats[0].token, (await live.join(opened.id)).token]

    tokens = awaited(body())
    for path in tmp_path.glob("arena.db*"):
        assert not any(token.encode() in path.read_bytes() for token in tokens)


def test_an_action_id_is_done_once_whoever_repeats_it_and_when(tmp_path):
    async def begin():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            same = await asyncio.gather(*(live.act(opened.id, token, 4, action_id="a") for _ in range(5)))
            assert len(set(same)) == 1
            await asked(live, opened.id, token, turn=2)
            assert await live.act(opened.id, token, 0, action_id="a") == same[0]
            return opened, same[0]

    async def again(opened, first):
        async with live_at(tmp_path) as live:
            token = opened.seats[0].token
            assert await live.act(opened.id, token, 0, action_id="a") == first
            position = await asked(live, opened.id, token, turn=2)
            assert position.turn == 2
            await play_out(live, opened.id, token)
            assert await live.act(opened.id, token, 0, action_id="a") == first  # also when it has ended
            return [one.seat for one in await live.turns(opened.id) if one.turn < 2]

    opened, first = awaited(begin())
    assert awaited(again(opened, first)) == [0, 1]


@settings(max_examples=15, deadline=None)
@given(orders=st.lists(st.permutations([0, 1]), min_size=3, max_size=3), throws=st.lists(st.integers(0, 2), min_size=6))
@pytest.mark.slow
def test_the_order_of_answers_in_a_turn_changes_nothing(tmp_path_factory, orders, throws):
    async def play(orders):
        async with live_at(tmp_path_factory.mktemp("order")) as live:
            wish = Wish(game="rps", seats=[None, None], take=2, seed=1 << 50, max_turns=3)
            opened = await live.open(wish)
            tokens = [one.token for one in opened.seats]
            for turn, order in enumerate(orders):
                for seat in order:
                    position = await asked(live, opened.id, tokens[seat], turn)
                    if position.state == "active":
                        await live.act(opened.id, tokens[seat], throws[2 * turn + seat])
            end = await asked(live, opened.id, tokens[0], 99)
            return end, [one[:3] for one in await live.turns(opened.id)]

    assert awaited(play(orders)) == awaited(play([[0, 1]] * 3))


@pytest.mark.parametrize("teams", [False, True])
def test_several_remote_seats_of_one_caller_beside_agents_and_in_teams(tmp_path, teams):
    async def body():
        async with live_at(tmp_path) as live:
            wish = Wish(game=f"tron(seats=4, teams={teams})", seats=[None, "random", None, "random"], take=2)
            opened = await live.open(wish)
            assert [one.seat for one in opened.seats] == [0, 2]

            async def sit(token):
                async for position in await live.subscribe(opened.id, token):
                    if position.question is not None:  # once a turn, whatever the other seat does meanwhile
                        await live.act(opened.id, token, position.question.legal[0], turn=position.turn)
                return position

            ends = await asyncio.gather(*(sit(one.token) for one in opened.seats))
            assert ends[0] == ends[1]
            return ends[0]

    assert awaited(body()).state == "completed"
    check_replays(tmp_path)


# --------------------------------------------------------------------------------- who is gone


def test_an_agent_goes_on_for_who_leaves_and_the_last_one_ends_it(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, None], take=2))
            first, second = (one.token for one in opened.seats)
            await asked(live, opened.id, first)
            await live.act(opened.id, first, 4)
            await live.leave(opened.id, second)
            await live.leave(opened.id, second)
            with contextlib.suppress(LiveError):
                assert not (await live.act(opened.id, second, 0)).accepted
            end = await play_out(live, opened.id, first)
            assert end.state == "completed"
            both = await live.open(Wish(game="tictactoe", seats=[None, None], take=2))
            for one in both.seats:
                await live.leave(both.id, one.token)
            failed = await asked(live, both.id, None, 99)
            assert (failed.state, failed.reason) == ("failed", "left")
            with refused(Why.STATE):
                await live.leave(both.id, both.seats[0].token)
            empty = await live.open(Wish(game="tictactoe", seats=[None, None]))
            await live.leave(empty.id, empty.seats[0].token)
            assert (await live.observe(empty.id)).reason == "left"

    awaited(body())


def test_who_leaves_last_leaves_no_result_however_fast_agents_would_go_on(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            for _ in range(10):
                opened = await live.open(Wish(game="market_simulator(ticks=1)", seats=[None, None], take=2))
                for one in opened.seats:
                    await asked(live, opened.id, one.token)
                for one in opened.seats:
                    await live.leave(opened.id, one.token)
                end = await asked(live, opened.id, None, 99)
                assert (end.state, end.reason) == ("failed", "left")

    awaited(body())


@pytest.mark.parametrize("late", ["stand-in", "forfeit"])
def test_a_seat_that_is_late_is_played_by_an_agent_or_forfeits(tmp_path, late):
    async def body():
        async with live_at(tmp_path) as live:
            wish = Wish(game="tictactoe", seats=[None, None], take=2, turn_s=1.0, late=late)
            opened = await live.open(wish)
            first, _second = (one.token for one in opened.seats)
            await asked(live, opened.id, first)
            await live.act(opened.id, first, 4)
            end = await play_out(live, opened.id, first)
            assert end.state == "completed"
            faults = await live.turns(opened.id)
            return end.termination, [one.what for one in faults if one.seat == 1]

    termination, answers = awaited(body())
    if late == "forfeit":
        assert termination == "fault"
        assert [fault.kind for fault in answers] == ["timeout"]
    else:
        assert termination == "rules"


def test_a_seat_whose_holder_follows_is_not_gone(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, None], take=2, gone_s=0.6))
            first, second = (one.token for one in opened.seats)
            feed = await live.subscribe(opened.id, first)
            began = time.monotonic()
            while time.monotonic() - began < 1.5:
                await asyncio.sleep(0.05)
                assert not (await live.show(opened.id)).position.reason
            await live.act(opened.id, first, 4)  # it is still asked
            # Of the other nothing is seen: an agent plays for it, and the first is asked again.
            assert (await asked(live, opened.id, first, 2)).turn == 2
            with refused(Why.ASKED):
                await live.act(opened.id, second, 0)
            feed.close()

    awaited(body())


# --------------------------------------------------------------------------------- who follows


def test_a_slow_spectator_is_given_the_latest_position_and_a_late_one_the_end(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="connect4", seats=[None, "random"]))
            slow = await live.subscribe(opened.id)
            quick = [await live.subscribe(opened.id) for _ in range(50)]
            end = await play_out(live, opened.id, opened.seats[0].token)
            seen = [[position async for position in feed] for feed in quick]
            assert all(one == seen[0] for one in seen)
            late = [position async for position in await live.subscribe(opened.id)]
            assert [one.state for one in late] == ["completed"]
            given = [position async for position in slow]
            assert given[-1].scores == end.scores
            assert live.counts["feeds"] == 0

    awaited(body())


def test_a_feed_never_holds_more_than_its_bound():
    from evalengine.live.feeds import MOST, Feed
    from evalengine.live.values import Position

    async def body():
        feed = Feed(None, lambda _: None)
        for turn in range(10 * MOST + 3):
            feed.put(lambda turn=turn: Position(state="active", turn=turn), last=False)
            assert len(feed._waiting) <= MOST
        feed.put(lambda: Position(state="completed", turn=999), last=True)
        given = [position async for position in feed]
        assert given[-1].turn == 999
        assert sum(one.skipped + 1 for one in given) == 10 * MOST + 4

    awaited(body())


def test_spectators_of_a_hidden_game_see_nothing_of_hands(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="kuhn_poker", seats=[None, "random"]))
            feed = await live.subscribe(opened.id)
            await play_out(live, opened.id, opened.seats[0].token)
            return [position async for position in feed]

    for position in awaited(body()):
        assert (position.view, position.last, position.question) == (None, None, None)


# --------------------------------------------------------------------------------- to continue


@pytest.mark.parametrize("game", ["dice", "stiff"])
def test_branches_begin_where_their_parent_stood_with_fresh_or_the_same_luck(tmp_path, game):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game=f"{DICE} and {game}", seats=[None, None], take=2, seed=1 << 50))
            tokens = [one.token for one in opened.seats]
            end = await play_out(live, opened.id, *tokens)
            before = await live.turns(opened.id)
            same = await live.branch(opened.id, turn=1, count=1, luck="same")
            fresh = await live.branch(opened.id, turn=1, count=8, luck="fresh", holder="me")
            ends = []
            for child in [*same, *fresh]:
                assert child.state == "active"
                ends.append(await play_out(live, child.id, *(one.token for one in child.seats)))
                assert [one[:3] for one in (await live.turns(child.id)) if one.turn < 1] == [
                    one[:3] for one in before if one.turn < 1
                ]
            children = await live.listed(parent=opened.id)
            assert {one.id for one in children} == {one.id for one in [*same, *fresh]}
            assert {one.turn for one in children} == {1}
            assert await live.turns(opened.id) == before
            of_child = await live.branch(fresh[0].id, turn=2)
            await play_out(live, of_child[0].id, *(one.token for one in of_child[0].seats))
            for turn in (-1, 99):
                with refused(Why.VALUE):
                    await live.branch(opened.id, turn=turn)
            return end, ends

    end, (same, *fresh) = awaited(body())
    assert (same.scores, same.turn) == (end.scores, end.turn)
    assert len({json.dumps([one.scores, one.turn]) for one in fresh}) > 1
    check_replays(tmp_path)


def test_what_cannot_be_continued_or_not_with_fresh_luck_is_refused(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            for game in ("fixed", "closed"):
                opened = await live.open(Wish(game=f"{DICE} and {game}", seats=[None, "random"]))
                await play_out(live, opened.id, opened.seats[0].token)
                with pytest.raises(UsageError, match="luck" if game == "fixed" else "cannot be continued"):
                    await live.branch(opened.id, turn=1, luck="fresh")
                if game == "fixed":
                    (child,) = await live.branch(opened.id, turn=1)
                    await play_out(live, child.id, child.seats[0].token)

    awaited(body())


def test_a_match_that_goes_on_is_branched_and_goes_on(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"], seed=1 << 50))
            token = opened.seats[0].token
            for turn in (0, 2):
                position = await asked(live, opened.id, token, turn)
                await live.act(opened.id, token, position.question.legal[0])
            position = await asked(live, opened.id, token, 4)
            (child,) = await live.branch(opened.id)
            begun = await asked(live, child.id, child.seats[0].token, 4)
            assert (begun.turn, begun.question) == (position.turn, position.question)
            await play_out(live, child.id, child.seats[0].token)
            assert (await asked(live, opened.id, token, 4)).question == position.question
            return await play_out(live, opened.id, token)

    assert awaited(body()).state == "completed"
    check_replays(tmp_path)


# ----------------------------------------------------------------------- agents from outside


def test_a_slow_agent_holds_up_nobody_else(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)

    async def body():
        async with live_at(tmp_path) as live:
            limits = Limits(turn_s=30.0, clock="wall")
            slow = await live.open(Wish(game="tictactoe", seats=[None, str(tmp_path / "slow.py")], limits=limits))
            await asked(live, slow.id, slow.seats[0].token)
            await live.act(slow.id, slow.seats[0].token, 0)
            done = 0
            while (await live.observe(slow.id)).turn < 2:
                other = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
                await play_out(live, other.id, other.seats[0].token)
                done += 1
            return done

    assert awaited(body()) >= 3


def test_a_match_whose_agent_computes_for_long_goes_on_elsewhere(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="connect4", seats=[None, "mcts(simulations=3000)"], max_turns=6))
            end = await play_out(live, opened.id, opened.seats[0].token)
            assert (end.state, end.turn) == ("completed", 6)
            return [(one.turn, one.seat) for one in await live.turns(opened.id)]

    assert awaited(body()) == [(turn, turn % 2) for turn in range(6)]
    check_replays(tmp_path)


def test_what_an_agent_does_wrong_is_its_fault(tmp_path):
    (tmp_path / "bad.py").write_text("def act(observation):\n    return 99\n")

    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, str(tmp_path / "bad.py")]))
            return await play_out(live, opened.id, opened.seats[0].token), (await live.show(opened.id)).run

    end, run = awaited(body())
    assert (end.termination, list(end.places)) == ("fault", [1, 2])
    with Store(tmp_path / "arena.db", create=False) as store:
        assert [row["kind"] for row in store.faults(run, 0)] == ["illegal"]


def test_agents_from_outside_are_bounded(tmp_path):
    (tmp_path / "one.py").write_text(COUNTING)

    async def body():
        async with live_at(tmp_path, most_contained=1, most_active=2) as live:
            wish = Wish(game="tictactoe", seats=[None, str(tmp_path / "one.py")])
            await live.open(wish)
            with refused(Why.BUSY):
                await live.open(wish)
            plain = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            with refused(Why.BUSY):
                await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            await live.close(plain.id)
            await live.open(Wish(game="tictactoe", seats=[None, "random"]))

    awaited(body())


# ------------------------------------------------------------------------------- whatever dies


def test_one_process_at_a_time_has_the_live_matches(tmp_path):
    async def body():
        async with live_at(tmp_path):
            with pytest.raises(StoreError, match="another process"):
                async with live_at(tmp_path):
                    pass
        async with live_at(tmp_path):
            pass

    awaited(body())


def test_a_match_goes_on_when_the_process_that_plays_it_is_killed(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="connect4", seats=[None, "random"]))
            token = opened.seats[0].token
            for turn in range(0, 12, 2):
                position = await asked(live, opened.id, token, turn)
                if position.state != "active":
                    break
                os.kill(live.pids[0], signal.SIGKILL)
                while True:
                    position = await asked(live, opened.id, token, turn)
                    try:
                        acted = await live.act(opened.id, token, position.question.legal[0], action_id=f"{turn}")
                    except LiveError as error:
                        if error.code not in {Why.BUSY, Why.ASKED}:
                            raise
                        continue
                    assert acted.accepted
                    break
            return await play_out(live, opened.id, token)

    assert awaited(body()).state == "completed"
    check_replays(tmp_path)


SERVER = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from live_seats import live_at, asked
from evalengine.live.values import Wish

async def keep(live, wish, name):
    while True:
        opened = await live.open(wish)
        token = opened.seats[0].token
        print("opened", name, opened.id, token, flush=True)
        turn = 0
        while (position := await asked(live, opened.id, token, turn)).state == "active":
            action = position.question.legal[0]
            acted = await live.act(opened.id, token, action, action_id=f"t{{position.turn}}")
            assert acted.accepted
            print("acted", opened.id, position.turn, action, flush=True)
            turn = position.turn + 1
        print("ended", opened.id, flush=True)

async def main():
    async with live_at({folder!r}, hosts=2) as live:
        agents = {agents!r}
        await asyncio.gather(*(
            keep(live, Wish(game="connect4", seats=[None, agent]), n) for n, agent in enumerate(agents)))

asyncio.run(main())
"""


def served(folder, agents):
    code = SERVER.format(tests=str(Path(__file__).parent), folder=str(folder), agents=agents)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    )


@pytest.mark.parametrize(
    "lines", [3, 151, *(pytest.param(lines, marks=pytest.mark.slow) for lines in (40, 150, 152, 153))]
)
def test_nothing_that_was_told_is_lost_by_kill_9_and_all_goes_on(tmp_path, lines):
    with served(tmp_path, ["random", "random", "mcts(simulations=20)"]) as server:
        told = [server.stdout.readline() for _ in range(lines)]
        os.kill(server.pid, signal.SIGKILL)
        told += server.stdout.read().splitlines()
    opened = {line.split()[2]: line.split()[3] for line in told if line.startswith("opened")}
    acted = {tuple(map(_number, line.split()[1:])) for line in told if line.startswith("acted")}
    ended = {line.split()[1] for line in told if line.startswith("ended")}
    assert opened

    async def body():
        async with live_at(tmp_path) as live:
            for live_id, token in opened.items():
                stored = {(live_id, one.turn, one.what) for one in await live.turns(live_id) if one.seat == 0}
                assert {one for one in acted if one[0] == live_id} <= stored
                assert (live_id not in ended) or (await live.observe(live_id)).state == "completed"
                assert (await play_out(live, live_id, token)).state == "completed"
            for one in await live.listed():
                if one.position.state == "active":  # opened, but its opener was not told: nobody can play it
                    await live.close(one.id)
            return [one.run for one in await live.listed(state="completed")]

    runs = awaited(body())
    with Store(tmp_path / "arena.db", create=False) as store:
        assert sorted(number >> 40 for (number,) in store.iterate("select id from match")) == sorted(runs)
        assert {store.run(run)["state"] for run in runs} == {"done"}
        assert store.rows("select run, sum(matches) n from tally group by run having n != 2") == []
    check_replays(tmp_path)


def _number(word):
    return int(word) if re.fullmatch(r"\d+", word) else word


def test_a_contained_agent_knows_after_a_kill_what_it_knew(tmp_path):
    (tmp_path / "counting.py").write_text(COUNTING)
    with served(tmp_path, [str(tmp_path / "counting.py")]) as server:
        _, _, live_id, token = server.stdout.readline().split()
        for _ in range(3):
            assert server.stdout.readline().startswith("acted")
        os.kill(server.pid, signal.SIGKILL)
        server.stdout.read()

    async def body():
        async with live_at(tmp_path) as live:
            end = await play_out(live, live_id, token)
            assert end.state == "completed"
            return (await live.show(live_id)).run, await live.turns(live_id)

    run, turns = awaited(body())
    mine = [one.turn for one in turns if one.seat == 1]
    with Store(tmp_path / "arena.db", create=False) as store:
        (log,) = store.logs(run, 0)
    assert log["text"].splitlines()[-1] == f"asked in turns {mine}"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_match_is_stored_once_when_killed_around_its_storing(tmp_path, moment):
    """As a kill leaves it: the run's match is stored, or not yet, and the live match still goes on."""

    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            await play_out(live, opened.id, opened.seats[0].token)
            return opened.id

    async def again(live_id):
        async with live_at(tmp_path) as live:
            return await asked(live, live_id, None, 99)

    live_id = awaited(body())
    db = sqlite3.connect(tmp_path / "arena.db")
    db.execute("update live set state = 'active', result = null, ended = null")
    db.execute("update run set state = 'running', ended = null")
    if moment == "before":
        for table in ("match", "tally", "rating", "rating_state", "pair_count", "rating_history"):
            db.execute(f"delete from {table}")
    db.commit()
    db.close()
    assert awaited(again(live_id)).state == "completed"
    with Store(tmp_path / "arena.db", create=False) as store:
        assert len(store.rows("select id from match")) == 1
        assert store.run(1)["state"] == "done"
        assert [row["matches"] for row in store.rows("select * from tally")] == [1, 1]
    check_replays(tmp_path)


def test_an_action_that_cannot_be_stored_is_told_to_nobody_and_the_match_goes_on(tmp_path):
    def change(sql):
        with contextlib.closing(sqlite3.connect(tmp_path / "arena.db")) as db:
            db.execute(sql)
            db.commit()

    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            token = opened.seats[0].token
            await asked(live, opened.id, token)
            change("create trigger full before insert on live_action begin select raise(abort, 'no room'); end")
            feed = await live.subscribe(opened.id)
            with pytest.raises(sqlite3.IntegrityError, match="no room"):
                await live.act(opened.id, token, 4, action_id="a")
            assert await live.turns(opened.id) == []
            change("drop trigger full")
            await asked(live, opened.id, token)
            assert (await live.act(opened.id, token, 0, action_id="a")).accepted
            end = await play_out(live, opened.id, token)
            seen = [position async for position in feed]
            assert [one.last for one in seen if one.turn == 1] == [{0: "a1"}]
            return end

    assert awaited(body()).state == "completed"
    check_replays(tmp_path)


def test_old_matches_are_forgotten_and_what_they_became_stays(tmp_path):
    async def body():
        async with live_at(tmp_path) as live:
            opened = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            await play_out(live, opened.id, opened.seats[0].token)
            going_on = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
            assert await live.forget(3600) == 0
            assert await live.forget(0) == 1
            assert [one.id for one in await live.listed()] == [going_on.id]
            with refused(Why.UNKNOWN):
                await live.observe(opened.id)

    awaited(body())
    with Store(tmp_path / "arena.db", create=False) as store:
        assert len(store.rows("select id from match")) == 1
        runs = {
            row["run"]
            for name in ("live", "live_token", "live_action")
            for row in store.rows(f"select run from {name}")
        }
        assert runs == {2}
