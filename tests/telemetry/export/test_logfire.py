"""The attributes that Logfire's pages show: those that repeat are encoded once."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

import telemetry
from telemetry.export.decoding import plain
from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.logfire import added
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings

ABSENT: Any = object()


def _encoder() -> ValueEncoder:
    return ValueEncoder(Redactor(RedactionSettings()))


def _span(name: str = "GET /{path}", status: StatusCode = StatusCode.UNSET, **given: Any) -> Any:
    attributes = {
        key.replace("__", "."): value for key, value in given.items() if value is not ABSENT
    }
    return ReadableSpan(name, attributes=attributes, kind=SpanKind.SERVER, status=Status(status))


def _shown(span: ReadableSpan, values: ValueEncoder) -> dict[str, Any]:
    return {each.key: plain(each.value) for each in Span.FromString(added(span, values)).attributes}


def _spans() -> list[ReadableSpan]:
    """Each combination of what the attributes are made of, some equal and of another type."""
    return [
        _span(
            name,
            status,
            http__request__method=method,
            url__path=path,
            http__route=route,
            http__response__status_code=code,
            logfire__msg=message,
            logfire__span_type=kind,
            logfire__level_num=level,
        )
        for name, status, method, path, route, code, (message, kind, level) in product(
            ("GET /a", "GET /{path}", "GET"),
            (StatusCode.UNSET, StatusCode.ERROR),
            ("GET", ABSENT),
            ("/a", "/me@example.org", 1, True, ["/a"], ABSENT),
            ("/{path}", ABSENT),
            (200, 404, 500, "404", ABSENT),
            (
                (ABSENT, ABSENT, ABSENT),
                ("as said", ABSENT, ABSENT),
                (ABSENT, "log", ABSENT),
                (ABSENT, ABSENT, 9),
            ),
        )
    ]


def test_they_are_those_of_a_span_that_is_the_first_of_its_kind() -> None:
    """What another span left in the cache changes nothing."""
    shared = _encoder()
    spans = _spans()
    wanted = [_shown(span, _encoder()) for span in spans]
    for _ in range(2):
        assert [_shown(span, shared) for span in spans] == wanted
    request = _span(http__request__method="GET", url__path="/a", http__route="/{path}")
    assert _shown(request, shared) == {"logfire.span_type": "span", "logfire.msg": "GET /a"}


@pytest.mark.usefixtures("additions")
def test_rules_that_are_added_later_apply() -> None:
    values = _encoder()
    span = _span(http__request__method="GET", url__path="/PARCEL-1", http__route="/{path}")
    assert _shown(span, values)["logfire.msg"] == "GET /PARCEL-1"
    telemetry.redact(patterns=[r"PARCEL-\d"])
    assert _shown(span, values)["logfire.msg"] == "GET /[REDACTED]"


def test_spans_alike_are_encoded_once() -> None:
    values = _encoder()
    spans = [_span(url__path="/a", http__request__method="GET", other=n) for n in range(3)]
    first, *others = [added(span, values) for span in spans]
    assert all(other is first for other in others)
