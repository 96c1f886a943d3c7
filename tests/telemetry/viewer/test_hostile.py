"""Telemetry of any content: nothing that is sent breaks a page, or costs another item."""

from __future__ import annotations

import gzip
import json
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.telemetry.viewer.generating import Generator
from tests.telemetry.viewer.sending import PROTOBUF, SECOND, Trace, log_message, new_id

if TYPE_CHECKING:
    import httpx

PAGES = (
    *("/requests", "/requests?all=1", "/routes", "/sql", "/logs", "/logs?level=ERROR"),
    *("/search?q=a", "/search?q=%3Cscript", "/received"),
)
PLUGINS_PAGES = (
    *("/-/otel", "/-/otel/traces", "/-/otel/http", "/-/otel/sql", "/-/otel/spans"),
    *("/-/otel/metrics", "/telemetry"),
)
TABLES = (
    *("spans", "traces", "events", "links", "logs", "metrics", "metric_points"),
    *("odd", "statements", "arrivals"),
)
JSON = {"Content-Type": "application/json"}


def open_all_pages(viewer: httpx.Client) -> None:
    """Open every page in every form, of every trace and metric."""
    addresses = ["/", *PLUGINS_PAGES]
    for page in PAGES:
        path, _, query = page.partition("?")
        addresses += [f"{path}{form}{query and '?'}{query}" for form in ("", ".json", ".txt")]
    for table in TABLES:
        addresses += [f"/telemetry/{table}", f"/telemetry/{table}.json"]
    for trace_id in _column(viewer, "traces", "trace_id"):
        addresses += [f"/trace/{trace_id}{form}" for form in ("", ".json", ".txt")]
        addresses.append(f"/-/otel/traces/{trace_id}")
    for name in _column(viewer, "metrics", "name"):
        addresses.append(f"/-/otel/metrics/{quote(name, safe='')}")
    wrong = {}
    for address in addresses:
        answer = viewer.get(address, follow_redirects=True)
        if answer.status_code != 200:
            wrong[address] = answer.status_code
        elif address.partition("?")[0].endswith(".json"):
            answer.json()
    assert wrong == {}


def _column(viewer: httpx.Client, table: str, column: str) -> list[str]:
    rows = viewer.get(f"/telemetry/{table}.json", params={"_size": "max", "_shape": "array"}).json()
    return [row[column] for row in rows]


def _sums(viewer: httpx.Client, what: str) -> int:
    rows = viewer.get("/received.json").json()["received"]
    return sum(row["total"] for row in rows if row["what"] == what)


def test_any_message_of_the_schemas_is_stored_and_shown(viewer: httpx.Client, soak: bool) -> None:
    """None is refused, in protobuf or in JSON, nor is JSON of other types; and every page opens."""
    rounds = 15 if soak else 2
    for seed in range(rounds):
        generator = Generator(random.Random(seed))
        _send_messages(viewer, generator)
        for changes in (1, 3, 10, 30, 100):
            _send_changed_json(viewer, generator, changes)
    open_all_pages(viewer)


def _send_messages(viewer: httpx.Client, generator: Generator) -> None:
    spans = records = 0
    before = _sums(viewer, "spans"), _sums(viewer, "log records")
    for signal in ("traces", "metrics", "logs") * 2:
        message = generator.request(signal)
        bodies = (
            (PROTOBUF, message.SerializeToString()),
            (JSON, json.dumps(generator.json(message, 0)).encode()),
        )
        for headers, body in bodies:
            answer = viewer.post(f"/v1/{signal}", headers=headers, content=body)
            assert (answer.status_code, answer.content) in ((200, b""), (200, b"{}"))
            for group in getattr(message, message.DESCRIPTOR.fields[0].name):
                for scoped in getattr(group, group.DESCRIPTOR.fields[1].name):
                    spans += len(scoped.spans) if signal == "traces" else 0
                    records += len(scoped.log_records) if signal == "logs" else 0
    after = _sums(viewer, "spans"), _sums(viewer, "log records")
    assert (after[0] - before[0], after[1] - before[1]) == (spans, records)


def _send_changed_json(viewer: httpx.Client, generator: Generator, changes: int) -> None:
    """What is no OTLP at all is refused in words, and a good span beside the others is whole."""
    for signal in ("traces", "metrics", "logs"):
        given = generator.json(generator.request(signal), changes)
        good = Trace()
        good.span("good")
        beside = signal == "traces" and isinstance(given.get("resourceSpans"), list)
        if beside:
            other = generator.json(good.message, 0)
            given["resourceSpans"].append(other["resourceSpans"][0])
        body = json.dumps(given).encode("utf-8", "surrogatepass")
        answer = viewer.post(f"/v1/{signal}", headers=JSON, content=body)
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 400:
            assert answer.json()["message"].startswith(("not an OTLP", "nothing in it"))
        elif beside:
            found = viewer.get(f"/trace/{good.id.hex()}.json").json()
            assert [(span["name"]) for span in found["spans"]] == ["good"]
            assert found["odd"] == []


def _json_span(trace: Trace, **fields: Any) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "traceId": trace.id.hex(),
        "spanId": new_id(8).hex(),
        "name": "odd",
        "kind": 2,
        "startTimeUnixNano": str(now - SECOND),
        "endTimeUnixNano": str(now),
        **fields,
    }


def _attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": value}]}


WANTED = "wanted a whole number of at least 0, of 64 bits"
MANY = [{"key": f"k{n}", "value": {"intValue": n}} for n in range(10_000)]


@pytest.mark.parametrize(
    ("fields", "said", "column", "value"),
    [
        (
            _attribute("http.response.status_code", stringValue="OK"),
            "http.response.status_code: wanted a number up to 999: 'OK'",
            "http_status",
            None,
        ),
        (
            _attribute("http.response.status_code", stringValue="404"),
            "http.response.status_code: wanted a number up to 999: '404'",
            "http_status",
            404,
        ),
        (
            _attribute("http.route", arrayValue={"values": [{"stringValue": "a"}]}),
            "http.route: wanted text: a list of 1",
            "http_route",
            '["a"]',
        ),
        (
            _attribute("url.path", bytesValue="AAE="),
            "url.path: wanted text: an object",
            "name",
            "odd",
        ),
        ({"kind": 77}, "kind: not known: 77", "kind", "77"),
        ({"status": {"code": 9}}, "status.code: not known: 9", "status", "9"),
        (
            {"status": "failed"},
            "Span.status: wanted an object: 'failed'",
            "status",
            "UNSET",
        ),
        (
            {"endTimeUnixNano": str(2**64 - 1)},
            "end time: more than a day ahead: 18446744073709551615 ns",
            "duration_ms",
            0,
        ),
        (
            {"startTimeUnixNano": "noon"},
            f"Span.start_time_unix_nano: {WANTED}: 'noon'; start time: missing",
            "duration_ms",
            0,
        ),
        (
            {"endTimeUnixNano": 2**80},
            f"Span.end_time_unix_nano: {WANTED}: {2**80}; end time: missing",
            "duration_ms",
            0,
        ),
        (
            {"startTimeUnixNano": str(10**18), "endTimeUnixNano": str(10**18 - 5_000_000)},
            "ends before it starts: -5 ms",
            "duration_ms",
            0,
        ),
        ({"startTimeUnixNano": None}, "start time: missing", "duration_ms", 0),
        ({"name": None}, None, "name", ""),
        (
            {"name": "n" * 1_000_000},
            "name: more than 1000 characters: 1000000 characters",
            "name",
            "n" * 999 + "…",
        ),
        (
            {"attributes": MANY},
            "more than 2000 values: 8000 left out",
            "name",
            "odd",
        ),
        (
            {"parentSpanId": "abcd"},
            "parent_span_id: wanted 8 bytes: abcd",
            "parent_span_id",
            None,
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_an_odd_span_is_shown_as_it_is(
    viewer: httpx.Client, fields: dict[str, Any], said: str | None, column: str, value: Any
) -> None:
    """With what is odd beside it, and counted; another of the same request is whole."""
    odd, good = Trace(), Trace()
    if fields.get("startTimeUnixNano") == str(10**18):
        now = time.time_ns()
        fields = {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now - 5_000_000)}
    spans = [_json_span(odd, **fields), _json_span(good, name="good")]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    answer = viewer.post("/v1/traces", headers=JSON, content=json.dumps(body))
    assert (answer.status_code, answer.text) == (200, "{}")
    found = viewer.get(f"/trace/{odd.id.hex()}.json").json()
    assert found["spans"][0][column] == value
    saids = said.split("; ") if said else []
    assert [what for row in found["odd"] for what in row["what"]] == saids
    page = viewer.get(f"/trace/{odd.id.hex()}")
    assert page.status_code == 200
    text = viewer.get(f"/trace/{odd.id.hex()}.txt").text
    assert [line.strip() for line in text.splitlines() if "odd: " in line] == [
        f"odd: {each}"[:2_000] for each in saids
    ]
    assert ('<p class="odd">Odd:' in page.text) is bool(said)
    [span] = viewer.get(f"/trace/{good.id.hex()}.json").json()["spans"]
    assert (span["name"], span["duration_ms"]) == ("good", 1000)
    if said:
        counted = viewer.get("/received.json").json()["odd"]
        assert any(said.startswith(row["what"].removeprefix("span: ")) for row in counted)


def test_counts_that_are_no_numbers(viewer: httpx.Client) -> None:
    """In the query statistics, which pages calculate with."""
    trace = Trace()
    statistics: dict[str, Any] = {
        "corkboard_queries_count": "twelve",
        "corkboard_queries_execution-time": "long",
        "corkboard_queries_statements": "select 1",
        "corkboard_queries_statements_count": ["many"],
    }
    trace.span("GET /odd", **statistics)
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    for address in (f"/trace/{trace.id.hex()}", "/", "/routes", "/sql"):
        assert viewer.get(address).status_code == 200


MOST = 10**15


@pytest.mark.parametrize("listed", [100, 0])
def test_sums_have_more_than_64_bits(viewer: httpx.Client, listed: int) -> None:
    """Of counts, times and rows, whether they are of listed statements or of the others."""
    site, trace = f"s{new_id(8).hex()}.ca", Trace()
    names = ("count", "execution-time", "max-execution-time")
    statistics: dict[str, Any] = {
        "corkboard_queries_count": MOST,
        "corkboard_queries_execution-time": float(MOST),
        "corkboard_queries_statements": ["select 1"] * listed,
        **{f"corkboard_queries_statements_{name}": [MOST] * listed for name in names},
    }
    sent = 10_000 // (listed or 1)
    for _ in range(sent):
        trace.span("GET /", corkboard_site=site, http_route="/", **statistics)
    answer = viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    assert (answer.status_code, answer.content) == (200, b"")
    total = sent * (listed or 1) * MOST
    assert total > 2**63
    found = viewer.get("/sql.json", params={"site": site}).json()
    assert (found["count"], found["total_ms"]) == (total, pytest.approx(total * 1000))
    assert [group["count"] for group in found["groups"]] == [total] * bool(listed)
    for path in ("/sql", "/sql.txt", "/routes", "/", "/-/otel/sql", "/-/otel/http"):
        for given in ({"site": site}, {}):
            assert viewer.get(path, params=given).status_code == 200


def test_spans_that_are_each_other_s_children_are_shown(viewer: httpx.Client) -> None:
    """In the list too, though none is the trace's root."""
    trace = Trace()
    first = trace.span("round")
    second = trace.span("and round", parent=first)
    trace.message.resource_spans[0].scope_spans[0].spans[0].parent_span_id = second
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    page = viewer.get(f"/trace/{trace.id.hex()}").text
    assert page.count('<div class="row span') == 2
    listed = viewer.get(f"/requests.json?all=1&q={trace.id.hex()}").json()["requests"]
    assert [row["trace_id"] for row in listed] == [trace.id.hex()]


def test_a_span_without_ids_has_some(viewer: httpx.Client) -> None:
    """Always the same, so that one that is sent again is there once."""
    name = f"no ids {new_id(8).hex()}"
    trace = Trace()
    trace.span(name)
    [span] = trace.message.resource_spans[0].scope_spans[0].spans
    span.trace_id = span.span_id = b""
    for _ in range(2):
        viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    [row] = viewer.get("/requests.json", params={"q": name}).json()["requests"]
    found = viewer.get(row["address"] + ".json").json()
    assert len(found["spans"]) == 1
    assert [what.partition(":")[0] for what in found["odd"][0]["what"]] == ["trace_id", "span_id"]


def test_a_log_record_of_any_body(viewer: httpx.Client) -> None:
    """An object, bytes, and a text of megabytes."""
    marker = new_id(8).hex()
    message = log_message(marker)
    [record] = message.resource_logs[0].scope_logs[0].log_records
    for body in (
        {"kvlistValue": {"values": [{"key": marker, "value": {"bytesValue": "AAE="}}]}},
        {"stringValue": marker + "b" * 2_000_000},
        {"arrayValue": {"values": [{"stringValue": marker}, {}]}},
    ):
        other = message.resource_logs[0].scope_logs[0].log_records.add()
        other.CopyFrom(record)
        json_format.ParseDict(body, other.body)
    record.severity_number = 99  # type: ignore[assignment]
    viewer.post("/v1/logs", headers=PROTOBUF, content=message.SerializeToString())
    rows = viewer.get("/logs.json", params={"q": marker}).json()["logs"]
    assert sorted(row["body"][:30] for row in rows) == sorted(
        [
            marker,
            (marker + "b" * 30)[:30],
            f'["{marker}", null]'[:30],
            f'{{"{marker}": {{"bytesValue": "AAE="}}}}'[:30],
        ]
    )
    assert viewer.get("/logs", params={"q": marker}).text.count('class="message"') == 4


def test_a_small_body_of_many_spans_is_refused(viewer: httpx.Client) -> None:
    """822 bytes, 400,000 spans: 413, and nothing of it is stored."""
    scopes = _field(1, _field(2, b"\x12\x00" * 400_000))
    headers = PROTOBUF | {"Content-Encoding": "gzip"}
    before = _sums(viewer, "spans")
    answer = viewer.post("/v1/traces", headers=headers, content=gzip.compress(scopes))
    assert answer.status_code == 413
    assert b"more than 200000 items in one request" in answer.content
    assert _sums(viewer, "spans") == before
    refused = {row["what"] for row in viewer.get("/received.json").json()["refused"]}
    assert "413: more than 200000 items in one request" in refused


def test_what_is_left_out_is_in_the_answer(viewer: httpx.Client) -> None:
    """As OTLP's partial success, in the encoding of the request."""
    good = Trace()
    spans = [5, _json_span(good), "text"]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    answer = viewer.post("/v1/traces", headers=JSON, content=json.dumps(body))
    assert (answer.status_code, answer.json()) == (
        200,
        {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "Span: wanted an object"}},
    )
    assert viewer.get(f"/trace/{good.id.hex()}").status_code == 200
    # Two bytes for each of its attributes.
    many = _field(2, _field(9, b"") * 200_001)
    [group] = good.message.resource_spans
    good.span("beside it")
    scopes = group.scope_spans[0].SerializeToString() + many
    content = _field(1, _field(2, scopes))
    answer = viewer.post("/v1/traces", headers=PROTOBUF, content=content)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert partial.error_message == "Span: more than 200000 values"
    assert "beside it" in viewer.get(f"/trace/{good.id.hex()}").text


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def test_what_was_received_is_counted(viewer: httpx.Client) -> None:
    """By kind, with the limits of what is stored."""
    trace = Trace()
    trace.span("counted")
    before = viewer.get("/received.json").json()
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    after = viewer.get("/received.json").json()

    def total(found: Any, what: str) -> int:
        return sum(row["total"] for row in found["received"] if row["what"] == what)

    assert total(after, "spans") == total(before, "spans") + 1
    assert total(after, "requests with traces") == total(before, "requests with traces") + 1
    minute = {row["what"]: row["minute"] for row in after["received"]}
    assert minute["spans"] >= 1
    limits = {row["what"]: row["limit"] for row in after["stored"]}
    assert limits["spans"] == 100_000
    assert limits["bytes in the file"] == 512 * 1024 * 1024
    page = viewer.get("/received").text
    assert "536.9 MB" in page
