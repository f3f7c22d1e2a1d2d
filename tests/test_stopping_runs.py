"""Runs that stop by themselves: at the same match for any number of workers and after kills, and for good."""

import json
import os
import random
import signal
import sqlite3
from contextlib import closing
from textwrap import dedent

import pytest
from commandline import Shell
from runs import Place, ended, until

import evalengine
from evalengine import ConfigError, SprtStopping, UsageError
from evalengine.stopping import Stopping
from evalengine.store import Store

SEED = 1 << 50  # not a short one
TICTACTOE = ("--games", "tictactoe", "--seed", str(SEED))
QUICK = ("run", "minimax", "random", *TICTACTOE, "--sprt", "elo0=0,elo1=100")
CLOSE = ("run", "greedy", "mcts(simulations=5)", *TICTACTOE, "--sprt", "elo1=20")
# Equal agents under equal seeds: each rotation is 1 : 1.
EVEN = ("run", "random", "again=random", "--games", "hex(size=5)", "--seed", str(SEED), "--sprt", "elo1=40")
MANY = ("run", "random", "greedy", "minimax", "mcts(simulations=10)", *TICTACTOE, "-n", "6000")
SLOW = pytest.mark.slow
PLANS = {
    "sprt": CLOSE,
    "trinomial": (*CLOSE[:-1], "elo1=20,model=bayesian"),
    "beats": ("run", "greedy", "mcts(simulations=10)", *TICTACTOE, "--until", "beats", "-n", "600"),
    "until": (*MANY, "--until", "separated,margin=60"),
    "contested": (*MANY, "--until", "top=2,margin=15", "--pairing", "contested(top=2, margin=15)"),
    "outside": ("run", "wild.py", "random", *TICTACTOE, "--sprt", "elo1=100", "-n", "600"),
}
WILD = dedent(
    """
    import random

    def act(observation):
        return random.choice(list(observation["legal"]))
    """
)
VOLATILE = ("seconds", "matches_per_s", "db")
TABLES = ("rating", "rating_state", "tally", "pair_count", "stopping", "v_standings", "v_pairs")


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("EVALENGINE_ADDOPTS", raising=False)
    return Shell(tmp_path, capsys)


def _place(folder):
    made = Place(folder)
    (made.folder / "wild.py").write_text(WILD)
    return made


@pytest.fixture
def place(tmp_path):
    yield (made := _place(tmp_path / "run"))
    made.close()


def outcome(place, printed):
    """Return all that must be the same whoever played it: what was printed, and the tables behind it."""
    told = {key: value for key, value in json.loads(printed).items() if key not in VOLATILE}
    told["stopping"].pop("unused")
    columns = "match_no, game, agents, rotation, opening, seed, termination, turns"
    found = {f"table {table}": sorted(place.rows(f"select * from {table}")) for table in TABLES}
    found["matches"] = place.rows(f"select {columns} from v_matches where used order by match_no")
    return told | found | {"decided": place.rows("select state, decided_at from run")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The outcome of a plan that nobody disturbed, played once for all tests."""
    known = {}

    def of(plan):
        if plan not in known:
            made = _place(tmp_path_factory.mktemp("undisturbed") / "run")
            known[plan] = outcome(made, made.run(*PLANS[plan], "--format", "json", "--workers", "2").stdout)
            made.close()
        return known[plan]

    return of


# ------------------------------------------------------------------------------- the same whatever happens


@pytest.mark.parametrize("workers", [pytest.param(1, marks=SLOW), 4])
@pytest.mark.parametrize("plan", ["sprt", *(pytest.param(plan, marks=SLOW) for plan in PLANS if plan != "sprt")])
def test_the_decision_does_not_depend_on_the_number_of_workers(place, undisturbed, plan, workers):
    told = place.run(*PLANS[plan], "--format", "json", "--workers", str(workers))
    assert outcome(place, told.stdout) == undisturbed(plan)
    place.check_clean()


@pytest.mark.parametrize(
    ("plan", "workers"),
    [
        ("sprt", 4),
        *(
            pytest.param(*case, marks=SLOW)
            for case in (("sprt", 1), ("beats", 2), ("until", 2), ("contested", 2), ("outside", 2))
        ),
    ],
)
def test_a_run_killed_at_any_instant_decides_as_if_nothing_had_happened(place, undisturbed, plan, workers):
    rng = random.Random(f"{plan} {workers}")
    decides = undisturbed(plan)["stopping"]["matches"]
    more = ("--format", "json", "--workers", str(workers))
    process, killed = place.start(*PLANS[plan], *more), 0
    for least in sorted([0, *(rng.randrange(decides) for _ in range(2))]):
        until(lambda process=process, least=least: place.stored() > least or process.poll() is not None)
        if process.poll() is not None:
            break
        victim = place.workers()[:1] if rng.random() < 0.25 else [process.pid]
        os.kill((victim or [process.pid])[0], signal.SIGKILL)
        killed += 1
        if victim == [process.pid]:
            ended(process, None)
            until(lambda: not place.processes(), 10)
            process = place.start("run", "--resume", *more)
    told = ended(process)
    assert killed
    assert outcome(place, told.stdout) == undisturbed(plan)
    place.check_clean()


@pytest.mark.parametrize("plan", ["sprt", *(pytest.param(plan, marks=SLOW) for plan in PLANS if plan != "sprt")])
def test_a_plan_holds_what_it_is_meant_to_prove(undisturbed, plan):
    told = undisturbed(plan)
    assert told["decided"] == [("stopped", told["stopping"]["decided_at"])]
    assert told["stopping"]["matches"] >= 40
    if plan in ("sprt", "trinomial"):
        assert all(told["stopping"]["counts"])
        assert len(told["stopping"]["counts"]) == {"sprt": 5, "trinomial": 3}[plan]


def test_the_boards_hold_the_matches_up_to_the_decision_and_no_other(place):
    told = json.loads(place.run(*QUICK, "--format", "json", "--workers", "2").stdout)
    stopping = told["stopping"]
    assert (told["state"], stopping["decision"], stopping["agents"]) == ("stopped", "H1", ["minimax-2", "random"])
    assert told["matches"] == stopping["matches"] == stopping["decided_at"] + 1 < place.stored()
    assert stopping["unused"] == place.stored() - told["matches"]
    assert {line["matches"] for line in told["standings"]} == {told["matches"]}
    assert place.rows("select sum(wins + draws + losses) from v_pairs") == [(told["matches"],)]
    assert place.rows("select used, count(*) from v_matches group by 1") == [
        (0, stopping["unused"]),
        (1, told["matches"]),
    ]
    assert place.rows("select distinct watermark from rating_state") == [(told["matches"],)]


def test_the_decision_is_that_of_the_test_on_the_matches_that_count(place):
    place.run(*PLANS["sprt"], "--workers", "2")
    points = place.rows(
        "select s.match_no, m.rotation, s.place, o.place from v_seats s join v_seats o using (run, match_no) "
        "join v_matches m using (run, match_no) "
        "where m.used and s.agent = 'greedy' and o.agent = 'mcts-5' order by s.match_no"
    )
    rule = evalengine.SprtStopping("greedy", "mcts-5", elo1=20)
    done = [rule.feed(no, ("greedy", "mcts-5"), rotation, (1 + (a < b) - (a > b)) / 2) for no, rotation, a, b in points]
    assert done == [False] * (len(points) - 1) + [True]
    assert place.rows("select json_extract(result, '$.llr') from stopping") == [(rule.result().llr,)]


def test_a_stopped_run_is_complete_and_never_goes_on(place):
    first = place.run(*QUICK, "--format", "json", "--workers", "2").stdout
    stored = place.stored()
    again = place.run("run", "--resume", "--format", "json", "--workers", "4")
    assert place.stored() == stored
    assert outcome(place, again.stdout) == outcome(place, first)
    assert "Continue" not in again.stderr
    shown = place.run("standings").stdout
    assert "H1 accepted: minimax-2 is stronger than random, by 100 nElo rather than 0; LLR " in shown


KILLER = """
import os, signal, sqlite3
from evalengine import hookimpl

@hookimpl
def evalengine_match_done(spec, result):
    db = sqlite3.connect(".evalengine/arena.db")
    if db.execute("select decided_at from run").fetchone()[0] is not None:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_killed_right_after_its_decision_plays_nothing_more(place, undisturbed):
    (place.folder / "killer.py").write_text(KILLER)
    place.run(*PLANS["sprt"], "-p", "killer", "--workers", "2", code=-signal.SIGKILL)
    until(lambda: not place.processes(), 10)
    stored = place.stored()
    assert place.rows("select state from run") == [("running",)]
    told = place.run("run", "--resume", "--format", "json")
    assert place.stored() == stored
    assert outcome(place, told.stdout) == undisturbed("sprt")
    place.check_clean()


DICE = "import os\n\ndef act(observation):\n    return observation.legal[os.urandom(1)[0] % len(observation.legal)]\n"


def test_agents_that_do_not_repeat_themselves_are_named_after_a_decision_too(place):
    (place.folder / "dice.py").write_text(DICE)
    told = place.run("run", "dice.py", "minimax", *TICTACTOE, "--sprt", "elo1=100", "--format", "json")
    assert json.loads(told.stdout)["not_deterministic"] == ["dice"]
    assert json.loads(told.stdout)["state"] == "stopped"
    place.check_clean()


def test_a_run_that_was_interrupted_goes_on_to_the_same_decision(place, undisturbed):
    process = place.start(*PLANS["sprt"], "--format", "json", "--workers", "2")
    until(lambda: place.stored() > 30)
    os.killpg(process.pid, signal.SIGINT)
    told = json.loads(ended(process, None).stdout)
    assert (told["state"], told["stopping"]["decision"]) == ("interrupted", None)
    told = place.run("run", "--resume", "--format", "json")
    assert outcome(place, told.stdout) == undisturbed("sprt")


# --------------------------------------------------------------------------------------- what is said


def test_one_line_says_why_it_stopped(shell):
    assert shell(*QUICK, "-q") == 0
    why, last = shell.out.splitlines()
    assert why.startswith("H1 accepted: minimax-2 is stronger than random, by 100 nElo rather than 0; LLR ")
    assert why.endswith(f" (-2.94, 2.94), after {shell_matches(last)} matches")
    assert "more unused" in last


def shell_matches(last):
    return last.strip("= ").split(" ", maxsplit=1)[0]


def test_the_other_agent_is_not_stronger(shell):
    assert shell("run", "random", "minimax", *QUICK[3:], "--format", "json") == 0
    assert json.loads(shell.out)["stopping"]["decision"] == "H0"
    assert "H0 accepted: random against minimax-2 is 0 nElo rather than 100" in shell.err


def test_n_is_the_most_that_is_played(shell):
    assert shell(*EVEN[:-1], "elo1=1", "-n", 30) == 0
    assert "undecided between 0 and 1 nElo of random against again; LLR " in shell.out
    assert "30 finished, in" in shell.out
    assert shell("run", "--resume", "--format", "json") == 0
    told = json.loads(shell.out)
    assert (told["state"], told["matches"]) == ("done", 30)
    assert told["stopping"]["decision"] is None
    assert told["stopping"]["unused"] == 0


def test_without_a_number_a_million_matches_are_the_most(shell):
    assert shell(*QUICK, "--dry-run") == 0
    assert "100 nElo (alpha 0.05, beta 0.05, rotations), or after 1000000 matches: no -n" in shell.out


def test_how_the_rule_stands_is_told_now_and_then(shell):
    assert shell(*EVEN[:-1], "elo1=1", "-n", 60, "-v") == 0
    told = [line for line in shell.err.splitlines() if line.startswith("note: LLR ")]
    assert 1 < len(told) < 15
    assert shell(*EVEN[:-1], "elo1=1", "-n", 60, "--color", "yes") == 0
    assert "LLR " in shell.err


def test_a_match_after_the_decision_is_shown_as_such(shell):
    assert shell(*QUICK, "--format", "json") == 0
    decided = json.loads(shell.out)["stopping"]["decided_at"]
    assert shell("show", decided) == 0
    assert "not rated" not in shell.out
    assert shell("show", decided + 1) == 0
    assert "ended after the run had been decided: it is not rated" in shell.out


@pytest.mark.parametrize(
    ("rule", "agents", "says"),
    [
        ("top=1,margin=80", ("random", "again=random", "minimax"), "settled: the top 1: minimax-2;"),
        ("separated", ("random", "greedy", "minimax"), "settled: all neighbours: minimax-2 > greedy > random;"),
    ],
)
def test_many_agents_play_until_their_order_is_settled(shell, rule, agents, says):
    assert shell("run", *agents, *TICTACTOE, "-n", 9000, "--until", rule) == 0
    assert says in shell.out
    assert shell("standings", "--format", "json") == 0
    stopping = json.loads(shell.out)["stopping"]
    assert stopping["order"][0] == "minimax-2"
    assert stopping["doubt"] <= stopping["alpha"]


def test_an_order_that_is_not_settled_says_so(shell):
    assert shell("run", "random", "again=random", "third=random", *TICTACTOE, "-n", 60, "--until", "top=1") == 0
    assert "unsettled: the top 1, most of all " in shell.out
    assert "0.05 wanted, after 60 matches" in shell.out


# ------------------------------------------------------------------------------------ where it is said


def test_a_rule_may_stand_in_the_settings(shell):
    shell.file("evalengine.toml", 'agents = ["minimax", "random"]\ngames = "tictactoe"\nsprt = "elo1=100"\nn = 4000\n')
    assert shell("run", "--format", "json") == 0
    assert json.loads(shell.out)["stopping"]["decision"] == "H1"


def test_a_rule_is_a_keyword_of_run(tmp_path):
    run = evalengine.run(
        "tictactoe", ["minimax", "random"], 4000, SEED, db=tmp_path / "a.db", workers=1, sprt="elo1=100"
    )
    assert (run.state, run.summary()["stopping"]["decision"]) == ("stopped", "H1")
    assert len(list(run.matches)) == run.summary()["matches"] == run.played - run.unused
    with evalengine.open_run(tmp_path / "a.db") as read:
        assert read.summary()["stopping"] == run.summary()["stopping"]
    run = evalengine.run("tictactoe", ["minimax", "random"], 4000, SEED, db=tmp_path / "a.db", workers=1, until="top=1")
    assert run.summary()["stopping"]["order"] == ["minimax-2", "random"]


def test_matches_with_a_fault_in_the_last_run_are_played_again_without_its_rule(shell):
    shell.file("late.py", "def act(observation):\n    return observation.legal[0] if observation.turn < 4 else None\n")
    assert shell("run", "late.py", "random", *TICTACTOE, "--sprt", "elo1=100", "-n", 40, "-q") == 0
    assert shell("run", "--lf", "--format", "json") == 0
    again = json.loads(shell.out)
    assert again["stopping"] is None
    assert again["matches"] > 1


def test_a_database_of_before_has_no_unused_matches(tmp_path, shell):
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4, "-q") == 0
    with closing(sqlite3.connect(tmp_path / ".evalengine" / "arena.db")) as db:
        assert db.execute("select distinct used from v_matches").fetchall() == [(1,)]
        assert db.execute("select decided_at from run").fetchall() == [(None,)]


# ---------------------------------------------------------------------------------------- wrong input

ONE = ("run", "random", "--games", "tictactoe")
TWO = ("run", "random", "first", "--games")
WRONG = {
    "three agents": ((*TWO, "tictactoe", "greedy", "--sprt", "elo1=5"), "--sprt: it tests the first of two agents"),
    "one agent": ((*ONE, "--sprt", "elo1=5", "--opponents", "none"), "1 plays: random"),
    "one named": ((*ONE, "--sprt", "elo1=5"), "play: random, "),
    "one of many": ((*ONE, "--until", "top=1", "--opponents", "none"), "--until: it compares agents, and 1 plays"),
    "elo1 below": ((*TWO, "tictactoe", "--sprt", "elo0=5,elo1=5"), "Give an elo1 above elo0"),
    "no elo1": ((*TWO, "tictactoe", "--sprt", "elo0=5"), "elo1 is missing"),
    "alpha": ((*TWO, "tictactoe", "--sprt", "elo1=5,alpha=1.5"), "--sprt: alpha is 1.5"),
    "both": ((*TWO, "tictactoe", "--sprt", "elo1=5,alpha=.6,beta=.6"), "together not below 1"),
    "nan": ((*TWO, "tictactoe", "--sprt", "elo1=nan"), "--sprt: elo1 is nan"),
    "a word": ((*TWO, "tictactoe", "--sprt", "elo1=much"), "elo1=much is no number"),
    "unknown key": ((*TWO, "tictactoe", "--sprt", "elo1=5,alfa=.1"), 'no setting "alfa". Did you mean "alpha"?'),
    "twice": ((*TWO, "tictactoe", "--sprt", "elo1=5,elo1=6"), "elo1 is given twice"),
    "model": ((*TWO, "tictactoe", "--sprt", "elo1=5,model=pink"), "the model is 'pink'"),
    "scores count": ((*TWO, "prisoners_dilemma", "--sprt", "elo1=5"), "it is the scores that count"),
    "free for all": ((*TWO, "tron(seats=3)", "greedy", "--until", "top=1"), "of two sides, tron(seats=3) has 3"),
    "two games": ((*TWO, "tictactoe or connect4", "--sprt", "elo1=5"), "decides on one game, 2 are chosen"),
    "both rules": ((*TWO, "tictactoe", "--sprt", "elo1=5", "--until", "top=1"), "exclude each other"),
    "chosen": ((*TWO, "tictactoe", "--sprt", "elo1=5", "-k", "random"), "leave them or --sprt out"),
    "top of all": ((*TWO, "tictactoe", "--until", "top=2"), "--until: top is 2 of 2 agents"),
    "top of none": ((*TWO, "tictactoe", "--until", "top=0"), "--until: top is 0"),
    "half a top": ((*TWO, "tictactoe", "--until", "top=1.5"), "--until: top is 1.5"),
    "no claim": ((*TWO, "tictactoe", "--until", "margin=5"), "says not when"),
    "two claims": ((*TWO, "tictactoe", "--until", "top=1,separated"), "says not when"),
    "margin": ((*TWO, "tictactoe", "--until", "separated,margin=-5"), "--until: margin is -5"),
    "alpha of many": ((*TWO, "tictactoe", "--until", "separated,alpha=0"), "--until: alpha is 0"),
    "resumed": (("run", "--resume", "--sprt", "elo1=5"), "--resume takes -n, --sprt from the stored run"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_rule_that_cannot_work_is_refused_in_one_line(shell, case):
    arguments, says = WRONG[case]
    assert shell(*arguments, "-n", 4) == 4
    (line,) = shell.err.splitlines()
    assert says in line
    assert line.startswith("error: ")
    assert not list(shell.folder.iterdir())


def test_a_keyword_that_cannot_work_is_refused_too(tmp_path):
    with pytest.raises(ConfigError, match="elo1 is missing"):
        evalengine.run("tictactoe", ["random", "first"], 4, db=tmp_path / "a.db", sprt="elo0=1")
    with pytest.raises(UsageError, match="the scores that count"):
        evalengine.run("prisoners_dilemma", ["random", "again=random"], 4, db=tmp_path / "a.db", until="top=1")


def test_results_that_are_rated_again_are_fed_once(tmp_path):
    run = evalengine.run("tictactoe", ["greedy", "mcts(simulations=5)"], 300, SEED, db=tmp_path / "a.db", workers=1)
    with Store(tmp_path / "a.db") as store:
        results = store.stored(run.number, 0, 300)
    fresh = Stopping(SprtStopping("greedy", "mcts-5", elo1=150), ["greedy", "mcts-5"], run.entry.games[0])
    used = [*fresh.used(results[:8]), *fresh.used(results[:12]), *fresh.used(results[2:])]
    again = Stopping(SprtStopping("greedy", "mcts-5", elo1=150), ["greedy", "mcts-5"], run.entry.games[0])
    assert again.used(results) == results[: again.fed]
    assert fresh.decided_no == again.decided_no == fresh.fed - 1 > 12
    assert used == [*results[:8], *results[:12], *results[2 : fresh.fed]]
    assert fresh.rule.dump() == again.rule.dump()
