"""Episodes after a sudden death: of the server, or of the processes that play; and what is not used any more."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from evalengine_gertlabs.api import Api
from evalengine_gertlabs.owners import Asker
from evalengine_gertlabs.rollouts import hall, lives, plans
from evalengine_gertlabs.rollouts.hall import Hall
from evalengine_gertlabs.rollouts.runs import Runs
from evalengine_gertlabs.rollouts.settings import Asked
from evalengine_gertlabs.tables import TABLES
from gertlabs import ConflictError, NotFoundError, rollouts
from served import Served, until

from evalengine import wire
from evalengine.plugins import Plugins
from evalengine.web.house import Server
from evalengine.web.keys import Key


def first(observation, _seat=None):
    return [{"action": observation["_action_space"][0]}]


def seen(client, run_id, episodes):
    """Return what is shown when each is stepped by an action that its own results name."""
    shown = [one["observations"][one["on_turn_seats"][0]] for one in episodes]
    steps = [
        {"episode_id": one["episode_id"], "action": first(seen)} for one, seen in zip(episodes, shown, strict=True)
    ]
    return client.rollout_runs.step_batch(run_id, steps)


def restarted(served):
    """Kill a server, and start another on what it left, where clients still look for it."""
    served.kill()
    return Served(served.folder, "--rate", "0", "--port", str(served.port))


def test_a_killed_server_goes_on_with_every_episode(tmp_path):
    served = Served(tmp_path, "--rate", "0")
    try:
        with served.client() as client:
            run_id = client.rollout_runs.open(max_episodes=50)["run_id"]
            market = client.rollout_runs.reset(run_id, game="market_simulator", seed=1)["episode_id"]
            actions = {"p0": [{"good": "grain", "side": "buy", "quantity": 2, "price": 80}], "p1": []}
            for tick in range(3):
                last = client.rollout_runs.step(run_id, market, actions=actions, expected_tick=tick)
            forks = client.rollout_runs.fork_batch(run_id, market, 4, op_key="four")
            league = client.rollout_runs.reset(run_id, game="connect4", opponent_seats=1, seed=4)
            fought = client.rollout_runs.step(run_id, league["episode_id"], 3, expected_tick=league["tick"])
            over = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
            lost = client.rollout_runs.step(run_id, over, "I resign", expected_tick=0)
            closed = client.rollout_runs.reset(run_id, game="tictactoe")["episode_id"]
            client.rollout_runs.close_episode(run_id, closed)

            served = restarted(served)
            assert client.rollout_runs.step(run_id, market, actions=actions, expected_tick=2) == last
            assert client.rollout_runs.step(run_id, over, "I resign", expected_tick=0) == lost
            assert client.rollout_runs.step(run_id, league["episode_id"], 3, expected_tick=league["tick"]) == fought
            assert client.rollout_runs.fork_batch(run_id, market, 4, op_key="four") == forks
            ticks = {
                one["episode_id"]: client.rollout_runs.get_episode(run_id, one["episode_id"])["tick"] for one in forks
            }
            assert set(ticks.values()) == {3}
            with pytest.raises(NotFoundError):
                client.rollout_runs.step(run_id, closed, 1)
            with pytest.raises(ConflictError) as told:
                client.rollout_runs.step(run_id, market, actions=actions, expected_tick=1)
            assert told.value.code == "STEP_CONFLICT"
            assert client.rollout_runs.step(run_id, market, actions=actions, expected_tick=3)["tick"] == 4
            ended = client.rollout_runs.step(run_id, league["episode_id"], "I resign", expected_tick=fought["tick"])
            assert ended["done"]
            closed = client.rollout_runs.close(run_id)
            assert (closed["episodes_used"], closed["ticks_used"]) == (8, 4 + ended["tick"] + 1)
    finally:
        served.end()


def test_a_loop_survives_a_kill_in_its_middle(tmp_path):
    served = Served(tmp_path, "--rate", "0")
    try:
        with served.client() as client:
            run_id = client.rollout_runs.open(max_episodes=1)["run_id"]
            asked = []

            def act(observation, seat):
                nonlocal served
                asked.append(seat)
                if len(asked) == 6:
                    served = restarted(served)
                return first(observation)

            found = rollouts.run_episode(client, run_id, game="connect4", act_fn=act, seed=1)
            assert len(found["steps"]) == len(asked) > 6
            assert found["completion_reason"] == "game_complete"
            assert sum(step["rewards"]["p0"] for step in found["steps"]) == found["score"]
    finally:
        served.end()


def kernels(parent):
    """Return the processes of a server that play episodes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"\nPPid:\t{parent}\n" in (folder / "status").read_text()
            if mine and b"rollouts.kernel" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_episodes_go_on_when_the_processes_that_play_them_die(tmp_path):
    with Served(tmp_path, "--rate", "0") as served, served.client() as client:
        run_id = client.rollout_runs.open(max_episodes=50)["run_id"]
        episodes = [client.rollout_runs.reset(run_id, game="connect4", opponent_seats=k % 2) for k in range(8)]
        stepped = seen(client, run_id, episodes)
        before = kernels(served.process.pid)
        assert len(before) > 1
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        again = seen(client, run_id, stepped)
        assert all(one["ok"] for one in again)
        assert [one["tick"] for one in again] == [one["tick"] + 1 + k % 2 for k, one in enumerate(stepped)]
        for pid in kernels(served.process.pid):
            os.kill(pid, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)
        fork = client.rollout_runs.fork(run_id, episodes[0]["episode_id"])
        assert fork["tick"] == again[0]["tick"]
    until(lambda: not kernels(served.process.pid), "the processes end with the server")


def test_a_server_that_is_told_to_end_leaves_nothing_behind(tmp_path):
    with Served(tmp_path, "--rate", "0") as served:
        with served.client() as client:
            run_id = client.rollout_runs.open(max_episodes=2)["run_id"]
            client.rollout_runs.reset(run_id, game="tictactoe")
            pids = kernels(served.process.pid)
        served.end()
        assert served.process.returncode == 0
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the processes end with the server")
        assert "Traceback" not in served.log


# ------------------------------------------------------------------------------------- in time


def within(tmp_path, body):
    async def living():
        server = Server(tmp_path / "arena.db", Plugins(["no:chess"]))
        async with server.living():
            api = Api(server)
            await server.call(server.rows.together, TABLES.make)
            made = Hall(api)
            await made.start()
            try:
                await body(server, made)
            finally:
                await made.stop()

    asyncio.run(asyncio.wait_for(living(), 60))


RUN = {"no": 1, "id": "run_1", "owner": "key-1"}
WHO = Asker(Key(number=1, name="one", scopes=frozenset({"play"}), created=0.0), "key-1")


def opened(server):
    rest = "'active', 0, 9e9, null, 9, 0, 9, 0, 0, 0.1, 0.1, null"
    server.rows.change(f"insert into gert_rollout_run values (1, 'run_1', 'key-1', {rest})")


def planned():
    return plans.Plan("tictactoe", "tictactoe", {}, "1", 2, 1, 0, [0, 1], {}, (0, 1), {}, {})


def test_idle_episodes_are_closed_and_what_has_ended_is_forgotten(tmp_path, monkeypatch):
    async def body(server, made):
        opened(server)
        await made.begin(RUN, [planned(), planned()])
        idle, used = made.lives
        await made.step([(idle, Asked(idle.id, 4, None, None, b""))])
        idle.used -= hall.IDLE_S + 1
        await made.close_idle()
        assert (idle.open, used.open) == (False, True)
        assert server.rows.read("select ticks_used from gert_rollout_run")[0][0] == 1
        await made.forget()
        assert server.rows.read("select count(*) from gert_episode_step")[0][0] == 0
        assert server.rows.read("select count(*) from gert_episode")[0][0] == 2
        turns = wire.pack_turns(([4, 0], [0, 1], []))
        forks = [plans.forked(planned(), used.id, 2, turns, sample, fresh=True) for sample in range(3)]
        await made.begin(RUN, forks)
        assert server.rows.read("select turns from gert_snapshot")[0][0] == turns
        assert server.rows.read("select count(*) from gert_snapshot")[0][0] == 1
        await made.close_all(1)
        monkeypatch.setattr(hall, "REMEMBERED_S", -1.0)
        await made.forget()
        assert [server.rows.read(f"select count(*) from gert_{one}")[0][0] for one in ("episode", "snapshot")] == [0, 0]

    within(tmp_path, body)


def test_a_run_ends_with_its_time(tmp_path):
    async def body(server, made):
        opened(server)
        await made.begin(RUN, [planned()])
        runs = Runs(made._api, made.close_all)
        await runs.end_expired()
        assert [live.open for live in made.lives] == [True]
        server.rows.change("update gert_rollout_run set expires = 1")
        with pytest.raises(Exception, match="closed") as told:
            await runs.active(WHO, "run_1")
        assert told.value.code == "RUN_CLOSED"
        await runs.end_expired()
        assert list(made.lives) == []
        assert server.rows.read("select state from gert_rollout_run")[0][0] == "closed"

    within(tmp_path, body)


def test_there_are_so_many_episodes_at_once(tmp_path, monkeypatch):
    async def body(server, made):
        opened(server)
        for most, code in (("MOST_OF_ONE", "EPISODE_LIMIT"), ("MOST_LIVE", "HOST_AT_CAPACITY")):
            monkeypatch.setattr(lives, most, 1)
            with pytest.raises(Exception, match=r"1 live episodes|plays 1 episodes") as told:
                await made.begin(RUN, [planned(), planned()])
            assert told.value.code == code
            monkeypatch.undo()
        assert server.rows.read("select episodes_used from gert_rollout_run")[0][0] == 0

    within(tmp_path, body)


def test_a_process_that_hangs_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(hall, "SILENT_S", 2.0)

    async def body(server, made):
        opened(server)
        await made.begin(RUN, [planned()])
        (live,) = made.lives
        await made.step([(live, Asked(live.id, 4, None, 0, b"1"))])
        (pid,) = kernels(os.getpid())
        os.kill(pid, signal.SIGSTOP)
        (done,) = await made.step([(live, Asked(live.id, 0, None, 1, b"2"))])
        assert done.tick == 2
        assert pid not in kernels(os.getpid())

    within(tmp_path, body)


def test_what_cannot_be_stored_has_not_happened(tmp_path, monkeypatch):
    async def body(server, made):
        opened(server)
        await made.begin(RUN, [planned()])
        (live,) = made.lives
        asked = Asked(live.id, 4, None, 0, b"digest")

        async def full(_):
            msg = "full"
            raise OSError(msg)

        monkeypatch.setattr(made._scribe, "store", full)
        with pytest.raises(OSError, match="full"):
            await made.step([(live, asked)])
        monkeypatch.undo()
        (done,) = await made.step([(live, asked)])
        assert (done.tick, live.tick) == (1, 1)
        assert done.turns

    within(tmp_path, body)


def test_a_replay_expires(tmp_path, monkeypatch):
    monkeypatch.setattr("evalengine_gertlabs.rollouts.forks.REPLAYED_S", -1.0)
    from evalengine_gertlabs.rollouts.forks import Forks

    async def body(server, made):
        forks = Forks(made._api, None, made)
        server.rows.change("insert into gert_fork values ('ep_1', 'old', 2, 'done', x'00', 0)")
        server.rows.change("insert into gert_fork values ('ep_1', 'bad', 2, 'failed', x'00', 0)")
        for key, code in (("old", "REPLAY_EXPIRED"), ("bad", "OP_FAILED")):
            with pytest.raises(Exception, match="op_key") as told:
                await forks._known("ep_1", key, 2)
            assert told.value.code == code

    within(tmp_path, body)
