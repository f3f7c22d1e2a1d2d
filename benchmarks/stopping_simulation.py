"""Stopping rules on tournaments of known truth: errors, and how many matches they take against a fixed number.

    python benchmarks/stopping_simulation.py [--runs 300] [--only sprt|gap|top|separated]

Agents play rotations of two: one opening from both seats. An opening favours one side by a normal number of Elo,
shared by both matches of a rotation and by all pairs; the first seat has an advantage; draws follow Rao and Kupper
1967.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalengine.builtin.contested import Contested
from evalengine.contracts import Contest, Plan
from evalengine.model import Standings
from evalengine.seeding import stream
from evalengine.statistics.bradley_terry import fit
from evalengine.statistics.estimates import NELO, SLOPE
from evalengine.statistics.stopping import SprtStopping, UntilSettled

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

OPENINGS = 64


@dataclass
class World:
    """A game with a known truth."""

    strengths: list[float]  # Elo, by agent
    draw_elo: float = 0.0  # half the band in which a match is drawn: 0 none, 160 some 43%, 300 some 70%
    first_elo: float = 35.0
    opening_elo: float = 60.0  # standard deviation of what an opening gives its first seat
    cycle_elo: float = 0.0  # on top: each agent against the next of three, in a circle
    memo: dict = field(default_factory=dict)
    openings: list[float] = field(default_factory=list)

    def __post_init__(self):
        rng = stream(7, "openings")
        self.openings = [rng.gauss(0, self.opening_elo) for _ in range(OPENINGS)]

    def ahead(self, one: int, other: int) -> float:
        """Return how many Elo one agent is above another when they meet."""
        turn = {0: 0, 1: 1, 2: -1}[(other - one) % 3]
        return self.strengths[one] - self.strengths[other] + self.cycle_elo * turn

    def first_seats(self, one: int, other: int, opening: int) -> list[float]:
        """Return the cumulated chances of loss and draw of `one` in the first seat."""
        key = (one, other, opening)
        if key not in self.memo:
            gap = self.ahead(one, other) + self.first_elo + self.openings[opening]
            win = 1 / (1 + 10 ** (-(gap - self.draw_elo) / 400))
            loss = 1 / (1 + 10 ** ((gap + self.draw_elo) / 400))
            self.memo[key] = [loss, 1 - win]
        return self.memo[key]

    def play(self, rng: random.Random, one: int, other: int, opening: int) -> tuple[float, float]:
        """Return one agent's points of a rotation: in the first seat, then in the second."""
        loss, draw = self.first_seats(one, other, opening)
        at = rng.random()
        first = 0 if at < loss else 0.5 if at < draw else 1
        loss, draw = self.first_seats(other, one, opening)
        at = rng.random()
        return first, 1 if at < loss else 0.5 if at < draw else 0

    def score(self, one: int, other: int) -> tuple[float, float]:
        """Return the mean of a match and the variance of a rotation's mean, exactly."""
        total = square = 0.0
        for opening in range(OPENINGS):
            chances = []
            for a, b, turned in ((one, other, False), (other, one, True)):
                loss, draw = self.first_seats(a, b, opening)
                shares = [loss, draw - loss, 1 - draw]
                chances.append(shares[::-1] if turned else shares)
            for i, p in enumerate(chances[0]):
                for j, q in enumerate(chances[1]):
                    total += p * q * (i + j) / 4
                    square += p * q * ((i + j) / 4) ** 2
        mean = total / OPENINGS
        return mean, square / OPENINGS - mean * mean


# ------------------------------------------------------------------------------------------ two agents


def strength_for(nelo: float, **truth: float) -> World:
    """Return the world in which the first of two agents is `nelo` normalized Elo above the second."""
    low, high = -800.0, 800.0
    for _ in range(50):
        middle = (low + high) / 2
        world = World(strengths=[middle, 0.0], **truth)
        mean, variance = world.score(0, 1)
        low, high = (middle, high) if (mean - 0.5) / math.sqrt(2 * variance) * NELO < nelo else (low, middle)
    return world


def sprt_once(world: World, rng: random.Random, **options: float) -> tuple[str, int]:
    stopping = SprtStopping("a", "b", **options)
    for rotation in range(1_000_000):
        for seat, points in enumerate(world.play(rng, 0, 1, rng.randrange(OPENINGS))):
            stopping.feed(2 * rotation + seat, ("a", "b"), rotation, points)
        if stopping.done:
            break
    return stopping.result().decision, stopping.decided_no + 1


def fixed_matches(elo0: float, elo1: float, error: float) -> int:
    """Return the matches of a test of a fixed length with both errors: nElo's normal law (Van den Bergh 2020)."""
    z = 1.6448536269514722 if error == 0.05 else None
    return math.ceil((2 * z * NELO / (elo1 - elo0)) ** 2)


def sprt_rows(runs: int, seed: int) -> Iterator[dict]:
    """Yield a row a truth: how often each hypothesis was accepted, and after how many matches."""
    options = {"elo0": 0.0, "elo1": 40.0, "alpha": 0.05, "beta": 0.05}
    for draw_elo in (0.0, 160.0, 300.0):
        for truth in (0.0, 40.0, 20.0):
            world = strength_for(truth, draw_elo=draw_elo)
            rng = stream(seed, "sprt", str(draw_elo), str(truth))
            done = [sprt_once(world, rng, **options) for _ in range(runs)]
            accepted = sum(decision == "H1" for decision, _ in done) / runs
            yield {
                "draw_elo": draw_elo,
                "nelo": truth,
                "accepted_h1": accepted,
                "error": accepted if truth == 0 else 1 - accepted if truth == 40 else None,
                "mean_matches": sum(matches for _, matches in done) / runs,
                "fixed": fixed_matches(0, 40, 0.05),
            }


# ----------------------------------------------------------------------------------------- many agents


def rounds(world: World, rng: random.Random) -> Iterator[tuple[int, tuple[str, str], int, float]]:
    """Yield match_no, pair, rotation, points: one rotation of every pair, then the next, all on one opening."""
    agents = range(len(world.strengths))
    pairs = [(one, other) for one in agents for other in agents if one < other]
    match_no = rotation = 0
    while True:
        opening = rng.randrange(OPENINGS)
        for one, other in pairs:
            for points in world.play(rng, one, other, opening):
                yield match_no, (f"a{one:02}", f"a{other:02}"), rotation, points
                match_no += 1
        rotation += 1


def contested(world: World, rng: random.Random, top: int, margin: float) -> Iterator[tuple]:
    """Yield the same of the pairing `contested`, which sees what was played in the rounds before."""
    contest = Contest(game_no=0, ref="game", sides=((0,), (1,)), agents=tuple(range(len(world.strengths))), opening=0)
    plan = Plan(seed=rng.getrandbits(40), contests=(contest,), matches=1_000_000, rounds=None)
    pairing = Contested(plan, top=top, margin=margin)
    pairs: dict[tuple[int, int, int], list[int]] = {}
    match_no = 0
    for round_no in range(pairing.rounds()):
        before = dict(sorted((pair, tuple(counts)) for pair, counts in pairs.items()))
        for spec in pairing.round(round_no, Standings((), (), before)):
            one, other = spec.agents
            if one < other:  # the first of a rotation
                ended = iter(world.play(rng, one, other, rng.randrange(OPENINGS)))
            first = next(ended)
            points = first if one < other else 1 - first
            pairs.setdefault((0, one, other), [0, 0, 0, 0])[int(2 - 2 * points)] += 1
            yield match_no, (f"a{one:02}", f"a{other:02}"), spec.rotation, points
            match_no += 1


def until_once(
    world: World, rng: random.Random, cap: int, *, pairing: str = "round-robin", **options: float
) -> tuple[UntilSettled, int]:
    until = UntilSettled([f"a{agent:02}" for agent in range(len(world.strengths))], **options)
    top, margin = options.get("top"), options.get("margin_elo", 0.0)
    for match in contested(world, rng, top, margin) if pairing == "contested" else rounds(world, rng):
        if until.feed(*match) or match[0] >= cap:
            break
    return until, match[0] + 1


def scale(world: World) -> dict[int, float]:
    """Return each agent's Elo by the mean scores of all pairs: narrower than strengths, by draws and openings."""
    agents = range(len(world.strengths))
    means = {(one, other): world.score(one, other)[0] for one in agents for other in agents if one < other}
    fitted = fit({(f"{one:02}", f"{other:02}"): [1 - mean, 0, mean] for (one, other), mean in means.items()})
    return {int(name): SLOPE * strength for name, strength in fitted.items()}


def wrong(world: World, order: tuple[str, ...], top: int | None, margin_elo: float) -> bool:
    """Tell whether a claim contradicts the truth by the margin or more; without one, equals told apart are wrong."""
    truth = world.memo.setdefault("scale", scale(world))
    numbers = [int(name[1:]) for name in order]
    better = numbers[:top] if top else numbers[:-1]
    for place, one in enumerate(better):
        for other in numbers[top:] if top else numbers[place + 1 :]:
            if truth[one] - truth[other] <= 1e-6 - margin_elo:
                return True
    return False


WORLDS = {
    "8 agents, 40 Elo apart": {"strengths": [280 - 40 * agent for agent in range(8)], "draw_elo": 160.0},
    "8 agents, 40 Elo apart, no draws": {"strengths": [280 - 40 * agent for agent in range(8)]},
    "3rd and 4th 2 Elo apart": {"strengths": [200, 150, 100, 98, 40, 0, -40, -80], "draw_elo": 160.0},
    "3rd to 8th equal": {"strengths": [200, 100, 0, 0, 0, 0, 0, 0], "draw_elo": 160.0},
    "all equal": {"strengths": [0] * 8, "draw_elo": 160.0},
    "3rd, 40 above five equals": {"strengths": [200, 120, 40, 0, 0, 0, 0, 0], "draw_elo": 160.0},
    "with a circle": {"strengths": [160, 120, 80, 40, 0, -40, -80], "draw_elo": 160.0, "cycle_elo": 60.0},
}


def fixed_error(world: World, rng: random.Random, top: int | None, matches: int, runs: int) -> float:
    """Return how often the best by mean score after a fixed number of matches are not the best."""
    failed = 0
    for _ in range(runs):
        total = [0.0] * len(world.strengths)
        for match_no, (one, other), _, points in rounds(world, rng):
            if match_no >= matches:
                break
            total[int(one[1:])] += points
            total[int(other[1:])] += 1 - points
        order = sorted(range(len(total)), key=lambda agent: -total[agent])
        failed += wrong(world, tuple(f"a{agent:02}" for agent in order), top, 0)
    return failed / runs


def until_rows(runs: int, seed: int, top: int | None, cap: int, worlds: dict[str, dict]) -> Iterator[dict]:
    """Yield a row a truth and margin: how often a claim was wrong, how often there was one, after how many matches."""
    for name, truth in worlds.items():
        world = World(**truth)
        for margin_elo in (0.0, 20.0, 40.0):
            if margin_elo and world.cycle_elo:
                continue  # a margin is measured on a scale, which a circle has not
            rng = stream(seed, "until", name, str(margin_elo))
            done = [until_once(world, rng, cap, top=top, margin_elo=margin_elo) for _ in range(runs)]
            claims = [until.result().order for until, _ in done if until.done]
            lengths = sorted(matches for _, matches in done)
            yield {
                "world": name,
                "margin_elo": margin_elo,
                "error": sum(wrong(world, order, top, margin_elo) for order in claims) / runs,
                "settled": len(claims) / runs,
                "mean_matches": sum(lengths) / runs,
                "p95_matches": lengths[int(0.95 * runs)],
            }


def gap_rows(runs: int, seed: int, cap: int) -> Iterator[dict]:
    """Yield a row a truth, with a margin exactly as wide as the gap below the third: the hardest case that counts."""
    for name in ("8 agents, 40 Elo apart", "8 agents, 40 Elo apart, no draws", "3rd, 40 above five equals"):
        world = World(**WORLDS[name])
        truth = scale(world)
        gap = truth[2] - truth[3]
        rng = stream(seed, name)
        for pairing in ("round-robin", "contested"):
            done = [until_once(world, rng, cap, pairing=pairing, top=3, margin_elo=gap) for _ in range(runs)]
            failed = sum(wrong(world, until.result().order, 3, gap - 1e-3) for until, _ in done if until.done)
            yield {
                "world": name,
                "pairing": pairing,
                "margin_elo": gap,
                "error": failed / runs,
                "settled": sum(until.done for until, _ in done) / runs,
                "mean_matches": sum(matches for _, matches in done) / runs,
            }
        yield {f"fixed {n}": fixed_error(world, rng, 3, n, runs) for n in (1120, 1400, 1680, 2240, 2800)}


def show(title: str, rows: Iterator[dict]) -> None:
    begun = time.perf_counter()
    print(title, flush=True)
    for row in rows:
        print(
            "  " + "  ".join(f"{key}={round(v, 3) if isinstance(v, float) else v}" for key, v in row.items()),
            flush=True,
        )
    print(f"  {time.perf_counter() - begun:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--cap", type=int, default=40_000, help="matches after which an unsettled run ends")
    parser.add_argument("--only", choices=["sprt", "gap", "top", "separated"])
    options = parser.parse_args()
    if options.only in (None, "sprt"):
        show("sprt elo0=0 elo1=40 (normalized), alpha=beta=0.05", sprt_rows(options.runs, options.seed))
    if options.only in (None, "gap"):
        show("top=3, margin = gap", gap_rows(options.runs, options.seed, options.cap))
    if options.only in (None, "top"):
        show("top=3, alpha=0.05", until_rows(options.runs, options.seed, 3, options.cap, WORLDS))
    if options.only in (None, "separated"):
        show("separated, alpha=0.05", until_rows(options.runs, options.seed, None, options.cap, WORLDS))


if __name__ == "__main__":
    main()
