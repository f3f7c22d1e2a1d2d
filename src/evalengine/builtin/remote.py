"""Agents that wait for a network, by reference: `http://...`, `https://...` and `llm:MODEL@BASE_URL`."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from evalengine import AgentError, AgentSpec, __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

_LLM = re.compile(r"llm:(?P<model>.+?)@(?P<url>https?://.*)", re.DOTALL)
_LONGEST_S = 86_400.0
_TRUTHS = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


class Option(NamedTuple):
    """One option of a reference: its default, and bounds where it is a number; a default of None: not given."""

    type: type
    default: Any = None
    low: float = 0.0
    high: float = 1e12
    words: tuple[str, ...] = ()  # all that it may be


_TURN = {"turn_s": Option(float, 60.0, 0.01, _LONGEST_S)}

HTTP_OPTIONS: Mapping[str, Option] = {**_TURN, "environment": Option(str, "")}

LLM_OPTIONS: Mapping[str, Option] = {
    **_TURN,
    "call_s": Option(float, None, 0.01, _LONGEST_S),
    "tries": Option(int, 4, 1, 100),
    "retries": Option(int, 2, 0, 100),
    "temperature": Option(float, None, 0.0, 10.0),
    "top_p": Option(float, None, 0.0, 1.0),
    "seed": Option(int, None, 0, 2**31 - 1),
    "reasoning_effort": Option(str),
    "max_tokens": Option(int, 1024, 1, 1_000_000),
    "tokens_field": Option(str, "max_tokens", words=("max_tokens", "max_completion_tokens")),
    "show": Option(str, "both", words=("both", "text", "view")),
    "max_calls": Option(int, None, 1),
    "max_tokens_total": Option(int, None, 1),
    "max_cost_usd": Option(float, None, 0.0),
    "price_in": Option(float),
    "price_out": Option(float),
    "cache": Option(str, ""),
    "replay_only": Option(bool, False),
    "key_env": Option(str, "OPENAI_API_KEY"),
}


def load_remote(ref: str) -> AgentSpec | None:
    """Return the agent of a URL or of `llm:MODEL@BASE_URL`, None when `ref` is neither.

    Raises:
        AgentError: it is one, but cannot be used.
    """
    if ref.startswith("llm:"):
        return _llm(ref)
    return _http(ref) if ref.startswith(("http://", "https://")) else None


def _http(ref: str) -> AgentSpec:
    url, _, fragment = ref.partition("#")
    host = _checked_host(ref, url)
    options = _parsed(ref, fragment, HTTP_OPTIONS)
    _need_httpx(ref)
    return _spec(host, "http_agent:HttpAgent", {"url": url, **options}, f"asks {url}")


def _llm(ref: str) -> AgentSpec:
    found = _LLM.fullmatch(ref)
    if found is None:
        msg = f"{ref!r}: write llm:MODEL@BASE_URL, as in llm:qwen3@http://127.0.0.1:8000/v1"
        raise AgentError(msg)
    url, _, query = found["url"].partition("?")
    _checked_host(ref, url)
    options = _parsed(ref, query, LLM_OPTIONS)
    _check_llm(ref, options)
    _need_httpx(ref)
    options["call_s"] = options["call_s"] or options["turn_s"] / 2
    config = {"model": found["model"], "base_url": url.rstrip("/"), **options}
    return _spec(found["model"].rpartition("/")[2], "llm.agent:LlmAgent", config, f"asks {found['model']} at {url}")


def _spec(name: str, factory: str, config: Mapping[str, Any], note: str) -> AgentSpec:
    return AgentSpec(
        name=("".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in name)[:40]) or "agent",
        version=__version__,
        factory=f"evalengine.builtin.{factory}",
        config=config,
        note=f"{note}; not pinned: its results are never reused",
        pinned=False,
        waits_s=config["turn_s"],
    )


def _checked_host(ref: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        msg = f"{_without_secrets(ref)!r} is no URL: {error}"
        raise AgentError(msg) from None
    if parts.username is not None or parts.password is not None:
        msg = (
            f"{_without_secrets(ref)!r}: no user or password in a URL, which is stored: keys come from the environment"
        )
        raise AgentError(msg)
    if not host or any(c.isspace() or not c.isprintable() for c in url):
        msg = f"{ref!r} names no host: write http://HOST:PORT/PATH"
        raise AgentError(msg)
    return f"{host}-{port}" if port else host


def _without_secrets(ref: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", ref)


def _check_llm(ref: str, options: Mapping[str, Any]) -> None:
    if options["max_cost_usd"] is not None and None in (options["price_in"], options["price_out"]):
        msg = f"{ref!r}: max_cost_usd needs price_in and price_out, in USD a million tokens"
    elif options["replay_only"] and options["cache"] == "off":
        msg = f"{ref!r}: replay_only plays from the cache: leave cache=off out"
    elif options["key_env"] != LLM_OPTIONS["key_env"].default and not os.environ.get(options["key_env"]):
        msg = f"{ref!r}: the environment has no {options['key_env']}, which key_env names: set it to the API key"
    elif not _plain_key(os.environ.get(options["key_env"], "")):
        msg = f"{ref!r}: what the environment has as {options['key_env']} is no key: letters, digits and signs only"
    else:
        return
    raise AgentError(msg)


def _plain_key(key: str) -> bool:
    return key.strip().isascii() and key.strip().isprintable()


def _need_httpx(ref: str) -> None:
    if importlib.util.find_spec("httpx") is None:
        msg = f"{ref.partition(':')[0]}: agents need httpx: pip install 'evalengine[remote]'"
        raise AgentError(msg)


# --------------------------------------------------------------------------------------- options


def _parsed(ref: str, text: str, known: Mapping[str, Option]) -> dict[str, Any]:
    """Return every option with its value: from `text` (a=1&b=2), else its default."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError:
        msg = f"{re.split('[?#]', ref)[0]!r}: write options as NAME=VALUE&NAME=VALUE"
        raise AgentError(msg) from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            # Without what stands there: it may be a key that somebody tried to give.
            msg = f"{re.split('[?#]', ref)[0]!r}: there is no option {name!r}.{hint} There are: {', '.join(known)}"
            raise AgentError(msg)
        if name in found:
            msg = f"{ref!r}: {name} is given twice"
            raise AgentError(msg)
        found[name] = _value(ref, name, value, known[name])
    return {name: found.get(name, option.default) for name, option in known.items()}


def _value(ref: str, name: str, text: str, option: Option) -> Any:
    if option.words and text not in option.words:
        msg = f"{ref!r}: {name} must be one of {', '.join(option.words)}, not {text!r}"
        raise AgentError(msg)
    if option.type is str:
        return text
    try:
        value = _TRUTHS[text.lower()] if option.type is bool else option.type(text)
    except (KeyError, ValueError):
        kind = {bool: "yes or no", int: "a whole number", float: "a number"}[option.type]
        msg = f"{ref!r}: {name} must be {kind}, not {text!r}"
        raise AgentError(msg) from None
    if option.type is not bool and not option.low <= value <= option.high:  # also refuses nan
        msg = f"{ref!r}: {name} must be from {option.low:g} to {option.high:g}, not {text}"
        raise AgentError(msg)
    return value
