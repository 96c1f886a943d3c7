"""Logfire, which accepts standard OTLP: only address, header and some attributes are specific.

The exporters take no arguments and read the environment, as OpenTelemetry's entry points require.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.trace import SpanKind, StatusCode

from telemetry.export.encoding.spans import ATTRIBUTES
from telemetry.export.endpoint import Endpoint
from telemetry.export.exporters import (
    OTLPLogRecordExporter,
    OTLPMetricExporter,
    OTLPSpanExporter,
)
from telemetry.export.http import HTTPClient, import_ahead
from telemetry.export.otlp import TEMPORALITIES
from telemetry.registry import attributes as a
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.encoding.values import ValueEncoder
    from telemetry.settings import LogfireProject
    from telemetry.settings.model import Signal


def endpoint(project: LogfireProject, signal: Signal) -> Endpoint:
    """Return the endpoint of one project.

    Spans get the attributes that Logfire's pages show. Metrics are delta, with exponential
    histograms, as Logfire's SDK sends them.
    """
    url = f"{project.base_url}/v1/{signal}"
    import_ahead(url)
    return Endpoint(
        url=url,
        protocol="http",
        make_client=partial(HTTPClient, url, {"Authorization": project.token}, compression="gzip"),
        timeout=v.OTLP_TIMEOUT.default,
        identity=project.token,
        added=added if signal == "traces" else None,
        temporality=TEMPORALITIES["delta"],
        aggregation={metrics.Histogram: ExponentialBucketHistogramAggregation()},
    )


class LogfireSpanExporter(OTLPSpanExporter):
    """Exports spans to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(*_from_environment("traces"))


class LogfireMetricExporter(OTLPMetricExporter):
    """Exports metrics to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(*_from_environment("metrics"))


class LogfireLogRecordExporter(OTLPLogRecordExporter):
    """Exports log records to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(*_from_environment("logs"))


def _from_environment(signal: Signal) -> tuple[Endpoint, Any]:
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import read_settings

    settings = read_settings({**os.environ, "OTEL_TRACES_EXPORTER": "logfire"})
    return endpoint(settings.logfire[0], signal), Redactor(settings.redaction)


_OWN = (a.LOGFIRE_TYPE, a.LOGFIRE_MESSAGE, a.LOGFIRE_LEVEL)
_OF_A_REQUEST = (a.HTTP_REQUEST_METHOD, a.URL_PATH, a.HTTP_ROUTE)
# Of what is encoded once: values of other types may be equal, and look different.
_REPEATED = {str, type(None)}
# OpenTelemetry's severity number.
_WARNING = 13
_ERROR = 17


def added(span: ReadableSpan, values: ValueEncoder) -> bytes:
    """Encode the Logfire attributes that a span lacks. Spans of Logfire's functions lack few."""
    attributes = span.attributes or {}
    level = _level(span, attributes.get(a.HTTP_RESPONSE_STATUS_CODE))
    missing = [name for name in _OWN if name not in attributes]
    said = [span.name, *map(attributes.get, _OF_A_REQUEST)]
    if len(missing) == len(_OWN) and {*map(type, said)} <= _REPEATED:
        return values.once((added, *said, level), lambda: _encoded(said, level, missing, values))
    return _encoded(said, level, missing, values)


def _encoded(
    said: Sequence[Any],
    level: int | None,
    missing: Collection[str],
    values: ValueEncoder,
) -> bytes:
    found: dict[str, Any] = {}
    if a.LOGFIRE_TYPE in missing:
        found[a.LOGFIRE_TYPE] = "span"
    if a.LOGFIRE_MESSAGE in missing:
        # Of the values that are exported: a rule may be for one of these names alone.
        name, *request = said
        of_request = zip(_OF_A_REQUEST, request, strict=True)
        known = {str(key): values.redacted(key, value) for key, value in of_request}
        found[a.LOGFIRE_MESSAGE] = _message(name, known)
    if a.LOGFIRE_LEVEL in missing and level is not None:
        found[a.LOGFIRE_LEVEL] = level
    return values.attributes(ATTRIBUTES, found)


def _message(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the span's name. For a request, the path replaces the route."""
    method, path = attributes.get(a.HTTP_REQUEST_METHOD), attributes.get(a.URL_PATH)
    if not (method and path):
        return name
    names = (method, path, f"{method} {path}", f"{method} {attributes.get(a.HTTP_ROUTE)}")
    return f"{method} {path}" if name in names else name


def _level(span: ReadableSpan, status: object) -> int | None:
    if span.status.status_code is StatusCode.ERROR:
        return _ERROR
    if span.kind is SpanKind.SERVER and isinstance(status, int) and status >= 400:
        return _ERROR if status >= 500 else _WARNING
    return None
