"""An agent that remembers: a class, made anew for each match.

evalengine run class_agent.py --games rps
"""

import sys
from collections import Counter


class Agent:
    """Answers what the other seat did most in rock-paper-scissors; draws an action in every other game."""

    def start(self, info):
        """Prepare for a match: `info` has game, config, seat, seats, sides, seed, rng and the limits."""
        self.game, self.seat = info.game, info.seat
        self.rng = info.rng  # seeded for this match and seat: the match can be repeated
        self.seen = Counter()

    def act(self, observation):
        """Return one of `observation.legal`."""
        if self.game != "rps" or not observation.view["theirs"]:
            return self.rng.choice(observation.legal)
        self.seen[observation.view["theirs"][-1]] += 1
        most = max(self.seen, key=self.seen.get)
        return (most + 1) % 3  # 0 rock, 1 paper, 2 scissors: each is beaten by the next

    def end(self, result):
        """Take note of the result: `result.scores` and `result.places`, by seat."""
        # Whatever is written to standard output or standard error is kept as the log of the match.
        sys.stderr.write(f"place {result.places[self.seat]}; seen: {dict(self.seen)}\n")
