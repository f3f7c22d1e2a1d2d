"""A model asked for the source of an agent: one question over HTTP, within bounds."""

from __future__ import annotations

import contextlib
import json
import re
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from evalengine import Limits
from evalengine.builtin.llm.prompt import rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from evalengine import GameSpec
    from evalengine_gertlabs.settings import Endpoint

_FENCED = re.compile(r"```(?:python|py)?[ \t]*\r?\n(.*?)```", re.DOTALL | re.IGNORECASE)
_JSON = re.compile(r"```(?:json)?[ \t]*\r?\n(.*?)```", re.DOTALL | re.IGNORECASE)
_TURN = "Choose your action for this turn. Respond with the action payload as JSON, and nothing else."
_AGAIN = frozenset({408, 409, 425, 429})
_LONGEST_WAIT_S = 30.0
_TASK = """\
Write an agent that plays this game as well as you can, as one Python module that needs the standard library only.

{rules}

The module defines a class `Agent` with a method `act(self, observation)`, which returns one action each time that its
seat is to move, and may define `start(self, info)`, called before the first turn. One `Agent` is made for each match.
- `observation.legal`: the actions that are possible now, a list; return one of them. `None`: any that the rules take.
- `observation.view`: what the seat sees; `observation.seat`, `observation.turn`: whole numbers from 0.
- `observation.config`: the game's parameters, as above.
- `info.rng`: a `random.Random` of this match; `info.seat`, `info.seats`.
A turn may take {turn_s:g} seconds of processor time. There is no network, and files cannot be written.
An exception, an action that is not possible or a turn that takes too long loses the match.
Variant {number}: if it is not 0, choose another approach than the most obvious one.
{before}Answer with the whole module in one block of code, and nothing after it."""


class AskingError(Exception):
    """There is no source; the text says why, without the key."""


def source(end: Endpoint, model: str, game: GameSpec, number: int, before: str) -> str:
    """Return the module that a model wrote for a game.

    Args:
        number: of the variant; before: what was wrong with the last one.

    Raises:
        AskingError: no answer came, or none with source.
    """
    told = f"Your last answer could not be used: {before}\n" if before else ""
    config = {name: schema.get("default") for name, schema in game.config.items()}
    told_of: Any = SimpleNamespace(game=game.name, config=config, rules=game.doc)
    task = _TASK.format(rules=rules(told_of), number=number, before=told, turn_s=Limits().turn_s)
    blocks = _FENCED.findall(text := _asked(end, model, task))
    found: str = max(blocks, key=len) if blocks else text
    if not found.strip():
        msg = f"{model} answered without source"
        raise AskingError(msg)
    return found.strip() + "\n"


def payload(end: Endpoint, model: str, rules: str, observation: Mapping[str, Any]) -> Any:
    """Return the action that a model chooses for a turn, a value of JSON; whether the game takes it is another matter.

    Raises:
        AskingError: no answer came, or none with JSON.
    """
    seen = json.dumps(observation, default=str)
    text = _asked(end, model, f"{rules}\n\nObservation:\n{seen}\n\n{_TURN}").strip()
    for found in [*_JSON.findall(text), text, text.rpartition("\n")[2]]:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(found)
    msg = f"{model} answered without JSON: {text[:120]!r}"
    raise AskingError(msg)


def _asked(end: Endpoint, model: str, task: str) -> str:
    """Return a model's answer, asked for again where that can help."""
    import httpx

    body = {"model": model, "messages": [{"role": "user", "content": task}], "max_tokens": end.max_tokens}
    if end.temperature is not None:
        body["temperature"] = end.temperature
    headers = {"authorization": f"Bearer {end.key}"} if end.key else {}
    problem = "it was not asked"
    with httpx.Client(timeout=end.timeout_s, follow_redirects=False, headers=headers) as client:
        for attempt in range(end.tries):
            if attempt:
                time.sleep(min(0.5 * 2**attempt, _LONGEST_WAIT_S))
            try:
                status, answer = _posted(client, end, body)
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if status == 200:  # noqa: PLR2004 - of HTTP
                return _content(model, answer)
            problem = f"status {status}: {answer[:200].decode(errors='replace')!r}"
            if status < 500 and status not in _AGAIN:  # noqa: PLR2004 - of HTTP
                break
    msg = _hidden(f"{model} at {end.base_url} gave no answer: {problem}", end.key)
    raise AskingError(msg)


def _posted(client: httpx.Client, end: Endpoint, body: Mapping[str, Any]) -> tuple[int, bytes]:
    """Return status and bytes of an answer, read no further than it may be long, in the time that it may take.

    Raises:
        AskingError: it is too long; httpx.HTTPError: none came, or too slowly.
    """
    import httpx

    until = time.monotonic() + end.timeout_s
    found = b""
    with client.stream("POST", f"{end.base_url}/chat/completions", json=body) as answer:
        for part in answer.iter_bytes():
            found += part
            if len(found) > end.max_answer_kib << 10:
                msg = f"{body['model']} at {end.base_url} answered with more than {end.max_answer_kib} KiB"
                raise AskingError(msg)
            if time.monotonic() > until:
                msg = f"the answer was not there after {end.timeout_s:g} s"
                raise httpx.ReadTimeout(msg)
    return answer.status_code, found


def _content(model: str, answer: bytes) -> str:
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        content = None
    if not isinstance(content, str):
        msg = f"{model} answered with no chat completion: {answer[:120].decode(errors='replace')!r}"
        raise AskingError(msg)
    return content


def _hidden(text: str, key: str) -> str:
    """Return a text without the key, which some servers repeat."""
    return text.replace(key, "***") if key else text
