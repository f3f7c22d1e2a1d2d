"""The tables that a database is exported as, column by column."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["int", "float", "text", "bool", "ints", "floats", "texts", "value"]
"""Of a cell: a number, a text, a list of them by seat, or any value of a game's or an agent's own."""


class Column(NamedTuple):
    """One column of a table; any cell may be None where `doc` says so."""

    name: str
    kind: Kind
    doc: str  # what it is, with its unit


class Table(NamedTuple):
    """One table."""

    name: str
    doc: str
    columns: tuple[Column, ...]


_RUN = Column("run", "int", "the run's number")
_AGENT = Column("agent", "text", "its name")

MATCHES = Table(
    "matches",
    "one stored match that counts, voids among them",
    (
        _RUN,
        Column("match_no", "int", "its number within the run, from 0"),
        Column("match", "text", "its id: GAME::A-vs-B[match_no]"),
        Column("game", "text", "the game as it was configured"),
        Column("agents", "texts", "names by seat"),
        Column("scores", "floats", "the game's scores by seat; higher is better"),
        Column("places", "ints", "by seat; 1 is best, equal when tied"),
        Column("faults", "texts", "by seat the kind of its first fault, or null"),
        Column("termination", "text", "rules, turn_limit, fault or void"),
        Column("turns", "int", "how many, those of the opening included"),
        Column("rotation", "int", "the number of its rotation within its cell"),
        Column("opening", "int", "how many turns were asked to be played by the engine first"),
        Column("seed", "int", "63 bits that its luck follows from"),
        Column("branch", "value", "where it was continued from: parent, turn, luck; null when it was not"),
        Column("started", "float", "seconds since the epoch, UTC"),
        Column("seconds", "float", "how long it took"),
    ),
)
STEPS = Table(
    "steps",
    "one seat in one turn of a match, void matches left out; played again from the stored actions",
    (
        _RUN,
        Column("match_no", "int", "which match"),
        Column("match", "text", "its id"),
        Column("game", "text", "the game as it was configured"),
        Column("turn", "int", "from 0"),
        Column("seat", "int", "who was to act, from 0"),
        Column("agent", "text", "whose seat it is; null in the opening and in turns of a branch's parent, where it "
               "was not asked"),
        Column("view", "value", "what the game showed this seat"),
        Column("legal", "value", "a list of the legal actions; null where the game lists none"),
        Column("action", "value", "what was done; null at a fault"),
        Column("action_text", "text", "the same as the game writes it; null at a fault"),
        Column("fault", "text", "the kind of the fault made instead, or null"),
        Column("info", "value", "what the agent gave beside its action, or null"),
        Column("reward", "float", "what it brought until the seat's next step; where the game does not say: 0, and "
               "the score at the seat's last"),
        Column("think_us", "int", "microseconds of thought; null where `agent` is"),
        Column("score", "float", "the seat's score at the end of the match"),
        Column("place", "int", "the seat's place at the end of the match"),
    ),
)  # fmt: skip
RATINGS = Table(
    "ratings",
    "one agent on one board of a run, by one rater",
    (
        _RUN,
        Column("scope", "text", "the board: empty for the run's own, else the game"),
        Column("rater", "text", "who rated it"),
        _AGENT,
        Column("rating", "float", "in the rater's own unit"),
        Column("sigma", "float", "the rater's doubt, in the same unit"),
        Column("lo", "float", "lower end of the 95% interval, or null"),
        Column("hi", "float", "upper end of it, or null"),
        Column("rank", "int", "1 is best; null where there is none"),
        Column("rank_lo", "int", "the best rank that the intervals leave open, or null"),
        Column("rank_hi", "int", "the worst, or null"),
        Column("provisional", "bool", "whether the results alone do not say how strong it is"),
        Column("component", "int", "which group of agents that matches connect"),
    ),
)
AGENTS = Table(
    "agents",
    "one agent of a run, with its counts over all games; voids are not counted",
    (
        _RUN,
        _AGENT,
        Column("kind", "text", "trusted, python or program"),
        Column("version", "text", "a digest of its bytes, or a version; null when names are hidden"),
        Column("pinned", "bool", "whether its bytes are fixed"),
        Column("ref", "text", "where it came from; null when names are hidden"),
        Column("matches", "int", "how many it played"),
        Column("wins", "int", "of them"),
        Column("draws", "int", "of them"),
        Column("losses", "int", "of them"),
        Column("faults", "int", "matches in which it made a fault"),
    ),
)
STANDINGS = Table(
    "standings",
    "one line of a run's own board, as it is stored",
    (
        _RUN,
        _AGENT,
        Column("matches", "int", "how many it played"),
        Column("wins", "int", "of them"),
        Column("draws", "int", "of them"),
        Column("losses", "int", "of them"),
        Column("faults", "int", "matches in which it made a fault"),
        Column("rating", "float", "of the rater that ranks, or null"),
        Column("sigma", "float", "its doubt, or null"),
        Column("lo", "float", "lower end of the 95% interval, or null"),
        Column("hi", "float", "upper end of it, or null"),
        Column("rank_lo", "int", "the best rank that the intervals leave open, or null"),
        Column("rank_hi", "int", "the worst, or null"),
        Column("mu", "float", "TrueSkill's mean, or null"),
    ),
)
RUNS = Table(
    "runs",
    "one run",
    (
        _RUN,
        Column("kind", "text", "run; branch or explore: it continues matches of another"),
        Column("parent", "int", "which run it continues, or null"),
        Column("state", "text", "running, done, stopped or interrupted"),
        Column("seed", "int", "63 bits that everything follows from; null when names are hidden"),
        Column("planned", "int", "matches planned; null where results decide"),
        Column("stored", "int", "matches stored that count"),
        Column("games", "texts", "the games as they were configured"),
        Column("agents", "int", "how many"),
        Column("sandbox", "text", "what contained agents from outside"),
        Column("started", "float", "seconds since the epoch, UTC"),
        Column("seconds", "float", "time spent playing"),
    ),
)

TABLES = {table.name: table for table in (MATCHES, STEPS, RATINGS, AGENTS, STANDINGS, RUNS)}
USUAL = ("matches", "steps", "ratings", "agents")  # of an export that names none
