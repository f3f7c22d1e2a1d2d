"""Matches as JUnit's XML, which CI systems read: a match a test case, faults as failures, voids as errors."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from evalengine import Exporter, Termination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine import Files, Selection, StoredMatch

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_SHOWN = 4_000  # characters of an agent's output


class Suite(NamedTuple):
    """What the head of a run's suite tells."""

    run: int
    tests: int
    failures: int
    errors: int
    seconds: float
    started: float


class Junit(Exporter):
    """One file; a suite a run."""

    suffix = ".xml"
    latest = True

    def write(self, selection: Selection, files: Files) -> None:
        suites = {suite.run: suite for suite in _suites(selection)}
        with files.open("junit.xml") as file:
            for text in _document(suites, selection):
                file.write(text.encode("utf-8", "replace") + b"\n")


def _suites(selection: Selection) -> Iterator[Suite]:
    """Count first: numbers stand in the head."""
    found: dict[int, Suite] = {}
    for _, values in selection.rows("matches"):
        run, faults, termination, started, seconds = (values[place] for place in (0, 7, 8, 14, 15))
        old = found.get(run, Suite(run, 0, 0, 0, 0.0, started))
        void = termination == Termination.VOID
        found[run] = Suite(
            run, old.tests + 1, old.failures + (not void and any(faults)), old.errors + void,
            old.seconds + seconds, min(old.started, started),
        )  # fmt: skip
    yield from found.values()


def _document(suites: dict[int, Suite], selection: Selection) -> Iterator[str]:
    """Yield the lines of the document."""
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<testsuites name="evalengine" {_counts(list(suites.values()))}>'
    now = None
    for match in selection.matches():
        if match.run != now:
            yield from ["</testsuite>"] if now is not None else []
            now = match.run
            suite = suites[now]
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(suite.started))
            more = f'skipped="0" timestamp="{stamp}" hostname="localhost"'
            yield f'<testsuite name="run {now}" {_counts([suite])} {more}>'
        yield "".join(_case(match))
    yield from ["</testsuite>"] if now is not None else []
    yield "</testsuites>"


def _counts(suites: list[Suite]) -> str:
    tests, failures, errors = (sum(suite[place] for suite in suites) for place in (1, 2, 3))
    seconds = sum(suite.seconds for suite in suites)
    return f'tests="{tests:.0f}" failures="{failures:.0f}" errors="{errors:.0f}" time="{seconds:.3f}"'


def _case(match: StoredMatch) -> Iterator[str]:
    """Yield the parts of one test case."""
    game, _, name = match.name.partition("::")
    yield f'<testcase classname={_attribute(game)} name={_attribute(name)} time="{match.row["seconds"]:.3f}">'
    if match.row["termination"] == Termination.VOID:
        yield _wrong("error", "void", match.faults[0]["detail"] if match.faults else "", "")
    elif match.faults:
        first = match.faults[0]
        agent = match.agents[first["seat"]]
        text = "\n".join(_told(match, fault) for fault in match.faults)
        yield _wrong("failure", first["kind"], f"{agent}: {first['kind']}: {first['detail']}", text)
    for stream, tag in (("stdout", "system-out"), ("stderr", "system-err")):
        if told := "".join(
            f"{match.agents[log['seat']]}: {log['text']}\n" for log in match.logs if log["stream"] == stream
        ):
            yield f"<{tag}>{_text(told[:_SHOWN])}</{tag}>"
    yield "</testcase>"


def _told(match: StoredMatch, fault: dict[str, str | int]) -> str:
    agent = match.agents[int(fault["seat"])]
    return f"turn {fault['turn']}, {agent}: {fault['kind']}: {fault['detail']}\n{fault['traceback']}".rstrip()


def _wrong(tag: str, kind: str, message: str, text: str) -> str:
    return f"<{tag} type={_attribute(kind)} message={_attribute(message)}>{_text(text)}</{tag}>"


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))
