"""Which entry of X-Forwarded-For is the client, by the number of proxies."""

import asyncio

import pytest

from config.forwarded import ForwardedHeaders
from telemetry.scope import Receive, Scope, Send


def _seen(proxies: int, *headers: tuple[bytes, bytes], kind: str = "http") -> tuple[str, str]:
    """The client and the scheme that the application sees."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> None:
        raise AssertionError

    scope = {"type": kind, "headers": headers, "client": ("10.0.0.1", 5), "scheme": "http"}
    asyncio.run(ForwardedHeaders(app, proxies)(scope, nothing, nothing))  # type: ignore[arg-type]
    return seen[0]["client"][0], seen[0]["scheme"]


@pytest.mark.parametrize(
    ("proxies", "values", "client"),
    [
        # What stands before the proxies' own entries is a client's word.
        (1, [b"192.0.2.7"], "192.0.2.7"),
        (1, [b"203.0.113.9, 192.0.2.7"], "192.0.2.7"),
        (1, [b"203.0.113.9", b"192.0.2.7"], "192.0.2.7"),
        (2, [b"203.0.113.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        (2, [b"203.0.113.9,192.0.2.7", b"10.0.0.2"], "192.0.2.7"),
        (1, [b"[2001:db8::1]:443"], "2001:db8::1"),
        (1, [b"2001:db8::1"], "2001:db8::1"),
        (1, [b"192.0.2.7:1234"], "192.0.2.7"),
        # Fewer entries than proxies, or none of an address: the connection's.
        (2, [b"192.0.2.7"], "10.0.0.1"),
        (1, [], "10.0.0.1"),
        (1, [b"203.0.113.9, unknown"], "10.0.0.1"),
        (1, [b"192.0.2.7, "], "10.0.0.1"),
        (1, [b"\xff\xfe"], "10.0.0.1"),
    ],
)
def test_the_client_is_the_one_that_the_first_trusted_proxy_saw(
    proxies: int, values: list[bytes], client: str
) -> None:
    assert _seen(proxies, *((b"x-forwarded-for", value) for value in values))[0] == client


@pytest.mark.parametrize(
    ("value", "scheme"),
    [(b"https", "https"), (b"http, HTTPS", "https"), (b"https, http", "http"), (b"evil", "http")],
)
def test_the_scheme_is_the_last_proxys(value: bytes, scheme: str) -> None:
    assert _seen(1, (b"x-forwarded-proto", value))[1] == scheme


def test_a_websocket_has_its_own_schemes() -> None:
    assert _seen(1, (b"x-forwarded-proto", b"https"), kind="websocket")[1] == "wss"
