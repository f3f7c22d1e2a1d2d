"""Change, rename and make files outside, and change the folder of the agent itself."""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))


def append(path):
    with open(path, "a") as file:
        file.write("written")


def attack():
    folder, path = TARGET["folder"], TARGET["file"]
    for start in ("", "/proc/self/root", "/proc/1/root", f"/proc/{TARGET['pid']}/root"):
        for change in (
            lambda: append(start + folder + "/new"),
            lambda: append(start + path),
            lambda: os.mkdir(start + folder + "/made"),
            lambda: os.symlink("/", start + folder + "/link"),
            lambda: os.chmod(start + path, 0o777),
            lambda: os.truncate(start + path, 0),
            lambda: append(os.path.join(HERE, "agent.py")),
        ):
            try:
                change()
            except OSError:
                pass


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
