"""Take twice as much memory as the limit allows, from the heap and as shared pages."""

import json
import mmap
import os

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))
PART = 4 << 20


def attack():
    taken = []
    want = (2 * TARGET["memory_mib"] << 20) // PART
    refused = None
    for take in (lambda: bytearray(os.urandom(1) * PART), shared):
        try:
            while len(taken) < want:
                taken.append(take())
        except (MemoryError, OSError) as error:
            refused = error
    if len(taken) < want and refused is not None:
        raise MemoryError


def shared():
    pages = mmap.mmap(-1, PART)
    pages.write(b"x" * PART)
    return pages


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
