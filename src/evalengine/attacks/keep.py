"""Leave a word for the next match in every folder that can be written, and in shared memory; say what was found."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))
PLACES = [HERE, ".", os.environ.get("HOME", "/"), os.environ.get("TMPDIR", "/tmp"), *TARGET["places"]]
PLACES += [path for path in sys.path if path]


def attack():
    word = os.urandom(8).hex()
    for place in PLACES:
        path = os.path.join(place, TARGET["name"])
        try:
            print("found", open(path).read(), flush=True)
        except OSError:
            pass
        try:
            with open(path, "w") as file:
                file.write(word)
        except OSError:
            pass
    print("kept", word, flush=True)


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
