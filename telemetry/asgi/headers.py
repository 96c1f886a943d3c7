"""Span attributes from an ASGI scope. Clients control the headers, so nothing here raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry.util.http import SanitizeValue, detect_synthetic_user_agent

from telemetry.registry import attributes as a
from telemetry.registry.contents import MAX_HEADER, MAX_METHOD, MAX_QUERY, MAX_USER_AGENT
from telemetry.registry.redaction import MARGIN
from telemetry.scope import MAX_HOST, MAX_PATH, header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_METHODS = a.HTTP_REQUEST_METHOD.values or frozenset()
_SCHEMES = a.URL_SCHEME.values or frozenset()
_VERSIONS = a.NETWORK_PROTOCOL_VERSION.values or frozenset()
# Bytes of a Host header that can name a host: a name, a colon and a port, and one more.
_LONGEST_HOST = MAX_HOST + 8

_PORT = re.compile(r":(\d{1,5})$")
# A DNS name, underscores included, or an IP address. Other values of the Host header are not
# recorded: they name no host and may hold anything.
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def method_attributes(method: str) -> tuple[str, dict[str, Any]]:
    """The request method, ``_OTHER`` if unknown, and its attributes."""
    if method in _METHODS:
        return method, {a.HTTP_REQUEST_METHOD: method}
    upper = method.upper()
    clamped = upper if upper in _METHODS else "_OTHER"
    return clamped, {
        a.HTTP_REQUEST_METHOD: clamped,
        a.HTTP_REQUEST_METHOD_ORIGINAL: method[: MAX_METHOD + MARGIN],
    }


def connection_attributes(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The scheme and protocol version, each from a closed set or left out."""
    found: dict[str, Any] = {}
    scheme = scope.get("scheme")
    if scheme in _SCHEMES:
        found[a.URL_SCHEME] = scheme
    version = scope.get("http_version")
    if version in _VERSIONS:
        found[a.NETWORK_PROTOCOL_VERSION] = version
    return found


@dataclass(frozen=True, slots=True)
class Protocol:
    """What the method, scheme and version of a request say of it. Shared: not to be changed."""

    method: str
    """``_OTHER`` if it is unknown."""
    attributes: Mapping[str, Any]
    """Of the span."""
    labels: Mapping[str, str]
    """Of the metric of active requests."""
    ended_labels: Mapping[str, str]
    """Of the metrics of requests that have ended."""
    key: tuple[str | None, ...]
    """Identifies the labels."""


@lru_cache(maxsize=256)
def protocol_of(method: str, scheme: str | None, version: str | None) -> Protocol:
    """Return what a request's method, scheme and version say of it."""
    known, attributes = method_attributes(method)
    connection = connection_attributes({"scheme": scheme, "http_version": version})
    scheme, version = map(connection.get, (a.URL_SCHEME, a.NETWORK_PROTOCOL_VERSION))
    labels: dict[str, str] = {a.HTTP_REQUEST_METHOD: known}
    if scheme is not None:
        labels[a.URL_SCHEME] = scheme
    ended = labels if version is None else {**labels, a.NETWORK_PROTOCOL_VERSION: version}
    return Protocol(known, {**attributes, **connection}, labels, ended, (known, scheme, version))


def first_values(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """The first value of each header, by its name in small letters."""
    # ASGI's specification wants names in small letters.
    return {name.lower(): value for name, value in reversed([*headers])}


def address_attributes(
    scope: Mapping[str, Any], headers: Mapping[bytes, bytes] | None = None
) -> dict[str, Any]:
    """The path, the requested host and port, and the type of a synthetic user agent.

    Args:
        scope: of the request.
        headers: its `first_values`, if they are known.
    """
    if headers is None:
        headers = first_values(scope.get("headers") or ())
    found: dict[str, Any] = {}
    path = scope.get("path")
    if path:
        path = path[: MAX_PATH + MARGIN]
        # A path may have lone surrogates, depending on the server; protobuf rejects them.
        found[a.URL_PATH] = (
            path if path.isascii() else path.encode("utf-8", "replace").decode("utf-8")
        )
    host, agent = headers.get(b"host"), headers.get(b"user-agent")
    if host:
        found.update(_host_attributes(host[:_LONGEST_HOST].decode("latin-1")))
    if agent:
        # Contrib lower-cases all of a header of up to 64 KB.
        kind = _synthetic_type(agent[:MAX_USER_AGENT].decode("latin-1"))
        if kind:
            found[a.USER_AGENT_SYNTHETIC_TYPE] = kind
    return found


# Clients choose both, and most of them repeat. As many hosts as a large host has sites.
@lru_cache(maxsize=16_384)
def _host_attributes(host: str) -> Mapping[str, Any]:
    port = _PORT.search(host)
    name = host[: port.start()] if port else host
    if len(name) > MAX_HOST or not _HOST.fullmatch(name):
        return {}
    if port and 0 < int(port[1]) < 65536:
        return {a.SERVER_ADDRESS: name.lower(), a.SERVER_PORT: int(port[1])}
    return {a.SERVER_ADDRESS: name.lower()}


@lru_cache(maxsize=1024)
def _synthetic_type(agent: str) -> str | None:
    return detect_synthetic_user_agent(agent)


def client_address(scope: Mapping[str, Any]) -> str | None:
    """The client's address as the server reports it (ASGI's ``client``), or None."""
    client = scope.get("client")
    return str(client[0])[:MAX_HOST] if client else None


def query_string(scope: Mapping[str, Any]) -> str | None:
    """The query string as it was sent, or None. Truncated when it is redacted."""
    query: bytes | str | None = scope.get("query_string")
    if not query:
        return None
    # Against ASGI's specification, but contrib takes it and test clients give it.
    longest = MAX_QUERY + MARGIN
    text = query if isinstance(query, str) else query[:longest].decode("latin-1")
    return text[:longest] or None


def user_agent(scope: Mapping[str, Any]) -> str | None:
    """The ``User-Agent`` header, or None. Truncated when it is redacted."""
    agent = header(scope.get("headers") or (), b"user-agent")
    return agent[: MAX_USER_AGENT + MARGIN] if agent else None


def full_url(scope: Mapping[str, Any], path: str, headers: Mapping[bytes, bytes]) -> str:
    """The URL that excluded URLs are matched against, without the query string and ``root_path``.

    Contrib's function decodes some header bytes as Python escapes, and raises on others.

    Args:
        scope: of the request.
        path: its path, without ``root_path``.
        headers: its `first_values`.
    """
    given = headers.get(b"host")
    if given is None:
        server = scope.get("server") or ("", None)
        host = str(server[0]) if server[1] in (80, None) else f"{server[0]}:{server[1]}"
    else:
        host = given.decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}{path}"


def captured_headers(
    headers: Iterable[tuple[bytes, bytes]],
    wanted: Sequence[str],
    sanitize: SanitizeValue,
    normalize: Callable[[str], str],
) -> dict[str, list[str]]:
    """The headers that are configured to be captured, with contrib's attribute names.

    Contrib's function decodes invalid UTF-8 as Python escapes, and raises on a
    single backslash.
    """
    decoded: dict[str, list[str]] = {}
    for key, value in headers:
        values = decoded.setdefault(key.decode("latin-1").lower(), [])
        # Truncated when they are redacted.
        values.append(value.decode("latin-1")[: MAX_HEADER + MARGIN])
    captured: dict[str, list[str]] = sanitize.sanitize_header_values(
        decoded, list(wanted), normalize
    )
    return captured
