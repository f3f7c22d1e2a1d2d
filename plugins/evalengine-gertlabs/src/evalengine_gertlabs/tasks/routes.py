"""The routes of tasks: issued, scored, listed."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine import seeding
from evalengine_gertlabs import fields, owners, replies
from evalengine_gertlabs.tasks import replied
from evalengine_gertlabs.tasks.descriptions import Repeats
from evalengine_gertlabs.tasks.expressions import Number
from evalengine_gertlabs.tasks.identification import Rule, Source
from evalengine_gertlabs.tasks.prediction import Cells, Sequence
from evalengine_gertlabs.tasks.variants import KINDS, Scored, Variant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields

VARIANTS: Mapping[str, Variant] = {
    made.name: made for made in (Repeats(), Number(), Sequence(), Cells(), Rule(), Source())
}
KEPT_S = 7 * 86400.0
MOST, MOST_REPLIES, LONGEST_REPLY = 16, 64, 1 << 20
_DIFFICULTY, _STEP = 0.45, 0.05
_PROMPT_BYTES, _LEAST_BYTES, _MOST_BYTES = 1 << 20, 1 << 16, 1 << 30
_GENERATE, _SCORE = 0.001, 0.0005
_BODY_BYTES = 16 << 20
BASE = "/api/v1"


def routes(api: Api) -> list[Any]:
    """Return the routes."""
    tasks = _Tasks(api)
    api.server.allow_body(f"{BASE}/tasks/score", _BODY_BYTES)
    return [
        replies.route("/tasks", tasks.create, "POST"),
        replies.route("/tasks/score", tasks.score, "POST"),
        replies.route("/tasks/info", tasks.info),
    ]


class _Tasks:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(self, request: Any) -> Any:
        """Issue tasks: `{"n"?, "difficulty"?, "variants"?, "kinds"?, "weights"?, "randomize_prompt"?, ...}`."""
        who = await owners.asker(self._api, request, "play")
        body = await fields.of_body(request)
        count, difficulty = body.whole("n", 1, least=1, most=MOST), _rounded(body)
        weights = _weights(body)
        body.whole("max_prompt_bytes", _PROMPT_BYTES, least=_LEAST_BYTES, most=_MOST_BYTES)  # ours have far fewer
        form = body.flag("randomize_prompt", default=False)

        def make() -> list[dict[str, Any]]:
            made = [_made(weights, difficulty, form=form) for _ in range(count)]
            self._api.rows.together(lambda db: _store(db, who.owner, made))
            return [told for told, _ in made]

        tasks = await self._api.server.call(make)
        return replies.result(request, {"tasks": tasks, "price": _summed(task["price"] for task in tasks)}, 201)

    async def score(self, request: Any) -> Any:
        """Score replies to a task: `{"task_id", "responses"}`; equal actions once."""
        who = await owners.asker(self._api, request, "play")
        body = await fields.of_body(request)
        task_id = body.text("task_id")
        responses = _responses(body)
        rows = await self._api.read(
            "select * from gert_task where id = ? and created > ?", task_id, time.time() - KEPT_S
        )
        if not rows or not who.may_see(rows[0]["owner"]):
            what = "task of this id; tasks are kept for 7 days"
            raise replies.not_found(what)
        results, fresh = await self._api.server.call(self._scored, dict(rows[0]), responses)
        price = _summed([_price(_SCORE, rows[0]["difficulty"])] * fresh)
        return replies.result(request, {"results": results, "price": price})

    async def info(self, request: Any) -> Any:
        """List the variants with their prices, `?difficulty=`."""
        await owners.reader(self._api, request)
        difficulty = _rounded(fields.of_query(request))
        variants = [
            {
                "name": one.name,
                "kind": one.kind,
                "weight": one.weight,
                "generate_price": _price(_GENERATE, difficulty),
                "score_price": _price(_SCORE, difficulty),
            }
            for one in VARIANTS.values()
        ]
        return replies.result(request, {"variants": variants, "difficulty": difficulty})

    def _scored(self, task: Mapping[str, Any], responses: list[str]) -> tuple[list[dict[str, Any]], int]:
        """Return the results, and how many actions were not scored before."""
        variant, state = VARIANTS[task["variant"]], json.loads(task["state"])
        known: dict[bytes, Scored] = {}
        for row in self._api.rows.read("select * from gert_answer where task = ?", task["no"]):
            known[row["digest"]] = Scored(row["points"], bool(row["solved"]), row["error"] or "")
        results, fresh = [], {}
        for reply in responses:
            try:
                answer = replied.answer_of(reply)
            except ValueError as why:
                results.append({"points": 0.0, "solved": False, "error": f"format: {why}"})
                continue
            digest = hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).digest()[:16]
            if digest not in known:
                known[digest] = fresh[digest] = variant.score(state, answer)
            scored = known[digest]
            error = {"error": scored.error} if scored.error else {}
            results.append({"points": scored.points, "solved": scored.solved, **error})
        self._api.rows.together(lambda db: _note(db, task["no"], fresh))
        return results, len(fresh)


def _made(weights: Mapping[str, float], difficulty: float, *, form: bool) -> tuple[dict[str, Any], str]:
    """Return a task as it is told, and what is kept of it."""
    rng = seeding.stream(seeding.fresh_seed(), "task")
    variant = VARIANTS[rng.choices([*weights], [*weights.values()])[0]]
    problem = variant.make(rng, difficulty)
    told = {
        "task_id": f"task_{secrets.token_urlsafe(15)}",
        "variant": variant.name,
        "kind": variant.kind,
        "difficulty": difficulty,
        "messages": [{"role": "user", "content": variant.told(problem, rng if form else None)}],
        "price": _price(_GENERATE, difficulty),
    }
    return told, json.dumps(problem.state)


def _store(db: sqlite3.Connection, owner: str, made: list[tuple[dict[str, Any], str]]) -> None:
    now = time.time()
    old = "select no from gert_task where created < ?"
    db.execute(f"delete from gert_answer where task in ({old})", (now - KEPT_S,))  # noqa: S608 - our text
    db.execute("delete from gert_task where created < ?", (now - KEPT_S,))
    sql = "insert into gert_task (id, owner, variant, difficulty, state, created) values (?, ?, ?, ?, ?, ?)"
    for told, state in made:
        db.execute(sql, (told["task_id"], owner, told["variant"], told["difficulty"], state, now))


def _note(db: sqlite3.Connection, task: int, fresh: Mapping[bytes, Scored]) -> None:
    sql = "insert or ignore into gert_answer values (?, ?, ?, ?, ?)"
    for digest, scored in fresh.items():
        db.execute(sql, (task, digest, scored.points, scored.solved, scored.error or None))


def _rounded(asked: Fields) -> float:
    difficulty: float = asked.number("difficulty", _DIFFICULTY, least=0, most=1)
    return round(round(difficulty / _STEP) * _STEP, 2)


def _responses(body: Fields) -> list[str]:
    found = body.any("responses")
    fits = isinstance(found, list) and 0 < len(found) <= MOST_REPLIES
    if not fits or not all(isinstance(one, str) and len(one) <= LONGEST_REPLY for one in found):
        told = f"responses must be a list of 1 to {MOST_REPLIES} texts of at most {LONGEST_REPLY} characters"
        raise replies.invalid(told, "responses")
    return list(found)


def _weights(body: Fields) -> dict[str, float]:
    """Return the weights of the variants that are to be drawn from.

    Raises:
        RefusedError: one is unknown, or none is left.
    """
    names = body.texts("variants", None)
    kinds = body.texts("kinds", None)
    given = body.mapping("weights", {})
    for field, wanted, known in (("variants", names, VARIANTS), ("kinds", kinds, KINDS), ("weights", given, VARIANTS)):
        for name in wanted or ():
            if name not in known:
                told = f"{field}: there is no {name[:40]!r}; there are {', '.join(known)}"
                raise replies.invalid(told, field)
    found = {}
    for name, variant in VARIANTS.items():
        weight = given.get(name, variant.weight)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1e9:  # noqa: PLR2004 - enough
            told = f"weights: {name} must be a number from 0"
            raise replies.invalid(told, "weights")
        if weight and (names is None or name in names) and (kinds is None or variant.kind in kinds):
            found[name] = float(weight)
    if not found:
        told = "no variant is left: loosen variants, kinds or weights"
        raise replies.invalid(told, "variants")
    return found


def _price(base: float, difficulty: float) -> float:
    return round(base * (1 + difficulty), 6)


def _summed(prices: Any) -> float:
    found: float = round(sum(prices), 6)
    return found
