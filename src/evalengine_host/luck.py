"""The global generators of `random` and numpy where one process plays several matches: each match has its own.

What `random.seed(seed)` and `numpy.random.seed(seed)` give in a process of one match, `turn_to` gives here: a match
that draws before, between and after another's turns draws the same numbers as alone.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container


class Luck:
    """The global generators of one match, made when they are first used."""

    __slots__ = ("__dict__", "_seed", "numpy_state")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.numpy_state: Any = None  # while another match draws

    def __getattr__(self, name: str) -> Any:
        if name != "random":
            raise AttributeError(name)
        self.random = random.Random(self._seed)
        return self.random

    @property
    def numpy_seed(self) -> int:
        """The seed as numpy takes it."""
        return self._seed & 0xFFFFFFFF


_now = Luck(0)
_numpys: Luck | None = None  # whose state numpy's generator has


def install() -> None:
    """Have the functions of the module `random` draw from the match that is turned to; before the agent is imported."""
    ours = random._inst  # noqa: SLF001 - what its functions are bound to
    for name, value in list(vars(random).items()):
        if getattr(value, "__self__", None) is ours:
            setattr(random, name, _through(name))


def _through(name: str) -> Callable[..., Any]:
    def drawn(*args: Any, **kwargs: Any) -> Any:
        return getattr(_now.random, name)(*args, **kwargs)

    drawn.__name__ = drawn.__qualname__ = name
    return drawn


def turn_to(luck: Luck, modules: Container[str] = sys.modules) -> None:
    """Draw from `luck` from now on."""
    global _now  # noqa: PLW0603 - the generators are global, and so is whose they are
    _now = luck
    if "numpy.random" in modules:
        _turn_numpy(luck)


def _turn_numpy(luck: Luck) -> None:
    global _numpys  # noqa: PLW0603 - as above
    if _numpys is luck:
        return
    numpy_random = sys.modules["numpy.random"]
    if _numpys is not None:
        _numpys.numpy_state = numpy_random.get_state(legacy=False)
    if luck.numpy_state is None:
        numpy_random.seed(luck.numpy_seed)
    else:
        numpy_random.set_state(luck.numpy_state)
    _numpys = luck


def numpy_came() -> int:
    """Return the seed for numpy's generator, which is being imported: it is the present match's from now on."""
    global _numpys  # noqa: PLW0603 - as above
    _numpys = _now
    return _now.numpy_seed
