"""Parses a Host header: root domain, subdomain and port."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from telemetry.scope import Scope


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


def home_name(host: Host, root_domains: Sequence[str]) -> str:
    """Return the name of the home page for a request to `host`, which is one of ours."""
    return find_root(host.name, root_domains) or root_domains[0]


def home_address(host: Host, root_domains: Sequence[str]) -> str:
    """Return host and port of the home page for a request to `host`.

    For Django: the router has put our own name and port into its Host header.
    """
    return home_name(host, root_domains) + host.suffix


def is_acceptable(scope: Scope) -> bool:
    """Whether a request has one Host header and a target that begins with a slash (RFC 9112).

    Servers pass on others: `GET .evil.example://a/` would continue the name in an address that
    is made of both.
    """
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    raw = scope.get("raw_path") or b"/"
    return hosts < 2 and scope["path"].startswith("/") and raw.startswith(b"/")


def encoded_target(scope: Scope) -> str:
    """Return path and query string as they were sent, percent-encoded where a header needs it."""
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string") or b""
    target = path.partition(b"?")[0] + b"?" + query if query else path
    # What is no character of an address: control characters, blanks, backslashes, bytes.
    return quote(target, safe="/?:@!$&'()*+,;=-._~%[]")
