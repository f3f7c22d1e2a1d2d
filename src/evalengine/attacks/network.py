"""Reach listeners of this machine: TCP, UDP, a socket in a folder, and one with an abstract name."""

import json
import os
import socket

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = json.load(open(os.path.join(HERE, "target.json")))


def attack():
    for family, kind, address in (
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", TARGET["tcp"])),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", TARGET["udp"])),
        (socket.AF_UNIX, socket.SOCK_STREAM, TARGET["unix"]),
        (socket.AF_UNIX, socket.SOCK_STREAM, "\0" + TARGET["abstract"]),
    ):
        try:
            reached = socket.socket(family, kind)
            reached.settimeout(0.2)
            reached.connect(address)
            reached.send(b"x")
        except OSError:
            pass


def act(observation):
    if observation.turn == 0:
        attack()
        print("tried", flush=True)
    return observation.legal[0]
