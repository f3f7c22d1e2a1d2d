"""Start a program: beside this process, and in its place."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))
SCRIPT = "echo $(({} * {}))".format(*TARGET["factors"])
PYTHON = "print({} * {}, flush=True)".format(*TARGET["factors"])


def attack():
    for argv in (["/bin/sh", "-c", SCRIPT], [sys.executable, "-S", "-c", PYTHON]):
        try:
            subprocess.run(argv, timeout=2)
        except Exception:
            pass
    print("tried", flush=True)
    for argv in ([sys.executable, "-S", "-c", PYTHON], ["/bin/sh", "-c", SCRIPT]):
        try:
            os.execv(argv[0], argv)
        except OSError:
            pass


def act(observation):
    if observation.turn == 0:
        attack()
    return observation.legal[0]
