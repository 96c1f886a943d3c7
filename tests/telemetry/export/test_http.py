"""The client of OTLP over HTTP: every request has an answer, whatever became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from urllib3.exceptions import LocationParseError

from telemetry.export.http import HTTPClient
from telemetry.settings import parse
from tests.support.odd_server import OddServer, answer
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        server.reply = lambda _: answer(200)
        yield server


@pytest.mark.parametrize("url", ["http://[v1.a]/", "http://[::1]a/", "http://🙂/"])
def test_an_address_without_a_host_is_an_answer(url: str) -> None:
    """Settings accept it; it becomes a message about what can't be delivered."""
    client = HTTPClient(parse.url(url), {}, compression="none")
    for _ in range(2):
        found = client.send(b"", PATIENCE)
        assert isinstance(found.error, LocationParseError)
    client.close()


def test_a_request_may_follow_the_end(server: OddServer) -> None:
    """As with the SDK's exporters; its connection is another one."""
    client = HTTPClient(f"{server.url}/v1/traces?a=b", {}, compression="none")
    for _ in range(3):
        assert client.send(b"one", PATIENCE).status == 200
        assert client.send(b"two", PATIENCE).status == 200
        client.close()
    assert [request.body for request in server.requests] == [b"one", b"two"] * 3
    lines = {request.line.split()[1] for request in server.requests}
    assert lines == {"/v1/traces?a=b"}
