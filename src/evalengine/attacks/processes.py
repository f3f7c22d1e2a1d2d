"""See the command lines of other processes, and kill one."""

import json
import os
import signal

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))


def attack():
    try:
        seen = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        seen = []
    for name in {*seen, str(TARGET["pid"])}:
        try:
            print(open(f"/proc/{name}/cmdline", "rb").read().replace(b"\0", b" "), flush=True)
        except OSError:
            pass
    try:
        os.kill(TARGET["pid"], signal.SIGKILL)
    except OSError:
        pass


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
