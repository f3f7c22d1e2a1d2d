"""All randomness of the engine: 63-bit seeds derived by a hash, and lazy generators made of them."""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import Any, SupportsIndex, cast

SEED_BITS = 63  # SQLite's integers are signed


def derive(seed: int, *path: str | int) -> int:
    """Return the 63-bit seed that belongs to `path` under `seed`.

    One-way: whoever knows the result knows neither `seed` nor the seed of another path. Parts are
    told apart by type and position, so ("a", 1) and ("a1",) differ.
    """
    return int.from_bytes(blake2b(f"{seed}{path!r}".encode(), digest_size=8).digest()) >> 1  # big-endian


def derive_at(seed: int, path: str) -> int:
    """Return what `derive` does, with the path as the repr of its parts: that is often known beforehand."""
    return int.from_bytes(blake2b(f"{seed}{path}".encode(), digest_size=8).digest()) >> 1  # big-endian


def derive_each(seed: int, path: str, count: int) -> list[int]:
    """Return `count` seeds of 63 bits below one path; whoever knows one of them knows no other.

    The first eight are slices of one hash, since every match needs a few.
    """
    sliced = min(count, 8)
    digest = blake2b(f"{seed}{path}".encode(), digest_size=8 * sliced).digest()
    found = [int.from_bytes(digest[begin : begin + 8]) >> 1 for begin in range(0, 8 * sliced, 8)]
    return found + [derive(seed, path, number) for number in range(sliced, count)]


def fresh_seed() -> int:
    """Return a seed of 63 bits from the system's entropy."""
    return random.SystemRandom().getrandbits(SEED_BITS)


class _LazyRandom:
    """A `random.Random` that is seeded at its first use.

    Seeding a Mersenne twister costs about 5 us, as much as a whole small match, and most turns of
    most games draw nothing.
    """

    __slots__ = ("_path", "_rng", "_seed")

    def __init__(self, seed: int, path: tuple[str | int, ...]) -> None:
        self._seed = seed
        self._path = path
        self._rng: random.Random | None = None

    def _seeded(self) -> random.Random:
        if self._rng is None:
            self._rng = random.Random(derive(self._seed, *self._path))
        return self._rng

    def __getattr__(self, name: str) -> Any:
        rng = self._rng
        return getattr(self._seeded() if rng is None else rng, name)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        return self._seeded().__reduce_ex__(protocol)

    # `isinstance(stream(...), random.Random)` holds, as the public signature says.
    __class__ = property(lambda _self: random.Random)


def stream(seed: int, *path: str | int) -> random.Random:
    """Return the generator that belongs to `path` under `seed`: `random.Random(derive(seed, *path))`, lazily."""
    return cast("random.Random", _LazyRandom(seed, path))
