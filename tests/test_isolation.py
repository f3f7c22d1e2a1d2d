"""Agents that are kept over a run: results as of fresh ones, many matches at the same time, no fault misjudged."""

import subprocess
import sys
from collections import Counter
from textwrap import dedent

import pytest
from runs import snapshot

import evalengine
from evalengine import Limits, MatchSpec
from evalengine.model import Orders
from evalengine.planning import find_agent
from evalengine.plugins import Plugins
from evalengine.worker import Worker

PLUGINS = Plugins()
SEED = 1 << 50
LUCKY = """
    import random

    def act(observation):
        return random.choice(observation.legal)
"""


def write(path, source):
    path.write_text(dedent(source).lstrip("\n"))
    return str(path)


def play(folder, *refs, isolation="run", n=40, game="tictactoe", config=None, **limits):
    """Return the results of `n` matches between agents given by seat as references, played by one worker."""
    bundled = PLUGINS.agents()
    agents = [snapshot(find_agent(ref, PLUGINS, bundled), folder / "kept") for ref in refs]
    games = ((PLUGINS.games()[game], config or {}),)
    worker = Worker(Orders(games=games, agents=tuple(agents), limits=Limits(**limits), isolation=isolation))
    specs = [MatchSpec(number, 0, number, SEED + number, tuple(range(len(refs)))) for number in range(n)]
    try:
        return worker.play_all(specs, lambda: False)
    finally:
        worker.close()


def outcome(row):
    """Return what of a result does not depend on the clock."""
    faults = [(turn, seat, fault[0]) for turn, seat, fault in row.faults]
    # The turns as stored hold the faults' texts, which tell times.
    turns = row.turns if faults else row.actions
    return row.match_no, row.scores, row.places, row.termination, turns, row.infos, faults, row.error


def both(folder, *refs, **fields):
    """Return the results with kept agents, having checked that fresh ones play the same."""
    kept, fresh = (play(folder, *refs, isolation=isolation, **fields) for isolation in ("run", "match"))
    assert list(map(outcome, kept)) == list(map(outcome, fresh))
    return kept


def test_the_global_generators_are_those_of_each_match(tmp_path):
    source = """
        import random
        from random import choice, gauss, seed

        def act(observation):
            random.shuffle(list(observation.legal))
            if gauss(0, 1) > 0:
                seed(observation.turn)
            return choice(observation.legal)
    """
    played = both(tmp_path, write(tmp_path / "lucky.py", source), write(tmp_path / "other.py", LUCKY), n=30)
    assert len({row.actions for row in played}) > 20


@pytest.mark.parametrize("late", [False, True], ids=["imported at first", "imported in a turn"])
def test_numpys_generator_is_that_of_each_match(tmp_path, late):
    pytest.importorskip("numpy")
    source = f"""
        {"" if late else "import numpy"}

        def act(observation):
            import numpy
            numpy.random.normal()  # of whose two numbers the second waits for the next call
            return int(numpy.random.choice(observation.legal))
    """
    played = both(tmp_path, write(tmp_path / "lucky.py", source), "first", n=12, memory_mib=2048)
    assert len({row.actions for row in played}) > 8


def test_an_instance_for_each_match_and_all_that_it_is_told(tmp_path):
    source = """
        from typing import NamedTuple

        class Answer(NamedTuple):
            action: int
            info: object

        class Agent:
            def start(self, info):
                self.info, self.turns = info, 0

            def act(self, observation):
                self.turns += 1
                told = {"turn": self.turns, "seed": self.info["seed"], "seats": self.info["seats"]}
                return Answer(self.info.rng.choice(observation.legal), {**told, "clock": observation.clock_s})

            def end(self, result):
                assert result["places"]
    """
    played = both(tmp_path, write(tmp_path / "told.py", source), "first", n=20)
    assert all(row.infos for row in played)


@pytest.mark.parametrize(
    ("game", "config", "seats"),
    [("rps", {}, 2), ("leduc_poker", {}, 2), ("tron", {}, 2), ("prisoners_dilemma", {}, 2), ("connect4", {}, 2)],
)
def test_every_kind_of_game(tmp_path, game, config, seats):
    names = [write(tmp_path / f"bot{seat}.py", LUCKY) for seat in range(seats)]
    assert len(both(tmp_path, *names, game=game, config=config, n=12)) == 12


def test_with_agents_in_the_workers_process_and_programs(tmp_path):
    program = write(
        tmp_path / "program.py",
        """
        import json, sys

        for line in sys.stdin:
            asked = json.loads(line)
            if asked.get("type") == "act" or "legal" in asked:
                print(json.dumps({"action": asked["legal"][-1]}), flush=True)
            elif asked.get("type") == "start" or "game" in asked:
                pass
        """,
    )
    bot = write(tmp_path / "bot.py", LUCKY)
    both(tmp_path, bot, "first", n=12)
    both(tmp_path, bot, f"cmd:{sys.executable} {program}", n=4)


FAULTS = {
    "an exit": "os._exit(3)",
    "an exception": "raise ValueError('no')",
    "an illegal action": "return 77",
    "a value that cannot be packed": "return object()",
    "a forged frame": "os.write(3, b'x' * 100)",
    "memory": "return bytes(1 << 40)",
    "an endless loop": "[None for _ in iter(int, 1)]",
}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=[pytest.mark.slow] if "loop" in what else []) for what in FAULTS]
)
def test_only_the_match_of_a_fault_is_forfeited(tmp_path, what):
    limits = {"turn_s": 0.3} if "loop" in what else {}
    source = f"""
        import os
        import random

        seen = 0

        class Agent:
            def start(self, info):
                self.bad = info["seed"] % 9 == 0

            def act(self, observation):
                if self.bad and observation.turn > 1: {FAULTS[what]}
                return random.choice(observation.legal)
    """
    bot = write(tmp_path / "bot.py", source)
    played = both(tmp_path, bot, write(tmp_path / "other.py", LUCKY), n=48, **limits)
    faulty = [row for row in played if row.faults]
    assert 0 < len(faulty) < 24
    assert all(seat == 0 for row in faulty for _, seat, _ in row.faults)


def test_what_heaps_up_over_matches_is_no_fault(tmp_path):
    source = """
        heap = []

        def act(observation):
            heap.append(bytes(4 << 20))
            return observation.legal[0]
    """
    played = play(tmp_path, write(tmp_path / "leaks.py", source), "first", n=60, memory_mib=128)
    assert not any(row.faults or row.error for row in played)


def test_an_agent_that_cannot_be_imported_fails_as_a_fresh_one(tmp_path):
    played = both(
        tmp_path, write(tmp_path / "broken.py", "import nowhere\n\ndef act(observation):\n    return 0\n"), "first", n=6
    )
    assert {row.faults[0][2][0] for row in played} == {"crash"}
    assert "nowhere" in played[0].faults[0][2][1]


def test_what_is_written_belongs_to_its_match(tmp_path):
    source = """
        import sys

        class Agent:
            def start(self, info):
                self.seed = info["seed"]

            def act(self, observation):
                print("out", self.seed, observation.turn)
                print("error", self.seed, file=sys.stderr)
                return observation.legal[0]
    """
    kept, fresh = (
        play(tmp_path, write(tmp_path / "chatty.py", source), "first", n=20, isolation=isolation)
        for isolation in ("run", "match")
    )
    assert [row.logs for row in kept] == [row.logs for row in fresh]
    assert kept[0].logs
    assert play(tmp_path, str(tmp_path / "chatty.py"), "first", n=3, log_kib=0)[0].logs == ()


def test_many_matches_are_in_flight_on_one_process(tmp_path):
    source = """
        import os

        live = set()

        class Agent:
            def start(self, info):
                live.add(info["seed"])

            def act(self, observation):
                print(os.getpid(), len(live))
                return observation.legal[0]

            def end(self, result):
                pass
    """
    played = play(tmp_path, write(tmp_path / "bot.py", source), "first", n=40)
    said = [text.split() for row in played for _, _, text in row.logs]
    assert len({words[0] for words in said}) == 1
    assert max(int(words[-1]) for words in said) >= 40


def test_seats_of_one_agent_are_processes_of_their_own(tmp_path):
    source = """
        import os

        def act(observation):
            print(os.getpid())
            return observation.legal[0]
    """
    bot = write(tmp_path / "bot.py", source)
    agents = (snapshot(find_agent(bot, PLUGINS, PLUGINS.agents()), tmp_path / "kept"),)
    worker = Worker(
        Orders(games=((PLUGINS.games()["tictactoe"], {}),), agents=agents, limits=Limits(), isolation="run")
    )
    try:
        (row,) = worker.play_all([MatchSpec(0, 0, 0, SEED, (0, 0))], lambda: False)
    finally:
        worker.close()
    numbers = {seat: set(text.split()) for seat, _, text in row.logs}
    assert len(numbers[0]) == len(numbers[1]) == 1
    assert numbers[0] != numbers[1]


def test_a_match_that_counts_its_time_is_played_by_fresh_agents(tmp_path):
    source = """
        import os

        def act(observation):
            print(os.getpid())
            return observation.legal[0]
    """
    played = play(tmp_path, write(tmp_path / "bot.py", source), "first", n=4, match_s=5.0)
    assert len({text.split()[0] for row in played for _, _, text in row.logs}) == 4


def test_a_game_that_breaks_voids_its_match_only(tmp_path):
    from evalengine import GameSpec

    folder = tmp_path / "games"
    folder.mkdir()
    write(
        folder / "frail.py",
        """
        from evalengine import Game, State

        class Frail(Game):
            def initial(self, seats, rng):
                return Position(rng.randrange(6))

        class Position(State):
            def __init__(self, bad):
                self.bad, self.turn = bad, 0

            def to_move(self):
                return (self.turn % 2,) if self.turn < 6 else ()

            def legal(self, seat):
                return [0, 1]

            def view(self, seat):
                if self.turn == self.bad:
                    raise ValueError("no view")
                return self.turn

            def apply(self, actions, rng):
                self.turn += 1
                return self

            def scores(self):
                return (0.0, 0.0)
        """,
    )
    sys.path.insert(0, str(folder))
    try:
        spec = GameSpec(name="frail", version="1", doc="Breaks.", factory="frail:Frail", max_turns=9, chance=True)
        bundled = PLUGINS.agents()
        refs = [write(tmp_path / f"{name}.py", LUCKY) for name in ("a", "b")]
        agents = tuple(snapshot(find_agent(ref, PLUGINS, bundled), tmp_path / "kept") for ref in refs)
        specs = [MatchSpec(number, 0, number, SEED + number, (0, 1)) for number in range(30)]
        rows = {}
        for isolation in ("run", "match"):
            worker = Worker(Orders(games=((spec, {}),), agents=agents, limits=Limits(), isolation=isolation))
            try:
                rows[isolation] = [(row.termination, row.actions) for row in worker.play_all(specs, lambda: False)]
            finally:
                worker.close()
        assert rows["run"] == rows["match"]
        assert Counter(termination for termination, _ in rows["run"])["void"] == 30
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_of_kept_agents_ends_as_one_of_fresh_ones(tmp_path, workers):
    bots = [write(tmp_path / f"{name}.py", LUCKY) for name in ("one", "two", "three")]
    runs = [
        evalengine.run("tictactoe or connect4", bots, n=60, seed=7, db=tmp_path / f"{isolation}.db", workers=workers,
                       isolation=isolation)
        for isolation in ("run", "match")
    ]  # fmt: skip
    assert runs[0].standings == runs[1].standings


def command(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "evalengine", *words], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_command_line_says_so_and_stores_it(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.py", LUCKY)
    ran = command(tmp_path, "run", "a.py", "b.py", "--games", "tictactoe", "-n", "8", "--isolation", "run")
    assert ran.returncode == 0, ran.stderr
    assert "isolation: run; agents' processes are kept over its matches" in ran.stdout + ran.stderr
    again = command(tmp_path, "run", "--resume", "--isolation", "match")
    assert again.returncode == 4
    assert "--isolation" in again.stderr
    wrong = command(tmp_path, "run", "a.py", "--games", "tictactoe", "--isolation", "turn")
    assert wrong.returncode == 4, wrong
    with pytest.raises(evalengine.UsageError, match="isolation must be one of match, run"):
        evalengine.run("tictactoe", n=2, isolation="turn", db=tmp_path / "x.db")
