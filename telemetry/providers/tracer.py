"""The tracer provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk

from telemetry.adapters import datasette_tracer

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class TracerProvider(sdk.TracerProvider):
    """The SDK's, but scope ``datasette`` gets an adapted tracer.

    Usable by itself, in place of ``opentelemetry.sdk.trace.TracerProvider``.
    """

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """The tracer of an instrumentation scope."""
        adapt = instrumenting_module_name == datasette_tracer.SCOPE
        tracer = super().get_tracer(
            instrumenting_module_name,
            instrumenting_library_version,
            datasette_tracer.SCHEMA_URL if adapt else schema_url,
            attributes,
        )
        return datasette_tracer.DatasetteTracer(tracer) if adapt else tracer
