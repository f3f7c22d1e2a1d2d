"""Rollouts: episodes that a training loop drives tick by tick, forks, and has scored; each run holds many."""
