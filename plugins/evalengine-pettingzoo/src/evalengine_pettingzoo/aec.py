"""A game as an AEC environment of PettingZoo: one seat acts after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pettingzoo.utils.env import AECEnv

from evalengine_pettingzoo.seating import Observed, Seating

if TYPE_CHECKING:
    from collections.abc import Mapping


class SeatsInTurn(Seating, AECEnv[str, Any, Any]):  # type: ignore[misc]  # PettingZoo has no types
    """A game whose seats are asked one by one; where several act at once, none sees what the others chose."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._chosen: dict[int, Any] = {}  # in this turn, by those of several movers who were asked already

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Begin a match: of `seed`, or of one that follows from the last one's. There are no options."""
        self._begin(seed)
        self._chosen = {}
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = self._infos()
        self._skip_agent_selection = None
        self.agent_selection = self.possible_agents[self._movers()[0]]

    def observe(self, agent: str) -> Observed:
        """Return the vector of what `agent` sees, and what it may do now: nothing, unless it is asked."""
        seat = self._seat[agent]
        return self._observed(agent, asked=seat in self._movers() and seat not in self._chosen)

    def step(self, action: int | None) -> None:
        """Take the number of the agent that is asked; None from one for which it is over.

        Raises:
            ValueError: it is no number of the action space.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        seat = self._seat[agent]
        self._chosen[seat] = self.layout.action(self._playing.state, seat, action)
        self._cumulative_rewards[agent] = 0.0
        waiting = [mover for mover in self._movers() if mover not in self._chosen]
        if waiting:
            self._clear_rewards()
            self.agent_selection = self.possible_agents[waiting[0]]
            return
        self._resolve()
        if self.render_mode == "human":
            self.render()

    def _resolve(self) -> None:
        chosen, self._chosen = self._chosen, {}
        self.rewards, self.terminations, self.truncations = self._play(chosen)
        self.infos = self._infos()
        self._accumulate_rewards()
        movers = self._movers()
        if movers:
            self.agent_selection = self.possible_agents[movers[0]]
        self._deads_step_first()


def to_aec(name: str, **options: Any) -> SeatsInTurn:
    """Return a game as an AEC environment.

    Args:
        name: a game as in `evalengine games`: "hex", "hex(size=5)", "openspiel:bridge";
        options: the game's parameters, and seats: how many play, where the game leaves that open;
            render_mode: "ansi", "human" or "svg"; max_cycles: turns after which a match is cut off;
            layout: a Layout of one's own.

    Raises:
        UnknownNameError: nobody registers the game; ConfigError: a parameter is wrong;
        GameError: the game does not list its actions, or its views need another layout.
    """
    return SeatsInTurn(name, **options)
