"""Instrumentors of the frameworks, by OpenTelemetry's instrumentor contract."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from telemetry.errors import InstrumentationError

if TYPE_CHECKING:
    from telemetry.settings import Settings


def load_django_settings() -> None:
    """Import Django's settings, as its application does next; not while they are being imported."""
    if importlib.util.find_spec("django") is not None:
        from telemetry.instrumentors.django import settings_are_due

        if settings_are_due():
            from django.conf import settings

            settings.LOGGING  # noqa: B018 # a lazy object: this loads it


def instrument_all(settings: Settings, *, again: bool) -> None:
    """Instrument the frameworks that are installed.

    Raises:
        InstrumentationError: when it comes too early, too late or again.
    """
    if again:
        raise InstrumentationError(
            "telemetry.instrument() was called twice: call it once, between Django's settings "
            "and its application"
        )
    if importlib.util.find_spec("datasette") is not None:
        from telemetry.instrumentors.datasette import DatasetteInstrumentor

        datasette = DatasetteInstrumentor()
        if not datasette.is_instrumented_by_opentelemetry:
            datasette.instrument(recording=settings.active)
    if settings.debug and settings.active:
        from telemetry.instrumentors.template_time import measure_templates

        measure_templates()
    if settings.django_instrument and importlib.util.find_spec("django") is not None:
        from telemetry.instrumentors.django import DjangoInstrumentor

        DjangoInstrumentor().instrument(
            excluded_urls=settings.django_excluded_urls,
            middleware_position=settings.django_middleware_position,
            traced_request_attributes=settings.django_request_attributes,
        )
