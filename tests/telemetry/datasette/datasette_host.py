"""A Datasette behind the edge, with global providers. Runs in a separate process.

Datasette reads the global provider once and keeps it, so that other tests can't
share its process.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from datasette.app import Datasette
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

import telemetry
from telemetry.asgi.edge import Edge
from telemetry.asgi.options import EdgeOptions
from telemetry.datasette.folding import DatasetteSpanProcessor
from telemetry.datasette.meter import DatasetteMeter
from telemetry.datasette.tracer import DatasetteTracer
from telemetry.metrics.provider import MeterProvider
from telemetry.metrics.sites import SiteLabels
from telemetry.registry.datasette import SCOPE
from telemetry.scope import header
from telemetry.traces.provider import TracerProvider
from telemetry.traces.samplers import RequestSampler
from telemetry.traces.spans import RecordedSpanProcessor

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.scope import Message, Receive, Send

SITE_LIMIT = 2
# Without time limits that a busy machine exceeds: an interrupted query changes the number of
# queries.
SETTINGS = {
    "num_sql_threads": 2,
    "sql_time_limit_ms": 60_000,
    "facet_time_limit_ms": 60_000,
    "facet_suggest_time_limit_ms": 60_000,
}


class Switch(Sampler):
    """A sampler that a scenario may replace."""

    chosen: Sampler = ALWAYS_ON

    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        return self.chosen.should_sample(*args, **kwargs)

    def get_description(self) -> str:
        return "switch"


class DatasetteHost:
    """A host: a router that sets the site, and one Datasette behind it."""

    def __init__(self) -> None:
        telemetry.quiet_datasette_errors()
        self.sampler = Switch()
        self._exported = InMemorySpanExporter()
        provider = TracerProvider(
            RequestSampler(self.sampler), shutdown_on_exit=False, adapters={SCOPE: DatasetteTracer}
        )
        provider.add_span_processor(RecordedSpanProcessor())
        exporting = SimpleSpanProcessor(self._exported)
        provider.add_span_processor(DatasetteSpanProcessor(exporting, fold_below=0))
        trace.set_tracer_provider(provider)
        self._reader = InMemoryMetricReader()
        sites = SiteLabels(SITE_LIMIT)
        metrics.set_meter_provider(
            MeterProvider(
                [self._reader],
                shutdown_on_exit=False,
                site_labels=sites,
                adapters={SCOPE: DatasetteMeter},
            )
        )
        self.datasette = Datasette(memory=True, settings=SETTINGS)
        self.datasette.add_memory_database("minutes")
        self.app = self.datasette.app()
        self.edge = Edge(
            self._route,
            EdgeOptions(
                site_labels=sites,
                excluded_urls="/-/versions",
                datasette_excluded_urls="/-/plugins",
                untraced_paths=r"/-/static/,/favicon\.ico$,/minutes/pages/1$",
            ),
        )

    async def _route(self, scope: Message, receive: Receive, send: Send) -> None:
        name = header(scope["headers"], b"host") or ""
        telemetry.set_site(name.removesuffix(".civic.band"))
        await self.app(scope, receive, send)

    async def start(self) -> None:
        """Start Datasette outside any request, and create a table."""
        await self.datasette.invoke_startup()
        minutes = self.datasette.get_database("minutes")
        await minutes.execute_write("create table pages (id integer primary key, text text)")
        await minutes.execute_write("insert into pages (text) values ('call to order')")

    async def keep_schemas(self) -> None:
        """Disable the search for new tables, which otherwise one page in each second does."""
        await self.datasette.refresh_schemas(force=True)
        self.datasette._last_schema_refresh = math.inf

    def forget(self) -> None:
        self._exported.clear()
        self.sampler.chosen = ALWAYS_ON

    def spans(self) -> list[dict[str, Any]]:
        return [_plain(span) for span in self._exported.get_finished_spans()]

    def points(self) -> list[dict[str, Any]]:
        """Return the data points of all metrics since the start."""
        data = self._reader.get_metrics_data()
        return [
            {
                "name": metric.name,
                "scope": scope.scope.name,
                "attributes": {str(key): value for key, value in (point.attributes or {}).items()},
                "count": getattr(point, "count", None) or getattr(point, "value", None),
            }
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]


def _plain(span: ReadableSpan) -> dict[str, Any]:
    context, scope = span.context, span.instrumentation_scope
    assert context is not None
    assert scope is not None
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": f"{context.trace_id:032x}",
        "id": f"{context.span_id:016x}",
        "parent": f"{span.parent.span_id:016x}" if span.parent else "",
        "scope": scope.name,
        "schema": scope.schema_url,
        "status": span.status.status_code.name,
        "attributes": {str(key): value for key, value in (span.attributes or {}).items()},
        "events": [event.name for event in span.events],
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
    }
