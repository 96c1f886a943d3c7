"""The host as a whole, those who visit it, and the metrics that tell of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.support import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from telemetry.testing import OTLPReceiver, ReceivedLog, ReceivedPoint
    from tests.support.servers import Server

# Telemetry's own failures become errors that a test sees, what is in flight is
# soon out of flight, and a busy machine gets the time to send the rest.
TESTING = {
    "TELEMETRY_RAISE_FAILURES": "1",
    "TELEMETRY_SHUTDOWN_TIMEOUT": "20s",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
    "OTEL_METRIC_EXPORT_INTERVAL": "250",
    # What fails again and again in a test is to arrive each time. `test_bill` has the defaults.
    "TELEMETRY_EVENT_LIMIT": "100000",
    "TELEMETRY_EVENT_GROUP_LIMIT": "100000",
}
# These have no effect with another sampler.
OF_TAIL = {"TELEMETRY_TRACE_LIMIT": "100000", "TELEMETRY_TRACE_SPAN_LIMIT": "1000"}


@dataclass(frozen=True)
class Host:
    """A prepared host: its variables, one of its sites and one row of that."""

    env: Mapping[str, str]
    site: str
    row: str

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Host:
        """Find out what is served, be it real minutes or generated ones."""
        site = min(Path(env["SITES_DIR"]).iterdir())
        with closing(sqlite3.connect(site / "meetings.db")) as database:
            [[row]] = database.execute("select id from minutes order by id limit 1")
        return cls(env, site.name, row)

    def variables(self, receiver: OTLPReceiver | None = None, /, **more: str) -> dict[str, str]:
        """Give the server's environment, sending to `receiver` if there is one."""
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url} if receiver else {}
        limits = OF_TAIL if more.get("OTEL_TRACES_SAMPLER") == "tail" else {}
        return {**self.env, **TESTING, **endpoint, **limits, **more}


class Visitor:
    """A browser, as far as a server can tell."""

    def __init__(self, client: httpx.Client, port: int) -> None:
        self._client = client
        self._port = port

    def get(
        self, path: str, host: str = "localhost", headers: Iterable[tuple[str, str]] = ()
    ) -> httpx.Response:
        """Ask for a page of `localhost` or of another host below it."""
        return self._client.get(path, headers=[("host", f"{host}:{self._port}"), *headers])

    def post(self, path: str, data: Mapping[str, str], host: str = "localhost") -> httpx.Response:
        """Send a form."""
        return self._client.post(path, data=data, headers={"host": f"{host}:{self._port}"})


@contextmanager
def visitor(server: Server) -> Iterator[Visitor]:
    """Visit, by a new connection each time, so that every worker gets its share."""
    options = httpx.Limits(max_keepalive_connections=0)
    # Without the developer's own proxies.
    with web.client(base_url=server.url, limits=options) as client:
        yield Visitor(client, server.port)


def starts(receiver: OTLPReceiver) -> list[ReceivedLog]:
    """Give the record of each worker's start."""
    return [log for log in receiver.logs if log.event_name == "corkboard.telemetry.started"]


def last_points(receiver: OTLPReceiver, name: str) -> list[ReceivedPoint]:
    """Give a cumulative metric's final points: the last of each series of each worker."""
    last: dict[object, ReceivedPoint] = {}
    for point in receiver.metrics:
        if point.name == name:
            key = (point.resource["service.instance.id"], *sorted(point.attributes.items()))
            last[key] = max(point, last.get(key, point), key=lambda p: p.time_ns)
    return list(last.values())
