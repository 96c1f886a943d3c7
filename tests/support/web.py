"""HTTP to servers on this machine: patient, without a developer's proxies, and without TLS.

httpx reads the certificates of all authorities for each client, and `httpx.get()`
makes a client: 45 ms of a processor for a request that takes one.
"""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from tests.support.waiting import PATIENCE

_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_DEFAULTS: dict[str, Any] = {
    "verify": _NO_AUTHORITIES,
    "trust_env": False,
    "timeout": PATIENCE,
}


def client(**options: Any) -> httpx.Client:
    """Make an `httpx.Client`, with its options."""
    return httpx.Client(**(_DEFAULTS | options))


def async_client(**options: Any) -> httpx.AsyncClient:
    """Make an `httpx.AsyncClient`, with its options."""
    return httpx.AsyncClient(**(_DEFAULTS | options))


def get(address: str | httpx.URL, **options: Any) -> httpx.Response:
    """Ask once, on a connection that is closed again; `options` are those of `httpx.get`."""
    return httpx.get(address, **(_DEFAULTS | options))


def head(address: str, **options: Any) -> httpx.Response:
    """Ask once for the headers alone."""
    return httpx.head(address, **(_DEFAULTS | options))


def post(address: str, **options: Any) -> httpx.Response:
    """Send once."""
    return httpx.post(address, **(_DEFAULTS | options))
