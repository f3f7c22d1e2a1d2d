"""Start processes that start processes, each in a session of its own, where no kill of a group finds it.

Bounded, for where nothing contains it: 16 in all, which end by themselves.
"""

import os
import time


def attack():
    for _ in range(4):
        if os.fork() == 0:
            os.setsid()
            for _ in range(3):
                if os.fork() == 0:
                    break
            time.sleep(20)
            os._exit(0)


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
