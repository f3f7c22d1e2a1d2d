"""Workers that die, hang, stop or print; games and agents that fail. With real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

import pytest
from runs import Place, ended, parent, until

from evalengine import AgentSpec, GameSpec, Limits, MatchSpec
from evalengine.errors import StopError
from evalengine.scheduler import BATCH_S, Scheduler
from evalengine.worker import Orders

# A game of four turns in which an action makes the game, and so its worker, do what games should not.
TRAP = dedent(
    '''
    import os
    import sys
    import time
    from pathlib import Path

    from evalengine import AgentSpec, Answer, Game, GameSpec, State, hookimpl

    print("the game is imported")
    WORDS = ["go", "exit", "exit once", "sleep", "sleep once", "apply", "sys.exit", "view", "legal", "scores", "surrogate"]


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
            return () if self.turn == 4 else (self.turn % 2,)

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
            if word.startswith("exit") and first:
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
            if self.word == "view":
                observation.view
            return self.word if observation.turn > 1 and not self.word.startswith("agent") else "go"

        def end(self, result):
            if self.word == "agent ends":
                raise ValueError("not to the end")


    def slow(observation):
        time.sleep(0.05)
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


def play(place, given, matches, workers=2, hung_s=60.0, between=lambda _scheduler: None):
    heard = Heard()
    with Scheduler(given, workers, hung_s=hung_s, worker_lost=lambda *lost: heard.lost.append(lost)) as scheduler:
        for done in scheduler.play(matches, len(matches)):
            heard.take(done)
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
    # Two of one batch: with four deaths none of the others is void.
    heard = play(place, orders(place, "exit"), specs(3, n=40), workers=1)
    assert heard.voids() == {3}


def test_a_hung_worker_is_replaced(place):
    began = time.monotonic()
    heard = play(place, orders(place, "sleep once"), specs(5), hung_s=1.5)
    assert heard.endings == dict.fromkeys(range(12), "rules")
    assert [reason for _, reason in heard.lost] == ["no turn ended in time"]
    assert time.monotonic() - began > 1.5


def test_a_stopped_worker_is_replaced(place):
    stopped = []

    def stop(scheduler):
        if not stopped:
            stopped.extend(_children(_launcher_of(scheduler))[:1])
            os.kill(stopped[0], signal.SIGSTOP)

    heard = play(place, orders(place), specs(n=60, good=1), hung_s=1.5, between=stop)
    assert heard.endings == dict.fromkeys(range(60), "rules")
    assert [reason for _, reason in heard.lost] == ["no turn ended in time"]
    assert not Path(f"/proc/{stopped[0]}").exists()


def test_a_worker_that_never_gets_ready_is_replaced(place):
    # The first import stops its worker, before it can say anything.
    (place.folder / "sitecustomize.py").write_text("")
    (place.folder / "pyzmq_gate.py").write_text("")
    given = orders(place)
    heard = Heard()
    with Scheduler(given, 2, hung_s=1.5, worker_lost=lambda *lost: heard.lost.append(lost)) as scheduler:
        first = until(lambda: _children(_launcher_of(scheduler)))[0]
        os.kill(first, signal.SIGSTOP)
        for done in scheduler.play(specs(n=40, good=1), 40):
            heard.take(done)
        until(lambda: _dead_or_ready(scheduler))
    assert sorted(heard.rows) == list(range(40))


def _dead_or_ready(scheduler):
    return True


def _launcher_of(scheduler):
    return scheduler._launcher._process.pid


def _children(pid):
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return sorted(child for child in found if parent(child) == pid)
