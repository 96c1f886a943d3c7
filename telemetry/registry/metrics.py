"""Every metric that this layer records or rewrites."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import MetricName

# The boundaries that the HTTP metrics convention recommends.
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

REQUEST_DURATION = MetricName(
    "http.server.request.duration",
    "Duration of HTTP server requests.",
    instrument="histogram",
    unit="s",
    attributes=(
        a.HTTP_REQUEST_METHOD,
        a.HTTP_RESPONSE_STATUS_CODE,
        a.HTTP_ROUTE,
        a.URL_SCHEME,
        a.NETWORK_PROTOCOL_VERSION,
        a.ERROR_TYPE,
    ),
    buckets=HTTP_BUCKETS,
)
ACTIVE_REQUESTS = MetricName(
    "http.server.active_requests",
    "Number of active HTTP server requests.",
    instrument="updowncounter",
    unit="{request}",
    attributes=(a.HTTP_REQUEST_METHOD, a.URL_SCHEME),
)
