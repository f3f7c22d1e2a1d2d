"""Which names this server answers to, and which pages may ask it to change something.

A page of a stranger can make a browser ask any address. Two things stop it: its own name, pointed at our address (DNS
rebinding), is not one of ours; and browsers say by `Origin` which page asks, in everything that changes something and
in WebSockets. Programs send no `Origin`, or that of the address they ask.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>\d{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/]+)")
_PORTS = {"http": "80", "https": "443"}


class Hosts(NamedTuple):
    """What the server may be called.

    Attributes:
        names: as --host and --allow-host have them, in lower case; allowed: those of --allow-host alone.
    """

    names: frozenset[str]
    allowed: frozenset[str]

    def knows(self, host: str, own_address: str) -> bool:
        """Say whether a `Host` header names this server; `own_address` is the socket's."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower().rstrip(".")
        return name in self.names or _is_own(name.strip("[]"), own_address)

    def trusts(self, origin: str, host: str) -> bool:
        """Say whether a page may change something here: one of this server itself, or at a name of --allow-host."""
        found = _ORIGIN.fullmatch(origin)
        if found is None:  # "null" too: a sandboxed page, a file
            return False
        place = found["host"].lower()
        port = _PORTS[found["scheme"]]
        if place.removesuffix(f":{port}") == host.lower().removesuffix(f":{port}"):
            return True
        return place.removesuffix(f":{port}") in self.allowed  # behind a proxy that asks us by another name


def make(host: str, allowed: tuple[str, ...]) -> Hosts:
    """Return the names of a server that listens at `host`."""
    more = frozenset(name.lower().rstrip(".") for name in allowed)
    return Hosts(frozenset({"localhost", host.lower(), f"[{host.lower()}]"}) | more, more)


def _is_own(text: str, own_address: str) -> bool:
    """Say whether a name is an address of this machine: a loopback one, or the one that the client reached."""
    try:
        address = ipaddress.ip_address(text)
        return address.is_loopback or address == ipaddress.ip_address(own_address)
    except ValueError:
        return False
