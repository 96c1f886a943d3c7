"""Datasette 1.0a41 and newer records the same whenever it is imported and its application made.

So `check --host` need not look for an application that is older than the calls. Older releases
refuse one: see `tests.telemetry.datasette.releases`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support.environment import clean_environment
from tests.support.forks import python

if TYPE_CHECKING:
    from telemetry.testing import ReceivedErrorEvent, ReceivedSpan

PROGRAM = """
import asyncio, sys
import telemetry

def make():
    global application
    from datasette import hookimpl
    from datasette.app import Datasette

    class Failing:
        __name__ = "Failing"

        @hookimpl
        def register_routes(self):
            def fail():
                raise LookupError("planted")
            return [(r"^/-/fails$", fail)]

    from datasette.plugins import pm
    pm.register(Failing())
    datasette = Datasette(memory=True)
    # Or each page looks for new tables that comes a second after the one before.
    datasette._last_schema_refresh = float("inf")
    application = datasette.app()

moment = sys.argv[1]
if moment == "before configure": make()
telemetry.configure(default_service_name="host")
if moment == "before instrument": make()
telemetry.instrument()
if moment == "in time": make()

async def host(scope, receive, send):
    telemetry.set_site("alameda.ca")
    await application(scope, receive, send)

edge = telemetry.asgi_wrapper(host)

async def visit():
    async def receive():
        return {"type": "http.request", "body": b""}
    async def send(message):
        pass
    for path, query in [
        ("/_memory", b""), ("/_memory/-/query", b"sql=select+1"),
        ("/_memory/-/query", b"sql=select+planted"), ("/_memory/nothing", b""), ("/-/fails", b""),
    ]:
        scope = {
            "type": "http", "method": "GET", "scheme": "http", "path": path, "headers": [],
            "raw_path": path.encode(), "query_string": query, "http_version": "1.1",
        }
        await edge(scope, receive, send)

asyncio.run(visit())
sys.exit(telemetry.flush(60))
"""


class Recorded:
    def __init__(self, moment: str) -> None:
        with OTLPReceiver() as receiver, EventReceiver() as errors:
            done = python(
                "-c",
                PROGRAM,
                moment,
                env=clean_environment(
                    OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
                    OTEL_PYTHON_DJANGO_INSTRUMENT="false",
                    SENTRY_DSN=errors.dsn,
                    TELEMETRY_FOLD_BELOW="60s",
                    TELEMETRY_RAISE_FAILURES="1",
                ),
            )
            assert done.returncode == 0, done.stderr
            self.spans: list[ReceivedSpan] = [s for s in receiver.spans if s.kind == "SERVER"]
            self.metrics = {
                metric.name for metric in receiver.metrics if metric.name.startswith(("d", "http"))
            }
            self.events: list[ReceivedErrorEvent] = errors.events

    def described(self) -> list[tuple[object, ...]]:
        keys = (
            "http.route",
            "corkboard.site",
            "http.response.status_code",
            "corkboard.queries.count",
        )
        return [
            (s.name, s.status, *map(s.attributes.get, keys), [e.name for e in s.events])
            for s in self.spans
        ]


@pytest.fixture(scope="module")
def in_time() -> Recorded:
    """The order of the guides."""
    return Recorded("in time")


@pytest.mark.parametrize("moment", ["before instrument", "before configure"])
def test_nothing_is_lost(in_time: Recorded, moment: str) -> None:
    """Spans with their routes, sites, queries and exceptions; metrics; error events."""
    late = Recorded(moment)
    assert len(late.spans) == 5
    assert late.described() == in_time.described()
    assert late.metrics == in_time.metrics
    assert "db.client.operation.duration" in late.metrics
    assert [each.exceptions[-1][1] for each in late.events] == ["planted"]
    assert late.events[0].trace_id == late.spans[-1].trace_id
