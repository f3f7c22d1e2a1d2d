"""Workers that die, hang, stop or print; games and agents that fail. With real processes."""

import json
import os
import signal
import time
from pathlib import Path
from textwrap import dedent

import msgpack
import pytest
from runs import Place, until

from evalengine import AgentSpec, GameSpec, Limits, MatchSpec
from evalengine.errors import StopError
from evalengine.model import Orders
from evalengine.scheduler import BATCH_S, Scheduler

# A game of six turns in which an action makes the game, and so its worker, do what games should not.
TRAP = dedent(
    '''
    import os
    import sys
    import time
    from pathlib import Path

    from evalengine import AgentSpec, Answer, Game, GameSpec, State, hookimpl

    print("the game is imported")
    WORDS = ["go", "exit", "exit once", "fork once", "sleep once", "apply", "sys.exit", "view", "legal", "scores"]
    WORDS += ["surrogate"]


    class Trap(Game):
        def __init__(self, folder):
            self.folder = folder
            print("the game is made")

        def initial(self, seats, rng):
            return Position(Path(self.folder), "go", 0)


    class Position(State):
        def __init__(self, folder, word, turn):
            self.folder, self.word, self.turn = folder, word, turn

        def to_move(self):
            return () if self.turn == 6 else (self.turn % 2,)

        def view(self, seat):
            if self.word == "view":
                raise ValueError("no view")
            return {"turn": self.turn}

        def legal(self, seat):
            if self.word == "legal":
                raise ValueError("no legal")
            return WORDS

        def apply(self, actions, rng):
            (word,) = actions.values()
            first = self.first() if word.endswith("once") else True
            print("the game prints", flush=True)
            if word == "fork once" and first and os.fork() == 0:
                os.setsid()
                time.sleep(1000)
            if word.startswith(("exit", "fork")) and first:
                os._exit(7)
            if word.startswith("sleep") and first:
                time.sleep(1000)
            if word == "apply":
                raise ValueError("no apply")
            if word == "surrogate":
                raise ValueError("half a character: \\udc80")
            if word == "sys.exit":
                sys.exit("no more")
            return Position(self.folder, word, self.turn + 1)

        def first(self):
            try:
                (self.folder / "once").touch(exist_ok=False)
            except FileExistsError:
                return False
            return True

        def scores(self):
            if self.word == "scores":
                raise ValueError("no scores")
            return (1.0, -1.0)


    class Say:
        """Goes on in its first turn; in its second it says its word."""

        def __init__(self, word):
            self.word = word

        def act(self, observation):
            print("the agent prints")
            if self.word == "agent exits":
                sys.exit("the agent has enough")
            if self.word == "agent info":
                return Answer("go", {"object": object(), "text": "\\udc80"})
            if self.word == "agent surrogate":
                raise ValueError("half a character: \\udc80")
            observation.view  # an agent that looks before it acts
            return self.word if observation.turn > 1 and not self.word.startswith("agent") else "go"

        def end(self, result):
            if self.word == "agent ends":
                raise ValueError("not to the end")


    def slow(observation):
        time.sleep(0.02)
        return "go"


    @hookimpl
    def evalengine_games():
        spec = GameSpec(
            name="trap", version="1", doc="A game that fails on demand.", factory="trap:Trap", max_turns=10,
            config={"folder": {"type": "string", "default": "."}},
        )
        return [spec]


    @hookimpl
    def evalengine_agents():
        words = [*WORDS, "agent exits", "agent info", "agent ends", "agent surrogate"]
        return [
            AgentSpec(name=word.replace(" ", "-").replace(".", "-"), factory="trap:Say", config={}, parameters={
                "word": {"type": "string", "default": word},
            })
            for word in words
        ]
    '''
)
GAME = GameSpec(
    name="trap",
    version="1",
    doc="",
    factory="trap:Trap",
    max_turns=10,
    config={"folder": {"type": "string", "default": "."}},
)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "run")
    (made.folder / "trap.py").write_text(TRAP)
    yield made
    made.close()


def orders(place, *words):
    agents = [AgentSpec(name=word, factory="trap:Say", config={"word": word}) for word in ("go", *words)]
    return Orders(
        games=((GAME, {"folder": str(place.folder)}),),
        agents=(*agents, AgentSpec(name="slow", factory="trap:slow")),
        limits=Limits(),
        sys_path=(str(place.folder),),
    )


def specs(*bad, n=12, good=0):
    """Return n matches of agent `good` against itself, but those in `bad` against agent 1."""
    return [MatchSpec(number, 0, number, 1000 + number, (good, 1 if number in bad else good)) for number in range(n)]


class Heard:
    """What a scheduler yields, checked: each match once."""

    def __init__(self):
        self.rows = {}
        self.sizes = []
        self.lost = []

    def take(self, done):
        played, rows, worker = done
        assert [spec.match_no for spec in played] == [row.match_no for row in rows]
        for row in rows:
            assert row.match_no not in self.rows
            self.rows[row.match_no] = row
        if rows:
            self.sizes.append((worker, len(rows)))

    @property
    def endings(self):
        return {number: row.termination for number, row in sorted(self.rows.items())}

    def voids(self):
        return {number for number, row in self.rows.items() if row.termination == "void"}


def play(place, given, matches, workers=2, *, hung_s=60.0, between=lambda _scheduler: None):
    heard = Heard()
    with Scheduler(given, workers, hung_s=hung_s, worker_lost=lambda *lost: heard.lost.append(lost)) as scheduler:
        for done in scheduler.play(matches, len(matches)):
            heard.take(done)
            if heard.rows:
                between(scheduler)
    return heard


# -------------------------------------------------------------------------------- lost workers


@pytest.mark.parametrize("workers", [1, 3])
def test_matches_of_a_worker_that_dies_are_played_elsewhere_once_each(place, workers):
    heard = play(place, orders(place, "exit once"), specs(5), workers)
    assert heard.endings == dict.fromkeys(range(12), "rules")
    assert [reason for _, reason in heard.lost] == ["exit status 7"]


def test_a_match_that_alone_kills_three_workers_is_void_and_named_and_the_others_are_played(place):
    heard = play(place, orders(place, "exit"), specs(0, 7, n=30))
    assert heard.voids() == {0, 7}
    assert sorted(heard.rows) == list(range(30))
    assert "ended 3 workers" in heard.rows[7].error
    assert len(heard.lost) >= 6


def test_a_death_counts_only_against_a_match_that_was_alone(place):
    heard = play(place, orders(place, "exit"), specs(3, n=40), workers=1)
    assert heard.voids() == {3}


def test_a_hung_worker_is_replaced(place):
    began = time.monotonic()
    heard = play(place, orders(place, "sleep once"), specs(5), hung_s=1.0)
    assert heard.endings == dict.fromkeys(range(12), "rules")
    assert [reason for _, reason in heard.lost] == ["no turn ended in time"]
    assert time.monotonic() - began > 1.0


def test_a_stopped_worker_is_replaced(place):
    stopped = []

    def stop(scheduler):
        if not stopped:
            stopped.extend(_children(_launcher_of(scheduler))[:1])
            os.kill(stopped[0], signal.SIGSTOP)

    heard = play(place, orders(place), specs(n=16, good=1), hung_s=1.0, between=stop)
    assert heard.endings == dict.fromkeys(range(16), "rules")
    assert [reason for _, reason in heard.lost] == ["no turn ended in time"]
    assert not Path(f"/proc/{stopped[0]}").exists()


def test_a_worker_that_does_not_get_ready_is_replaced(place):
    heard = Heard()
    with Scheduler(orders(place), 1, hung_s=1.0, worker_lost=lambda *lost: heard.lost.append(lost)) as scheduler:
        _stop_first(scheduler)
        for done in scheduler.play(specs(), 12):
            heard.take(done)
    assert sorted(heard.rows) == list(range(12))
    assert [reason for _, reason in heard.lost] == ["it did not get ready in time"]


def test_a_worker_that_gets_ready_when_all_is_played_is_stopped_like_the_others(place):
    heard = Heard()
    with Scheduler(orders(place), 2) as scheduler:
        late = _stop_first(scheduler)
        for done in scheduler.play(specs(), 12):
            heard.take(done)
        os.kill(late, signal.SIGCONT)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert sorted(heard.rows) == list(range(12))


def test_what_a_game_forked_neither_hides_the_death_of_its_worker_nor_outlives_the_run(place, monkeypatch):
    monkeypatch.chdir(place.folder)
    heard = play(place, orders(place, "fork once"), specs(5))
    assert heard.endings == dict.fromkeys(range(12), "rules")
    assert set(place.processes()) == {os.getpid()}


@pytest.mark.slow
def test_workers_are_not_taken_for_hung_while_nobody_listens(place):
    waited = []

    def wait(_scheduler):
        if not waited:
            waited.append(time.sleep(1.6))  # a disk that is slow, or a scheduler that was stopped

    heard = play(place, orders(place), specs(n=24, good=1), hung_s=1.0, between=wait)
    assert sorted(heard.rows) == list(range(24))
    assert heard.lost == []


def test_the_end_of_the_launcher_ends_the_run_and_leaves_nothing(place, monkeypatch):
    monkeypatch.chdir(place.folder)
    monkeypatch.setattr("tempfile.tempdir", str(place.temp))
    with pytest.raises(StopError, match="what was played is stored"):
        play(
            place,
            orders(place),
            specs(n=1000, good=1),
            between=lambda scheduler: os.kill(_launcher_of(scheduler), signal.SIGKILL),
        )
    until(lambda: set(place.processes()) == {os.getpid()}, 10)
    assert list(place.temp.iterdir()) == []


def test_a_temporary_folder_with_a_long_path_holds_no_socket(place, monkeypatch):
    long = place.folder / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert sorted(play(place, orders(place), specs()).rows) == list(range(12))


# ------------------------------------------------------------------------------------- batches


@pytest.mark.parametrize("workers", [1, 5])
@pytest.mark.parametrize("n", [1, 3])
def test_fewer_matches_than_workers(place, n, workers):
    assert sorted(play(place, orders(place), specs(n=n), workers).rows) == list(range(n))


def test_batches_grow_with_quick_matches_and_shrink_at_the_end(place):
    heard = play(place, orders(place), specs(n=3000))
    sizes = [size for _, size in heard.sizes]
    assert sizes[0] == 1
    assert max(sizes) > 8
    assert sizes[-1] < max(sizes) / 2
    assert {worker for worker, _ in heard.sizes} == {0, 1}


def test_long_matches_travel_alone(place):
    assert BATCH_S < 6 * 0.02
    heard = play(place, orders(place), specs(n=8, good=1))
    assert {size for _, size in heard.sizes} == {1}


def test_a_cancelled_run_ends_its_running_matches_and_begins_no_other(place):
    heard = play(
        place,
        orders(place),
        specs(n=1000, good=1),
        between=lambda scheduler: scheduler.cancelled or scheduler.cancel(within_s=20),
    )
    assert 0 < len(heard.rows) < 10
    assert set(heard.endings.values()) == {"rules"}


# --------------------------------------------------------------------- games and agents that fail


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("apply", "ValueError: no apply"),
        ("view", "ValueError: no view"),
        ("legal", "ValueError: no legal"),
        ("scores", "ValueError: no scores"),
        ("sys.exit", "SystemExit: no more"),
        ("surrogate", "half a character: \\udc80"),
    ],
)
def test_a_match_whose_game_fails_is_void_and_the_worker_lives(place, word, told):
    heard = play(place, orders(place, word), specs(2, 9))
    assert heard.voids() == {2, 9}
    assert sorted(heard.rows) == list(range(12))
    assert heard.lost == []
    line, _, traceback = heard.rows[9].error.partition("\n")
    assert told in line
    assert "trap.py" in traceback


def test_a_match_whose_view_fails_for_an_agent_from_outside_is_void(place):
    (place.folder / "out.py").write_text("def act(observation):\n    return 'go'\n")
    place.run("run", "out.py", "view", "--games", "./trap.py", "-n", "2", code=1)
    found = place.rows("select kind, detail, traceback from v_faults")
    assert [(kind, detail) for kind, detail, _ in found] == [
        ("void", "GameError: Position.view() failed: ValueError: no view")
    ] * 2
    assert "trap.py" in found[0][2]
    place.check_clean()


def test_sys_exit_in_a_trusted_agent_is_a_crash(place):
    heard = play(place, orders(place, "agent exits"), specs(4))
    ((turn, seat, (kind, detail, _)),) = heard.rows[4].faults
    assert (turn, seat, kind) == (1, 1, "crash")
    assert detail.startswith("SystemExit: the agent has enough")
    assert heard.rows[4].places == (1, 2)
    assert heard.lost == []


def test_what_a_trusted_agent_raises_need_not_be_text_that_can_be_stored(place):
    heard = play(place, orders(place, "agent surrogate"), specs(4))
    assert [kind for _, _, (kind, _, _) in heard.rows[4].faults] == ["crash"]
    assert heard.lost == []


def test_info_that_cannot_be_packed_is_kept_as_its_repr(place):
    heard = play(place, orders(place, "agent info"), specs(4))
    assert heard.rows[4].termination == "rules"
    infos = msgpack.unpackb(heard.rows[4].infos)
    assert [[turn, seat] for turn, seat, _ in infos] == [[1, 1], [3, 1], [5, 1]]
    assert all("<object object at" in info for _, _, info in infos)


def test_an_end_that_fails_changes_nothing_and_is_logged(place):
    heard = play(place, orders(place, "agent ends"), specs(4))
    assert heard.endings == dict.fromkeys(range(12), "rules")
    ((seat, stream, text),) = heard.rows[4].logs
    assert (seat, stream) == (1, "stderr")
    assert "not to the end" in text


# ----------------------------------------------------------------------- through the command line


def test_what_games_and_trusted_agents_print_does_not_mix_with_results(place):
    told = place.run("run", "go", "agent-info", "--games", "./trap.py", "-n", "20", "--format", "json")
    assert json.loads(told.stdout)["finished"] == 20
    assert "the game prints" in told.stderr
    assert "the agent prints" in told.stderr
    place.check_clean()


def test_voids_are_named_with_their_traceback_and_the_run_goes_on(place):
    told = place.run("run", "go", "apply", "exit", "--games", "./trap.py", "-n", "6", "--seed", "1", code=1)
    faults = place.rows("select match_no, kind, detail, traceback from v_faults order by match_no")
    assert {kind for _, kind, _, _ in faults} == {"void"}
    by_agents = dict(place.rows("select agents, termination from v_matches"))
    assert by_agents == {
        "go-vs-apply": "void",
        "apply-vs-go": "void",
        "go-vs-exit": "void",
        "exit-vs-go": "void",
        "apply-vs-exit": "void",
        "exit-vs-apply": "void",
    }
    assert any("ValueError: no apply" in traceback for _, _, _, traceback in faults)
    assert any("ended 3 workers" in detail for _, _, detail, _ in faults)
    assert "void" in told.stdout
    place.check_clean()


# ------------------------------------------------------------------------------------- helpers


def _launcher_of(scheduler):
    return scheduler._launcher._process.pid


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _stop_first(scheduler):
    """Stop the first worker when it exists, and before it can say that it is ready: it still has to import ZeroMQ."""
    first = until(lambda: _children(_launcher_of(scheduler)))[0]
    os.kill(first, signal.SIGSTOP)
    return first
