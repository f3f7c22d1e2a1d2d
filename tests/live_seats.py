"""Seats of live matches, as tests take them. No tests here."""

import asyncio
import contextlib
from pathlib import Path

from commandline import LEFT_OUT, process

from evalengine.errors import LiveError
from evalengine.live.matches import LiveMatches
from evalengine.plugins import Plugins

LIMIT_S = 60.0  # for what takes milliseconds: the machine may be busy


def live_at(folder, *plugins, **options):
    return LiveMatches(Path(folder) / "arena.db", Plugins([*LEFT_OUT, *plugins]), **{"hosts": 1, **options})


def awaited(body):
    """Run a coroutine within the limit."""
    return asyncio.run(asyncio.wait_for(body, LIMIT_S))


async def asked(live, live_id, token, turn=0):
    """Return the first position from a turn on in which a seat is asked, or that of the end."""
    feed = await live.subscribe(live_id, token)
    try:
        async for position in feed:
            if position.state in {"completed", "failed"} or (position.question and position.turn >= turn):
                return position
    finally:
        feed.close()
    raise AssertionError(live_id)


async def play_out(live, live_id, *tokens, choose=lambda legal: legal[0]):
    """Play seats to the end of their match; return its last position."""

    async def sit(token):
        last = None
        async for position in await live.subscribe(live_id, token):
            last = position
            if position.question is not None:
                with contextlib.suppress(LiveError):
                    await live.act(live_id, token, choose(position.question.legal), turn=position.turn)
        return last

    return (await asyncio.gather(*map(sit, tokens)))[0]


def refused(why):
    return _Refused(why)


class _Refused(contextlib.AbstractContextManager):
    def __init__(self, why):
        self.why = why

    def __exit__(self, _kind, error, _where):
        assert isinstance(error, LiveError), error
        assert error.code == self.why, error
        return True


def check_replays(folder):
    """Every stored match replays to what is stored."""
    done = process("replay", "--verify", "--db", "arena.db", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
