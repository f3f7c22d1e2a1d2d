"""A language model in a seat: asked once a turn, told why when its answer cannot be taken, and asked again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evalengine import Agent, Answer, Fault, FaultKind
from evalengine.builtin.llm import parsing, prompt
from evalengine.builtin.llm.calls import CallError, Calls, Usage

if TYPE_CHECKING:
    from evalengine import Info, Observation


class LlmAgent(Agent):
    """Plays by a server's chat completions; what each turn took is stored as the answer's info.

    Args:
        options: all options of the reference, with model and base_url.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    def start(self, info: Info) -> None:
        """Prepare to ask."""
        self._info = info
        self._calls = Calls(self._options, info)

    def act(self, observation: Observation) -> Answer:
        """Return the model's action, or what is wrong with its last answer."""
        began, usage = time.monotonic(), Usage()
        try:
            action = self._chosen(observation, began + self._options["turn_s"], usage)
        except CallError as error:
            action = error.fault
        return Answer(action, usage.told(began, priced=self._options["price_in"] is not None))

    def _chosen(self, observation: Observation, by: float, usage: Usage) -> Any:
        legal, info = observation.legal, self._info
        texts = None if legal is None else [info.action_to_str(action) for action in legal]
        messages = prompt.question(info, observation, texts, self._options["show"])
        left = self._options["retries"]
        while True:
            with info.waiting():
                answer = self._calls.complete(messages, by, usage)
            found = _read(answer, observation, texts, info)
            if isinstance(found, parsing.Chosen):
                return found.action
            if not left:
                return Fault(found.kind.value, f"after {self._options['retries']} retries: {found.reason}")
            left -= 1
            usage.retries += 1
            messages = [*messages, *prompt.again(answer, found.reason)]


def _read(
    answer: str, observation: Observation, texts: list[str] | None, info: Info
) -> parsing.Chosen | parsing.Refused:
    if texts is None:
        found = parsing.read_unlisted(answer)
        return found if isinstance(found, parsing.Refused) else _judged(found.action, observation)
    assert observation.legal is not None
    found = parsing.read(answer, observation.legal, texts)
    if isinstance(found, parsing.Chosen) or not observation.takes_more:
        return found
    # What is not listed is written out, as JSON or as the game writes it.
    named = parsing.read_unlisted(answer)
    if isinstance(named, parsing.Refused):
        return found
    action = info.action_from_str(named.action) if isinstance(named.action, str) else named.action
    return _judged(action, observation) if isinstance(action, list | dict) else found


def _judged(action: Any, observation: Observation) -> parsing.Chosen | parsing.Refused:
    reason = observation.refusal(action)
    return parsing.Chosen(action) if reason is None else parsing.Refused(FaultKind.ILLEGAL, f"That action: {reason}.")
