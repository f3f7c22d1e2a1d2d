"""What actions, or a position, are worth: matches played out from an episode, which is not changed by it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import RefusedError, seeding
from evalengine_gertlabs import fields, owners, replies
from evalengine_gertlabs.rollouts import figures, league, plans, resets
from evalengine_gertlabs.rollouts.playouts import Played
from evalengine_gertlabs.rollouts.settings import seat_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields
    from evalengine_gertlabs.rollouts.hall import Hall
    from evalengine_gertlabs.rollouts.lives import Live
    from evalengine_gertlabs.rollouts.plans import Plan
    from evalengine_gertlabs.rollouts.runs import Runs
    from evalengine_gertlabs.rollouts.settings import Setting

MOST_ACTIONS, MOST_SAMPLES, MOST_PLAYOUTS = 64, 100, 1_024
_SAMPLES, _COMPLETIONS = 5, 30
_LIMIT_S = 80.0  # of one request: clients wait 90 s
_AHEAD = 2  # playouts that a process is given at once by one request
_PLAYOUTS = 1 << 20  # where their luck begins among that of an episode's forks


class _From(NamedTuple):
    """Where playouts begin."""

    live: Live
    plan: Plan
    tick: int
    turns: bytes
    seat: int
    legal: Sequence[Any]


class _Way(NamedTuple):
    """How playouts are played."""

    samples: int
    max_turns: int
    members: Sequence[league.Member]
    random_opponents: bool


class Scoring:
    """The routes of scores."""

    def __init__(self, api: Api, runs: Runs, hall: Hall) -> None:
        self._api = api
        self._runs = runs
        self._hall = hall

    async def score_actions(self, request: Any) -> Any:
        """Return candidate actions of a seat, ranked by playouts: `{"candidate_actions"?, "max_actions"?, ...}`."""
        body = await fields.of_body(request)
        given = figures.distinct(_candidates(body))
        most = body.whole("max_actions", 0, most=MOST_ACTIONS)
        begin, way = await self._begin(request, body, "samples_per_action", _SAMPLES, MOST_SAMPLES)
        more = figures.others(begin.legal, given) if len(given) < most else []
        seeding.stream(begin.plan.seed, "candidates", begin.tick).shuffle(more)
        actions = [*given, *more[: max(0, most - len(given))]]
        if not actions:
            told = "give candidate_actions; the game cannot list any"
            raise replies.invalid(told, "candidate_actions")
        if len(actions) * way.samples > MOST_PLAYOUTS:
            told = f"{len(actions)} actions of {way.samples} samples are more than {MOST_PLAYOUTS} playouts"
            raise replies.invalid(told, "samples_per_action")
        wanted = [(place, sample, (action,)) for place, action in enumerate(actions) for sample in range(way.samples)]
        played = await self._played(begin, way, wanted)
        rows = []
        for place, action in enumerate(actions):
            mine = played[place * way.samples : (place + 1) * way.samples]
            source = "user" if place < len(given) else "legal"
            rows.append({"action": action, "source": source, "action_rank": 0, **figures.row(mine)})
        found = {
            "seat": seat_name(begin.seat),
            "total_actions_considered": len(actions),
            "ticks_used": await self._used(begin.live, played),
            "actions": _trimmed(figures.ranked(rows), body),
        }
        return replies.result(request, found)

    async def complete(self, request: Any) -> Any:
        """Return what a position is worth to a seat: `{"seat"?, "samples"?, ...}`."""
        body = await fields.of_body(request)
        begin, way = await self._begin(request, body, "samples", _COMPLETIONS, MOST_SAMPLES, complete=True)
        played = await self._played(begin, way, [(0, sample, None) for sample in range(way.samples)])
        ticks = await self._used(begin.live, played)
        return replies.result(request, {"seat": seat_name(begin.seat), **figures.row(played), "ticks_used": ticks})

    # ---------------------------------------------------------------------------------- inside

    async def _begin(
        self, request: Any, body: Fields, field: str, default: int, most: int, *, complete: bool = False
    ) -> tuple[_From, _Way]:
        who = await owners.asker(self._api, request, "play")
        samples = body.whole(field, 0, most=most) or default
        max_ticks = body.whole("max_ticks", 0, most=1 << 31)
        low, high = resets.band_of(body)
        pool = resets.pool_of(body)
        paired = not body.flag("random_opponents", default=False)
        path = request.path_params
        run = await self._runs.active(who, path["run_id"])
        live = await self._hall.going_on(who, run, path["episode_id"])
        plan = await self._hall.plan(live)
        async with live.lock:
            live.used = time.monotonic()
            state = await self._hall.ask(live, "state", live.id)
            seat = _seat(plan, body.text("seat", None), state, self._sequential(plan), complete=complete)
            legal = [] if complete else await self._hall.ask(live, "legal", live.id, seat)
        band = plan.band[0] if low is None else low, plan.band[1] if high is None else high
        spec = self._api.server.plugins.games()[plan.game]
        if spec.branching == "none":
            told = f"matches of {plan.game} cannot be continued"
            raise replies.conflict(told, "FORK_UNSUPPORTED")
        pool = {**plan.pool, **pool}
        members = await self._api.server.call(self._members, plan, live.owner, band, pool)
        most_ticks = min(max_ticks or run["ticks_per_episode"], run["ticks_per_episode"])
        limit = min(plan.max_ticks or 1 << 31, state[0] + most_ticks)
        begin = _From(live, plan, state[0], state[1], seat, legal)
        return begin, _Way(samples, limit, members, not paired)

    def _sequential(self, plan: Plan) -> bool:
        return bool(self._api.server.plugins.games()[plan.game].dynamics == "sequential")

    def _members(self, plan: Plan, owner: str, band: Sequence[float], pool: Mapping[str, Any]) -> list[league.Member]:
        spec = self._api.server.plugins.games()[plan.game]
        game = self._api.catalog.chosen(spec, plan.seats, {})
        return resets.opponents(self._api, game, owner, band, pool, fast=True)

    async def _played(
        self, begin: _From, way: _Way, wanted: Sequence[tuple[int, int, tuple[Any] | None]]
    ) -> list[Played]:
        """Return what came of playouts, each a candidate's number, a sample's, and the first action.

        Raises:
            RefusedError: 504, they take too long.
        """
        settings = await self._api.server.call(self._settings, begin, way, wanted)
        found: list[Played] = [Played(0, fault="not played")] * len(wanted)
        left = iter(range(len(wanted)))
        pool = self._hall.pools[1]

        async def work(number: int) -> None:
            for one in left:
                answer = await pool.ask(number, "play_out", settings[one], begin.seat, wanted[one][2])
                found[one] = Played(0, fault=answer) if isinstance(answer, str) else answer

        workers = [asyncio.create_task(work(number)) for number in range(pool.number) for _ in range(_AHEAD)]
        try:
            async with asyncio.timeout(_LIMIT_S):
                await asyncio.gather(*workers)
        except TimeoutError:
            told = f"the playouts take more than {_LIMIT_S:.0f} s: ask for fewer, or set max_ticks"
            raise RefusedError(504, "PLAYOUTS_TOO_SLOW", told) from None
        finally:
            for worker in workers:
                worker.cancel()
        return found

    def _settings(self, begin: _From, way: _Way, wanted: Sequence[tuple[int, int, tuple[Any] | None]]) -> list[Setting]:
        fresh = self._api.server.plugins.games()[begin.plan.game].branching == "full"
        made = []
        for candidate, sample, _ in wanted:
            # Sample k of each candidate meets the same opponents with the same luck.
            luck = _PLAYOUTS + sample
            plan = plans.forked(begin.plan, begin.live.id, begin.tick, begin.turns, luck, fresh=fresh)
            who = ("playout", begin.tick, sample, candidate if way.random_opponents else -1)
            drawn = league.drawn(way.members, range(plan.seats), seeding.stream(plan.seed, *who))
            others = {seat: member.ref for seat, member in drawn.items()}
            plan = plan._replace(policy=(), others=others, facts={}, max_ticks=way.max_turns)
            made.append(self._hall.casting.setting(plan, f"{begin.live.id}-playout"))
        return made

    async def _used(self, live: Live, played: Sequence[Played]) -> int:
        ticks = sum(one.ticks for one in played)
        live.used = time.monotonic()
        await self._api.change("update gert_rollout_run set ticks_used = ticks_used + ? where no = ?", ticks, live.run)
        return ticks


def _candidates(body: Fields) -> list[Any]:
    found = body.any("candidate_actions", [])
    if not isinstance(found, list) or len(found) > MOST_ACTIONS:
        told = f"candidate_actions must be a list of at most {MOST_ACTIONS} actions"
        raise replies.invalid(told, "candidate_actions")
    if not found and not body.whole("max_actions", 0, most=MOST_ACTIONS):
        told = "give candidate_actions, max_actions, or both"
        raise replies.invalid(told, "candidate_actions")
    return found


def _seat(plan: Plan, asked: str | None, state: Any, sequential: bool, *, complete: bool) -> int:  # noqa: FBT001 - of the game
    """Return the seat whose score counts.

    Raises:
        RefusedError: it is none of the policy's; or it does not act now, where an action of it is to be scored.
    """
    _, _, on_turn, failed = state
    mine = [seat for seat in on_turn if seat in plan.policy]
    names = {seat_name(seat): seat for seat in plan.policy}
    if asked is not None and asked not in names:
        told = f"seat must be one of yours: {', '.join(names)}"
        raise replies.invalid(told, "seat")
    default = mine[0] if sequential and mine and not complete else plan.policy[0]
    seat = default if asked is None else names[asked]
    if seat in failed:
        told = f"seat {seat_name(seat)} has failed: it has no actions any more"
        raise replies.conflict(told, "SEAT_FAILED")
    if seat not in mine and not complete:
        told = f"seat {seat_name(seat)} is not on turn, but {', '.join(map(seat_name, mine))}"
        raise replies.conflict(told, "SEAT_OFF_TURN")
    return seat


def _trimmed(rows: list[dict[str, Any]], body: Fields) -> list[dict[str, Any]]:
    most = body.whole("top_n", 0) or len(rows)
    part = body.number("top_percentile", None, least=0, most=1)
    if part is not None:
        most = min(most, max(1, round((1 - part) * len(rows))))
    return rows[:most]
