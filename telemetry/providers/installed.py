"""Whether somebody has installed a provider already."""

from __future__ import annotations


def is_stand_in(provider: object) -> bool:
    """Whether this is what OpenTelemetry's API gives where no provider was installed.

    Its stand-ins are private classes with telling names; Logfire's provider is
    a ``ProxyTracerProvider`` too.
    """
    kind = type(provider)
    is_proxy = kind.__name__.lstrip("_").startswith("Proxy")
    return is_proxy and kind.__module__.startswith("opentelemetry.")
