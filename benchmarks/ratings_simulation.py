"""Tournaments between agents of known strength: how often 95% intervals hold the truth, and how well ranks are found.

    python benchmarks/ratings_simulation.py [--tournaments 250] [--agents 10] [--rotations 10] [--rater bt]

A draw takes as much from a win as from a loss, so that the expected score stays logistic and the truth is the model's
own; the matches of a rotation are dependent through a normal variable (an opening that is good for its first seat).
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from dataclasses import dataclass
from statistics import NormalDist

from evalengine import Rated
from evalengine.builtin.bradley_terry import BradleyTerry
from evalengine.builtin.plackett_luce import PlackettLuce, Pooled

RATERS = {"bt": BradleyTerry, "plackett-luce": PlackettLuce, "pooled": Pooled}
Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class World:
    """What tournaments are drawn from; strengths in log-odds."""

    agents: int = 10
    rotations: int = 10  # of each pair, of two matches
    spread: float = 1.0  # standard deviation of the strengths
    draws: float = 0.0  # share of draws between equals
    opening: float = 0.0  # correlation of the two matches of a rotation, from the first seat's view
    first_seat: float = 0.0


SCENES = {
    "no draws": World(),
    "33% draws": World(draws=0.33),
    "65% draws": World(draws=0.65),
    "openings shared": World(opening=0.6),
    "openings shared, 33% draws": World(opening=0.6, draws=0.33),
    "openings shared, 65% draws": World(opening=0.8, draws=0.65),
    "first seat +100 Elo": World(first_seat=100 * math.log(10) / 400, draws=0.33),
}


def tournament(world: World, rng: random.Random) -> tuple[list[float], list[Rated]]:
    """Return strengths, and the results of all pairs."""
    truth = [rng.gauss(0, world.spread) for _ in range(world.agents)]
    results = []
    for rotation in range(world.rotations):
        for one in range(world.agents):
            for other in range(one):
                opening = rng.gauss(0, 1)
                for first, second in ((one, other), (other, one)):
                    mean = 1 / (1 + math.exp(truth[second] - truth[first] - world.first_seat))
                    luck = math.sqrt(world.opening) * opening + math.sqrt(1 - world.opening) * rng.gauss(0, 1)
                    ranks = outcome(mean, world.draws, NormalDist().cdf(luck))
                    results.append(Rated((first, second), ranks, (0.0, 0.0), rotation))
    return truth, results


def outcome(mean: float, draws: float, luck: float) -> tuple[int, int]:
    """Return places, from the first seat's expected score and a uniform number that is high when it is lucky."""
    drawn = draws * 2 * min(mean, 1 - mean)
    if luck > 1 - (mean - drawn / 2):
        return 1, 2
    return (1, 1) if luck > 1 - mean - drawn / 2 else (2, 1)


def kendall(truth: list[float], found: list[float]) -> float:
    """Return Kendall's tau: 1 when all pairs stand in the right order."""
    pairs = [(a, b) for a in range(len(truth)) for b in range(a)]
    signs = [((truth[a] > truth[b]) == (found[a] > found[b])) * 2 - 1 for a, b in pairs]
    return sum(signs) / len(pairs)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Over all tournaments."""

    differences: float  # share of true differences that their interval holds
    ratings: float  # share of true strengths, their mean taken off, that their interval holds
    bands: float  # share of true ranks that their band holds
    tau: float


def simulate(world: World, tournaments: int, make=BradleyTerry, seed: int = 1) -> Found:
    """Return coverage and Kendall's tau over so many tournaments."""
    rng = random.Random(seed)
    differences, ratings, bands, taus = [], [], [], []
    for _ in range(tournaments):
        truth, results = tournament(world, rng)
        rater = make(scale=1.0, mean=0.0)
        rater.update(results)
        lines = {line.agent: line for line in rater.table(range(world.agents))}
        middle = statistics.fmean(truth)
        for one in range(world.agents):
            line = lines[one]
            ratings.append(line.lo <= truth[one] - middle <= line.hi)
            bands.append(line.rank_lo <= 1 + sum(other > truth[one] for other in truth) <= line.rank_hi)
            for other in range(one):
                ahead, error = rater.difference(one, other)
                differences.append(abs(ahead - truth[one] + truth[other]) <= Z95 * error)
        taus.append(kendall(truth, [lines[agent].rating for agent in range(world.agents)]))
    return Found(
        differences=statistics.fmean(differences),
        ratings=statistics.fmean(ratings),
        bands=statistics.fmean(bands),
        tau=statistics.fmean(taus),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tournaments", type=int, default=250)
    parser.add_argument("--agents", type=int, default=10)
    parser.add_argument("--rotations", type=int, default=10)
    parser.add_argument("--rater", choices=RATERS, default="bt")
    asked = parser.parse_args()
    print(
        f"{asked.rater}: {asked.tournaments} tournaments of {asked.agents} agents, {asked.rotations} rotations a pair"
    )
    print(f"{'':28} {'differences':>12} {'ratings':>9} {'rank bands':>11} {'tau':>7}")
    for name, scene in SCENES.items():
        world = World(**{**vars(scene), "agents": asked.agents, "rotations": asked.rotations})
        found = simulate(world, asked.tournaments, RATERS[asked.rater])
        print(f"{name:28} {found.differences:12.4f} {found.ratings:9.4f} {found.bands:11.4f} {found.tau:7.4f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
