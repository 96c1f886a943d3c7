"""Converts OTLP items to rows of the store's tables. No item can fail: what is odd is noted."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from telemetry.export.decoding import kind_name, mapping, plain, status_name
from telemetry.export.lenient import Oddities, Oddity, shown
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.viewer.server import statements
from telemetry.viewer.server.values import (
    MAX_NAME,
    MAX_TEXT,
    Attributes,
    cut,
    finite,
    status_code,
    text,
    time_ns,
    to_json,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry.export.lenient import Part

Row = dict[str, Any]

MAX_EVENTS = 1_000
"""Limit of the events, and of the links, of one span."""
MAX_BUCKETS = 1_000
_TRACE_BYTES, _SPAN_BYTES = 16, 8
_TEXTS = {a.HTTP_REQUEST_METHOD, a.URL_PATH, a.HTTP_ROUTE, a.SITE, d.TEXT, d.CALLBACK}
_MAX_SEVERITY = 24
# Source: OpenTelemetry's specification of the metrics API, "Instrument name syntax".
_METRIC_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*")
_OTHER_CHARACTER = re.compile(r"[^A-Za-z0-9_.\-]")
_MAX_METRIC_NAME = 255


@dataclass(slots=True)
class Rows:
    """Rows of one request, by table."""

    spans: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)
    statements: list[Row] = field(default_factory=list)
    logs: list[Row] = field(default_factory=list)
    metrics: dict[str, Row] = field(default_factory=dict)
    points: list[Row] = field(default_factory=list)
    odd: list[Row] = field(default_factory=list)
    """What is odd: `kind`, `id`, `trace_id`, `name`, and the oddities `what`."""

    def note(self, kind: str, key: str, trace_id: str | None, name: str, odd: Oddities) -> None:
        """Add the oddities of one item, if there are any."""
        if odd:
            self.odd.append(
                {"kind": kind, "id": key, "trace_id": trace_id, "name": name, "what": list(odd)}
            )


class _Resources:
    """Attributes of resources as JSON. All items of a resource share its dictionary."""

    def __init__(self) -> None:
        self._last: object = None
        self._json = ""
        self._odd = Oddities()

    def json(self, resource: dict[str, object], odd: Oddities) -> str:
        if resource is not self._last:
            self._odd = Oddities()
            self._last, self._json = resource, Attributes(resource, self._odd).json()
        for oddity in self._odd:
            odd.append(Oddity(f"resource: {oddity.what}", oddity.given))
        return self._json


def spans(parts: Iterable[Part], received: int) -> Rows:
    """Return the rows of spans, received at a time in nanoseconds since the epoch."""
    found = Rows()
    resources = _Resources()
    for part in parts:
        odd = part.odd
        resource, scope, scope_url, span = part.item
        attributes = Attributes(mapping(span.attributes), odd)
        given = attributes.values
        for known in _TEXTS & given.keys():
            # What reads them, the plugin among it, expects texts.
            given[known] = text(given[known], known, odd, MAX_TEXT) or ""
        trace_id = _id(span.trace_id, _TRACE_BYTES, "trace_id", span, odd)
        span_id = _id(span.span_id, _SPAN_BYTES, "span_id", span, odd)
        start, end = _times(span, received, odd)
        name = text(span.name, "name", odd) or ""
        row = {
            "trace_id": trace_id,
            "span_id": span_id,
            "parent_span_id": _parent(span, span_id, odd),
            "name": name,
            "kind": kind_name(span.kind),
            "start_ns": start,
            "end_ns": end,
            "duration_ms": (end - start) / 1e6,
            "status": status_name(span.status.code),
            "status_description": cut(span.status.message, MAX_TEXT) or None,
            "service_name": text(resource.get(a.SERVICE_NAME), a.SERVICE_NAME, odd),
            "http_route": text(given.get(a.HTTP_ROUTE), a.HTTP_ROUTE, odd),
            "http_status": status_code(given.get(a.HTTP_RESPONSE_STATUS_CODE), odd),
            "db_namespace": text(given.get(d.DATABASE), d.DATABASE, odd),
            "db_operation": text(given.get(d.OPERATION_NAME), d.OPERATION_NAME, odd),
            "db_query_text": text(given.get(d.TEXT), d.TEXT, odd, MAX_TEXT),
            "attributes": attributes.json(),
            "resource": resources.json(resource, odd),
            "scope_name": cut(scope.name, MAX_NAME) or None,
            "scope_version": cut(scope.version, MAX_NAME) or None,
            "schema_url": cut(scope_url, MAX_NAME) or None,
        }
        for what, number, last in (("kind", span.kind, 5), ("status.code", span.status.code, 2)):
            if not 0 <= number <= last:
                odd.append(Oddity(f"{what}: not known", str(number)))
        found.spans.append(row)
        owner = {"trace_id": trace_id, "span_id": span_id}
        found.events += [
            {
                **owner,
                "position": position,
                "time_ns": time_ns(event.time_unix_nano, "event time", received, odd) or start,
                "name": text(event.name, "event name", odd) or "",
                "attributes": Attributes(mapping(event.attributes), odd).json(),
            }
            for position, event in enumerate(_first(span.events, "events", odd))
        ]
        found.links += [
            {
                **owner,
                "position": position,
                "linked_trace_id": link.trace_id.hex(),
                "linked_span_id": link.span_id.hex(),
                "attributes": Attributes(mapping(link.attributes), odd).json(),
            }
            for position, link in enumerate(_first(span.links, "links", odd))
        ]
        found.statements += statements.of_span(row, given)
        found.note("span", span_id, trace_id, name, odd)
    return found


def _id(given: bytes, size: int, what: str, message: Any, odd: Oddities) -> str:
    """Return an id in hexadecimal. A missing or invalid one is replaced, always by the same."""
    if len(given) == size and any(given):
        return given.hex()
    odd.append(Oddity(f"{what}: wanted {size} bytes that are not all zero", given[:32].hex()))
    content = what.encode() + message.SerializeToString(deterministic=True)
    return hashlib.blake2b(content, digest_size=size).hexdigest()


def _parent(span: Any, span_id: str, odd: Oddities) -> str | None:
    given = span.parent_span_id
    if not any(given):
        return None
    if len(given) != _SPAN_BYTES:
        odd.append(Oddity(f"parent_span_id: wanted {_SPAN_BYTES} bytes", given[:32].hex()))
        return None
    if given.hex() == span_id:
        odd.append(Oddity("parent_span_id: the span itself", span_id))
        return None
    return str(given.hex())


def _times(span: Any, received: int, odd: Oddities) -> tuple[int, int]:
    start = time_ns(span.start_time_unix_nano, "start time", received, odd)
    end = time_ns(span.end_time_unix_nano, "end time", received, odd)
    if start is None:
        start = received if end is None else end
    if end is None:
        end = start
    if end < start:
        odd.append(Oddity("ends before it starts", f"{(end - start) / 1e6:g} ms"))
        end = start
    return start, end


def _first(repeated: Any, what: str, odd: Oddities) -> Any:
    if len(repeated) > MAX_EVENTS:
        odd.append(Oddity(f"more than {MAX_EVENTS} {what}", f"{len(repeated)} {what}"))
    return repeated[:MAX_EVENTS]


def logs(parts: Iterable[Part], received: int) -> Rows:
    """Return the rows of log records, received at a time in nanoseconds since the epoch."""
    found = Rows()
    resources = _Resources()
    for part in parts:
        odd = part.odd
        resource, scope, _, record = part.item
        attributes = Attributes(mapping(record.attributes), odd)
        of_resource = resources.json(resource, odd)
        # A record has no id, and is sent again if the response was lost.
        identity = record.SerializeToString(deterministic=True) + of_resource.encode()
        key = hashlib.blake2b(identity, digest_size=16).hexdigest()
        body = Attributes({"body": plain(record.body)}, odd).values["body"]
        moment = record.time_unix_nano or record.observed_time_unix_nano
        severity = record.severity_number
        if not 0 <= severity <= _MAX_SEVERITY:
            odd.append(Oddity("severity_number: not known", str(severity)))
        trace_id = _optional_id(record.trace_id, _TRACE_BYTES, "trace_id", odd)
        said = body if isinstance(body, str) else to_json(body)
        found.logs.append(
            {
                "id": key,
                "time_ns": time_ns(moment, "time", received, odd) or received,
                "severity": severity,
                "level": cut(record.severity_text, MAX_NAME) or None,
                "logger": cut(scope.name, MAX_NAME) or None,
                "body": said,
                "trace_id": trace_id,
                "span_id": _optional_id(record.span_id, _SPAN_BYTES, "span_id", odd),
                "site": text(attributes.values.get(a.SITE), a.SITE, odd),
                "service_name": text(resource.get(a.SERVICE_NAME), a.SERVICE_NAME, odd),
                "attributes": attributes.json(),
                "resource": of_resource,
            }
        )
        found.note("log record", key, trace_id, cut(said, 100), odd)
    return found


def _optional_id(given: bytes, size: int, what: str, odd: Oddities) -> str | None:
    if not any(given):
        return None
    if len(given) == size:
        return given.hex()
    odd.append(Oddity(f"{what}: wanted {size} bytes", given[:32].hex()))
    return None


def metrics(parts: Iterable[Part], received: int) -> Rows:
    """Return the definitions and the points of metrics, received at that time."""
    found = Rows()
    resources = _Resources()
    for part in parts:
        odd = part.odd
        resource, scope, _, metric = part.item
        name = _metric_name(metric.name, odd)
        kind = metric.WhichOneof("data")
        if kind is None or not name:
            odd.append(Oddity("no data" if name else "no name"))
            found.note("metric", name, None, name, odd)
            continue
        data = getattr(metric, kind)
        if not data.data_points:
            odd.append(Oddity("no data points"))
            found.note("metric", name, None, name, odd)
            continue
        found.metrics[name] = {
            "name": name,
            "description": cut(metric.description, MAX_NAME) or None,
            "unit": cut(metric.unit, MAX_NAME) or None,
            "type": kind,
            "temporality": {1: "delta", 2: "cumulative"}.get(
                getattr(data, "aggregation_temporality", 0)
            ),
            "monotonic": int(data.is_monotonic) if kind == "sum" else None,
        }
        instance = resource.get(a.SERVICE_INSTANCE_ID)
        service = text(resource.get(a.SERVICE_NAME), a.SERVICE_NAME, odd)
        for point in data.data_points:
            attributes = Attributes(mapping(point.attributes), odd)
            if instance:
                # The plugin groups series by service and attributes. Without this attribute,
                # two workers would look like one that restarts all the time.
                attributes.values[a.SERVICE_INSTANCE_ID] = instance
            found.points.append(
                {
                    "metric_name": name,
                    "service_name": service,
                    "scope_name": cut(scope.name, MAX_NAME) or None,
                    "start_ns": whole(point.start_time_unix_nano, "start time", odd) or None,
                    "time_ns": time_ns(point.time_unix_nano, "time", received, odd) or received,
                    "attributes": attributes.json(),
                    "exemplars": to_json(
                        [_exemplar(e) for e in getattr(point, "exemplars", ())[:MAX_EVENTS]]
                    ),
                    "resource": resources.json(resource, odd),
                    "flags": point.flags,
                    **_VALUES[kind](point, odd),
                }
            )
        found.note("metric", name, None, name, odd)
    return found


def _metric_name(given: str, odd: Oddities) -> str:
    """Return a name that the address of the plugin's page can hold.

    OpenTelemetry's names have these characters too, and the slash.
    """
    if given and not _METRIC_NAME.fullmatch(given):
        odd.append(Oddity("name: wanted letters, digits, `_`, `.` and `-`", shown(given)))
        given = _OTHER_CHARACTER.sub("_", given if given[0].isalpha() else f"_{given}")
    if len(given) > _MAX_METRIC_NAME:
        odd.append(Oddity(f"name: more than {_MAX_METRIC_NAME} characters", shown(given)))
    return given[:_MAX_METRIC_NAME]


def _number(point: Any, odd: Oddities) -> Row:
    kind = point.WhichOneof("value")
    if kind is None:
        # A point may say that it has no value, by a flag.
        if not point.flags & 1:
            odd.append(Oddity("a point without a value"))
        return {"value_int": None, "value_double": None}
    if kind == "as_int":
        return {"value_int": point.as_int, "value_double": None}
    return {"value_int": None, "value_double": finite(point.as_double, "value", odd)}


def _summary(point: Any, odd: Oddities) -> Row:
    quantiles = [[q.quantile, q.value] for q in point.quantile_values[:MAX_BUCKETS]]
    return {**_sum(point, odd), "quantile_values": to_json(quantiles)}


def _sum(point: Any, odd: Oddities) -> Row:
    return {"count": whole(point.count, "count", odd), "sum": finite(point.sum, "sum", odd)}


def _distribution(point: Any, odd: Oddities) -> Row:
    found = _sum(point, odd)
    for side in ("min", "max"):
        if point.HasField(side):
            found[side] = finite(getattr(point, side), side, odd)
    return found


def _histogram(point: Any, odd: Oddities) -> Row:
    found = _distribution(point, odd)
    bounds, counts = list(point.explicit_bounds), list(point.bucket_counts)
    if not bounds and not counts:
        return found
    if len(counts) != len(bounds) + 1:
        odd.append(
            Oddity(
                "bucket_counts: wanted one more than explicit_bounds",
                f"{len(counts)} counts, {len(bounds)} bounds",
            )
        )
        return found
    increasing = all(low < high for low, high in pairwise(bounds))
    if (
        len(counts) > MAX_BUCKETS
        or not increasing
        or any(finite(bound, "explicit_bounds", odd) is None for bound in bounds)
    ):
        odd.append(Oddity(f"explicit_bounds: wanted up to {MAX_BUCKETS} that increase"))
        return found
    counts = [whole(each, "bucket_counts", odd) for each in counts]
    return {**found, "bucket_counts": to_json(counts), "explicit_bounds": to_json(bounds)}


def _exponential(point: Any, odd: Oddities) -> Row:
    return {
        **_distribution(point, odd),
        "exp_scale": point.scale,
        "exp_zero_count": whole(point.zero_count, "zero_count", odd),
        "exp_positive": to_json(_buckets(point.positive)),
        "exp_negative": to_json(_buckets(point.negative)),
    }


_VALUES: dict[str, Callable[[Any, Oddities], Row]] = {
    "gauge": _number,
    "sum": _number,
    "summary": _summary,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
}


def _buckets(buckets: Any) -> Row:
    return {"offset": buckets.offset, "bucket_counts": list(buckets.bucket_counts[:MAX_BUCKETS])}


def _exemplar(exemplar: Any) -> Row:
    kind = exemplar.WhichOneof("value")
    return {
        "time_ns": exemplar.time_unix_nano,
        "value": getattr(exemplar, kind) if kind else None,
        "trace_id": exemplar.trace_id.hex(),
        "span_id": exemplar.span_id.hex(),
    }
