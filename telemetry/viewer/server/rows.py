"""Converts OTLP messages to rows of the store's tables."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from telemetry.export.decoding import items, mapping, plain
from telemetry.registry import attributes as a

Row = dict[str, Any]

_KIND = "SPAN_KIND_"
_STATUS = "STATUS_CODE_"


@dataclass(slots=True)
class Spans:
    """Rows of one request: spans, and their events and links, for which the plugin has no table."""

    spans: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)


def spans(message: Any) -> Spans:
    """Return the rows of an `ExportTraceServiceRequest`."""
    found = Spans()
    for resource, scope, scope_url, span in items("traces", message):
        attributes = mapping(span.attributes)
        span_id, trace_id = span.span_id.hex(), span.trace_id.hex()
        found.spans.append(
            {
                "trace_id": trace_id,
                "span_id": span_id,
                "parent_span_id": span.parent_span_id.hex() or None,
                "name": span.name,
                "kind": Span.SpanKind.Name(span.kind).removeprefix(_KIND),
                "start_ns": span.start_time_unix_nano,
                "end_ns": span.end_time_unix_nano,
                "status": Status.StatusCode.Name(span.status.code).removeprefix(_STATUS),
                "status_description": span.status.message or None,
                "service_name": resource.get(a.SERVICE_NAME),
                "http_route": attributes.get(a.HTTP_ROUTE),
                "http_status": attributes.get(a.HTTP_RESPONSE_STATUS_CODE),
                "db_namespace": attributes.get("db.namespace"),
                "db_operation": attributes.get("db.operation.name"),
                "db_query_text": attributes.get("db.query.text"),
                "attributes": _json(attributes),
                "resource": _json(resource),
                "scope_name": scope.name or None,
                "scope_version": scope.version or None,
                "schema_url": scope_url or None,
            }
        )
        owner = {"trace_id": trace_id, "span_id": span_id}
        found.events += [
            {
                **owner,
                "position": position,
                "time_ns": event.time_unix_nano,
                "name": event.name,
                "attributes": _json(mapping(event.attributes)),
            }
            for position, event in enumerate(span.events)
        ]
        found.links += [
            {
                **owner,
                "position": position,
                "linked_trace_id": link.trace_id.hex(),
                "linked_span_id": link.span_id.hex(),
                "attributes": _json(mapping(link.attributes)),
            }
            for position, link in enumerate(span.links)
        ]
    return found


def logs(message: Any) -> list[Row]:
    """Return the rows of an `ExportLogsServiceRequest`."""
    found = []
    for resource, scope, _, record in items("logs", message):
        attributes = mapping(record.attributes)
        # A record has no id, and is sent again if the response was lost.
        identity = record.SerializeToString(deterministic=True) + _json(resource).encode()
        body = plain(record.body)
        found.append(
            {
                "id": hashlib.blake2b(identity, digest_size=16).hexdigest(),
                "time_ns": record.time_unix_nano or record.observed_time_unix_nano,
                "severity": record.severity_number,
                "level": record.severity_text or None,
                "logger": scope.name or None,
                "body": body if isinstance(body, str) else _json(body),
                "trace_id": record.trace_id.hex() or None,
                "span_id": record.span_id.hex() or None,
                "site": attributes.get(a.SITE),
                "service_name": resource.get(a.SERVICE_NAME),
                "attributes": _json(attributes),
                "resource": _json(resource),
            }
        )
    return found


def metrics(message: Any) -> tuple[list[Row], list[Row]]:
    """Return the definitions and the points of an `ExportMetricsServiceRequest`."""
    definitions: dict[str, Row] = {}
    points: list[Row] = []
    for resource, scope, _, metric in items("metrics", message):
        kind = metric.WhichOneof("data")
        if kind is None:
            continue
        data = getattr(metric, kind)
        definitions[metric.name] = {
            "name": metric.name,
            "description": metric.description or None,
            "unit": metric.unit or None,
            "type": kind,
            "temporality": {1: "delta", 2: "cumulative"}.get(
                getattr(data, "aggregation_temporality", 0)
            ),
            "monotonic": int(data.is_monotonic) if kind == "sum" else None,
        }
        instance = resource.get(a.SERVICE_INSTANCE_ID)
        for point in data.data_points:
            attributes = mapping(point.attributes)
            if instance:
                # The plugin groups series by service and attributes. Without this attribute,
                # two workers would look like one that restarts all the time.
                attributes[a.SERVICE_INSTANCE_ID] = instance
            points.append(
                {
                    "metric_name": metric.name,
                    "service_name": resource.get(a.SERVICE_NAME),
                    "scope_name": scope.name or None,
                    "start_ns": point.start_time_unix_nano or None,
                    "time_ns": point.time_unix_nano,
                    "attributes": _json(attributes),
                    "exemplars": _json([_exemplar(e) for e in getattr(point, "exemplars", ())]),
                    "resource": _json(resource),
                    "flags": point.flags,
                    **_value(kind, point),
                }
            )
    return list(definitions.values()), points


def _value(kind: str, point: Any) -> Row:
    if kind in ("gauge", "sum"):
        integer = point.WhichOneof("value") == "as_int"
        return {
            "value_int": point.as_int if integer else None,
            "value_double": None if integer else point.as_double,
        }
    found = {"count": point.count, "sum": point.sum}
    if kind == "summary":
        return {
            **found,
            "quantile_values": _json([[q.quantile, q.value] for q in point.quantile_values]),
        }
    found |= {side: getattr(point, side) for side in ("min", "max") if point.HasField(side)}
    if kind == "histogram":
        return {
            **found,
            "bucket_counts": _json(list(point.bucket_counts)),
            "explicit_bounds": _json(list(point.explicit_bounds)),
        }
    return {
        **found,
        "exp_scale": point.scale,
        "exp_zero_count": point.zero_count,
        "exp_positive": _json(_buckets(point.positive)),
        "exp_negative": _json(_buckets(point.negative)),
    }


def _buckets(buckets: Any) -> Row:
    return {"offset": buckets.offset, "bucket_counts": list(buckets.bucket_counts)}


def _exemplar(exemplar: Any) -> Row:
    kind = exemplar.WhichOneof("value")
    return {
        "time_ns": exemplar.time_unix_nano,
        "value": getattr(exemplar, kind) if kind else None,
        "trace_id": exemplar.trace_id.hex(),
        "span_id": exemplar.span_id.hex(),
    }


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_bytes, allow_nan=False)
    except ValueError:
        # NaN and infinity become strings: SQLite would not read them in JSON.
        readable = json.loads(json.dumps(value, default=_bytes), parse_constant=str)
        return json.dumps(readable, ensure_ascii=False)


def _bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()
