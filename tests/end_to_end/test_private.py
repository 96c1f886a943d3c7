"""Nothing that visitors type, carry or forge leaves, whatever becomes of their request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.end_to_end.private.visits import Visit
from tests.support.bugsink import serve_bugsink
from tests.support.servers import Server, serve_gunicorn, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    Serve = Callable[..., AbstractContextManager[Server]]

    from tests.end_to_end.hosts import Host
    from tests.end_to_end.private.sentinels import Sentinel

APP = "tests.end_to_end.private.application:application"
SERVERS: Mapping[str, Serve] = {
    "uvicorn": serve_uvicorn,
    # With a parser and log lines of its own.
    "gunicorn-asgi": partial(serve_gunicorn, worker_class="asgi", workers=2),
}
TOKEN = "pylf_v1_us_plantedtoken"
# All that an operator can have recorded, but for the header that the pages repeat.
EVERYTHING = {
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "(?!x-say).*",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": ".*",
    "TELEMETRY_CLIENT_ADDRESS": "true",
    "TELEMETRY_USER_AGENT": "true",
    "TELEMETRY_LOCAL_VARIABLES": "true",
    "TELEMETRY_FOLD_BELOW": "0ms",
}


@dataclass(frozen=True)
class Told:
    """What was planted, and everything that anybody got."""

    sentinels: list[Sentinel]
    got: Mapping[str, bytes]

    def leaks(self) -> dict[str, list[str]]:
        """By place, who got the word that was planted there."""
        found = {
            sentinel.place: [
                who
                for who, data in self.got.items()
                if any(form in data for form in sentinel.forms())
            ]
            for sentinel in self.sentinels
        }
        return {place: who for place, who in found.items() if who}


def tell(host: Host, folder: Path, serve: Serve = serve_uvicorn, /, **variables: str) -> Told:
    """Serve, visit, stop, and gather all that is anywhere."""
    with OTLPReceiver() as receiver, OTLPReceiver() as logfire, serve_bugsink(folder) as bugsink:
        env = host.variables(
            receiver,
            DJANGO_SETTINGS_MODULE="tests.end_to_end.private.settings",
            LOGFIRE_TOKEN=TOKEN,
            LOGFIRE_BASE_URL=logfire.url,
            SENTRY_DSN=bugsink.dsn,
            OTEL_TRACES_EXPORTER="otlp,logfire,console",
            OTEL_METRICS_EXPORTER="otlp,logfire,console",
            OTEL_LOGS_EXPORTER="otlp,logfire,console",
            OTEL_BSP_MAX_QUEUE_SIZE="100000",
            OTEL_BLRP_MAX_QUEUE_SIZE="100000",
            TELEMETRY_SHUTDOWN_TIMEOUT="20s",
            TELEMETRY_TRUST_SECRET="not-what-was-planted",
            **variables,
        )
        with serve(APP, env=env) as server:
            visit = Visit(server, host)
            planted = visit.everywhere().all
            # It waits for what is on its way.
            server.stop()
            printed = server.program.stdout().encode(), server.program.stderr().encode()
        events = repr(bugsink.events()).encode()
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    got = {
        "OTLP": b"".join(receiver.payloads),
        "Logfire": b"".join(logfire.payloads),
        "Bugsink": events + kept,
        "standard output": printed[0],
        "standard error": printed[1],
    }
    # Each has something to be looked for in.
    assert all(got.values()), {who: len(data) for who, data in got.items()}
    assert {200, 302, 400, 403, 404, 500} <= set(visit.answers)
    return Told(planted, got)


@pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
def test_nothing_private_leaves_by_default(host: Host, tmp_path: Path, serve: Serve) -> None:
    """Neither to a backend, nor to Bugsink, nor to standard output or error."""
    planted = tell(host, tmp_path, serve)
    assert len(planted.sentinels) >= 40
    assert planted.leaks() == {}


def test_what_is_asked_for_is_redacted(host: Host, tmp_path: Path) -> None:
    """With all headers captured, all queries as spans, addresses, and local variables."""
    planted = tell(host, tmp_path, **EVERYTHING)
    wanted = {sentinel.place for sentinel in planted.sentinels if sentinel.asked_for}
    assert set(planted.leaks()) == wanted


def test_this_test_would_see_a_leak(host: Host, tmp_path: Path) -> None:
    """Without redaction each of the places tells, but those that nothing ever reads."""
    planted = tell(host, tmp_path, **EVERYTHING, TELEMETRY_REDACT="none")
    recorded = {sentinel.place for sentinel in planted.sentinels if sentinel.recorded}
    assert set(planted.leaks()) == recorded
