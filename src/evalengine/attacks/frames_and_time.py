"""In the first seat forge answers on every socket; in the second write without end and never answer.

Bounded, for where nothing stops it: 30 seconds.
"""

import os
import signal
import stat
import struct
import time


def forge():
    frame = struct.pack(">IQ", 3, 0) + b"\x93\x02\x00\xc0"
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                for packet in (frame, b"\xff" * 4096, b""):
                    os.write(descriptor, packet)
        except OSError:
            pass


def hang():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    end = time.monotonic() + 30
    while time.monotonic() < end:
        os.write(1, b"x" * 1000)


def act(observation):
    if observation.turn == 0:
        print("tried", flush=True)
        hang() if observation.seat else forge()
    return observation.legal[0]
