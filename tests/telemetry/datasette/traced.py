"""Datasette's tracer on light spans, on the SDK's, and where nothing is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import telemetry
from telemetry.datasette.tracer import DatasetteTracer
from telemetry.settings import SamplerSettings
from telemetry.traces.provider import TracerProvider
from telemetry.traces.samplers import build_sampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan, SpanLimits

MS: Final = 1_000_000
"""Nanoseconds of a millisecond."""
KINDS: Final = ("light", "adapted", "plain")
"""Light spans, the SDK's behind Datasette's tracer, and the SDK's own provider and tracer."""
ALL: Final = build_sampler(SamplerSettings("always_on", None))
"""What a configuration without a sampler has. It is not asked for children of light spans."""


class Traced:
    """A provider of one kind, and what it exports, in the order of the ends.

    Args:
        kind: one of `KINDS`, or "unsampled" for light spans that are dropped.
        folding: arguments of `telemetry.DatasetteSpanProcessor`; without them nothing is folded.
        limits: of the spans.
    """

    def __init__(
        self, kind: str, folding: Mapping[str, Any] | None = None, limits: SpanLimits | None = None
    ) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider: sdk.TracerProvider
        if kind == "plain":
            self.provider = sdk.TracerProvider(shutdown_on_exit=False, span_limits=limits)
        else:
            self.provider = TracerProvider(
                ALWAYS_OFF if kind == "unsampled" else ALL,
                shutdown_on_exit=False,
                adapters={"datasette": DatasetteTracer},
                light=() if kind == "adapted" else ("datasette", "telemetry"),
                span_limits=limits,
            )
        exporting: Any = SimpleSpanProcessor(self._exporter)
        if folding is not None:
            exporting = telemetry.DatasetteSpanProcessor(exporting, **folding)
        self.processor = exporting
        self.provider.add_span_processor(exporting)
        self.datasette = self.provider.get_tracer("datasette", "1")
        self.edge = self.provider.get_tracer("telemetry", "1")
        self.plugin = self.provider.get_tracer("a plugin", "1")

    @property
    def ended(self) -> tuple[ReadableSpan, ...]:
        """The exported spans."""
        return self._exporter.get_finished_spans()

    @property
    def described(self) -> list[dict[str, Any]]:
        """The exported spans, without their ids and with the names of attributes of today."""
        names = {span.context.span_id: span.name for span in self.ended if span.context}
        found = []
        for span in self.ended:
            known = dict(span.attributes or {})
            if "db.system" in known:
                known["db.system.name"] = known.pop("db.system")
            found.append(
                {
                    "name": span.name,
                    "parent": names.get(span.parent.span_id, "?") if span.parent else None,
                    "kind": span.kind,
                    "times": (span.start_time, span.end_time),
                    "attributes": known,
                    "events": [
                        (event.name, *sorted(event.attributes or {})) for event in span.events
                    ],
                    "links": len(span.links),
                    "status": (span.status.status_code, span.status.description),
                    "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
                }
            )
        return found
