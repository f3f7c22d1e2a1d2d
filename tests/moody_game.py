"""A game of which an action may keep a thread, or all threads of its process, for ever; and agents like that.

No tests here; tests name this file as a plugin.
"""

import os
import signal

from evalengine import AgentSpec, Game, GameSpec, State, hookimpl

COUNT, HANG, SEIZE, DIE = range(4)
TURNS = 8


class Moody(State):
    def __init__(self, turn):
        self.turn = turn

    def to_move(self):
        return [self.turn % 2] if self.turn < TURNS else []

    def view(self, seat):
        return {"turn": self.turn}

    def legal(self, seat):
        return range(4)

    def apply(self, actions, rng):
        (action,) = actions.values()
        if action == HANG:
            while True:
                pass
        if action == SEIZE:
            sum(range(10**12))  # within one instruction: no other thread of the process runs meanwhile
        if action == DIE:
            os.kill(os.getpid(), signal.SIGKILL)
        return Moody(self.turn + 1)

    def scores(self):
        return (0.0, 0.0)

    def clone(self):
        return Moody(self.turn)


class MoodyGame(Game):
    def initial(self, seats, rng):
        return Moody(0)


class Pondering:
    def act(self, observation):
        while True:
            pass


class Counting:
    def act(self, observation):
        return COUNT


@hookimpl
def evalengine_games():
    return [GameSpec(name="moody", version="1", doc="Moody.", factory=f"{__name__}:MoodyGame", max_turns=TURNS)]


@hookimpl
def evalengine_agents():
    return [
        AgentSpec(name="pondering", version="1", factory=f"{__name__}:Pondering"),
        AgentSpec(name="counting", version="1", factory=f"{__name__}:Counting"),
    ]
