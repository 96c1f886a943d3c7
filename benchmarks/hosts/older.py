"""A Datasette alone, for releases that can't serve the host. Without an endpoint it is bare."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import telemetry
from benchmarks.hosts.control import with_control

if TYPE_CHECKING:
    from telemetry.scope import ASGIApp


def _build() -> ASGIApp:
    observed = "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ
    if observed:
        telemetry.configure(default_service_name="older")
    from datasette.app import Datasette

    if observed:
        telemetry.instrument()
    site: ASGIApp = Datasette(files=[os.environ["BENCHMARK_DATABASE"]]).app()
    if not observed:
        return with_control(site)
    return with_control(telemetry.asgi_wrapper(site), telemetry.flush)


application = _build()
