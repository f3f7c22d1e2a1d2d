"""Environments of one's own, as people write them."""

from __future__ import annotations

import functools
from typing import ClassVar

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv

ANYTHING = {
    "box": spaces.Box(-1, 1, (2, 2), np.float32),
    "many": spaces.MultiDiscrete([3, 4], start=[2, 0]),
    "numbers": spaces.MultiDiscrete([100, 100, 100]),
    "bits": spaces.MultiBinary(3),
    "tuple": spaces.Tuple((spaces.Discrete(2), spaces.Box(0, 255, (2,), np.uint8))),
    "dict": spaces.Dict({"word": spaces.Text(5), "number": spaces.Discrete(3, start=-1)}),
}


class Auction(AECEnv):
    """Each bids a number in turn and has a secret value, drawn under the seed; the highest bid wins its value less it.

    Who bids more than it has is out at once.
    """

    metadata: ClassVar = {"name": "auction_v0", "render_modes": ["ansi"]}

    def __init__(self, bidders=3, rounds=2, render_mode=None, *, stuck=False):
        self.stuck = stuck
        self.possible_agents = [f"bidder_{number}" for number in range(bidders)]
        self.rounds, self.render_mode = rounds, render_mode

    @functools.cache  # noqa: B019 - as PettingZoo's tutorials do
    def observation_space(self, agent):
        return spaces.Dict({"value": spaces.Box(0, 1, (1,), np.float32), "bids": spaces.Box(0, 9, (3,), np.float32)})

    @functools.cache  # noqa: B019
    def action_space(self, agent):
        return spaces.Discrete(2) if self.stuck else spaces.Box(0, 9, (1,), np.float32)

    def reset(self, seed=None, options=None):
        self.agents = self.possible_agents[:]
        self.values = dict(zip(self.agents, np.random.default_rng(seed).random(len(self.agents)), strict=True))
        self.bids, self.round = {}, 0
        for name in ("rewards", "_cumulative_rewards"):
            setattr(self, name, dict.fromkeys(self.agents, 0))
        for name in ("terminations", "truncations"):
            setattr(self, name, dict.fromkeys(self.agents, False))
        self.infos = {agent: {"action_mask": np.zeros(2)} if self.stuck else {} for agent in self.agents}
        self._skip_agent_selection = None
        self.agent_selection = self.agents[0]

    def observe(self, agent):
        bids = np.full(3, 0, np.float32)
        for number, bid in enumerate(self.bids.values()):
            bids[number] = bid
        return {"value": np.array([self.values[agent]], np.float32), "bids": bids}

    def step(self, action):
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        assert isinstance(action, np.ndarray)
        assert action.dtype == np.float32
        self._clear_rewards()
        self._cumulative_rewards[agent] = 0
        self.bids[agent] = float(action[0])
        if self.bids[agent] > 1:
            self.terminations[agent], self.rewards[agent] = True, -1
        live = [name for name in self.agents if not self.terminations[name]]
        waiting = [name for name in live if name not in self.bids]
        if not waiting:
            self._sell(live)
        else:
            self.agent_selection = waiting[0]
        self._accumulate_rewards()
        self._deads_step_first()

    def _sell(self, live):
        self.round += 1
        if live:
            winner = max(live, key=self.bids.__getitem__)
            self.rewards[winner] += self.values[winner] - self.bids[winner]
            self.agent_selection = live[0]
        self.bids = {}
        if self.round == self.rounds:
            self.truncations = dict.fromkeys(self.agents, True)

    def render(self):
        return f"round {self.round}: {self.values}"

    def close(self):
        pass


class Survival(ParallelEnv):
    """Who says 0 is out; who stays gets 1 a turn; it is over after five turns. 3 breaks the environment."""

    metadata: ClassVar = {"name": "survival_v0"}

    def __init__(self, seats=3, *, masked=False):
        self.possible_agents = [f"rat_{number}" for number in range(seats)]
        self.masked = masked
        self.spaces = {agent: spaces.Discrete(4) for agent in self.possible_agents}

    def observation_space(self, agent):
        return spaces.Discrete(6)

    def action_space(self, agent):
        return self.spaces[agent]

    def reset(self, seed=None, options=None):
        self.agents, self.turn = self.possible_agents[:], 0
        return dict.fromkeys(self.agents, 0), self.infos()

    def infos(self):
        """Tell, if it is to, that all but the last can only stay, and that the last can do nothing."""
        if not self.masked:
            return {agent: {} for agent in self.agents}
        masks = {agent: np.array([0, 1, 0, 0], np.int8) for agent in self.possible_agents}
        masks[self.possible_agents[-1]][1] = 0
        return {agent: {"action_mask": masks[agent]} for agent in self.possible_agents}

    def step(self, actions):
        assert set(actions) == set(self.agents)
        if 3 in actions.values():
            msg = "the trap broke"
            raise RuntimeError(msg)
        self.turn += 1
        before = self.agents
        out = {agent: actions[agent] == 0 for agent in before}
        late = dict.fromkeys(before, self.turn == 5)
        self.agents = [agent for agent in before if not (out[agent] or late[agent])]
        rewards = {agent: 0.0 if out[agent] else 1.0 for agent in before}
        return dict.fromkeys(before, self.turn), rewards, out, late, self.infos()


class Anything(ParallelEnv):
    """Two seats of which each must give an element of a space; it pays 1 when the environment finds it there."""

    metadata: ClassVar = {"name": "anything_v0"}

    def __init__(self, kind):
        self.possible_agents = ["one_0", "one_1"]
        self.space = ANYTHING[kind]

    def observation_space(self, agent):
        return self.space

    def action_space(self, agent):
        return self.space

    def reset(self, seed=None, options=None):
        self.agents = self.possible_agents[:]
        self.space.seed(seed)
        return {agent: self.space.sample() for agent in self.agents}, {agent: {} for agent in self.agents}

    def step(self, actions):
        before, self.agents = self.agents, []
        rewards = {agent: float(self.space.contains(actions[agent])) for agent in before}
        seen = {agent: self.space.sample() for agent in before}
        return seen, rewards, dict.fromkeys(before, True), dict.fromkeys(before, False), {agent: {} for agent in before}


def nobody():
    env = Survival()
    del env.possible_agents
    return env


def no_environment():
    return "an environment"
