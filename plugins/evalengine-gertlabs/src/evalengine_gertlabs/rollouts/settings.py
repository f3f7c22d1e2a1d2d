"""What is fixed of an episode: its match, whose seats are the policy's, who sits in the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.model import AgentSpec, Containment, GameSpec, Limits, MatchSpec


class Setting(NamedTuple):
    """An episode, as the process that plays it is told of it.

    Attributes:
        id: of the episode; slug: the game's name to clients;
        game: the game and its configuration; spec: the match, its branch with the turns before it where it is a fork;
        policy: the seats of who trains; agents: by seat, None in those;
        facts: further fields of what a reset answers.
    """

    id: str
    slug: str
    game: tuple[GameSpec, Mapping[str, Any]]
    spec: MatchSpec
    policy: tuple[int, ...]
    agents: tuple[AgentSpec | None, ...]
    facts: Mapping[str, Any]
    limits: Limits | None = None
    containment: Containment | None = None


class Asked(NamedTuple):
    """One step that a client asks for.

    Attributes:
        episode: its id; action: of the one policy seat that is on turn, where `actions`, by seat, is None;
        expected: the tick that the client believes it is, None: whichever;
        digest: of the actions, by which a repeated request is known.
    """

    episode: str
    action: Any
    actions: Mapping[str, Any] | None
    expected: int | None
    digest: bytes


class Stepped(NamedTuple):
    """What became of a step.

    Attributes:
        result: for the client, JSON; tick: now; before: the tick that was stepped from;
        turns: what was played, as `wire.pack_turns` packs it; b"": nothing, the step had been done before;
        won: 1, 1/2 or 0 at the end of an episode with others, else None.
    """

    result: bytes
    tick: int
    before: int
    turns: bytes
    done: bool
    won: float | None = None


class Refused(NamedTuple):
    """Why a step was not done, with the status of HTTP and the code that clients know."""

    status: int
    code: str
    message: str


class Lost(NamedTuple):
    """Why an episode is lost, and how many ticks it had used."""

    reason: str
    ticks: int


def seat_name(seat: int) -> str:
    """Return what clients call a seat."""
    return f"p{seat}"
