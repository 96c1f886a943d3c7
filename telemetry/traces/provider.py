"""The tracer provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk

from telemetry.registry.attributes import SCHEMA_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Tracer

    AdaptTracer = Callable[[Tracer], Tracer]


class TracerProvider(sdk.TracerProvider):
    """The SDK's tracer provider, with adapted tracers for some instrumentation scopes.

    Args:
        adapters: by scope name, a function that wraps the SDK's tracer. It renames attributes
            that are older than the semantic conventions of ``SCHEMA_URL``.
        *args, **kwargs: arguments of the SDK's provider.
    """

    def __init__(
        self, *args: Any, adapters: Mapping[str, AdaptTracer] | None = None, **kwargs: Any
    ) -> None:
        self._adapters = dict(adapters or {})
        super().__init__(*args, **kwargs)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """The tracer of an instrumentation scope."""
        adapt = self._adapters.get(instrumenting_module_name)
        tracer = super().get_tracer(
            instrumenting_module_name,
            instrumenting_library_version,
            SCHEMA_URL if adapt else schema_url,
            attributes,
        )
        return adapt(tracer) if adapt else tracer
