"""`evalengine branch` and `explore`: stored matches continued, by whom, with which luck, and whatever is killed."""

import json
import shutil
from pathlib import Path

import msgpack
import pytest
from runs import Here, Place, ended, until

import evalengine
from evalengine import Answer, Branch, Match, MatchSpec, references, wire
from evalengine.errors import AgentError, StoreError, UnknownNameError, UsageError
from evalengine.outcomes import student_95
from evalengine.plugins import Plugins
from evalengine.statistics.distributions import wilson_interval

DICE = Path(__file__).with_name("dice_game.py")
WILD = """
import random

class Agent:
    def act(self, observation):
        return random.choice(observation.legal)
"""
CRASHING = "def act(observation):\n    return observation.legal[0] if observation.turn < 5 else 1 / 0\n"
PAST = """
class Agent:
    def start(self, info):
        self.told = [[o.turn, o.view, o["legal"], o.die, action] for o, action in info.past]

    def act(self, observation):
        told, self.told = self.told, None
        return Answer(observation.legal[0], told) if told is not None else observation.legal[0]

from collections import namedtuple
Answer = namedtuple("Answer", "action info")
"""
SAME = (
    "select id, game_no, rotation, opening, seed, branch, termination, turns, seats, actions from match order by id",
    "select id, info from match order by id",
    "select match, turn, seat, kind, detail from fault order by match, turn, seat",
    "select * from rating order by run, scope, rater, agent_no",
    "select id, kind, parent, matches, state from run order by id",
)


@pytest.fixture(scope="module")
def parents(tmp_path_factory):
    """A folder with a run to continue, played once for all tests."""
    made = Place(tmp_path_factory.mktemp("parents") / "run")
    _play(made)
    yield made.folder
    made.close()


@pytest.fixture
def place(tmp_path, parents, capsys, monkeypatch):
    shutil.copytree(parents, tmp_path / "run")
    made = Here(tmp_path / "run", capsys, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def outside(tmp_path, parents):
    """The same in processes of its own, that can be killed."""
    made = _copied(tmp_path, parents)
    yield made
    made.close()


def _copied(folder, parents):
    shutil.copytree(parents, folder / "run")
    return Place(folder / "run")


def _play(made):
    (made.folder / "wild.py").write_text(WILD)
    (made.folder / "crashing.py").write_text(CRASHING)
    made.run("run", "wild.py", "random", "--games", f"{DICE} and dice", "-n", "6", "--seed", "7", "-q")


def tables(place):
    return [place.rows(sql) for sql in SAME]


def turns_of(place, run, match_no):
    ((blob,),) = place.rows(f"select actions from match where id = {run << 40 | match_no}")
    return wire.unpack_turns(blob)


def specs_of(place, run):
    sql = "select id & 1099511627775, seed, opening, branch from match where id >> 40 = {} order by id"
    return [(*row, Branch(*json.loads(branch))) for *row, branch in place.rows(sql.format(run))]


def dice():
    """Return the game, made in this process."""
    plugs = Plugins()
    plugs.load_path(DICE)
    return references.build_game(plugs.games()["dice"], {"length": 8})


# -------------------------------------------------------------------------------------- branch


def test_a_branch_keeps_the_turns_before_it_and_says_who_wins(place):
    told = json.loads(place.run("branch", "2", "--turn", "4", "-n", "30", "--seed", "5", "--format", "json").stdout)
    parent = turns_of(place, 1, 2)
    for match_no in range(30):
        turns = turns_of(place, 2, match_no)
        assert turns[:4] == parent[:4]
        assert len(turns) == 8
    assert (told["run"], told["state"], told["matches"], told["turn"], told["luck"]) == (2, "done", 30, 4, "fresh")
    assert told["parent"] == "1/dice::wild-vs-random[2]"
    assert told["distinct"] > 20
    for seat in told["seats"]:
        sql = f"select json_extract(seats, '$[{seat['seat']}][1]') from match where id >> 40 = 2 order by id"
        scores = [score for (score,) in place.rows(sql)]
        assert seat["wins"] == sum(score > 0 for score in scores)
        assert seat["wins"] + seat["draws"] + seat["losses"] == 30
        assert seat["score"] == pytest.approx(sum(scores) / 30)
        assert (seat["lo"], seat["hi"]) == wilson_interval(seat["win_rate"], 30)
        assert seat["score_lo"] < seat["score"] < seat["score_hi"]
        assert not seat["replaced"]
    assert place.rows("select kind, parent from run") == [("run", None), ("branch", 1)]


def test_a_branch_without_replaced_luck_meets_its_parents(place):
    """With the parent's own actions after the branch it is the parent again, or is not, by its luck."""
    place.run("branch", "2", "--turn", "4", "-n", "8", "--luck", "same", "-q", "--seed", "1")
    place.run("branch", "1/2", "--turn", "4", "-n", "8", "--luck", "fresh", "-q", "--seed", "1")
    game = dice()
    ((seed,),) = place.rows(f"select seed from match where id = {1 << 40 | 2}")
    parent = turns_of(place, 1, 2)
    for run, same in ((2, True), (3, False)):
        points = set()
        for _, child_seed, opening, branch in specs_of(place, run):
            assert (child_seed, opening) == (seed, 2)
            match = Match.resume(MatchSpec(0, 0, 0, seed, (0, 1), 0, 0, branch), game, parent)
            points.add(tuple(match.state.points))
        whole = tuple(Match.resume(MatchSpec(0, 0, 0, seed, (0, 1)), game, parent).state.points)
        assert (points == {whole}) == same
        assert len(points) > 1 or same


def test_the_agent_that_crashed_is_replaced_at_that_turn(place):
    place.run("run", "crashing.py", "random", "--games", f"{DICE} and dice", "-n", "2", "--seed", "7", "-q", code=0)
    (turn,) = next(iter(place.rows("select turn from fault where match >> 40 = 2 order by match")))
    (match_no, seat) = place.rows("select match & 1099511627775, seat from fault where match >> 40 = 2 order by match")[
        0
    ]
    out = place.run("branch", f"2/{match_no}", "--turn", str(turn), "--seat", f"{seat}=new=wild.py", "-n", "5").stdout
    assert f"{seat}*" in out
    assert "* sits there instead" in out
    assert place.rows("select count(*) from fault where match >> 40 = 3") == [(0,)]
    out = place.run("branch", f"2/{match_no}", "--turn", str(turn), "-n", "5", "-q").stdout
    assert place.rows("select count(*) from fault where match >> 40 = 4") == [(5,)]
    assert "0-0-5" in out


def test_faults_before_the_turn_are_the_parents(tmp_path, capsys, monkeypatch):
    """In a game where late seats have a stand-in, a match goes on after a fault, and so does its branch."""
    made = Here(tmp_path / "run", capsys, monkeypatch)
    source = DICE.read_text().replace('spec("dice")', 'spec("dice", late=1)')
    (made.folder / "standing_in.py").write_text(source)
    (made.folder / "once.py").write_text(
        "def act(observation):\n    return 99 if observation.turn == 3 else observation.legal[0]\n"
    )
    made.run("run", "once.py", "random", "--games", "./standing_in.py and dice", "-n", "2", "--seed", "7", "-q")
    assert made.rows("select count(*) from fault") == [(2,)]
    made.run("branch", "0", "--turn", "5", "-n", "4", "-q")
    assert made.rows("select count(*) from fault where match >> 40 = 2") == [(0,)]
    assert "0 differ" in made.run("replay", "--verify").stdout
    made.close()


@pytest.mark.parametrize("kind", ["python", "cmd"])
def test_an_agent_from_outside_is_told_what_its_seat_saw_and_did(place, kind):
    if kind == "python":
        (place.folder / "past.py").write_text(PAST)
        ref = "past.py"
    else:
        (place.folder / "past.sh").write_text(
            '#!/bin/sh\nread start\nread ask\nprintf \'{"action": 0, "info": %s}\\n\' "$start"\n'
            "while read ask; do echo 0; done\n"
        )
        (place.folder / "past.sh").chmod(0o755)
        ref = "cmd:./past.sh"
    place.run("branch", "2", "--turn", "6", "--seat", f"1={ref}", "-n", "2", "-q")
    ((seed,),) = place.rows(f"select seed from match where id = {1 << 40 | 2}")
    match, seen = Match(MatchSpec(0, 0, 0, seed, (0, 1)), dice()), []
    for turn in turns_of(place, 1, 2)[:6]:
        if match.turn >= 2:
            asked = [request for request in match.requests() if request.seat == 1]
            seen += [[match.turn, own.view, list(own.legal), turn.get(1, turn.get(None))] for own in asked]
        match.replay([turn])
    for (blob,) in place.rows("select info from match where id >> 40 = 2"):
        ((_, _, told),) = [info for info in msgpack.unpackb(blob) if info[1] == 1]
        if kind == "cmd":
            told = [[o["turn"], o["view"], o["legal"], o["view"]["die"], action] for o, action in told["past"]]
        assert [[turn, view, legal, action] for turn, view, legal, _, action in told] == seen
        assert all(view["die"] == die for _, view, _, die, _ in told)
    assert len(seen) >= 3


class Reader:
    def start(self, info):
        self.past = info.past

    def act(self, observation):
        told = [(then.turn, then.view, list(then.legal), then["seat"], action) for then, action in self.past]
        return Answer(observation.legal[0], told)


def test_a_trusted_agent_reads_its_past_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evalengine.run("kuhn_poker", [Reader, "random"], n=8, seed=3, db="arena.db")
    matches = {}
    with evalengine.open_run("arena.db") as run:
        matches = {match.spec.match_no: match for match in run.stored_matches() if match.result.turns == 3}
    match_no, parent = next(iter(matches.items()))
    evalengine.branch(match_no, 2, n=2, db="arena.db")
    with evalengine.open_run("arena.db", 2) as run:
        for match in run.stored_matches():
            for turn, seat, told in match.infos:
                assert (turn, seat) == (2, 0)
                ((then, view, legal, own, action),) = told
                assert (then, own, action) == (0, 0, parent.turns[0][None])
                assert legal == [0, 1]
                assert view == _first_view(parent)


def _first_view(parent):
    return json.loads(json.dumps(next(parent.replayed()).requests()[0].view))


def test_a_branch_of_a_branch_meets_each_ones_luck(place):
    place.run("branch", "2", "--turn", "3", "-n", "2", "-q", "--seed", "1")
    place.run("branch", "2/1", "--turn", "6", "-n", "3", "-q", "--seed", "2")
    place.run("branch", "2/1", "--turn", "6", "-n", "3", "-q", "--seed", "2", "--luck", "same")
    middle = turns_of(place, 2, 1)
    assert turns_of(place, 3, 0)[:6] == turns_of(place, 4, 0)[:6] == middle[:6]
    ((_, _, _, own), *_) = specs_of(place, 2)[1:]
    for run in (3, 4):
        for *_, branch in specs_of(place, run):
            assert [tuple(luck) for luck in branch.earlier] == [(3, own.luck_seed)]
    assert "14 matches of 4 runs replayed, 0 differ" in place.run("replay", "--verify").stdout


def test_a_game_without_clones_is_replayed_from_its_start_each_time(place):
    place.run("run", "random", "again=random", "--games", f"{DICE} and stiff", "-n", "2", "--seed", "7", "-q")
    place.run("explore", "2", "--seed", "5", "-n", "2", "-q", "--seat", "0=random")
    assert "0 differ; " in place.run("replay", "--verify", "--run", "3").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("0", "--turn", "8"), "has 8 turns: --turn must be one of them, from 0 to 7, not 8"),
        (("0", "--turn", "3", "--seat", "2=random"), "--seat 2=random: dice has the seats 0 to 1"),
        (("0", "--turn", "3", "--seat", "x=random"), "write --seat S=AGENT"),
        (("0", "--turn", "3", "--seat", "0=a", "--seat", "0=b"), "seat 0 is given twice"),
        (("0", "--turn", "3", "--seat", "0=nobody.py"), "nobody.py"),
        (("0", "--turn", "3", "--seat", "0=minimax"), "plays only games"),
        (("9", "--turn", "3"), "run 1 has no stored match 9"),
        (("0",), "which match, and from which turn?"),
        (("--resume",), "holds no branch yet"),
        (("--resume", "1"), "run 1 is no branch but a run"),
        (("--resume", "1", "--turn", "3"), "--resume takes --turn from the stored run"),
    ],
)
def test_what_cannot_be_branched_is_said(place, arguments, says):
    assert says in place.run("branch", *arguments, code=4).stderr


def test_an_agent_that_is_gone_or_changed_can_be_replaced_and_not_played(place):
    (copy,) = place.db.parent.glob("arena.agents/*/wild.py")
    copy.chmod(0o644)
    copy.write_text("changed = True\n")
    told = place.run("branch", "0", "--turn", "3", code=4).stderr
    assert "the stored copy of agent 'wild' is gone or changed: seat another with --seat S=AGENT" in told
    place.run("branch", "0", "--turn", "3", "--seat", "0=random", "-n", "2")
    told = place.run("branch", "0", "--turn", "3", "--seat", "1=wild.py", "--seat", "0=random", "-n", "2").stdout
    assert "1*    wild" in told


def test_an_agent_with_a_name_that_is_taken_needs_another(place):
    (place.folder / "new").mkdir()
    (place.folder / "new" / "wild.py").write_text(WILD + "\n# better\n")
    told = place.run("branch", "0", "--turn", "3", "--seat", "1=new/wild.py", code=4).stderr
    assert "two agents are called 'wild': name this one, as in --seat 1=NAME=REF" in told
    told = place.run("branch", "0", "--turn", "3", "--seat", "1=better=new/wild.py", "-n", "2").stdout
    assert "better" in told


def test_games_say_which_luck_they_can_have(place):
    place.run(
        "run",
        "random",
        "again=random",
        "--games",
        f"{DICE} and (fixed or closed)",
        "-n",
        "4",
        "--seed",
        "7",
        "-q",
    )
    (fixed,), (closed,) = (
        place.rows(f"select min(m.match_no) from v_matches m where run = 2 and game = '{name}'")
        for name in ("fixed", "closed")
    )
    assert "same luck" in place.run("branch", f"2/{fixed[0]}", "--turn", "3", "-n", "2", "-q").stdout
    told = place.run("branch", f"2/{fixed[0]}", "--turn", "3", "--luck", "fresh", code=4).stderr
    assert "--luck same is what it can" in told
    assert "branching='none'" in place.run("branch", f"2/{closed[0]}", "--turn", "3", code=4).stderr
    assert "branching='none'" in place.run("explore", "2", code=4).stderr


def test_where_nothing_is_random_the_branch_says_so(place):
    place.run("run", "greedy", "mcts(simulations=3)", "--games", "tictactoe", "-n", "2", "--seed", "7", "-q")
    (place.folder / "first.py").write_text("def act(observation):\n    return observation.legal[0]\n")
    seats = ("--seat", "0=first.py", "--seat", "1=first.py")
    done = place.run("branch", "2/0", "--turn", "4", *seats, "-n", "5")
    assert "1 different" in done.stdout
    assert "all continuations are the same game" in done.stderr


def test_standings_and_replays_mean_the_latest_run_that_is_no_branch(place):
    place.run("branch", "0", "--turn", "3", "-n", "2", "-q")
    assert "dice::wild-vs-random[0]" in place.run("show", "0").stdout
    assert "of run 1," in place.run("show", "0").stdout
    told = place.run("show", "2/0").stdout
    assert "of run 2," in told
    assert "continues 1/0 from turn 3, fresh luck" in told
    place.run("standings", "2")


# ------------------------------------------------------------------------------------- explore


def test_every_action_of_a_decision_is_held_and_the_others_of_its_turn_do_as_they_did(place):
    out = place.run("explore", "--every", "2", "-n", "3", "--seed", "5", "--format", "ndjson", "--matches", "2").stdout
    rows = [json.loads(line) for line in out.splitlines()]
    decisions = {}
    for row in rows:
        decisions.setdefault((row["parent"], row["turn"], row["seat"]), []).append((row["action"], row["sample"]))
        run, number = map(int, row["match"].split("/"))
        parent = turns_of(place, *map(int, row["parent"].split("/")))
        turns = turns_of(place, run, number)
        assert turns[: row["turn"]] == parent[: row["turn"]]
        held, was = turns[row["turn"]], parent[row["turn"]]
        seat = None if None in held else row["seat"]
        assert held[seat] == row["action"]
        assert {other: held[other] for other in held if other != seat} == {o: was[o] for o in was if o != seat}
        assert row["played"] == (was[seat] == row["action"])
        ((scores,),) = place.rows(f"select seats from match where id = {run << 40 | number}")
        assert json.loads(scores)[row["seat"]][1] == row["score"]
    assert {tuple(found) for found in decisions.values()} == {tuple((a, s) for a in range(4) for s in range(3))}
    assert list(decisions) == [
        (f"1/{number}", turn, seat) for number in range(2) for turn, seat in _every_other_decision(place, number)
    ]
    assert {row["agent"] for row in rows} == {"wild", "random"}


def _every_other_decision(place, number):
    turns = turns_of(place, 1, number)
    asked = []
    for turn in range(2, 8):
        left = 8 - turn
        asked += [(turn, left % 2)] if left % 3 == 0 else [(turn, 1), (turn, 0)]
    assert len(turns) == 8
    return asked[::2]


def test_a_replay_tells_who_decided(place):
    place.run("explore", "--every", "3", "--seed", "5", "-q", "--matches", "1")
    match_no, turn, seat, action = place.rows("select match_no, turn, seat, action from v_branches")[-1]
    told = json.loads(place.run("replay", f"2/{match_no}", "--format", "json").stdout)["frames"]
    before, after = ["opening"] * 2 + ["parent"] * (turn - 2), ["agents"] * (7 - turn)
    assert [frame["by"] for frame in told[:8]] == [*before, "held", *after]
    assert f"held (seat {seat}): {action}\n" in place.run("replay", f"2/{match_no}").stdout
    assert f"where seat {seat} is held to {action}, fresh luck" in place.run("show", f"2/{match_no}").stdout


def test_a_long_past_reaches_an_agent_from_outside(tmp_path, capsys, monkeypatch):
    """More than a packet of the protocol, or the request that forks an agent, could hold."""
    made = Here(tmp_path, capsys, monkeypatch)
    source = DICE.read_text().replace('"left": self.left}', '"left": self.left, "much": "x" * 150_000}')
    (tmp_path / "heavy_game.py").write_text(source)
    (tmp_path / "sums.py").write_text(
        "class Agent:\n"
        "    def start(self, info):\n"
        "        print(sum(len(then.much) for then, _ in info.past))\n"
        "    def act(self, observation):\n"
        "        return observation.legal[0]\n"
    )
    made.run("run", "random", "again=random", "--games", "./heavy_game.py and dice(length=40)", "-n", "2", "-q")
    made.run("branch", "0", "--turn", "39", "--seat", "0=sums.py", "-n", "1", "-q")
    ((text,),) = made.rows("select text from log")
    assert int(text) > 3_000_000
    made.close()


def test_a_fault_is_a_decision_whose_actions_are_all_held(place):
    place.run("run", "crashing.py", "random", "--games", "tictactoe", "-n", "6", "--seed", "7", "-q")
    ((match_no, turn),) = place.rows("select match_no, turn from v_faults where run = 2 limit 1")
    place.run("explore", "2", "--agent", "crashing", "--seed", "5", "-q")
    sql = f"select count(distinct action), max(played) from v_branches where parent = '2/{match_no}' and turn = {turn}"
    assert place.rows(sql) == [(9 - turn, 0)]
    # The one that was asked next crashes again, unless the match is over by then.
    assert place.rows("select distinct agent from v_faults where run = 3") == [("crashing",)]


def test_the_held_action_is_part_of_what_its_seat_remembers(place):
    (place.folder / "past.py").write_text(PAST)
    seats = ("--seat", "0=past.py", "--seat", "1=past.py")
    place.run("explore", "--every", "3", "--seed", "5", "-q", "--matches", "1", *seats)
    sql = "select b.turn, b.seat, b.action, m.info from v_branches b join match m on m.id = b.id"
    told_of = set()
    for turn, seat, action, blob in place.rows(sql):
        for _, own, told in msgpack.unpackb(blob) if blob else ():
            if own == seat:
                *_, (last, _, _, _, done) = told
                assert (last, done) == (turn, int(action))
                told_of.add((turn, done))
    assert len(told_of) > 4


def test_actions_that_are_compared_meet_the_same_luck(place):
    place.run("explore", "--every", "3", "-n", "2", "--seed", "5", "-q", "--matches", "1")
    known = {}
    for *_, branch in specs_of(place, 2):
        seeds = known.setdefault((branch.turn, branch.sample), (branch.luck_seed, branch.agent_seed))
        assert seeds == (branch.luck_seed, branch.agent_seed)
    assert len(set(known.values())) == len(known)


def test_at_most_so_many_actions_are_held_what_was_done_among_them(place):
    place.run("explore", "--actions", "2", "--seed", "5", "-q")
    by_decision = place.rows("select count(*), sum(played) from v_branches group by parent, turn, seat")
    assert set(by_decision) == {(2, 1)}
    kinds = place.rows("select distinct action from v_branches where not played order by action")
    assert kinds == [("0",), ("1",), ("2",), ("3",)]


@pytest.mark.parametrize("actions", [2, None])
def test_what_was_done_is_held_although_the_game_does_not_list_it(tmp_path, monkeypatch, actions):
    monkeypatch.chdir(tmp_path)
    evalengine.run("market_simulator(ticks=3)", ["value-trader", "random"], n=1, seed=9, db="arena.db")
    found = evalengine.explore(db="arena.db", agent="value-trader", every=3, actions=actions, seed=2)
    rows = [(json.loads(row["action"]), row["played"]) for row in found]
    assert [len(action) for action, played in rows if played] == [6]  # a bid and an offer of each good
    assert len(rows) == (actions or 44)


def test_a_plan_is_told_before_it_is_played_and_not_stored(place):
    more = ("--every", "3", "--actions", "3", "-n", "2", "--seed", "5")
    told = place.run("explore", *more, "--dry-run").stdout
    assert place.rows("select count(*) from run") == [(1,)]
    place.run("explore", *more, "-q")
    ((count,),) = place.rows("select count(*) from v_branches")
    assert told == f"{count} matches: dice {count}\n"
    assert json.loads(place.run("explore", *more, "--dry-run", "--format", "json").stdout)["games"] == {"dice": count}


def test_a_part_of_a_run_is_explored(place):
    place.run("explore", "--agent", "wild", "-k", "wild-vs-random", "--seed", "1", "-q")
    assert place.rows("select distinct agent, seat from v_branches") == [("wild", 0)]
    for wrong in (("--agent", "nobody"), ("--game", "chess")):
        assert "in run 1" in place.run("explore", *wrong, code=4).stderr
    assert "nothing to explore" in place.run("explore", "-k", "nobody", code=5).stderr


def test_an_action_that_wins_at_once_wins_in_every_continuation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evalengine.run("tictactoe", ["random", "mcts(simulations=5)"], n=20, seed=9, db="arena.db")
    rows = list(evalengine.explore(db="arena.db", n=4, seats={0: "random", 1: "random"}, seed=2))
    with evalengine.open_run("arena.db", 2) as run:
        lengths = {match.spec.match_no: match.result.turns for match in run.stored_matches()}
    at_once = [row for row in rows if lengths[int(row["match"].split("/")[1])] == row["turn"] + 1]
    assert {row["score"] for row in at_once} <= {1.0, 0.0}
    assert any(row["score"] == 1.0 for row in at_once)
    winning = {(row["parent"], row["turn"], row["action"]) for row in at_once if row["score"] == 1.0}
    for key in winning:
        assert {row["score"] for row in rows if (row["parent"], row["turn"], row["action"]) == key} == {1.0}


def test_a_run_that_is_not_finished_is_not_explored(place):
    (place.folder / "bad.py").write_text("def act(observation):\n    return -1\n")
    place.run("run", "bad.py", "random", "--games", "tictactoe", "-n", "400", "-x", "-q", code=2)
    assert "is not finished" in place.run("explore", code=4).stderr


def test_cells_that_a_spreadsheet_would_run_are_defused(place):
    out = place.run("explore", "--matches", "1", "--format", "csv", "-q", "--seed", "1").stdout
    head, *lines = out.splitlines()
    assert head == "parent,turn,seat,agent,action,played,sample,score,place,luck,match"
    assert all(not cell.startswith(("=", "+", "@")) for line in lines for cell in line.split(","))


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (9, 2.262), (19, 2.093), (120, 1.980)]
)
def test_students_t_is_that_of_the_tables(freedom, t):
    # Abramowitz and Stegun (1964), table 26.10.
    assert student_95(freedom) == pytest.approx(t, rel=0.01 if freedom > 2 else 1e-4)


# ----------------------------------------------------------------- the same, whatever happens

PLANS = {
    "branch": ("branch", "1/2", "--turn", "3", "--seat", "1=wild.py", "-n", "90", "--seed", "11"),
    "explore": ("explore", "1", "--every", "3", "-n", "2", "--seed", "11"),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, parents):
    known = {}

    def outcome(plan):
        if plan not in known:
            made = _copied(tmp_path_factory.mktemp("undisturbed"), parents)
            made.run(*PLANS[plan], "--workers", "2", "-q")
            known[plan] = tables(made)
            made.check_clean()
            made.close()
        return known[plan]

    return outcome


SLOW = pytest.mark.slow  # of each plan one stays: by four workers, or killed and then played by one


@pytest.mark.parametrize(
    ("plan", "workers"),
    [("branch", 4), *(pytest.param(*case, marks=SLOW) for case in (("branch", 1), ("explore", 1), ("explore", 4)))],
)
def test_any_number_of_workers_gives_the_same(outside, undisturbed, plan, workers):
    outside.run(*PLANS[plan], "--workers", str(workers), "-q")
    assert tables(outside) == undisturbed(plan)


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["explore", "branch"])
def test_what_is_killed_in_the_middle_is_resumed_to_the_same(outside, undisturbed, plan):
    for least in (10, 30):
        more = ("--resume",) if least > 10 else PLANS[plan][1:]
        process = outside.start(plan, *more, "--workers", "2", "-q")
        until(lambda process=process, least=least: outside.stored() >= 6 + least or process.poll() is not None)
        process.kill()
        ended(process, None)
        until(lambda: not outside.processes(), 10)
    assert outside.rows("select state from run where id = 2") == [("running",)]
    out = outside.run(plan, "--resume", "--workers", "1").stdout
    assert "run 2: " in out
    assert tables(outside) == undisturbed(plan)
    assert "0 differ" in outside.run("replay", "--verify").stdout
    assert outside.run(plan, "--resume", "2").stdout == out
    outside.check_clean()


# ------------------------------------------------------------------------------------- from Python


def test_python_has_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evalengine.run("connect4", ["random", "greedy"], n=4, seed=3, db="arena.db")
    found = evalengine.branch("1/2", 6, {0: "greedy"}, n=6, seed=4, db="arena.db")
    again = evalengine.branch(2, 6, {0: "greedy"}, n=6, seed=4, db="arena.db")
    assert found.seats == again.seats
    assert (found.run, again.run, found.matches) == (2, 3, 6)
    for wrong, kind in ((("1/99", 6), StoreError), ((2, 600), UsageError), (("x", 6), UsageError)):
        with pytest.raises(kind):
            evalengine.branch(*wrong, db="arena.db")
    with pytest.raises(AgentError, match="there is no"):
        evalengine.branch(2, 6, {0: "no.py"}, db="arena.db")
    with pytest.raises(UnknownNameError, match="nobody"):
        evalengine.explore(1, agent="nobody", db="arena.db")
    with pytest.raises(UsageError, match="every must be at least 1"):
        evalengine.explore(1, every=0, db="arena.db")
