"""Who writes agents, and who sits in a seat that the platform plays: the offline one, and servers of models."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote

from evalengine import RefusedError
from evalengine.expressions import Expression
from evalengine.plugins import words_of
from evalengine_gertlabs import asking, scripted
from evalengine_gertlabs.observations import ACTIONS
from evalengine_gertlabs.replies import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import AgentSpec, GameSpec
    from evalengine_gertlabs.settings import Endpoint, Options

_SEATED = ("value-trader", "kuhn-equilibrium", "tit-for-tat", "mcts", "greedy", "random")
"""Bundled agents that play a seat for the offline provider: the first that fits the game."""


class Code(NamedTuple):
    """An agent that a provider wrote.

    Attributes:
        text: of agent.py; model: who wrote it; notes: what a person should know of it.
    """

    text: str
    model: str
    notes: str = ""


class Provider(ABC):
    """Somebody who writes agents, and plays seats.

    Attributes:
        id: by which clients name it; name: for people; models: of which one can be asked for, the usual one first;
        source: "gertlabs" for what comes with the server, as clients know it, else "org:local".
        waits: whether writing takes long, so that it is a job's matter.
    """

    id: str
    name: str
    models: Sequence[str]
    source: ClassVar[str]
    waits: ClassVar[bool]

    def record(self) -> dict[str, Any]:
        """Return it as clients see it."""
        return {
            "provider_id": self.id,
            "name": self.name,
            "allowed_models": list(self.models),
            "provider_source": self.source,
        }

    def model(self, wish: str | None) -> str:
        """Return the model that is asked for, or the usual one.

        Raises:
            RefusedError: it is none of this provider's.
        """
        if wish is not None and wish not in self.models:
            msg = f"provider {self.id} has the models {', '.join(self.models)}, not {wish!r}"
            raise invalid(msg, "model")
        return wish or self.models[0]

    @abstractmethod
    def seat(self, game: GameSpec, agents: Mapping[str, AgentSpec], model: str | None = None) -> str:
        """Return the reference of the agent that plays a seat of a game.

        Args:
            agents: the registered ones, by name.

        Raises:
            RefusedError: `model` is none of this provider's.
        """

    @abstractmethod
    def write(self, game: GameSpec, number: int, model: str | None = None, before: str = "") -> Code:
        """Return an agent's source; may take minutes.

        Args:
            number: from 0; agents of different numbers differ; before: what was wrong with an earlier attempt.

        Raises:
            AskingError: nobody answered, or without any source.
        """

    @abstractmethod
    def choose(self, rules: str, observation: Mapping[str, Any], model: str | None = None) -> Any:
        """Return the payload of an action for one turn; may take minutes. The game may refuse it.

        Raises:
            AskingError: nobody answered, or without an action.
        """


class Scripted(Provider):
    """The offline one: writes agents of its own recipes, the same for the same game and number."""

    id = name = "scripted"
    models = (scripted.MODEL,)
    source = "gertlabs"
    waits = False

    def seat(self, game: GameSpec, agents: Mapping[str, AgentSpec], model: str | None = None) -> str:
        """Return a bundled agent."""
        self.model(model)
        words = words_of(game) | {game.name}
        for name in _SEATED:
            if name in agents and (not agents[name].fits or Expression(agents[name].fits).holds(words.__contains__)):
                return name
        return "random"

    def write(self, game: GameSpec, number: int, model: str | None = None, before: str = "") -> Code:
        """Return a recipe with its numbers filled in."""
        recipe = scripted.write(game.name, number)
        return Code(recipe.text, self.model(model), recipe.notes)

    def choose(self, rules: str, observation: Mapping[str, Any], model: str | None = None) -> Any:
        """Draw one of the actions that are listed."""
        self.model(model)
        listed = observation.get(ACTIONS)
        if not listed:
            msg = "the actions of this turn are not listed"
            raise asking.AskingError(msg)
        return secrets.choice(listed)


class Remote(Provider):
    """A server of models."""

    source = "org:local"
    waits = True

    def __init__(self, endpoint: Endpoint) -> None:
        self.id = self.name = endpoint.name
        self.models = tuple(dict.fromkeys([endpoint.model, *endpoint.models]))
        self._endpoint = endpoint

    def seat(self, game: GameSpec, agents: Mapping[str, AgentSpec], model: str | None = None) -> str:
        """Return the model as an agent."""
        end = self._endpoint
        options = {"call_s": f"{end.timeout_s:g}", "turn_s": f"{2 * end.timeout_s:g}", "key_env": end.key_env}
        if end.temperature is not None:
            options["temperature"] = f"{end.temperature:g}"
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items() if value)
        return f"llm:{self.model(model)}@{end.base_url}?{query}"

    def write(self, game: GameSpec, number: int, model: str | None = None, before: str = "") -> Code:
        """Ask the model for source."""
        chosen = self.model(model)
        return Code(asking.source(self._endpoint, chosen, game, number, before), chosen)

    def choose(self, rules: str, observation: Mapping[str, Any], model: str | None = None) -> Any:
        """Ask the model for an action."""
        return asking.payload(self._endpoint, self.model(model), rules, observation)


class Providers:
    """The providers of this server."""

    def __init__(self, options: Options) -> None:
        self._all: dict[str, Provider] = {"scripted": Scripted()}
        self._all.update((endpoint.name, Remote(endpoint)) for endpoint in options.providers)

    def all(self) -> Sequence[Provider]:
        """Return all, the offline one first."""
        return [*self._all.values()]

    def find(self, name: str) -> Provider:
        """Return the provider of an id.

        Raises:
            RefusedError: 404, there is none.
        """
        if name not in self._all:
            told = f"there is no provider {name!r}: GET /org/providers lists them"
            raise RefusedError(404, "PROVIDER_NOT_FOUND", told)
        return self._all[name]
