"""Answers of models, kept by what was asked: a match that is played again asks nobody."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_LOOK_S = 0.05  # between looks at what somebody else asks


class Cache:
    """A folder of files, each called after the digest of its request.

    Args:
        folder: made when first written to; None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, request: Any) -> dict[str, Any] | None:
        """Return what was answered to `request`, None when nothing whole is kept."""
        if self._folder is None:
            return None
        try:
            kept = json.loads(self._path(self._folder, request).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        answer = kept.get("answer") if isinstance(kept, dict) else None
        return answer if isinstance(answer, dict) and isinstance(answer.get("text"), str) else None

    def put(self, request: Any, answer: dict[str, Any]) -> None:
        """Keep an answer; a full disk loses it, not the match."""
        if self._folder is None:
            return
        path = self._path(self._folder, request)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whole or not at all: others read it, and we may be killed.
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
                json.dump({"request": request, "answer": answer}, file)
            os.replace(file.name, path)  # noqa: PTH105 - the other half of the line above
        except OSError:
            return

    @contextlib.contextmanager
    def alone(self, request: Any, by: float) -> Iterator[None]:
        """Keep others from asking the same until the body ends: matches begin alike, and each call may cost.

        Until the monotonic time `by` only, and not at all where locks cannot be had.
        """
        with contextlib.ExitStack() as held:
            if self._folder is not None:
                with contextlib.suppress(OSError):
                    self._lock(self._path(self._folder, request).with_suffix(".asked"), by, held)
            yield

    @staticmethod
    def _lock(path: Path, by: float, held: contextlib.ExitStack) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = held.enter_context(path.open("ab"))
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= by:
                    return
                time.sleep(_LOOK_S)
            else:
                held.callback(path.unlink, missing_ok=True)
                return

    @staticmethod
    def _path(folder: Path, request: Any) -> Path:
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        return folder / digest[:2] / f"{digest}.json"
