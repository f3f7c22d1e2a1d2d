"""The kinds of jobs that this API adds to the server's."""

from __future__ import annotations

from evalengine import JobKind

KINDS: list[JobKind] = []
