"""Known answers, put to the public functions: `answer(rater, inputs)` for an entry of `oracles/ratings.json`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import evalengine

FILE = json.loads((Path(__file__).parent / "oracles" / "ratings.json").read_text())
DEFAULTS = FILE["defaults"]
TRUESKILL = ("mu", "sigma", "beta", "tau", "draw_probability")


def answer(rater, inputs):
    """Return what evalengine answers, of the shape of the entry's `expected`."""
    return ANSWERS[rater](inputs)


def _defaults(inputs, *names):
    """Return the file's options of TrueSkill, overridden by what an entry says."""
    known = DEFAULTS["trueskill"] | {name: inputs[name] for name in TRUESKILL if name in inputs}
    return {name: known[name] for name in names or TRUESKILL if name in known}


def _by_agent(rows, *columns):
    """Return the columns of each row by agent; one column alone without a list."""
    found = {row["agent"]: [row[column] for column in columns] for row in rows}
    return {agent: line[0] for agent, line in found.items()} if len(columns) == 1 else found


# ------------------------------------------------------------------------------------ TrueSkill


def _named(teams):
    """Return (teams of names, prior by name)."""
    names = [[f"{side}-{member}" for member in range(len(team))] for side, team in enumerate(teams)]
    pairs = zip((name for team in names for name in team), (pair for team in teams for pair in team), strict=True)
    return names, {name: tuple(pair) for name, pair in pairs}


def trueskill(inputs):
    names, prior = _named(inputs["teams"])
    ranks = inputs.get("ranks")
    match = {"teams": names, "ranks": list(range(len(names))) if ranks is None else ranks}
    if inputs.get("weights") is not None:
        match["weights"] = inputs["weights"]
    rows = evalengine.rate([match], rater="trueskill", prior=prior, **_defaults(inputs))
    found = _by_agent(rows, "rating", "se")
    return [[found[name] for name in team] for team in names]


def trueskill_quality(inputs):
    return evalengine.quality(inputs["teams"], inputs.get("weights"), **_defaults(inputs, "beta"))


def trueskill_sequence(inputs):
    ranks = {1: [1, 2], 0: [1, 1], -1: [2, 1]}
    matches = [{"teams": [[str(a)], [str(b)]], "ranks": ranks[won]} for a, b, won in inputs["matches"]]
    # Who plays nobody is in the table by its prior.
    options = _defaults(inputs)
    prior = {str(agent): (options["mu"], options["sigma"]) for agent in range(inputs["n"])}
    found = _by_agent(evalengine.rate(matches, rater="trueskill", prior=prior, **options), "rating", "se")
    return [found[str(agent)] for agent in range(inputs["n"])]


def trueskill_msr_help(inputs):
    """Alice wins free-for-alls against seven others, each time as strong as she is by then and placed in order."""
    options = _defaults(inputs)
    own = (options["mu"], options["sigma"])
    others = [f"other {number}" for number in range(inputs.get("others", 7))]
    for _ in range(inputs["games"]):
        prior = {"alice": own} | dict.fromkeys(others, (own[0], inputs["others_sigma"]))
        match = {"teams": [["alice"], *([name] for name in others)], "ranks": list(range(len(others) + 1))}
        rows = evalengine.rate([match], rater="trueskill", prior=prior, **options)
        own = tuple(_by_agent(rows, "rating", "se")["alice"])
    return {"mu": own[0], "sigma": own[1], "conservative": own[0] - 3 * own[1]}


# --------------------------------------------------------------------------------------- Glicko


def _glicko(rater, inputs, **options):
    """Return the row of an agent that meets opponents, all in one period."""
    opponents = [f"opponent {number}" for number in range(len(inputs["opponents"]))]
    prior = dict(zip(opponents, map(tuple, inputs["opponents"]), strict=True)) | {"player": tuple(inputs["player"])}
    ranks = {1: [1, 2], 0.5: [1, 1], 0: [2, 1]}
    matches = [
        {"teams": [["player"], [name]], "ranks": ranks[score]}
        for name, score in zip(opponents, inputs["scores"], strict=True)
    ]
    rows = evalengine.rate(matches, rater=rater, prior=prior, period=max(len(matches), 1), **options)
    return next(row for row in rows if row["agent"] == "player")


def glicko2(inputs):
    row = _glicko("glicko2", inputs, **{"tau": inputs["tau"]} if "tau" in inputs else {})
    return {"rating": row["rating"], "rd": row["se"], "vol": row["volatility"]}


def glicko1(inputs):
    row = _glicko("glicko", inputs, **{"c": inputs["c"]} if "c" in inputs else {})
    return {"rating": row["rating"], "rd": row["se"]}


# ------------------------------------------------------------------------------- Elo differences


def _five(penta):
    """Return the five classes of rotations from a list, or from names; WL and DD are one point each."""
    if not isinstance(penta, dict):
        return list(penta)
    return [penta["LL"], penta["LD"], penta["WL"] + penta["DD"], penta["WD"], penta["WW"]]


def _estimated(estimate):
    return {
        "nelo": estimate.nelo,
        "nelo_err95": estimate.nelo_error,
        "elo": estimate.elo,
        "elo_err95": estimate.elo_error,
        "los_pct": 100 * estimate.los,
    }


def elo_wdl(inputs):
    return _estimated(evalengine.elo_estimate(**{name: inputs[name] for name in ("wins", "draws", "losses")}))


def elo_penta(inputs):
    return _estimated(evalengine.elo_estimate(pentanomial=_five(inputs.get("penta", inputs))))


def elo_counts(inputs):
    counts = inputs["counts"]
    if len(counts) == 3:
        losses, draws, wins = counts
        return elo_wdl({"wins": wins, "draws": draws, "losses": losses})
    return elo_penta({"penta": counts})


def sprt_llr(inputs):
    if "penta" in inputs:
        counts = _five(inputs["penta"])
    else:
        counts = inputs.get("counts") or [inputs["losses"], inputs["draws"], inputs["wins"]]
    options = {name: inputs[name] for name in ("elo0", "elo1", "model", "alpha", "beta") if name in inputs}
    return evalengine.sprt(counts, **options).llr


# ----------------------------------------------------------------------------------- batch raters


def _wins(one, other, count, *, won=True):
    return [{"teams": [[one], [other]], "ranks": [1, 2] if won else [2, 1]}] * int(count)


def bradley_terry(inputs):
    at_home = bool(inputs.get("first_move_advantage"))
    records = inputs["home_away"] if "home_away" in inputs else inputs["pairs"]
    matches = []
    for one, other, won, lost, *drawn in records:
        matches += _wins(one, other, won) + _wins(one, other, lost, won=False)
        matches += [{"teams": [[one], [other]], "ranks": [1, 1]}] * int(sum(drawn))
    rows = evalengine.rate(
        matches,
        rater="bt",
        scale=1.0,
        mean=0.0,
        anchors=inputs.get("anchor"),
        covariance="model",
        first_seat=at_home,
    )
    ability = _by_agent(rows, "rating")
    anchored = inputs.get("anchor") or {}
    found = {"ability": ability, "se": {name: se for name, se in _by_agent(rows, "se").items() if name not in anchored}}
    if at_home:
        powers = sorted(math.exp(value) for value in ability.values())
        found["at_home"] = rows[0]["first_seat"]
        found["softmax_sorted_3dp"] = [power / sum(powers) for power in powers]
    return found


def plackett_luce(inputs):
    matches = [
        {"teams": [[name] for name in ranking], "ranks": list(range(1, len(ranking) + 1))}
        for ranking in inputs["rankings"]
    ]
    found = _by_agent(evalengine.rate(matches, rater="plackett-luce"), "rating")
    middle = sum(found.values()) / len(found)
    return {name: value - middle for name, value in found.items()}


def openskill_pl_mu(inputs):
    mu, sigma = inputs["model"]
    names, _ = _named([[(mu, sigma)] * size for size in inputs["sizes"]])
    ranks = inputs["ranks"] or list(range(1, len(names) + 1))
    options = {"model": "plackett-luce", "mu": mu, "sigma": sigma, "tau": inputs.get("tau", 25 / 300)}
    match = {"teams": names, "ranks": ranks}
    found = _by_agent(evalengine.rate([match], rater="openskill", **options), "rating")
    return [[found[name] for name in team] for team in names]


def mean_score(inputs):
    matches = [{"teams": [["player"]], "ranks": [1], "scores": [score]} for score in inputs["scores"]]
    options = {name: inputs[name] for name in ("min_runs", "objective", "window") if name in inputs}
    (row,) = evalengine.rate(matches, rater="mean", **options)
    return {"current": row["rating"]} | {name: value for name, value in row.items() if name not in ("rating", "agent")}


# -------------------------------------------------------------------------------- games of agents


def alpharank(inputs):
    options = {name: inputs[name] for name in ("m", "alpha") if name in inputs}
    return list(evalengine.alpharank(inputs["payoff"], **options))


def nash_avg(inputs):
    payoff = inputs["payoff"]
    square = len(payoff) == len(payoff[0])
    agents_only = square and all(payoff[i][j] == -payoff[j][i] for i in range(len(payoff)) for j in range(i + 1))
    found = evalengine.nash(payoff, tasks=not inputs.get("a_v_a", agents_only))
    return {"p": list(found.p), "value": list(found.value)}


ANSWERS = {
    "trueskill": trueskill,
    "trueskill_msr_help": trueskill_msr_help,
    "trueskill_quality": trueskill_quality,
    "trueskill_sequence": trueskill_sequence,
    "glicko2": glicko2,
    "glicko1": glicko1,
    "elo_expected": lambda inputs: evalengine.elo_expected(inputs["diff"]),
    "elo_from_score": lambda inputs: evalengine.elo(inputs["score"]),
    "elo_wdl": elo_wdl,
    "elo_penta": elo_penta,
    "elo_counts": elo_counts,
    "sprt_llr": sprt_llr,
    "sprt_bounds": lambda inputs: list(evalengine.sprt_bounds(inputs["alpha"], inputs["beta"])),
    "bradley_terry": bradley_terry,
    "plackett_luce": plackett_luce,
    "openskill_pl_mu": openskill_pl_mu,
    "alpharank": alpharank,
    "nash_avg": nash_avg,
    "mean_score": mean_score,
}
