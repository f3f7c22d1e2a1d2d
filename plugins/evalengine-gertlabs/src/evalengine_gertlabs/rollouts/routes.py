"""The routes of runs and episodes."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine_gertlabs import fields, owners, replies
from evalengine_gertlabs.fields import Fields
from evalengine_gertlabs.rollouts import envelope, resets
from evalengine_gertlabs.rollouts.forks import Forks
from evalengine_gertlabs.rollouts.hall import Hall
from evalengine_gertlabs.rollouts.processes import DiedError, FailedError
from evalengine_gertlabs.rollouts.runs import Runs
from evalengine_gertlabs.rollouts.scoring import Scoring
from evalengine_gertlabs.rollouts.settings import Asked, Lost, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker
    from evalengine_gertlabs.rollouts.hall import Outcome

MOST_STEPS = 128
_SWEEP_S = 15.0
_FAILED = Refused(500, "INTERNAL_ERROR", "the game failed: the episode is closed")
_RUN, _EPISODE = "/rollout-runs/{run_id}", "/rollout-runs/{run_id}/episodes/{episode_id}"


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    episodes = _Episodes(api)
    runs, forks, scoring = episodes.runs, episodes.forks, episodes.scoring
    paths: list[tuple[str, Callable[[Any], Awaitable[Any]], str]] = [
        ("/rollout-runs", runs.open, "POST"),
        ("/rollout-runs", runs.list, "GET"),
        (f"{_RUN}/extend", runs.extend, "POST"),
        (f"{_RUN}/close", runs.close, "POST"),
        (f"{_RUN}/episodes", episodes.reset, "POST"),
        (f"{_RUN}/steps", episodes.steps, "POST"),
        (_EPISODE, episodes.probe, "GET"),
        (f"{_EPISODE}/step", episodes.step, "POST"),
        (f"{_EPISODE}/close", episodes.close, "POST"),
        (f"{_EPISODE}/fork", forks.one, "POST"),
        (f"{_EPISODE}/forks", forks.many, "POST"),
        (f"{_EPISODE}/score-actions", scoring.score_actions, "POST"),
        (f"{_EPISODE}/complete", scoring.complete, "POST"),
    ]
    return [replies.route(path, _whole(api, function), method) for path, function, method in paths]


def _whole(api: Api, function: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """Return a function that tells of games that fail."""

    @functools.wraps(function)
    async def answered(request: Any) -> Any:
        try:
            return await function(request)
        except (DiedError, FailedError) as error:
            api.server.log(f"request {request.state.request_id}: a game failed: {error}")
            raise RefusedError(500, "INTERNAL_ERROR", "the game failed: the episode cannot be played") from error

    return answered


class _Episodes:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._hall = Hall(api)
        self.runs = Runs(api, self._hall.close_all)
        self.forks = Forks(api, self.runs, self._hall)
        self.scoring = Scoring(api, self.runs, self._hall)
        self._sweeping: asyncio.Task[None] | None = None
        api.server.on_start(self._start)
        api.server.on_stop(self._stop)

    async def _start(self) -> None:
        await self._hall.start()
        self._sweeping = asyncio.create_task(self._sweep())

    async def _stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._hall.stop()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self.runs.end_expired()
                await self._hall.close_idle()
                await self._hall.forget()
            except Exception as error:  # noqa: BLE001 - a full disk: it is tried again
                self._api.server.log(f"rollouts: what is idle could not be closed: {error}")

    # ------------------------------------------------------------------------------ the routes

    async def reset(self, request: Any) -> Any:
        """Begin an episode."""
        who = await owners.asker(self._api, request, "play")
        run = await self.runs.active(who, request.path_params["run_id"])
        wish = resets.read(await fields.of_body(request), run["ticks_per_episode"])
        self._hall.lives.check_room(run["owner"], 1)
        plan = await self._api.server.call(resets.planned, self._api, wish, run)
        (told,) = await self._hall.begin(run, [plan])
        return envelope.raw(request, told, 201)

    async def probe(self, request: Any) -> Any:
        """Tell where a live episode stands."""
        who = await owners.reader(self._api, request)
        live = self._hall.lives.must(who, **request.path_params)
        async with live.lock:
            told = await self._hall.ask(live, "probe", live.id)
        return envelope.raw(request, told)

    async def close(self, request: Any) -> Any:
        """Close a live episode."""
        who = await owners.asker(self._api, request, "play")
        live = self._hall.lives.must(who, **request.path_params)
        ticks = await self._hall.close(live)
        return replies.result(request, {"episode_id": live.id, "ticks_used": ticks})

    async def step(self, request: Any) -> Any:
        """Step an episode: `{"action"}` or `{"actions": {seat: action}}`, `expected_tick`?."""
        who = await owners.asker(self._api, request, "play")
        path = request.path_params
        asked = _asked(path["episode_id"], await fields.of_body(request))
        (outcome,) = await self._outcomes(who, path["run_id"], [asked])
        if isinstance(outcome, Refused):
            raise RefusedError(outcome.status, outcome.code, outcome.message)
        if isinstance(outcome, Lost):
            raise RefusedError(500, _FAILED.code, _FAILED.message, ticks_used=outcome.ticks)
        return envelope.raw(request, outcome.result)

    async def steps(self, request: Any) -> Any:
        """Step several episodes of a run, each for itself: `{"steps": [{"episode_id", ...}]}`."""
        who = await owners.asker(self._api, request, "play")
        run_id = request.path_params["run_id"]
        asked = _all_asked((await fields.of_body(request)).any("steps"))
        if all(self._hall.lives.find(who, run_id, one.episode) is None for one in asked):
            await self.runs.found(who, run_id)
        outcomes = await self._outcomes(who, run_id, asked)
        told = [self._told(one.episode, outcome) for one, outcome in zip(asked, outcomes, strict=True)]
        return envelope.raw(request, b'{"results":[' + b",".join(told) + b"]}")

    async def _outcomes(self, who: Asker, run_id: str, asked: Sequence[Asked]) -> list[Outcome]:
        found = [self._hall.lives.find(who, run_id, one.episode) for one in asked]
        pairs = [(live, one) for live, one in zip(found, asked, strict=True) if live is not None]
        stepped = iter(await self._hall.step(pairs) if pairs else [])
        outcomes: list[Outcome | None] = [None if live is None else next(stepped) for live in found]
        # One that ended, now or before: if it ended by what is asked for, that is told again.
        return [
            await self._hall.finished(who, run_id, one) if outcome is None or _is_gone(outcome) else outcome
            for one, outcome in zip(asked, outcomes, strict=True)
        ]

    def _told(self, episode_id: str, outcome: Outcome) -> bytes:
        if isinstance(outcome, Lost):
            return envelope.refused(episode_id, _FAILED, ticks_used=outcome.ticks)
        if isinstance(outcome, Refused):
            return envelope.refused(episode_id, outcome)
        return envelope.entry(episode_id, outcome.result)


def _is_gone(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.status == 404  # noqa: PLR2004 - of HTTP


def _asked(episode_id: str, body: Fields) -> Asked:
    """Return the step that a body asks for.

    Raises:
        RefusedError: it has no action, or two.
    """
    actions = body.mapping("actions", None)
    if ("action" in body) == (actions is not None):
        told = "give one of action and actions; action [] does nothing"
        raise replies.invalid(told, "action")
    action = body.any("action", None)
    expected = body.whole("expected_tick", None)
    digest = hashlib.sha256(json.dumps([action, actions], sort_keys=True).encode()).digest()[:16]
    return Asked(episode_id, action, actions, expected, digest)


def _all_asked(steps: Any) -> list[Asked]:
    """Return the steps of a batch.

    Raises:
        RefusedError: they are none, too many, or two of one episode.
    """
    if not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
        given = f"{len(steps)}" if isinstance(steps, list) else type(steps).__name__
        told = f"steps must be a list of 1 to {MOST_STEPS} steps, not {given}"
        raise replies.invalid(told, "steps")
    asked = []
    for number, one in enumerate(steps):
        if not isinstance(one, dict):
            told = f"steps[{number}] must be an object"
            raise replies.invalid(told, "steps")
        body = Fields(one)
        try:
            asked.append(_asked(body.text("episode_id"), body))
        except RefusedError as error:
            told = f"steps[{number}]: {error.message}"
            raise replies.invalid(told, "steps") from error
    if len({one.episode for one in asked}) < len(asked):
        told = "steps must be of different episodes"
        raise replies.invalid(told, "steps")
    return asked
