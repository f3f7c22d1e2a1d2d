"""Who plays: what an episode's plan names, made ready for the process that plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import planning, references, sandboxes
from evalengine_gertlabs import source
from evalengine_gertlabs.rollouts.plans import spec_of
from evalengine_gertlabs.rollouts.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.model import AgentSpec, Containment
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.rollouts.plans import Plan

OWN = "own"
"""What begins the reference of a submission: own:ID:DIGEST:ENTRY."""


class Casting:
    """Makes settings of plans; nothing of it is for the event loop."""

    def __init__(self, api: Api) -> None:
        self._plugs = api.server.plugins
        self._db = api.server.db
        self._contained: list[Containment | None] = []  # found out once

    def settings(self, made: Sequence[Plan], ids: Sequence[str]) -> list[Setting]:
        """Return what processes are told of episodes.

        Raises:
            UsageError: a game or an agent is not there any more, or agents from outside cannot be contained.
        """
        return [self.setting(plan, one) for plan, one in zip(made, ids, strict=True)]

    def setting(self, plan: Plan, episode_id: str) -> Setting:
        """Return what a process is told of an episode.

        Raises:
            UsageError: as `settings`.
        """
        game = references.find("game", plan.game, self._plugs.games())
        agents = tuple(self._agent(plan.others[seat]) if seat in plan.others else None for seat in range(plan.seats))
        outside = any(agent is not None and agent.kind != "trusted" for agent in agents)
        return Setting(
            episode_id,
            plan.slug,
            (game, plan.config),
            spec_of(plan),
            tuple(plan.policy),
            agents,
            plan.facts,
            containment=self._containment() if outside else None,
        )

    def _agent(self, ref: str) -> AgentSpec:
        if ref.startswith(f"{OWN}:"):
            _, name, digest, entry = ref.split(":", 3)
            return source.agent(self._db, name, digest, entry)
        return planning.find_agent(ref, self._plugs, self._plugs.agents())

    def _containment(self) -> Containment | None:
        """Return how submissions are contained.

        Raises:
            SandboxError: they cannot be, so that they do not play.
        """
        if not self._contained:
            name = sandboxes.choose(sandboxes.AUTO, self._plugs).name
            self._contained.append(sandboxes.containment(name, self._plugs, ()))
        return self._contained[0]
