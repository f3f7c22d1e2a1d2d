from __future__ import annotations

import json

import pytest

from evalengine import Match, MatchSpec, load_game


@pytest.fixture(scope="session")
def world():
    """Return a function that makes the game of an environment of `worlds`."""

    def make(name="World", *, turns=0, **kwargs):
        return load_game("gymnasium:make", id=f"worlds:{name}-v0", kwargs=json.dumps(kwargs), turns=turns)

    return make


@pytest.fixture(scope="session")
def begin():
    return lambda game, seed=1: Match(MatchSpec(0, 0, 0, seed, (0,)), game)
