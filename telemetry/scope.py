"""ASGI types and the headers of a scope.

Clients control the headers, so nothing here raises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
# Starlette's, Django's and asgiref's types of a scope differ, and none fits the others.
AnyASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[Any]]

MAX_PATH = 1024
# Maximum length of a DNS name.
MAX_HOST = 253


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value of a header by lower-case name, or None. Bytes are latin-1 (RFC 9110)."""
    for key, value in headers:
        if key == name or key.lower() == name:
            return value.decode("latin-1")
    return None


def application_path(scope: Mapping[str, Any]) -> str:
    """The path below the ``root_path`` that the application is mounted at.

    By ASGI's specification the path includes it; gunicorn's does not.
    """
    path: str = scope.get("path") or ""
    root: str = (scope.get("root_path") or "").rstrip("/")
    if root and path.startswith(root):
        below = path[len(root) :]
        if not below or below.startswith("/"):
            return below or "/"
    return path
