"""A copy of an environment in the midst of a match."""

from __future__ import annotations

import copyreg
import io
import pickle
from typing import Any

from gymnasium.utils import EzPickle


class _Pickler(pickle.Pickler):
    """Pickles an EzPickle with all that it holds: by itself it is pickled as its arguments, and begins anew."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, EzPickle):
            return copyreg.__newobj__, (type(obj),), obj.__dict__, None, None, _restored  # type: ignore[attr-defined]
        return NotImplemented


def _restored(made: Any, state: dict[str, Any]) -> None:
    made.__dict__.update(state)


def copied(env: Any) -> Any:
    """Return a copy that shares nothing with `env` and stands where it stands."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(env)
    return pickle.loads(buffer.getvalue())  # noqa: S301 - written a line above
