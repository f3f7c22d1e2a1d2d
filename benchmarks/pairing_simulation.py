"""How many matches pairings need for the same ranking: simulated tournaments of agents of known strength.

`python benchmarks/pairing_simulation.py [OPTION ...] [PAIRING ...]` prints by pairing the matches until Kendall's tau
of fitted strengths with the true ones reaches a target on average, and the saving over round-robin. Each repeat has
new strengths; all pairings meet the same ones, and are judged by the same fit.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from itertools import combinations
from typing import TYPE_CHECKING

from evalengine import Contest, Plan, Standing, Standings
from evalengine.builtin.active import Active
from evalengine.builtin.cells import Record
from evalengine.builtin.ladder import Ladder
from evalengine.builtin.round_robin import RoundRobin
from evalengine.builtin.strengths import strengths
from evalengine.builtin.swiss import Swiss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine import MatchSpec

PAIRINGS = {"round-robin": RoundRobin, "active": Active, "swiss": Swiss, "ladder": Ladder}


class Tournament:
    """Results so far, as a pairing is given them."""

    def __init__(self, truth: list[float], draws: float, seed: int) -> None:
        self.truth = truth
        self._draws = draws
        self._rng = random.Random(seed)
        self._pairs: dict[tuple[int, int, int], list[int]] = {}

    def play(self, spec: MatchSpec) -> None:
        """Draw a result; `draws` is the share of draws between equals."""
        one, other = spec.agents
        p = 1 / (1 + math.exp(self.truth[other] - self.truth[one]))
        drawn = self._draws * 2 * min(p, 1 - p)
        luck = self._rng.random()
        place = 0 if luck < p - drawn / 2 else 1 if luck < p + drawn / 2 else 2
        self._pairs.setdefault((0, one, other), [0, 0, 0, 0])[place] += 1

    def standings(self, contest: Contest) -> Standings:
        """Return the board by the fit."""
        known = self.fitted(contest)
        order = sorted(contest.agents, key=lambda agent: (-known[agent], agent))
        zero = {"sigma": 0.0, "matches": 0, "wins": 0, "draws": 0, "losses": 0, "score": 0.0, "faults": 0}
        lines = [Standing(rank=1, agent=str(agent), rating=known[agent], **zero) for agent in order]  # type: ignore[arg-type]
        return Standings(lines, order, self.pairs())

    def pairs(self) -> dict[tuple[int, int, int], tuple[int, int, int, int]]:
        """Return the counts by pair."""
        return {pair: (wins, draws, losses, 0) for pair, (wins, draws, losses, _) in self._pairs.items()}

    def fitted(self, contest: Contest) -> dict[int, float]:
        """Return the fitted strengths."""
        record = Record(contest, Standings((), (), self.pairs()))
        return {agent: strength for agent, (strength, _) in strengths(contest.agents, record).items()}

    def tau(self, contest: Contest) -> float:
        """Return Kendall's tau of the fitted strengths with the true ones."""
        known = self.fitted(contest)
        pairs = list(combinations(contest.agents, 2))
        right = sum((known[one] > known[other]) == (self.truth[one] > self.truth[other]) for one, other in pairs)
        return 2 * right / len(pairs) - 1


def stream_of(make: type, plan: Plan, tournament: Tournament) -> Iterator[MatchSpec]:
    """Yield a pairing's matches; each must be played before the next is asked for."""
    pairing, round_no = make(plan), 0
    while (specs := pairing.round(round_no, tournament.standings(plan.contests[0]))) is not None:
        yield from specs
        round_no += 1


def curve(make: type, told: argparse.Namespace, seed: int) -> list[float]:
    """Return tau after each look of a tournament; a look is two matches an agent."""
    rng = random.Random(seed)
    truth = [rng.gauss(0, told.spread * math.log(10) / 400) for _ in range(told.agents)]
    contest = Contest(game_no=0, ref="game", sides=((0,), (1,)), agents=tuple(range(told.agents)), opening=0)
    tournament = Tournament(truth, told.draws, seed)
    plan = Plan(seed=seed, contests=(contest,), matches=told.looks * told.agents)
    found = []
    for number, spec in enumerate(stream_of(make, plan, tournament), 1):
        tournament.play(spec)
        if number % told.agents == 0:
            found.append(tournament.tau(contest))
    return found


def reached(curves: list[list[float]], target: float, agents: int) -> float:
    """Return the matches until the mean of tau is `target`, interpolated between two looks; nan when it never is."""
    before = 0.0
    for look, taus in enumerate(zip(*curves, strict=True)):
        tau = statistics.mean(taus)
        if tau >= target:
            return agents * (look + (target - before) / (tau - before))
        before = tau
    return math.nan


def saving(curves: list[list[float]], base: list[list[float]], told: argparse.Namespace) -> tuple[float, float]:
    """Return which part of the base's matches is saved, and its standard error by resampling tournaments."""
    rng = random.Random(0)
    found = []
    for _ in range(200):
        chosen = rng.choices(range(len(base)), k=len(base))
        ours, theirs = ([part[number] for number in chosen] for part in (curves, base))
        found.append(1 - reached(ours, told.tau, told.agents) / reached(theirs, told.tau, told.agents))
    whole = 1 - reached(curves, told.tau, told.agents) / reached(base, told.tau, told.agents)
    return whole, statistics.stdev(found)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairings", nargs="*", metavar="PAIRING")
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--tau", type=float, default=0.9)
    parser.add_argument("--draws", type=float, default=0.0, help="the share of draws between equals")
    parser.add_argument("--spread", type=float, default=300.0, help="standard deviation of the true strengths in Elo")
    parser.add_argument("--looks", type=int, default=80, help="the longest tournament, in matches by agents")
    told = parser.parse_args()
    print(
        f"{told.agents} agents of {told.spread:g} Elo, {told.draws:.0%} draws between equals, {told.repeats} repeats: "
        f"matches until the mean tau is {told.tau}"
    )
    base: list[list[float]] = []
    for name in dict.fromkeys(["round-robin", *(told.pairings or PAIRINGS)]):
        curves = [curve(PAIRINGS[name], told, seed) for seed in range(told.repeats)]
        base = base or curves
        part, error = saving(curves, base, told)
        matches = reached(curves, told.tau, told.agents)
        print(f"{name:<12} {matches:8.0f} matches  {part:6.1%} +- {error:.1%} fewer than round-robin", flush=True)


if __name__ == "__main__":
    main()
