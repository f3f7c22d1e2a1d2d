"""Environments that try what an environment may do; registered when this is imported."""

import threading

import gymnasium
import numpy as np
from gymnasium import spaces

ACTIONS = {
    "discrete": spaces.Discrete(3, start=-1),
    "box": spaces.Box(-1, 2, (2, 2), np.float32),
    "bytes": spaces.Box(0, 255, (3,), np.uint8),
    "scalar": spaces.Box(-1, 1, (), np.float64),
    "multi_discrete": spaces.MultiDiscrete([2, 3]),
    "large": spaces.MultiDiscrete([100, 100]),
    "multi_binary": spaces.MultiBinary(3),
    "text": spaces.Text(4, charset="ab"),
    "tuple": spaces.Tuple((spaces.Discrete(2), spaces.Box(0, 1, (1,)))),
    "dict": spaces.Dict({"go": spaces.Discrete(2), "how": spaces.Dict({"far": spaces.Box(0, 9, (1,))})}),
}


class World(gymnasium.Env):
    """Echoes actions; ends after `length` steps by itself, or by a cut."""

    observation_space = spaces.Dict({"step": spaces.Discrete(1000), "luck": spaces.Box(0, 1, (2,))})

    def __init__(self, *, kind="discrete", length=4, cut=False, fault="", fault_step=2, lock=False):
        self.action_space = ACTIONS[kind]
        self.length, self.cut, self.fault, self.fault_step = length, cut, fault, fault_step
        self.lock = threading.Lock() if lock else None  # what no copy can be made of

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.step_no = 0
        self.shared = SHARED.setdefault(seed, [0]) if self.fault == "shared" else [0]
        self.shared[0] = 0
        return self._seen(), {"seed": seed, "object": object()}

    def _seen(self):
        luck = self.np_random.random(2)
        return {"step": np.int64(self.step_no), "luck": luck, "pair": (np.float32(0.5), [True, None])}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.step_no += 1
        self.shared[0] += 1
        reward = float(self.np_random.random())
        if self.step_no == self.fault_step:
            if self.fault == "raise":
                msg = "the wheel came off"
                raise RuntimeError(msg)
            reward = {"nan": float("nan"), "text": "much"}.get(self.fault, reward)
        over = self.step_no >= self.length
        return self._seen(), reward, over and not self.cut, over and self.cut, {"action": repr(action)}


SHARED = {}


class Shared(World):
    """Whose copies share what they count."""

    class Counter(list):
        def __deepcopy__(self, memo):
            return self

    def reset(self, *, seed=None, options=None):
        seen = super().reset(seed=seed)
        self.shared = Shared.Counter([0])
        return seen

    def step(self, action):
        observation, _, ended, cut, info = super().step(action)
        return observation, float(self.shared[0]), ended, cut, info


class Odd(World):
    action_space = spaces.Graph(spaces.Discrete(2), None)

    def __init__(self):
        self.action_space = Odd.action_space


class Opaque(World):
    def _seen(self):
        return {"what": object()}


for name, kind in {"World": World, "Shared": Shared, "Odd": Odd, "Opaque": Opaque}.items():
    gymnasium.register(f"{name}-v0", kind)
gymnasium.register("Limited-v0", World, max_episode_steps=7, kwargs={"length": 50})
