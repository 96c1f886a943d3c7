"""What contrib's instrumentations send and this layer deliberately does not, and why.

The conformance test sends the same requests through both and compares: a
difference that is not listed here fails.
"""

from __future__ import annotations

from typing import Final

SPAN_ATTRIBUTES: Final[dict[str, str]] = {
    "client.address": "Personal data: only with TELEMETRY_CLIENT_ADDRESS.",
    "client.port": "Worthless without the address.",
    "user_agent.original": "Personal data: only with TELEMETRY_USER_AGENT; its kind is kept.",
    "asgi.event.type": "Only on receive and send spans, which are not made.",
}
"""Attributes that contrib sets and we leave out."""

SPAN_DIFFERENCES: Final[dict[str, str]] = {
    "url.query": "Its values are redacted: they hold what visitors type, SQL among it.",
    "server.address": "Contrib names the socket; the conventions ask for the Host header.",
    "server.port": "Likewise: the Host header's port, none when it names none.",
    "http.route": "Contrib's lacks the leading slash and keeps `<int:id>`; ours reads `/{id}`.",
    "error.type": "The exception's class where Django made it a page; contrib has only `500`.",
    "code.function.name": "The Django view; contrib records none.",
    "corkboard.error.event_ids": "Ours, where errors are tracked.",
    "corkboard.error.url": "Ours, where errors are tracked.",
    "corkboard.client.wait_time": "Ours.",
    "corkboard.outcome": "Ours.",
    "corkboard.site": "Ours.",
}
"""Attributes whose value differs, or that only we set."""

SPAN_NAMES: Final[dict[str, str]] = {
    "SERVER": "Contrib's holds the raw path, a new name for each that a scanner invents.",
}
"""Kinds of span whose name differs."""

METRIC_DIFFERENCES: Final[dict[str, str]] = {
    "http.server.request.body.size": "What was read, and not what a client says of itself.",
    "http.server.response.body.size": "What was sent; contrib's leaks into the next request's.",
    "corkboard.site.request.duration": "Ours.",
}
"""Metrics that differ from contrib's, or that only we have."""

SPANS: Final[dict[str, str]] = {
    "receive": "Three more spans for the smallest page, and nobody reads them.",
    "send": "Likewise.",
    "INTERNAL": "Django's own span under the edge's: the route belongs on the SERVER span.",
}
"""Spans that contrib makes and we do not."""
