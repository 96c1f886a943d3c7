"""OTLP decoded item by item: what one item costs, and what one request may hold."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from telemetry.export import lenient
from telemetry.export.decoding import JSON, PROTOBUF, RefusedError, decode, items
from telemetry.export.lenient import (
    Oddity,
    decode_parts,
    shown,
)

MAX_ITEMS, MAX_COUNTED, MAX_VALUES, MAX_JSON_VALUES = 100, 1_000, 40_000, 5_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower limits, which are reached sooner."""
    limits = {
        "MAX_ITEMS": MAX_ITEMS,
        "MAX_COUNTED": MAX_COUNTED,
        "MAX_VALUES": MAX_VALUES,
        "MAX_JSON_VALUES": MAX_JSON_VALUES,
    }
    for name, value in limits.items():
        monkeypatch.setattr(lenient, name, value)


def field(number: int, content: bytes) -> bytes:
    """One field of protobuf, of bytes."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def request_of(*spans: bytes, resource: bytes = b"") -> bytes:
    """A request with spans that are encoded by hand."""
    scope = field(2, b"".join(field(2, span) for span in spans))
    return field(1, (field(1, resource) if resource else b"") + scope)


def json_of(*spans: Any, **more: Any) -> bytes:
    """A request in JSON."""
    return json.dumps(
        {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}], **more}]}
    ).encode()


def decoded(content_type: str, body: bytes) -> tuple[list[str], dict[str, int], list[str]]:
    """The names of the spans, what was rejected, and what was odd."""
    found = decode_parts("traces", content_type, "", body)
    odd = [oddity.what for part in found.parts for oddity in part.odd]
    return [part.item.item.name for part in found.parts], dict(found.rejected), odd


def test_it_decodes_what_the_other_decoder_does() -> None:
    """Items, resources, scopes and schema URLs, of both media types."""
    given = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "host"}}]
                },
                "schemaUrl": "https://schema.example/1",
                "scopeSpans": [
                    {
                        "scope": {"name": "library"},
                        "spans": [{"traceId": TRACE, "span_id": SPAN, "name": "one"}],
                    },
                    {"schemaUrl": "https://schema.example/2", "spans": [{"name": "two"}]},
                ],
            }
        ]
    }
    body = json.dumps(given).encode()
    message = decode("traces", JSON, "", body)
    expected = list(items("traces", message))
    for content_type, content in ((JSON, body), (PROTOBUF, message.SerializeToString())):
        found = decode_parts("traces", content_type, "", content)
        assert [part.item for part in found.parts] == expected
        assert not found.rejected
        assert not any(part.odd for part in found.parts)


GOOD = field(5, b"good")


@pytest.mark.parametrize(
    ("body", "names", "rejected", "odd"),
    [
        (
            request_of(field(5, b"b\xffd"), GOOD),
            ["b\ufffdd", "good"],
            {},
            ["Span.name: not UTF-8"],
        ),
        (
            # An attribute whose value is cut short, and one that is whole.
            request_of(GOOD + field(9, field(1, b"cut") + b"\x12\x7f") + field(9, field(1, b"k"))),
            ["good"],
            {},
            ["Span.attributes: cut short, or no protobuf"],
        ),
        (
            request_of(GOOD, resource=field(1, field(1, b"\xff"))),
            ["good"],
            {},
            ["Resource.attributes.key: not UTF-8"],
        ),
        (
            field(1, field(2, b"\x12\x7f")) + request_of(GOOD),
            ["good"],
            {"scope: cut short, or no protobuf": 1},
            [],
        ),
        (
            field(1, b"\x12\x7f") + request_of(GOOD),
            ["good"],
            {"resource_spans: cut short, or no protobuf": 1},
            [],
        ),
        (
            # Two bytes for each of an item's attributes.
            request_of(field(9, b"") * (MAX_VALUES + 1), GOOD),
            ["good"],
            {f"Span: more than {MAX_VALUES} values": 1},
            [],
        ),
    ],
    ids=["UTF-8", "attribute", "resource", "scope", "group", "values"],
)
@pytest.mark.usefixtures("low_limits")
def test_an_item_of_protobuf_costs_itself(
    body: bytes, names: list[str], rejected: dict[str, int], odd: list[str]
) -> None:
    """Or only one of its fields."""
    assert decoded(PROTOBUF, body) == (names, rejected, odd)


TIME = "wanted a whole number of at least 0, of 64 bits"


@pytest.mark.parametrize(
    ("spans", "names", "rejected", "odd"),
    [
        ([{"name": "a", "status": "ok"}], ["a"], {}, ["Span.status: wanted an object"]),
        ([{"name": "a", "kind": "weird"}], ["a"], {}, ["Span.kind: wanted a known value"]),
        (
            [{"name": "a", "startTimeUnixNano": 2**70, "endTimeUnixNano": -1}],
            ["a"],
            {},
            [f"Span.start_time_unix_nano: {TIME}", f"Span.end_time_unix_nano: {TIME}"],
        ),
        ([{"name": "a", "traceId": "zz"}], ["a"], {}, ["Span.trace_id: wanted hexadecimal"]),
        ([{"name": 7}], ["7"], {}, ["Span.name: wanted text"]),
        ([{"name": "\ud800"}], ["\ufffd"], {}, ["Span.name: wanted text"]),
        ([{"name": "a", "kind": "\ud800"}], ["a"], {}, ["Span.kind: wanted a known value"]),
        (
            [{"name": "a", "attributes": [{"key": "k", "value": {"intValue": "x"}}, 7]}],
            ["a"],
            {},
            [
                "Span.attributes.value.int_value: wanted a number",
                "Span.attributes: wanted an object",
            ],
        ),
        ([{"name": "a", "attributes": {"k": 1}}], ["a"], {}, ["Span.attributes: wanted a list"]),
        ([{"name": "a"}, 5], ["a"], {"Span: wanted an object": 1}, []),
        ([{"name": "a", "events": None, "status": None}], ["a"], {}, []),
    ],
)
def test_an_item_of_json_costs_itself(
    spans: list[Any], names: list[str], rejected: dict[str, int], odd: list[str]
) -> None:
    """Or only one of its fields; the others of a request are as they were sent."""
    body = json_of(*spans, {"name": "good"})
    assert decoded(JSON, body) == ([*names, "good"], rejected, odd)


def test_text_of_json_that_is_not_utf_8() -> None:
    """It has a replacement character."""
    body = json_of({"name": "b?d"}).replace(b"?", b"\xff")
    assert decoded(JSON, body) == (["b\ufffdd"], {}, [])


def test_a_number_that_python_does_not_convert() -> None:
    """It costs its field."""
    body = json_of({"name": "a", "startTimeUnixNano": "?"}).replace(b'"?"', b"9" * 5_000)
    assert decoded(JSON, body) == (["a"], {}, [f"Span.start_time_unix_nano: {TIME}"])


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (
            {"resourceSpans": [7, {"scopeSpans": [{"spans": [{}]}]}]},
            "resource_spans: wanted objects",
        ),
        (
            {"resourceSpans": [{"scopeSpans": 7}, {"scopeSpans": [{"spans": [{}]}]}]},
            "scope_spans: wanted a list",
        ),
        ({"resourceSpans": [{"scopeSpans": [7, {"spans": [{}]}]}]}, "scope_spans: wanted objects"),
        (
            {"resourceSpans": [{"scopeSpans": [{"spans": 7}, {"spans": [{}]}]}]},
            "spans: wanted a list",
        ),
    ],
)
def test_a_group_of_json_costs_itself(body: Any, rejected: str) -> None:
    """And is counted as one item."""
    assert decoded(JSON, json.dumps(body).encode()) == ([""], {rejected: 1}, [])


@pytest.mark.parametrize(
    ("content_type", "body", "status", "said"),
    [
        (
            PROTOBUF,
            b"no protobuf",
            400,
            "not an OTLP request for traces: cut short, or no protobuf",
        ),
        (JSON, b"[]", 400, "not an OTLP request for traces: a list of 0: wanted an object"),
        (
            JSON,
            b'{"resourceSpans": 7}',
            400,
            "not an OTLP request for traces: resource_spans: wanted",
        ),
        (JSON, b"{", 400, "not an OTLP request for traces: Expecting"),
        ("text/plain", b"", 415, "Content-Type is 'text/plain'"),
        (PROTOBUF, field(1, field(2, b"\x12\x00" * MAX_COUNTED)), 413, "more than 1000 items"),
        (PROTOBUF, field(1, b"") * (MAX_COUNTED + 2), 413, "more than 1000 items"),
        (PROTOBUF, field(1, field(2, b"") * (MAX_COUNTED + 2)), 413, "more than 1000 items"),
        (JSON, b"[" + b"{}," * MAX_JSON_VALUES + b"{}]", 413, "more than 5000 values"),
        (JSON, json_of(*[0] * (MAX_COUNTED + 1)), 413, "more than 1000 items"),
    ],
    ids=["text", "list", "number", "cut", "type", "items", "groups", "scopes", "values", "JSON"],
)
@pytest.mark.usefixtures("low_limits")
def test_a_request_that_is_none_or_too_large_is_refused(
    content_type: str, body: bytes, status: int, said: str
) -> None:
    """As a whole, before its items are parsed."""
    with pytest.raises(RefusedError) as refused:
        decode_parts("traces", content_type, "", body)
    assert str(refused.value).startswith(said)
    assert refused.value.status == status


@pytest.mark.usefixtures("low_limits")
def test_items_above_the_limit_are_rejected() -> None:
    """The first are decoded."""
    body = field(1, field(2, b"\x12\x00" * (MAX_ITEMS + 5)))
    names, rejected, _ = decoded(PROTOBUF, body)
    assert len(names) == MAX_ITEMS
    assert rejected == {f"more than {MAX_ITEMS} items in one request": 5}


def test_a_small_body_of_many_items_is_refused() -> None:
    """822 bytes hold 400,000 spans."""
    small = gzip.compress(field(1, field(2, b"\x12\x00" * 400_000)), mtime=0)
    assert len(small) < 900
    with pytest.raises(RefusedError, match="more than 200000 items") as refused:
        decode_parts("traces", PROTOBUF, "gzip", small)
    assert refused.value.status == 413


def test_a_resource_in_two_pieces_is_one() -> None:
    """By protobuf's definition, the pieces of a message are merged."""
    attribute = json_format.ParseDict(
        {"resourceSpans": [{"resource": {"attributes": [{"key": "k"}]}}]},
        ExportTraceServiceRequest(),
    )
    [group] = attribute.resource_spans
    piece = group.resource.SerializeToString()
    body = field(1, field(1, piece) + field(1, b"\x10\x07") + field(2, field(2, GOOD)))
    [part] = decode_parts("traces", PROTOBUF, "", body).parts
    assert part.item.resource == {"k": None}


NAME = 'a "name" of ]}[{ and \\\\'
DEEP = {
    "array": ('{"arrayValue":{"values":[', "]}}"),
    "object": ('{"kvlistValue":{"values":[{"key":"k","value":', "}]}}"),
    "unknown": ('{"arrayValue":{"unknown":{"a":[', "]}}}"),
}
SHALLOW = {"array": 45, "object": 30, "unknown": 0}


def _json_nested(shape: str, levels: int) -> str:
    before, after = DEEP[shape]
    return f'{before * levels}{{"stringValue":"]"}}{after * levels}'


@pytest.mark.parametrize("levels", [1, 30, 45, 60, 300, 500, 20_000])
@pytest.mark.parametrize("shape", DEEP)
def test_a_deep_item_of_json_costs_its_depth(shape: str, levels: int) -> None:
    """What is above it is stored, and so are the items around it."""
    value = _json_nested(shape, levels)
    odd = f'{{"name": "deep", "attributes": [{{"key": "a", "value": {value}}}, {{"key": "b"}}]}}'
    good = json.dumps({"name": NAME})
    body = f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{good}, {odd}, {good}]}}]}}]}}'
    found = decode_parts("traces", JSON, "", body.encode())
    parts, rejected = found.parts, found.rejected
    assert [part.item.item.name for part in parts] == [NAME, "deep", NAME]
    assert not rejected
    assert [pair.key for pair in parts[1].item.item.attributes] == ["a", "b"]
    noted = [any("too deep" in oddity.what for oddity in part.odd) for part in parts]
    assert noted == [False, shape != "unknown" and levels > SHALLOW[shape], False]


@pytest.mark.parametrize(
    ("levels", "noted"), [(20, False), (45, False), (500, True), (2_000, True)]
)
def test_a_deep_item_of_protobuf_costs_its_depth(levels: int, noted: bool) -> None:
    """As protobuf's own limit begins anew within an item, it is stored somewhat deeper."""
    value = field(1, b"x")
    for _ in range(levels):
        value = field(5, field(1, value))
    deep = field(5, b"deep") + field(9, field(1, b"a") + field(2, value))
    names, rejected, odd = decoded(PROTOBUF, request_of(GOOD, deep, GOOD))
    assert names == ["good", "deep", "good"]
    assert not rejected
    assert any("too deep" in what for what in odd) is noted


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"[" * 5_000 + b'"', b'{"a":' * 5_000 + b'"\\', b"[" * 5_000 + b"}" * 9_000],
)
def test_deep_json_that_is_none_is_refused(body: bytes) -> None:
    """In words."""
    with pytest.raises(RefusedError, match="not an OTLP request for traces: ") as refused:
        decode_parts("traces", JSON, "", body)
    assert refused.value.status == 400


def test_a_few_oddities_are_kept_of_one_item() -> None:
    """However many there are."""
    body = json_of({"attributes": [7] * 1_000})
    [part] = decode_parts("traces", JSON, "", body).parts
    assert part.odd == [Oddity("Span.attributes: wanted an object", "7")] * 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 1_000_000, "'" + "a" * 58 + "…"),
        (2**1_000, "a number of 1001 bits"),
        ([1, 2], "a list of 2"),
        ({}, "an object"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_shortened(value: object, text: str) -> None:
    """In messages and on pages."""
    assert shown(value) == text
