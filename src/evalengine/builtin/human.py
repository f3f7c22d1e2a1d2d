"""Stands for a person in a stored run: `evalengine play` asks the person itself and never calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Agent, AgentError

if TYPE_CHECKING:
    from evalengine import Observation


class Human(Agent):
    """A person at the terminal."""

    def act(self, observation: Observation) -> Any:
        """Refuse: nobody is there to be asked."""
        msg = "a person can only be asked by evalengine play"
        raise AgentError(msg)
