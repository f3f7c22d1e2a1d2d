"""How many requests a key or an address may make: a bucket for each, of which every request takes one token."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

BURST_S = 4.0  # seconds' worth of requests that may come at once
_MOST = 20_000  # buckets; the one that was used longest ago goes, which by then is full again


class Rates:
    """The buckets; `per_s` 0: no limit."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s * BURST_S)
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tokens, when

    def wait_s(self, who: Hashable, patience_s: float = 0.0) -> float:
        """Take a token for a request; return 0, or in how many seconds there will be one.

        Args:
            patience_s: that the caller would wait: a token which is there by then is taken already.
        """
        if not self._per_s:
            return 0.0
        now = self._clock()
        tokens, when = self._buckets.get(who, (self._most, now))
        tokens = min(self._most, tokens + (now - when) * self._per_s)
        wait_s = max(0.0, (1 - tokens) / self._per_s)
        taken = wait_s <= patience_s
        self._buckets[who] = (tokens - taken, now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return wait_s
