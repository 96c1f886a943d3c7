"""A server stops while its backend does not take what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.chaos.promises import (
    IN_SPOOL,
    TROUBLES,
    UNDELIVERED,
    ask,
    spans,
    wait_for_all,
)
from tests.support.servers import serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.chaos.promises import Promise, Trouble

pytestmark = pytest.mark.chaos

REQUESTS = 20
# More than a test waits: a stop that ends has not waited for the backend.
NEVER = "300s"


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_without_a_spool_the_time_out_is_the_limit(promise: Promise, trouble: Trouble) -> None:
    """The line about it has the number of spans and the seconds that it waited.

    A pause that the backend ordered is not waited for.
    """
    variables = promise.variables(spool=False, TELEMETRY_SHUTDOWN_TIMEOUT="1s")
    with trouble(promise.port), serve_uvicorn(env=variables) as server:
        ask(server, REQUESTS)
        server.stop()
    [(lost, waited)] = UNDELIVERED.findall(server.output())
    assert lost == str(REQUESTS)
    assert waited == "1"


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_with_a_spool_the_next_process_delivers_all(promise: Promise, trouble: Trouble) -> None:
    """No stop waits for the backend, neither for an answer nor for a better time."""
    variables = promise.variables(
        TELEMETRY_SHUTDOWN_TIMEOUT=NEVER, OTEL_EXPORTER_OTLP_TIMEOUT=NEVER.removesuffix("s")
    )
    with trouble(promise.port), serve_uvicorn(env=variables) as server:
        sent = ask(server, REQUESTS)
        server.stop()
        assert UNDELIVERED.findall(server.output()) == []
        [stored] = IN_SPOOL.findall(server.output())
        assert int(stored) == REQUESTS
        assert promise.stored(sent) == sent
    with OTLPReceiver(promise.port) as receiver, serve_uvicorn(env=variables) as server:
        wait_for_all(receiver, sent)
        sent += ask(server, 1)
        wait_for_all(receiver, sent)
        wait_until(lambda: promise.files() == [])
        server.stop()
    assert sorted(spans(receiver)) == sorted(sent)
