"""The bundled sandboxes: what contains agents is in evalengine_host, here is what people are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

_WITHOUT_LANDLOCK = "Boot with landlock in the list of lsm= to have files guarded twice"
_NO_TABLE = "Contained agents need Linux on x86_64 or aarch64"
_PASSES = (
    "Agents may look at the names and sizes of all files here, since the interpreter lies where only root can enter: "
    "use one outside of such folders, or run evalengine as an ordinary user"
)


class Namespaces(Sandbox):
    """Namespaces, a root of the agent's own, Landlock, a filter of system calls, limits."""

    module = "evalengine_host.namespaces"
    strength = 20
    private_tmp = True

    def describe(self, found: Mapping[str, Any]) -> tuple[str, str]:
        whose = "user namespaces" if found["user_namespace"] else "root"
        landlock = f"Landlock {found['landlock']}" if found["landlock"] else "no Landlock"
        return f"by {whose}, {landlock}", "" if found["landlock"] else _WITHOUT_LANDLOCK

    def remedy(self, failure: str) -> str:
        if "no table" in failure:
            return _NO_TABLE
        if "a user namespace" in failure:
            return (
                "Allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, "
                "kernel.apparmor_restrict_unprivileged_userns=0; in a container --security-opt seccomp=unconfined), "
                "or be root"
            )
        if "mount" in failure:
            return (
                "A container needs --cap-add SYS_ADMIN and an AppArmor profile that lets it mount; Linux 5.12 or newer"
            )
        return "Be root, or an ordinary user who may make user namespaces"


class Landlock(Sandbox):
    """Landlock, a filter of system calls, limits; no namespaces are needed."""

    module = "evalengine_host.landlocked"
    strength = 10

    def describe(self, found: Mapping[str, Any]) -> tuple[str, str]:
        return f"Landlock {found['landlock']}", _PASSES if found["passes"] else ""

    def remedy(self, failure: str) -> str:
        if "no table" in failure:
            return _NO_TABLE
        return "Use Linux 5.13 or newer, with landlock in the list of lsm= at boot; containers need a recent runtime"


class Uncontained(Sandbox):
    """Nothing: agents run as whoever runs evalengine."""

    def remedy(self, failure: str) -> str:
        return ""
