"""What is read from a scope. Clients write most of it."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.asgi.headers import (
    address_attributes,
    connection_attributes,
    method_attributes,
)
from telemetry.registry.redaction import MARGIN
from telemetry.scope import header


def test_a_header_is_its_first_value() -> None:
    """Servers lower-case names, and one that does not is understood; bytes are latin-1."""
    headers = [(b"Host", b"caf\xe9"), (b"host", b"second")]
    assert header(headers, b"host") == "caf\xe9"
    assert header(headers, b"accept") is None
    assert header([], b"host") is None


@pytest.mark.parametrize(
    ("method", "name", "attributes"),
    [
        ("GET", "GET", {"http.request.method": "GET"}),
        ("QUERY", "QUERY", {"http.request.method": "QUERY"}),
        ("get", "GET", {"http.request.method": "GET", "http.request.method_original": "get"}),
        ("", "_OTHER", {"http.request.method": "_OTHER", "http.request.method_original": ""}),
        (
            "X" * 9999,
            "_OTHER",
            # To 32 once it is redacted: tests/telemetry/redaction/test_cutting.py.
            {
                "http.request.method": "_OTHER",
                "http.request.method_original": "X" * (32 + MARGIN),
            },
        ),
    ],
)
def test_a_method_is_one_of_a_closed_set(
    method: str, name: str, attributes: dict[str, Any]
) -> None:
    """The one that was sent is beside it where it differs, cut."""
    assert method_attributes(method) == (name, attributes)


@pytest.mark.parametrize(
    ("scope", "attributes"),
    [
        (
            {"scheme": "https", "http_version": "2"},
            {"url.scheme": "https", "network.protocol.version": "2"},
        ),
        ({"scheme": "gopher", "http_version": "0.9"}, {}),
        ({}, {}),
        ({"scheme": None, "http_version": None}, {}),
    ],
)
def test_a_connection_is_described_from_closed_sets(
    scope: dict[str, Any], attributes: dict[str, Any]
) -> None:
    """These are labels on metrics: what is unknown is left out."""
    assert connection_attributes(scope) == attributes


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        (b"alameda.ca.civic.band", "alameda.ca.civic.band", None),
        (b"Alameda.CA.Civic.Band:8001", "alameda.ca.civic.band", 8001),
        (b"[::1]:8000", "[::1]", 8000),
        (b"[::1]", "[::1]", None),
        (b"x:0", "x", None),
        (b"x:65536", "x", None),
        (b"a_b.civic.band.", "a_b.civic.band.", None),
        (b"x:999999", None, None),
        (b"x:", None, None),
        (b"\xff\xfe", None, None),
        (b"bob@civic.band", None, None),
        (b"civic.band/path", None, None),
        (b"[::1", None, None),
        (b"x" * 300, None, None),
    ],
)
def test_the_address_is_what_the_client_asked_for(
    host: bytes, address: str | None, port: int | None
) -> None:
    """Not the socket: behind a proxy that says nothing. What is no name leads nowhere."""
    found = address_attributes({"headers": [(b"host", host)]})
    assert (found.get("server.address"), found.get("server.port")) == (address, port)


@pytest.mark.parametrize(
    ("path", "recorded"),
    [
        ("/meetings", "/meetings"),
        # To 1,024 once it is redacted: tests/telemetry/redaction/test_cutting.py.
        ("/" + "x" * 3000, "/" + "x" * 2047),
        ("/\ud800", "/?"),
        ("/caf\xe9", "/caf\xe9"),
    ],
)
def test_the_path_is_cut_and_can_be_encoded(path: str, recorded: str) -> None:
    """Protobuf refuses lone surrogates, and with them a whole batch of spans."""
    assert address_attributes({"path": path}) == {"url.path": recorded}


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (b"Mozilla/5.0 (compatible; Googlebot/2.1)", "bot"),
        (b"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", None),
        (b"x" * 300 + b"googlebot", None),
        (b"\xff\xfe", None),
    ],
)
def test_a_robot_is_known_and_its_words_are_not_kept(agent: bytes, kind: str | None) -> None:
    """The whole header is personal data and unbounded."""
    found = address_attributes({"headers": [(b"user-agent", agent)]})
    assert found == ({"user_agent.synthetic.type": kind} if kind else {})
