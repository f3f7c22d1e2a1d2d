"""Runs of several rounds, whose plan follows from results: the same for any number of workers and after any kill."""

import json
import os
import random
import signal
from textwrap import dedent

import pytest
from runs import Here, Place, ended, until

ROUNDS_MODULE = dedent(
    """
    from evalengine import Pairing, PluginSpec, derive, hookimpl, MatchSpec

    class Chain(Pairing):
        # Reads all that it is given: the leader of the board meets whom it met least.
        def sizes(self):
            return None

        def round(self, round_no, standings):
            return self._matches(round_no, standings) if round_no < 12 else None

        def _matches(self, round_no, standings):
            contest = self.plan.contests[0]
            first = standings.agents[0] if standings else contest.agents[0]
            met = {other: 0 for other in contest.agents if other != first}
            for (_, one, other), counts in standings.pairs.items():
                if first in (one, other):
                    met[one + other - first] += sum(counts)
            other = min(met, key=lambda agent: (met[agent], agent))
            rating = repr([line.rating for line in standings])
            for number in range(10):
                agents = (first, other) if number % 2 == 0 else (other, first)
                seed = derive(self.plan.seed, rating, number // 2)
                yield MatchSpec(number, 0, round_no * 5 + number // 2, seed, agents, contest.opening)

    @hookimpl
    def evalengine_pairings():
        return [PluginSpec(name="chain", factory="chain:Chain")]

    @hookimpl
    def evalengine_round_done(round_no, standings):
        with open("rounds.txt", "a") as file:
            best = standings[0] if standings else None
            counted = sum(map(sum, standings.pairs.values()))
            file.write(f"{round_no} {best.agent} {sum(line.matches for line in standings)} {counted}\\n")
    """
)
DROPS = dedent(
    """
    from evalengine import hookimpl

    @hookimpl
    def evalengine_modify_matches(matches):
        matches[:] = [spec for spec in matches if spec.rotation or spec.agents[0] < spec.agents[1]]
    """
)
AGENTS = ("random", "greedy", "again=random", "other=greedy", "fifth=random")
BASE = ("run", *AGENTS, "--games", "tictactoe or connect4", "--seed", "21")
PLANS = {
    "swiss": (*BASE, "--pairing", "swiss", "--rounds", "30"),
    "knockout": (*BASE, "--pairing", "knockout(replays=2)", "-n", "301"),
    "active": (*BASE, "--pairing", "active", "-n", "303"),
    "pfsp": (*BASE, "--pairing", "pfsp(learners=2, weighting=variance)", "-n", "300"),
    "contested": (*BASE, "--pairing", "contested(top=2)", "-n", "300"),
    "ladder": (*BASE, "--pairing", "ladder", "-n", "300"),
    "chain": (*BASE, "--pairing", "chain", "-p", "chain"),
    "chosen": (*BASE, "--pairing", "swiss", "--rounds", "30", "-k", "tictactoe and not fifth"),
    "dropped": (*BASE, "--pairing", "ladder", "-n", "300", "-p", "drops"),
}
SIZES = {"swiss": 240, "knockout": 301, "active": 303, "pfsp": 300, "contested": 300, "ladder": 300, "chain": 120}
JSON = ("--format", "json")
SLOW = pytest.mark.slow


def _place(folder):
    made = Place(folder)
    (made.folder / "chain.py").write_text(ROUNDS_MODULE)
    (made.folder / "drops.py").write_text(DROPS)
    return made


@pytest.fixture
def place(tmp_path):
    yield (made := _place(tmp_path / "run"))
    made.close()


@pytest.fixture
def here(tmp_path, capsys, monkeypatch):
    yield (made := Here(tmp_path / "run", capsys, monkeypatch))
    made.close()


def _environment(place, monkeypatch):
    monkeypatch.syspath_prepend(str(place.folder))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The outcome of a plan that nobody disturbed, played once for all tests."""
    known = {}

    def outcome(plan):
        if plan not in known:
            made = _place(tmp_path_factory.mktemp("undisturbed") / "run")
            with pytest.MonkeyPatch.context() as patch:
                _environment(made, patch)
                out = made.run(*PLANS[plan], *JSON, "--workers", "2").stdout
            known[plan] = made.outcome(out) | {"rounds": _rounds(made)}
            made.close()
        return known[plan]

    return outcome


def _rounds(place):
    return place.rows("select * from round order by round_no")


def _numbers(found):
    return [row[0] & ((1 << 40) - 1) for row in found["matches"]]


@pytest.mark.parametrize("plan", PLANS)
def test_rounds_are_numbered_without_a_gap_and_end_with_exactly_n(undisturbed, plan):
    found = undisturbed(plan)
    numbers = _numbers(found)
    if plan in SIZES:
        assert numbers == list(range(SIZES[plan]))
    firsts = [row[2] for row in found["rounds"]]
    assert len(firsts) > 3
    assert firsts == sorted(firsts)
    assert len(set(numbers)) == len(numbers) > 50
    if plan == "chosen":
        swiss = {row[0]: row[:5] for row in undisturbed("swiss")["matches"]}
        assert numbers != list(range(len(numbers)))
        # The first round is that of the whole tournament, under the same numbers.
        mine = [row for row in found["matches"] if row[0] & ((1 << 40) - 1) < firsts[0]]
        assert mine
        assert all(swiss[row[0]] == row[:5] for row in mine)
    if plan == "dropped":
        assert numbers == list(range(len(numbers)))
        assert len(numbers) < 300


@pytest.mark.parametrize(
    ("plan", "workers"),
    [("swiss", 4), ("chain", 1), pytest.param("swiss", 1, marks=SLOW), pytest.param("chain", 4, marks=SLOW)],
)
def test_a_plan_that_follows_from_results_does_not_depend_on_the_number_of_workers(
    place, undisturbed, monkeypatch, plan, workers
):
    _environment(place, monkeypatch)
    out = place.run(*PLANS[plan], *JSON, "--workers", str(workers)).stdout
    assert place.outcome(out) | {"rounds": _rounds(place)} == undisturbed(plan)


KILLS = [("swiss", 1), ("chain", 2), ("knockout", 4)]
MORE_KILLS = [("chosen", 4), ("dropped", 2), ("active", 2)]


@pytest.mark.parametrize(("plan", "workers"), [*KILLS, *(pytest.param(*kills, marks=SLOW) for kills in MORE_KILLS)])
def test_a_run_killed_within_any_round_ends_as_if_nothing_had_happened(place, undisturbed, monkeypatch, plan, workers):
    _environment(place, monkeypatch)
    _check_killed(place, undisturbed(plan), plan, workers, random.Random(plan))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(24))
def test_many_kills_within_rounds(place, undisturbed, monkeypatch, number):
    _environment(place, monkeypatch)
    rng = random.Random(number)
    plan = list(PLANS)[number % len(PLANS)]
    _check_killed(place, undisturbed(plan), plan, rng.choice([1, 2, 4]), rng)


def _check_killed(place, expected, plan, workers, rng):
    total = len(expected["matches"])
    more = (*JSON, "--workers", str(workers))
    loaded = [word for pair in zip(PLANS[plan], PLANS[plan][1:], strict=False) if pair[0] == "-p" for word in pair]
    process = place.start(*PLANS[plan], *more)
    killed = 0
    for share in sorted(rng.uniform(0.05, 0.8) for _ in range(3)):
        until(lambda share=share, process=process: place.stored() >= share * total or process.poll() is not None)
        killed += process.poll() is None
        with_launcher = rng.random() < 0.3
        targets = [process.pid, *([place.launcher()] if with_launcher else [])]
        for pid in filter(None, targets):
            if process.poll() is None:
                os.kill(pid, signal.SIGKILL)
        ended(process, None)
        until(lambda: not place.processes(), 10)
        process = place.start("run", "--resume", *loaded, *more)
    out = ended(process).stdout
    assert killed
    assert place.outcome(out) | {"rounds": _rounds(place)} == expected


def test_the_end_of_each_round_is_told_with_the_board_after_it(place, monkeypatch):
    _environment(place, monkeypatch)
    place.run(*PLANS["chain"], *JSON)
    lines = [line.split() for line in (place.folder / "rounds.txt").read_text().splitlines()]
    assert [int(line[0]) for line in lines] == list(range(12))
    assert [int(line[2]) for line in lines] == [20 * (number + 1) for number in range(12)]
    assert [int(line[3]) for line in lines] == [10 * (number + 1) for number in range(12)]


def test_the_end_of_the_only_round_is_told_too(place, monkeypatch):
    _environment(place, monkeypatch)
    place.run(*BASE, "-n", "40", "-p", "chain")
    assert (place.folder / "rounds.txt").read_text().split()[0::4] == ["0"]


def test_the_failed_matches_of_a_plan_that_results_make_are_not_played_again(here):
    (here.folder / "hasty.py").write_text("def act(observation):\n    return 4\n")
    told = ("run", "hasty.py", "random", "greedy", "--games", "tictactoe", "--pairing", "swiss", "--rounds", "3")
    here.run(*told)
    assert "leave --lf out" in here.run("run", "--lf", code=4).stderr
    here.run("run", "--ff")


def test_a_finished_run_of_rounds_is_not_played_on(place, undisturbed):
    place.run(*PLANS["swiss"], *JSON)
    again = place.run("run", "--resume", *JSON)
    assert place.outcome(again.stdout) | {"rounds": _rounds(place)} == undisturbed("swiss")


@pytest.mark.parametrize(
    ("pairing", "told"),
    [
        ("swis", 'Did you mean "swiss"?'),
        ("swiss(x=1)", "It takes: none"),
        ("knockout(replays=-1)", "replays must be from 0 to 100, not -1"),
        ("pfsp(weighting=best)", "weighting must be one of 'squared'"),
        ("contested(top=5)", "5 agents play tictactoe: give a smaller top"),
        ("contested(top=0)", "top must be"),
        ("knockout", "at least 8 matches"),
        ("pfsp(learners=x)", "learners must be of type integer"),
    ],
)
def test_a_pairing_that_cannot_be_is_refused_in_a_line(here, pairing, told):
    error = here.run("run", *AGENTS, "--games", "tictactoe", "-n", "4", "--pairing", pairing, code=4).stderr
    assert told in error
    assert error.count("\n") == 1


def test_voids_count_as_a_meeting_without_a_winner(place, monkeypatch):
    _environment(place, monkeypatch)
    game = dedent(
        """
        from evalengine import Game, GameSpec, State, VoidError, hookimpl

        class Toss(Game):
            def initial(self, seats, rng):
                return Over(rng.randrange(3))

        class Over(State):
            def __init__(self, luck):
                self.luck = luck
            def to_move(self):
                if self.luck == 2:
                    raise RuntimeError("bad luck")
                return ()
            def view(self, seat):
                return 0
            def legal(self, seat):
                return []
            def apply(self, actions, rng):
                return self
            def scores(self):
                return (1.0, -1.0) if self.luck else (-1.0, 1.0)

        @hookimpl
        def evalengine_games():
            told = {"name": "toss", "version": "1", "doc": "Toss a coin.", "factory": "toss:Toss"}
            return [GameSpec(**told, max_turns=1, chance=True)]
        """
    )
    (place.folder / "toss.py").write_text(game)
    out = place.run(
        "run", *AGENTS, "--games", "./toss.py", "--seed", "4", "--pairing", "chain", "-p", "chain", *JSON, code=1
    ).stdout
    told = json.loads(out)
    assert 0 < told["voids"] < told["matches"] == 120
    counted = [int(line.split()[3]) for line in (place.folder / "rounds.txt").read_text().splitlines()]
    assert counted == list(range(10, 121, 10))  # with the voids, which no board counts
