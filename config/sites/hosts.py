"""Parses a Host header: root domain, subdomain and port."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """A Host header in lower case. `port` is digits or empty."""

    name: str
    port: str = ""

    @property
    def suffix(self) -> str:
        return f":{self.port}" if self.port else ""


def host_header(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the first Host header of an ASGI scope, or an empty string.

    Decoded as Latin-1, which accepts any byte a client may send.
    """
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")


def parse_host(header: str) -> Host:
    text = header.strip().lower()
    if text.startswith("["):
        # IPv6: the colons inside the brackets belong to the address.
        name, _, rest = text.partition("]")
        name, port = f"{name}]", rest.removeprefix(":")
    else:
        name, _, port = text.partition(":")
    # In DNS, a final dot means the same name in full.
    return Host(name.removesuffix("."), port if port.isascii() and port.isdigit() else "")


def find_root(name: str, root_domains: Sequence[str]) -> str | None:
    """Return the most specific root domain that `name` equals or is below."""
    roots = [root for root in root_domains if name == root or name.endswith(f".{root}")]
    return max(roots, key=len, default=None)


def find_subdomain(name: str, root: str) -> str:
    """Return the part of `name` before `root`. Empty for the root domain itself."""
    return name.removesuffix(root).removesuffix(".")


def home_address(host: Host, root_domains: Sequence[str]) -> str:
    """Return host and port of the home page for a request to `host`."""
    return (find_root(host.name, root_domains) or root_domains[0]) + host.suffix
