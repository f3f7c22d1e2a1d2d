"""A game as a parallel environment of PettingZoo: every turn takes the actions of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pettingzoo.utils.env import ParallelEnv

from evalengine_pettingzoo.seating import Observed, Seating

if TYPE_CHECKING:
    from collections.abc import Mapping

Infos = dict[str, dict[str, Any]]


class SeatsAtOnce(Seating, ParallelEnv[str, Any, Any]):  # type: ignore[misc]  # PettingZoo has no types
    """A game whose seats all give a number each turn; it counts where the seat is asked, which its mask tells."""

    def reset(
        self,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Observed], Infos]:
        """Begin a match: of `seed`, or of one that follows from the last one's. There are no options."""
        self._begin(seed)
        return self._all_observed(), self._infos()

    def _all_observed(self) -> dict[str, Observed]:
        movers = self._movers()
        return {agent: self._observed(agent, asked=self._seat[agent] in movers) for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Observed], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Play a turn with the numbers of the agents that are asked; what others give is not looked at.

        Raises:
            ValueError: one that is asked gives none, or one that is not in the action space.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        rewards, terminations, truncations = self._play(self._chosen(actions))
        observations, infos = self._all_observed(), self._infos()
        self.agents = [agent for agent in self.agents if not (terminations[agent] or truncations[agent])]
        if self.render_mode == "human":
            self.render()
        return observations, rewards, terminations, truncations, infos

    def _chosen(self, actions: Mapping[str, Any]) -> dict[int, Any]:
        state, chosen = self._playing.state, {}
        for seat in self._movers():
            agent = self.possible_agents[seat]
            if agent not in actions:
                msg = f"{agent} is to act in turn {self._playing.turn}, but step() was given no action of it"
                raise ValueError(msg)
            chosen[seat] = self.layout.action(state, seat, actions[agent])
        return chosen


def to_parallel(name: str, **options: Any) -> SeatsAtOnce:
    """Return a game as a parallel environment; name and options as of `to_aec`.

    Games that are played in turns fit too: of each turn's actions only that of the seat that moves counts.
    """
    return SeatsAtOnce(name, **options)
