from __future__ import annotations

import random

import pytest

from evalengine import Match, MatchSpec, load_game


@pytest.fixture(scope="session")
def load():
    return lambda name, **config: load_game(f"openspiel:{name}", **config)


@pytest.fixture(scope="session")
def random_match():
    """Return a function that plays a random match and returns it with the views that were shown."""
    return _random_match


def _random_match(game, seed=0, max_turns=0):
    spec = MatchSpec(0, 0, 0, seed, tuple(range(game.spec.default_seats)), max_turns=max_turns)
    match, views, rng = Match(spec, game), [], random.Random(seed)
    while not match.over:
        for request in match.requests():
            views.append((request.turn, request.seat, request.view))
            match.answer(request.seat, rng.choice(request.legal))
    return match, views
