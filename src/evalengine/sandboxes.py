"""Which sandbox contains a run's agents from outside: the best that this machine can really set up, or a refusal."""

from __future__ import annotations

import functools
import json
import platform
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import references
from evalengine.errors import EvalengineError, SandboxError
from evalengine.launcher import temporary_folder
from evalengine.model import Containment
from evalengine.processes import Zygote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.contracts import Sandbox
    from evalengine.plugins import Plugins

AUTO, NONE = "auto", "none"


class Probe(NamedTuple):
    """What trying a sandbox on this machine showed."""

    name: str
    works: bool
    told: str  # what it gives; or, when it does not work, why not
    remedy: str = ""  # what would make it work, or better


class Chosen(NamedTuple):
    """The sandbox of a run."""

    name: str
    line: str  # for the header; "" when there is nothing to add to the name


def listed(plugs: Plugins) -> list[Sandbox]:
    """Return the sandboxes that contain, the strongest first."""
    made = [_made(name, plugs) for name in plugs.listed("sandboxes")]
    return sorted(
        (sandbox for sandbox in made if sandbox.module), key=lambda sandbox: (-sandbox.strength, sandbox.name)
    )


def _made(name: str, plugs: Plugins) -> Sandbox:
    spec = references.find("sandbox", name, plugs.listed("sandboxes"), "evalengine plugins")
    made: Sandbox = references.imported(spec.factory, f"sandbox {name!r}")()
    made.name = name
    return made


def check(wish: str, plugs: Plugins) -> None:
    """Refuse a name that means nothing.

    Raises:
        UnknownNameError: nobody registers it.
    """
    known = plugs.listed("sandboxes")
    if wish not in known and wish != AUTO:
        kind = "sandbox"
        raise references.unknown(kind, wish, [AUTO, *known], "evalengine run --help")


def choose(wish: str, plugs: Plugins) -> Chosen:
    """Return the sandbox that a person asked for, or with "auto" the strongest that works.

    Raises:
        UnknownNameError: nobody registers it; SandboxError: it, or each of them, cannot be set up.
    """
    if wish == NONE:
        return Chosen(NONE, "agents from outside are not contained: --sandbox none")
    if wish != AUTO:
        probe = tried(_made(wish, plugs))
        if not probe.works:
            msg = f"--sandbox {wish}: {probe.told}. {probe.remedy}"
            raise SandboxError(msg)
        return Chosen(wish, _better(probe))
    return _best(plugs)


def _best(plugs: Plugins) -> Chosen:
    failed: list[Probe] = []
    for sandbox in listed(plugs):
        probe = tried(sandbox)
        if probe.works:
            first = failed[0] if failed else None
            line = f"not {first.name}: {first.told}. {first.remedy}" if first else _better(probe)
            return Chosen(probe.name, line)
        failed.append(probe)
    told = " ".join(f"{probe.name}: {probe.told}. {probe.remedy}" for probe in failed) or "no sandbox is installed."
    msg = f"agents from outside cannot be contained here. {told} For code that you trust: --sandbox none"
    raise SandboxError(msg)


def _better(probe: Probe) -> str:
    return f"{probe.told}. {probe.remedy}" if probe.remedy else ""


@functools.lru_cache(maxsize=16)
def _found(module: str, plan: str) -> Mapping[str, Any]:
    """Contain an agent's process as a worker does, and return what its module found.

    Raises:
        EvalengineError: it did not work.
    """
    zygote = Zygote(Containment("", module, json.loads(plan)))
    try:
        with temporary_folder() as folder:
            return zygote.rehearse(str(folder))
    finally:
        zygote.close()


def tried(sandbox: Sandbox) -> Probe:
    """Return what setting a sandbox up shows; sysctls and versions do not tell.

    A machine does not change while we run: it is tried once.
    """
    if sys.platform != "linux":
        told = f"contained agents need Linux, this is {platform.system()}"
        remedy = "Play in a virtual machine or container with Linux, for example WSL or Docker."
        return Probe(sandbox.name, False, told, remedy)
    try:
        found = _found(sandbox.module, json.dumps(dict(sandbox.plan())))
    except (EvalengineError, OSError) as error:
        told = references.one_line(error).partition(": ")[2] or references.one_line(error)
        return Probe(sandbox.name, False, told, sandbox.remedy(told))
    told, remedy = sandbox.describe(found)
    return Probe(sandbox.name, True, told, remedy)


def containment(name: str, plugs: Plugins, folders: Sequence[str]) -> Containment | None:
    """Return what workers need of a run's sandbox; None: it contains nothing."""
    sandbox = _made(name, plugs)
    if not sandbox.module:
        return None
    return Containment(name, sandbox.module, dict(sandbox.plan()), tuple(folders), sandbox.private_tmp)
