"""One completion from a server: out of the cache, or asked for within the turn's time, again where that can help."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import Fault, FaultKind, VoidError
from evalengine.builtin.llm.budget import Budget, Caps, SpentError
from evalengine.builtin.llm.cache import Cache
from evalengine.builtin.network import NetworkError, Reply, network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import Info
    from evalengine.builtin.llm.prompt import Message

_MOST_BYTES = 4 << 20  # of one reply
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_HELD = "what is left of its caps is held by calls in flight"
_LOOK_S = 0.05  # between looks at a budget that calls in flight fill
_MESSAGE_TOKENS = 32  # what a chat template adds to a message, at most
_OK, _TOO_MANY, _TIMED_OUT, _SERVER_ERRORS = 200, 429, 408, 500
_SHORTEST_SECRET = 8  # a local server's "none" is no secret, and may be a word of the game
_BODY_OPTIONS = ("temperature", "top_p", "seed", "reasoning_effort")


class CallError(Exception):
    """No completion; `fault` is what that is to an agent."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(kind.value, "".join(c if c.isprintable() else " " for c in detail[:200]))


class _AgainError(Exception):
    """Asking again may help, after `wait_s` when the server says so."""

    def __init__(self, kind: FaultKind, detail: str, wait_s: float | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.wait_s = kind, detail, wait_s


class Usage:
    """What one turn took; a call is one request that was sent."""

    def __init__(self) -> None:
        self.calls = self.cached = self.retries = self.tokens_in = self.tokens_out = 0
        self.cost_usd = 0.0
        self.estimated = False
        self.model = ""
        self.answer = ""

    def told(self, began: float, *, priced: bool) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "model": self.model,
            "calls": self.calls,
            "cached": self.cached,
            "retries": self.retries,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "estimated": self.estimated,
            "cost_usd": round(self.cost_usd, 9) if priced else None,
            "seconds": round(time.monotonic() - began, 3),
            "answer": self.answer,
        }


class Calls:
    """The completions of one agent in one match.

    Args:
        options: of the agent's reference, all of them, with model and base_url.
    """

    def __init__(self, options: Mapping[str, Any], info: Info) -> None:
        self._options = options
        self._url = f"{options['base_url']}/chat/completions"
        self._key = os.environ.get(options["key_env"], "").strip()
        self._cache = Cache(_cache_folder(options["cache"], info.run_folder))
        self._prices = (options["price_in"] or 0.0, options["price_out"] or 0.0)
        caps = Caps(options["max_calls"], options["max_tokens_total"], options["max_cost_usd"])
        who = json.dumps(dict(options), sort_keys=True)
        self._budget = Budget(Path(info.run_folder) / "llm.db", who, caps)
        # One position may be sampled anew in every rotation; at temperature 0 there is nothing to sample.
        self._salt = None if options["temperature"] == 0 else info.seed

    def complete(self, messages: Sequence[Message], by: float, usage: Usage) -> str:
        """Return the model's answer, asked for until the monotonic time `by`.

        Raises:
            CallError: there is none; VoidError: nobody may be asked, which is not the agent's fault.
        """
        request = {"base_url": self._options["base_url"], "body": self._body(messages), "seed": self._salt}
        before = usage.calls
        answer = self._cache.get(request) or self._asked(request, by, usage)
        usage.cached += usage.calls == before
        usage.model, usage.answer = str(answer.get("model", ""))[:200], answer["text"][-1000:]
        text: str = answer["text"]
        return text

    def _asked(self, request: Mapping[str, Any], by: float, usage: Usage) -> dict[str, Any]:
        """Return the server's answer to what the cache does not hold yet, and keep it."""
        if self._options["replay_only"]:
            msg = f"replay_only: no answer of {self._options['model']} to this question is in the cache"
            raise VoidError(msg)
        with self._cache.alone(request, by):
            answer = self._cache.get(request)  # somebody else may have asked meanwhile
            if answer is None:
                answer = self._ask(request["body"], by, usage)
                self._cache.put(request, answer)
        return answer

    def _body(self, messages: Sequence[Message]) -> dict[str, Any]:
        options = self._options
        body = {"model": options["model"], "messages": messages, options["tokens_field"]: options["max_tokens"]}
        body.update((name, options[name]) for name in _BODY_OPTIONS if options[name] is not None)
        return body

    def _ask(self, body: Mapping[str, Any], by: float, usage: Usage) -> dict[str, Any]:
        """Return the server's answer; ask again, ever later, what may pass."""
        problem = _AgainError(FaultKind.TIMEOUT, "the turn's time was over before the server was asked")
        for attempt in range(self._options["tries"]):
            if attempt:
                usage.retries += 1
                _wait(problem, attempt, by)
            if by - time.monotonic() <= 0:
                break
            try:
                return self._ask_once(body, by, usage)
            except _AgainError as again:
                problem = again
        raise CallError(problem.kind, problem.detail)

    def _ask_once(self, body: Mapping[str, Any], by: float, usage: Usage) -> dict[str, Any]:
        data = json.dumps(body).encode()
        # A token has at least one byte, so that no tokenizer is needed for a bound.
        most_in, most_out = len(data) + _MESSAGE_TOKENS * len(body["messages"]), self._options["max_tokens"]
        number = self._hold(most_in + most_out, self._cost(most_in, most_out), by)
        took_in, took_out, estimated = most_in, most_out, True  # whatever happens to us from here on
        try:
            usage.calls += 1
            try:
                reply = self._post(data, by)
            except NetworkError as error:
                if not error.sent:
                    took_in, took_out, estimated = 0, 0, False
                raise _AgainError(error.kind, self._hidden(str(error))) from None
            took_in, took_out, estimated = _no_cost(reply)
            found = self._read(reply)
            took_in, took_out, estimated = found["tokens_in"], found["tokens_out"], False
            if None in (took_in, took_out):  # the server does not say
                took_in, took_out, estimated = most_in, len(found["text"].encode()), True
        finally:
            usage.tokens_in += took_in
            usage.tokens_out += took_out
            usage.estimated |= estimated
            usage.cost_usd += self._cost(took_in, took_out)
            self._budget.settle(number, took_in + took_out, self._cost(took_in, took_out))
        return found

    def _hold(self, tokens: int, usd: float, by: float) -> int:
        try:
            while (number := self._budget.hold(tokens, usd, self._options["call_s"] + 60.0)) is None:
                time.sleep(_LOOK_S)
                if time.monotonic() >= by:
                    raise self._capped(_HELD)
        except SpentError as error:
            raise self._capped(error) from None
        return number

    def _capped(self, reason: object) -> VoidError:
        """Return what makes the match void: whoever sets a cap wants fewer matches, not lost ones."""
        return VoidError(f"{self._options['model']}: {reason}")

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self._prices[0] + tokens_out * self._prices[1]) / 1e6

    def _post(self, data: bytes, by: float) -> Reply:
        limit_s = max(0.01, min(self._options["call_s"], by - time.monotonic()))
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        return network().post(self._url, data, headers, limit_s=limit_s, most_bytes=_MOST_BYTES)

    def _read(self, reply: Reply) -> dict[str, Any]:
        """Return text, model and usage of a reply.

        Raises:
            _AgainError, CallError: it holds none.
        """
        text = self._hidden(reply.body.decode(errors="replace"))
        if reply.status != _OK:
            detail = f"status {reply.status}: {text[:120]!r}"
            if reply.status == _TOO_MANY:
                raise _AgainError(FaultKind.CRASH, detail, _retry_after(reply.headers))
            if reply.status >= _SERVER_ERRORS or reply.status == _TIMED_OUT:
                raise _AgainError(FaultKind.CRASH, detail)
            raise CallError(FaultKind.CRASH, detail)
        try:
            found = _completion(json.loads(text))
        except (ValueError, LookupError, TypeError, RecursionError):
            detail = f"no chat completion: {text[:120]!r}"
            raise _AgainError(FaultKind.PROTOCOL, detail) from None
        # Once more: escapes of JSON may have hidden the key from the first look.
        return {**found, "text": self._hidden(found["text"]), "model": self._hidden(found["model"])}

    def _hidden(self, text: str) -> str:
        """Return what a server says without the key, which some repeat."""
        return text.replace(self._key, "***") if len(self._key) >= _SHORTEST_SECRET else text


def _completion(said: Any) -> dict[str, Any]:
    content = said["choices"][0]["message"]["content"]
    if content is not None and not isinstance(content, str):
        raise TypeError
    usage = said.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return {
        "text": (content or "").encode(errors="replace").decode(),
        "model": str(said.get("model", "")).encode(errors="replace").decode(),
        "tokens_in": _count(usage.get("prompt_tokens")),
        "tokens_out": _count(usage.get("completion_tokens")),
    }


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 40 else None


def _no_cost(reply: Reply) -> tuple[int, int, bool]:
    """Return what an unreadable reply cost: nothing where the server refused; else its bytes, at most."""
    return (0, 0, False) if reply.status != _OK else (0, len(reply.body), True)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, given as a number or a date; None when it does not say."""
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, min(float(text), 1e9))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)
    return max(0.0, (when - dt.datetime.now(dt.UTC)).total_seconds())


def _wait(problem: _AgainError, attempt: int, by: float) -> None:
    """Wait before an attempt.

    Raises:
        CallError: that would take longer than the turn has.
    """
    wait_s = problem.wait_s
    if wait_s is None:
        # Spread, so that the calls which a server refused together do not come back together.
        wait_s = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)
    if time.monotonic() + wait_s >= by:
        msg = f"no time in the turn to wait {wait_s:.1f} s after {problem.detail}"
        raise CallError(FaultKind.TIMEOUT, msg)
    time.sleep(wait_s)


def _cache_folder(name: str, run_folder: str) -> Path | None:
    if name == "off" or not (name or run_folder):
        return None
    return Path(name).expanduser() if name else Path(run_folder).parent / "llm"
