"""Plays live matches, many at once, and says what it was told: run by tests, which kill it. No tests here.

python live_server.py FOLDER MATCHES
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from live_seats import asked, live_at

from evalengine.errors import LiveError, Why
from evalengine.live.values import Wish

AT_ONCE = 8
AGENTS = ["random", "random", "random", "mcts(simulations=20)", "CONTAINED"]
KNOWING = """
seen = 0

def act(observation):
    global seen
    seen += 1
    return observation.legal[seen * 5 % len(observation.legal)]
"""


def wish(folder, number):
    """Return the match of a number: the same whenever it is asked for."""
    agent = AGENTS[number % len(AGENTS)].replace("CONTAINED", str(folder / "knowing.py"))
    seats = [None, agent] if number % 2 else [agent, None]
    return Wish(game="connect4", seats=seats, seed=(1 << 50) + number, holder="me", note={"number": number})


def say(*words):
    # Not by sys.stdout, which is another one while a plugin is imported.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def play(live, live_id, token):
    """Play a seat to the end of its match, always alike, whatever dies meanwhile."""
    turn = 0
    while True:
        position = await asked(live, live_id, token, turn)
        if position.state != "active":
            say("ended", live_id, position.state)
            return
        turn, legal = position.turn, position.question.legal
        action = legal[turn * 7 % len(legal)]
        try:
            acted = await live.act(live_id, token, action, action_id=f"t{turn}", turn=turn)
        except LiveError as error:
            if error.code not in {Why.BUSY, Why.ASKED}:
                raise
            continue
        assert acted.accepted, acted
        say("acted", live_id, turn, action)
        turn += 1


async def main(folder, matches):
    async with live_at(folder, hosts=2) as live:
        say("pids", *live.pids)
        known = {one.note["number"]: one for one in await live.listed(limit=10_000)}
        numbers = iter(range(matches))

        async def sit():
            for number in numbers:
                one = known.get(number)
                if one is None:
                    opened = await live.open(wish(folder, number))
                    say("opened", opened.id)
                    await play(live, opened.id, opened.seats[0].token)
                elif one.position.state == "active":
                    await play(live, one.id, (await live.join(one.id, "me")).token)

        await asyncio.gather(*(sit() for _ in range(AT_ONCE)))
        say("done")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "knowing.py").write_text(KNOWING)
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(main(place, int(sys.argv[2])))
