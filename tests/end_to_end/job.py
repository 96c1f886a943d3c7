"""The main job, done once: many kinds of request, and all that they left at a receiver."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.testing import OTLPReceiver
from tests.end_to_end.hosts import Host, visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from telemetry.testing import ReceivedSpan
    from tests.support.servers import Server

# What a visitor or an operator would not want to find anywhere.
SECRETS = (
    ("cookie", "ds_actor=planted-cookie"),
    ("authorization", "Bearer planted-bearer"),
    ("user-agent", "planted-browser/1.0"),
    ("x-forwarded-for", "203.0.113.77"),
)
PLANTED = (
    *("planted-cookie", "planted-bearer", "planted-browser", "203.0.113.77"),
    *("planted-word", "planted-header", "planted-password"),
)


@dataclass(frozen=True)
class Visit:
    """One request and how it has to come out; a route of None matched none."""

    host: str
    path: str
    status: int
    route: str | None
    site: str | None = None
    query: str = ""
    outcome: str = "served"


@dataclass(frozen=True)
class Job:
    """What was asked for, what came to the receiver, and what the server printed."""

    host: Host
    visits: tuple[Visit, ...]
    receiver: OTLPReceiver
    output: str
    workers: int

    @property
    def servers(self) -> list[ReceivedSpan]:
        """The SERVER spans."""
        return [span for span in self.receiver.spans if span.kind == "SERVER"]

    @property
    def traces(self) -> Mapping[str, list[ReceivedSpan]]:
        """All spans by trace id."""
        traces: dict[str, list[ReceivedSpan]] = defaultdict(list)
        for span in self.receiver.spans:
            traces[span.trace_id].append(span)
        return traces


def visits_of(host: Host) -> tuple[Visit, ...]:
    """Give a request of each kind: both sides, found and not found, known and unknown."""
    site = f"{host.site}.localhost"
    row = f"/meetings/minutes/{host.row}.json"
    table, rows = "/{database}/{table}", "/{database}/{table}/{pks}"
    search = "_search=planted-word"
    return (
        Visit("localhost", "/", 200, "/"),
        Visit("localhost", "/health/", 200, "/health/", query="q=planted-word"),
        Visit("localhost", f"/sites/{host.site}/", 302, "/sites/{subdomain}/"),
        Visit("localhost", "/nothing/here", 404, None),
        Visit("unknown.localhost", "/", 302, None, outcome="unknown_site"),
        Visit(site, "/", 200, "/", host.site),
        Visit(site, "/meetings", 200, "/{database}", host.site),
        Visit(site, "/meetings/minutes", 200, table, host.site),
        Visit(site, row, 200, rows, host.site),
        Visit(site, "/meetings/minutes.json", 200, table, host.site, query=search),
        Visit(site, "/meetings/nothing", 404, table, host.site),
        Visit(site, "/far/too/many/parts/for/datasette", 404, None, host.site),
    )


@contextmanager
def job_done(
    host: Host, serve: Callable[..., AbstractContextManager[Server]], workers: int
) -> Iterator[Job]:
    """Serve, visit, stop, and give what is left."""
    visits = visits_of(host)
    with OTLPReceiver() as receiver:
        env = host.variables(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url.replace("//", "//user:planted-password@"),
            OTEL_EXPORTER_OTLP_HEADERS="x-tenant=planted-header",
            OTEL_RESOURCE_ATTRIBUTES="service.version=v1.2.3",
            # Every query is a span: all there is has its site and its parent.
            TELEMETRY_FOLD_BELOW="0ms",
            TELEMETRY_SPOOL_DIR=str(Path(host.env["SITES_DIR"]).parent / "spool"),
        )
        with serve(env=env) as server:
            with visitor(server) as browser:
                for visit in visits:
                    path = f"{visit.path}?{visit.query}" if visit.query else visit.path
                    answer = browser.get(path, visit.host, SECRETS)
                    assert answer.status_code == visit.status, visit
            # Stopping sends the rest.
            server.stop()
            yield Job(host, visits, receiver, server.output(), workers)
