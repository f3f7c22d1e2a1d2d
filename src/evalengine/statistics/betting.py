"""Evidence on a mean score, and intervals of it, that hold at any time and for any number of results.

Somebody bets against "the mean is at most m": a unit of points x multiplies a capital by 1 - c + c x/m, for every share
c of a grid, and the mean of these capitals is what counts. Where the claim is true no capital grows on average, so it
ever reaches 1/alpha with a probability of at most alpha (Ville 1939), however often one looks and whatever the
distribution is: nothing is asymptotic. (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
betting"; Cover 1991 for the grid.) The means that no capital speaks against are an interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHARES = tuple((number + 0.5) / 20 for number in range(20))  # of the capital that are staked, all at the same time
_STEPS = 40  # halvings: a trillionth
_EDGE = 1e-9


def evidence_above(counts: Sequence[float], mean: float) -> float:
    """Return the log of the capital against "the mean is at most `mean`", in (0, 1); counts by class, worst first."""
    top = len(counts) - 1
    logs = [
        sum(count * math.log(1 - share + share * point / top / mean) for point, count in enumerate(counts) if count)
        for share in _SHARES
    ]
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs) / len(logs))


def evidence_below(counts: Sequence[float], mean: float) -> float:
    """Return the log of the capital against "the mean is at least `mean`"."""
    return evidence_above(counts[::-1], 1 - mean)


def lower_bound(counts: Sequence[float], alpha: float) -> float:
    """Return what the mean is above, with an error of at most `alpha`; 0 when nothing is known."""
    wanted = -math.log(alpha)
    low, high = 0.0, 1.0
    for _ in range(_STEPS):  # the evidence falls as the mean that it speaks against rises
        middle = (low + high) / 2
        if evidence_above(counts, middle) >= wanted:
            low = middle
        else:
            high = middle
    return low if low > _EDGE else 0.0


def upper_bound(counts: Sequence[float], alpha: float) -> float:
    """Return what the mean is below, with an error of at most `alpha`; 1 when nothing is known."""
    return 1 - lower_bound(counts[::-1], alpha)
