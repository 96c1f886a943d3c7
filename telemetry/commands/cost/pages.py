"""The pages that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

WANTED = "a page such as http://alameda.ca.localhost/meetings/minutes, or /meetings/minutes"


@dataclass(frozen=True, slots=True)
class Page:
    """A Host header and a path with its query string."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}{self.path}"


def parse_page(value: str) -> Page:
    """Read an address, or a path of ``localhost``.

    Raises:
        ValueError: for anything else; it says what was given and what is wanted.
    """
    parts = urlsplit(value if not value.startswith("/") else f"http://localhost{value}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{value!r}: wanted {WANTED}")
    # The port is our server's; a name is all that the host routes by.
    path = parts.path or "/"
    return Page(parts.hostname, f"{path}?{parts.query}" if parts.query else path)
