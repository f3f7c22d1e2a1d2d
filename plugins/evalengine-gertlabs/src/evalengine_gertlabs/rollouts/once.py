"""A step is done once: what one gave is given again to who asks for it again."""

from __future__ import annotations

from evalengine_gertlabs.rollouts.settings import Asked, Refused, Stepped


class RefusedError(Exception):
    """A step cannot be done; nothing has happened."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.refused = Refused(status, code, message)


def again(last: Stepped | None, digest: bytes, asked: Asked, tick: int) -> Stepped:
    """Return what the last step gave, if it is the one that is asked for.

    Raises:
        RefusedError: it is not.
    """
    if last is None or asked.expected != last.before:
        told = f"expected_tick is {asked.expected}, the episode is at tick {tick}"
        raise RefusedError(409, "STEP_CONFLICT", told)
    if digest != asked.digest:
        told = f"tick {asked.expected} was stepped already, with other actions; the episode is at tick {tick}"
        raise RefusedError(409, "STEP_CONFLICT", told)
    return last._replace(turns=b"")
