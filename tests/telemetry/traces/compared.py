"""Light spans and the SDK's, from the same calls, in a form that can be compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from telemetry.export.encoding.spans import encode_span
from telemetry.export.encoding.values import ValueEncoder
from telemetry.settings import SamplerSettings
from telemetry.traces.provider import TracerProvider
from telemetry.traces.samplers import build_sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.sampling import Sampler

SCOPE = "light"
REMOTE = SpanContext(
    0xABC, 0xDEF, True, TraceFlags(TraceFlags.SAMPLED), TraceState([("vendor", "1")])
)
LIMITS = SpanLimits(
    max_span_attributes=4,
    max_events=2,
    max_links=2,
    max_event_attributes=2,
    max_link_attributes=2,
    max_attribute_length=6,
)

ALL = build_sampler(SamplerSettings("always_on", None))
"""What a configuration without a sampler has. It is not asked for children of light spans."""


class Counted(IdGenerator):
    """Ids in a row, so that those of two providers are the same."""

    def __init__(self) -> None:
        self._last = 0

    def generate_span_id(self) -> int:
        self._last += 1
        return self._last

    generate_trace_id = generate_span_id


class Seen(SpanProcessor):
    """What a processor is given."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, ...]] = []
        self.ended: list[sdk.ReadableSpan] = []

    def on_start(self, span: sdk.Span, parent_context: Context | None = None) -> None:
        assert isinstance(span, sdk.Span)
        assert span.is_recording()
        self.started.append((span.name, span.kind, dict(span.attributes or {}), span.parent))

    def on_end(self, span: sdk.ReadableSpan) -> None:
        assert isinstance(span, sdk.ReadableSpan)
        self.ended.append(span)


def providers(
    limits: SpanLimits | None = None, sampler: Sampler = ALL
) -> Iterator[tuple[trace.Tracer, Seen]]:
    """The tracer of a light scope, and the SDK's own, each with its processor."""
    for light in ((SCOPE,), ()):
        provider = TracerProvider(
            sampler,
            Resource({"service.name": "x"}),
            light=light,
            span_limits=limits,
            id_generator=Counted(),
            shutdown_on_exit=False,
        )
        seen = Seen()
        provider.add_span_processor(seen)
        yield provider.get_tracer(SCOPE, "1", "https://example.org/1", {"of": "scope"}), seen


def shown(span: sdk.ReadableSpan) -> dict[str, Any]:
    """All of a span that its public interface has."""
    assert span.instrumentation_scope is not None
    return {
        "json": _json(span),
        "attributes": repr(dict(span.attributes or {})),
        "events": [(e.name, repr(dict(e.attributes or {})), e.timestamp) for e in span.events],
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "dropped in events": [each.dropped_attributes for each in span.events],
        "links": [(link.context, repr(dict(link.attributes or {}))) for link in span.links],
        "context": (span.context, span.get_span_context()),
        "parent": span.parent,
        "times": (span.start_time, span.end_time),
        "scope": span.instrumentation_scope,
        "resource": dict(span.resource.attributes),
        "status": (span.status.status_code, span.status.description),
        "kind": span.kind,
    }


def _json(span: sdk.ReadableSpan) -> str:
    try:
        return str(json.loads(str(span.to_json())))
    except TypeError as error:
        # For both: an attribute of bytes.
        return repr(error)


def encoded(span: sdk.ReadableSpan) -> bytes | str:
    try:
        return encode_span(span, ValueEncoder(None))
    except Exception as error:  # the same for both
        return repr(error)


class Leaving(BaseException):
    """No error, as GeneratorExit."""
