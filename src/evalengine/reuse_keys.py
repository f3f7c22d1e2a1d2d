"""By which key the result of a match that another run played may be taken for this run's."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalengine.entry import Entry
    from evalengine.model import MatchSpec


class Keys:
    """What results can be reused by: game, configuration, seed, opening, agents by seat, limits."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._limits = repr(tuple(entry.settings.limits))
        self._known: dict[tuple[int, int, int, tuple[int, ...]], bytes] = {}  # a digest of all but the seed

    def of(self, spec: MatchSpec) -> bytes | None:
        """Return the key of a match; None when one of its agents is not pinned."""
        _, game_no, _, seed, agents, opening, max_turns, branch = spec
        begun = self._known.get((game_no, opening, max_turns, agents))
        if begun is None:
            begun = self._first(spec)
        return begun + seed.to_bytes(8) if begun and branch is None else None

    def _first(self, spec: MatchSpec) -> bytes:
        """Return what the keys of a cell begin with; nothing when one of its agents is not pinned."""
        if len(self._known) > 10_000:  # noqa: PLR2004 - a bound, so that many cells cost no memory
            self._known.clear()
        game = self._entry.games[spec.game_no]
        agents = [self._entry.agents[agent] for agent in spec.agents]
        told = (
            game.ref,
            game.game.spec.version,
            spec.opening,
            spec.max_turns,
            [(agent.version, agent.limits and tuple(agent.limits)) for agent in agents],
            self._limits,
        )
        pinned = all(agent.pinned for agent in agents)
        begun = blake2b(repr(told).encode(), digest_size=16).digest() if pinned else b""
        self._known[spec.game_no, spec.opening, spec.max_turns, spec.agents] = begun
        return begun
