"""Differences from contrib's instrumentations, with their reasons.

The conformance test sends the same requests through both and compares them. A difference that is
not listed here fails the test.
"""

from __future__ import annotations

from typing import Final

SPAN_ATTRIBUTES: Final[dict[str, str]] = {
    "client.address": "Personal data. Recorded only with TELEMETRY_CLIENT_ADDRESS.",
    "client.port": "Not useful without the address.",
    "user_agent.original": (
        "Personal data. Recorded only with TELEMETRY_USER_AGENT. Its category is kept."
    ),
    "asgi.event.type": "Only on receive and send spans, which are omitted.",
}
"""Attributes that contrib sets and this package omits."""

SPAN_DIFFERENCES: Final[dict[str, str]] = {
    "url.query": "Values are redacted: they contain visitors' input, such as SQL.",
    "server.address": "Host header, as the conventions define it. Contrib records the socket.",
    "server.port": "Port of the Host header. Contrib records the socket's.",
    "http.route": (
        "With a leading slash and `{id}`. Contrib records Django's `<int:id>` without the slash."
    ),
    "error.type": "Class of the exception behind Django's error page. Contrib records `500`.",
    "code.function.name": "Django view. Contrib records none.",
    "corkboard.error.event_ids": "Added by this package, where errors are tracked.",
    "corkboard.error.url": "Added by this package, where errors are tracked.",
    "corkboard.client.wait_time": "Added by this package.",
    "corkboard.outcome": "Added by this package.",
    "corkboard.site": "Added by this package.",
}
"""Attributes whose value differs, or that only this package sets."""

SPAN_NAMES: Final[dict[str, str]] = {
    "SERVER": "Route. Contrib uses the raw path, so that each invalid address makes a new name.",
}
"""Kinds of span whose name differs."""

METRIC_DIFFERENCES: Final[dict[str, str]] = {
    "http.server.request.body.size": (
        "Bytes that were read. Contrib records the client's Content-Length."
    ),
    "http.server.response.body.size": (
        "Bytes that were sent. Contrib carries a response's size over to the next request."
    ),
    "corkboard.site.request.duration": "Added by this package.",
}
"""Metrics that differ from contrib's, or that only this package records."""

SPANS: Final[dict[str, str]] = {
    "receive": "One span for each received message: cost without information.",
    "send": "One span for each sent message: cost without information.",
    "INTERNAL": "Django's span within the request's. Its route is on the SERVER span.",
}
"""Spans that contrib makes and this package omits."""

BEHAVIOUR: Final[dict[str, str]] = {
    "client_request_hook, client_response_hook": (
        "Called with the SERVER span, since messages have no spans."
    ),
    "set_global_response_propagator": (
        "Injects into the start of a response and the acceptance of a WebSocket. Contrib injects "
        "into each message, of which servers send no others' headers."
    ),
    "traceresponse": "Added to each response, without a propagator.",
    "traceparent": "Linked to, unless the client is trusted (TELEMETRY_TRACEPARENT).",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "The names are the stable ones, whatever its value.",
    "excluded URLs": "Matched without the root_path.",
}
"""What contrib's middleware does otherwise, in its own tests' requests."""
