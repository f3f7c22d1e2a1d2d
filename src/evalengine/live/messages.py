"""What a process that plays live matches is told of one, and what it says: the two directions of `hosts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import MatchSpec, Orders

BEAT, DID, AT, LEFT, REFUSED, OVER, SLOW, HUNG = range(8)
"""What is said of a match, each with fields of msgpack's types:

DID      turn, seat, action packed or None, fault or None, info packed or None, think_us, ticket (0: of an agent)
AT       turn, seats to move, those that have answered, questions packed by seat, view packed or None, last or None
LEFT     seat, the turn from which on the stand-in plays for it, reason
REFUSED  ticket, a code of LiveError or "" for the game's refusal, reason
OVER     the fields of `Played`
SLOW     nothing: an agent in this process computes for long
HUNG     what did not return in its time; the match's thread cannot be ended but with its process
BEAT     nothing, and of no match (0): the process lives
"""

ACT, LEAVE, CLOSE = 1, 2, 3
"""What it is told:

ACT    ticket, seat, turn, action packed
LEAVE  seat, the turn in which it was late or -1 for whenever it is, reason, whether that is its fault
CLOSE  nothing: nobody wants the match any more
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A live match as the process that plays it is told of it first.

    Attributes:
        remote: seats that are; stand_in: the agent, by number, that goes on for who leaves;
        script: what was stored, as (turn, seat, action or Fault, info, think_us); left: seats by the turn from which
        the stand-in goes on for them;
        hung_s: after which what did not return is not waited for any more.
    """

    orders: Orders
    spec: MatchSpec
    remote: frozenset[int]
    stand_in: int
    script: Sequence[tuple[int, int, Any, Any, int]] = ()
    left: Mapping[int, int]
    hung_s: float
