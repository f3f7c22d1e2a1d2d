"""`evalengine certify`: try a game for a minute, and write its certificate; or verify one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalengine.cli import settings, text
from evalengine.errors import ExitCode, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.plugins import Plugins
    from evalengine.testing.checking import Verdict
    from evalengine.testing.subject import Subject

_WIDE = 15  # columns of a rule's name
_CERTIFICATE = "certificate.json"


@click.command("certify", cls=settings.Command)
@click.argument("what", required=False, metavar="[GAME|PATH]")
@click.option(
    "--seconds", type=click.FloatRange(1, 86400), default=60.0, show_default=True, help="About how long, in seconds."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="What all tries are derived from."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_CERTIFICATE,
    show_default=True,
    help="The certificate's file.",
)
@click.option(
    "--verify",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Say whether this certificate holds for the game that is here, and try nothing else.",
)
@settings.plugin_options
def command(  # noqa: PLR0917 - click gives them by name
    what: str | None, seconds: float, seed: int, output: Path, verify: Path | None, wanted: Sequence[str]
) -> int:
    """Try a game for about a minute: all rules of check, random matches, hostile actions, a killed run, replays, speed.

    Writes certificate.json with the rules, versions, a digest of the package's files, figures and the seed. Without an
    argument: the plugin in this folder, or in a folder in it.
    """
    from evalengine.testing.certifying import Trial

    plugs = settings.load_plugins(wanted)
    if verify is not None:
        return _verify(verify, what, plugs)
    subject, path = _one(what, plugs)
    subject.seed = seed
    _check_output(output)
    trial = Trial(subject, seconds, plugs, path)
    text.out(f"{subject.ref} {subject.spec.version}, seed {seed}, about {seconds:g} s")
    verdicts = list(_told(trial.verdicts()))
    certificate = trial.certificate(verdicts)
    try:
        output.write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"{output} cannot be written: {error.strerror}"
        raise StorageError(msg) from error
    failed = sum(verdict.outcome == "FAIL" for verdict in verdicts)
    text.out(f"{'certified' if certificate['passed'] else f'not certified, {failed} broken'}: {output}")
    return ExitCode.OK if certificate["passed"] else ExitCode.FAILED


def _told(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    for verdict in verdicts:
        text.out(f"{verdict.outcome:<6}{verdict.rule:<{_WIDE}}{text.one_line(verdict.line)}")
        yield verdict


def _one(what: str | None, plugs: Plugins) -> tuple[Subject, str | None]:
    """Return the one game that is meant, and the path of its plugin.

    Raises:
        UsageError: several are, or none.
    """
    from evalengine.testing import finding

    refs = [what] if what is not None else finding.projects(Path())
    if len(refs) > 1:
        msg = f"there are {len(refs)} plugins here, {', '.join(refs)}: name one"
        raise UsageError(msg)
    (ref,) = refs
    if finding.is_agent(ref, plugs):
        msg = f"{ref!r} is an agent: games are certified; see evalengine check {ref}"
        raise UsageError(msg)
    subjects = finding.subjects(ref, plugs)
    if len(subjects) > 1:
        names = ", ".join(subject.ref for subject in subjects)
        msg = f"{ref!r} means {len(subjects)} games, {names}: name one"
        raise UsageError(msg)
    return subjects[0], ref if finding.is_path(ref) else None


def _check_output(output: Path) -> None:
    """Refuse to write over what is no certificate.

    Raises:
        UsageError: it would.
    """
    from evalengine.testing.certifying import read

    if not output.parent.is_dir():
        msg = f"{output.parent} is no folder: name another file with -o"
        raise UsageError(msg)
    if output.exists():
        try:
            read(output)
        except UsageError as error:
            msg = f"{output} is there and is no certificate: name another file with -o"
            raise UsageError(msg) from error


def _verify(file: Path, what: str | None, plugs: Plugins) -> int:
    from evalengine.references import unknown
    from evalengine.testing import certifying, finding

    record = certifying.read(file)
    name = str(record["game"].get("name"))
    found: list[Subject] = []
    if what is None and name not in plugs.games():
        try:
            what = finding.projects(Path())[0]
        except UsageError:
            raise unknown("game", name, plugs.games(), "evalengine games") from None  # noqa: EM101 - a part of the text
    if what is not None:
        found = [subject for subject in finding.subjects(what, plugs) if subject.spec.name == name]
        if not found:
            msg = f"{file} is of the game {name!r}, which {what!r} does not have"
            raise UsageError(msg)
    subject = found[0] if found else finding.subjects(name, plugs)[0]
    subject.config = dict(record["game"].get("config") or {})
    subject.seed = record["seed"]
    text.out(f"{name} {subject.spec.version}: {file}")
    verdicts = list(_told(certifying.verified(record, subject)))
    return ExitCode.OK if all(verdict.outcome == "ok" for verdict in verdicts) else ExitCode.FAILED
