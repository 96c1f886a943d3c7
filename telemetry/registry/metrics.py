"""Every metric of requests that this package records."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import MetricName

# The boundaries that the HTTP metrics convention recommends.
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

# A request or an answer of one packet, a page, a download. The conventions recommend none.
BYTE_BUCKETS = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216)
# Few: each is multiplied by the number of sites.
SITE_BUCKETS = (0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)

_OF_A_REQUEST = (
    a.HTTP_REQUEST_METHOD,
    a.HTTP_RESPONSE_STATUS_CODE,
    a.HTTP_ROUTE,
    a.URL_SCHEME,
    a.NETWORK_PROTOCOL_VERSION,
    a.ERROR_TYPE,
)

REQUEST_DURATION = MetricName(
    "http.server.request.duration",
    "Duration of HTTP server requests.",
    instrument="histogram",
    unit="s",
    attributes=_OF_A_REQUEST,
    buckets=HTTP_BUCKETS,
)
REQUEST_SIZE = MetricName(
    "http.server.request.body.size",
    "Size of HTTP server request bodies, as far as they were read. Empty bodies are not recorded.",
    instrument="histogram",
    unit="By",
    attributes=_OF_A_REQUEST,
    buckets=BYTE_BUCKETS,
)
RESPONSE_SIZE = MetricName(
    "http.server.response.body.size",
    "Size of HTTP server response bodies.",
    instrument="histogram",
    unit="By",
    attributes=_OF_A_REQUEST,
    buckets=BYTE_BUCKETS,
)
SITE_DURATION = MetricName(
    "corkboard.site.request.duration",
    "Duration of HTTP server requests by site. Requests without a site are recorded too.",
    instrument="histogram",
    unit="s",
    attributes=(a.SITE, a.STATUS_CLASS),
    buckets=SITE_BUCKETS,
)
ACTIVE_REQUESTS = MetricName(
    "http.server.active_requests",
    "Number of active HTTP server requests.",
    instrument="updowncounter",
    unit="{request}",
    attributes=(a.HTTP_REQUEST_METHOD, a.URL_SCHEME),
)
