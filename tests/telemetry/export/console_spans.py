"""Real SDK spans, with the times and ids that a test wants, printed to a string."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, use_span

from telemetry.export.console import ConsoleSpanExporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

MILLISECOND = 1_000_000


class Printed:
    """A tracer whose spans are printed; `text` is what was."""

    def __init__(
        self,
        mode: Any = "tree",
        stream: io.StringIO | None = None,
        trace_url: str | None = None,
    ) -> None:
        self.stream = stream or io.StringIO()
        provider = TracerProvider(shutdown_on_exit=False)
        exporter = ConsoleSpanExporter(mode, stream=self.stream, trace_url=trace_url)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        self._tracer = provider.get_tracer("test")
        self._clock = 0

    @property
    def text(self) -> str:
        """Everything printed so far."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[str]:
        """The same by lines."""
        return self.text.splitlines()

    @contextmanager
    def span(
        self,
        name: str,
        milliseconds: float = 1,
        kind: SpanKind = SpanKind.INTERNAL,
        **attributes: Any,
    ) -> Iterator[Span]:
        """A span of so many milliseconds; keyword `a_b` is attribute `a.b`."""
        known = {key.replace("__", "_").replace("_", "."): v for key, v in attributes.items()}
        begun = self._clock
        span = self._tracer.start_span(name, kind=kind, attributes=known, start_time=begun)
        with use_span(span, end_on_exit=False):
            yield span
        self._clock = begun + int(milliseconds * MILLISECOND)
        span.end(self._clock)
