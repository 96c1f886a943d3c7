"""OTLP/HTTP as senders of any language speak it, and who may speak at all."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.telemetry.viewer.sending import PROTOBUF, Trace, log_message, new_id, sum_message

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx


def _shown(viewer: httpx.Client, trace: Trace) -> bool:
    return viewer.get(f"/trace/{trace.id.hex()}").status_code == 200


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
def test_protobuf_arrives(
    viewer: httpx.Client, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    """However it is packed; the answer is the message that an exporter expects."""
    trace = Trace()
    trace.span("GET /")
    assert not _shown(viewer, trace)
    answer = viewer.post(
        "/v1/traces",
        headers=PROTOBUF | {"Content-Encoding": encoding},
        content=encode(trace.message.SerializeToString()),
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert _shown(viewer, trace)


def test_json_arrives(viewer: httpx.Client) -> None:
    """With ids in hexadecimal, as OTLP has them, and what it doesn't know left alone."""
    trace = Trace()
    trace.span("GET /json", corkboard_site="alameda.ca")
    body = json_format.MessageToDict(trace.message)
    [span] = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for name in ("traceId", "spanId"):
        span[name] = base64.b64decode(span[name]).hex()
    span["unheardOf"] = 1
    answer = viewer.post("/v1/traces", json=body)
    assert (answer.status_code, answer.json()) == (200, {})
    assert "GET /json" in viewer.get(f"/trace/{trace.id.hex()}").text


@pytest.mark.parametrize(
    ("headers", "body", "status", "wanted"),
    [
        ({"Content-Type": "text/plain"}, b"x", 415, "wanted application/x-protobuf or"),
        (PROTOBUF, b"no protobuf", 400, "not an OTLP request for traces"),
        (PROTOBUF | {"Content-Encoding": "br"}, b"x", 415, "wanted gzip, deflate or identity"),
        (PROTOBUF | {"Content-Encoding": "gzip"}, b"x" * 20, 400, "Content-Encoding is gzip"),
        (
            PROTOBUF | {"Content-Encoding": "gzip"},
            gzip.compress(b"x" * 200)[:-9],
            400,
            "ends before its gzip does",
        ),
        (
            PROTOBUF | {"Content-Encoding": "gzip"},
            # Made by the test: each worker of a run imports this.
            lambda: gzip.compress(bytes(65 * 1024 * 1024)),
            413,
            "more than 67108864 bytes",
        ),
        ({"Content-Type": "application/json"}, b"{", 400, "not an OTLP request for traces"),
        ({"Content-Type": "application/json"}, b"[" * 100_000, 400, "not an OTLP request"),
    ],
    ids=["type", "payload", "encoding", "packed", "cut", "bomb", "json", "nested"],
)
def test_what_is_not_otlp_is_refused(
    viewer: httpx.Client,
    headers: dict[str, str],
    body: bytes | Callable[[], bytes],
    status: int,
    wanted: str,
) -> None:
    """In words, in the form of the request."""
    content = body() if callable(body) else body
    answer = viewer.post("/v1/traces", headers=headers, content=content)
    assert answer.status_code == status
    if headers["Content-Type"] == PROTOBUF["Content-Type"]:
        assert wanted in Status.FromString(answer.content).message
    else:
        assert wanted in answer.json()["message"]


def test_what_is_sent_again_is_there_once(viewer: httpx.Client) -> None:
    """An exporter that got no answer sends its batch again."""
    trace = Trace()
    span_id = trace.span("GET /twice", events={"exception": {"exception.type": "TwiceError"}})
    for _ in range(2):
        viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
        record = log_message("said once", trace, span_id)
        viewer.post("/v1/logs", headers=PROTOBUF, content=record.SerializeToString())
    page = viewer.get(f"/trace/{trace.id.hex()}").text
    assert page.count("said once") == 1
    assert page.count("TwiceError") == 1
    assert "1 span<" in page


def test_two_workers_are_two_series(viewer: httpx.Client) -> None:
    """Each counts from nought: as one series, they would look like one that restarts."""
    name = f"requests.{new_id(8).hex()}"
    for instance in ("one", "two"):
        message = sum_message(name, instance, 7)
        viewer.post("/v1/metrics", headers=PROTOBUF, content=message.SerializeToString())
    rows = viewer.get(
        "/telemetry/metric_points.json", params={"metric_name": name, "_shape": "array"}
    ).json()
    instances = [json.loads(row["attributes"])["service.instance.id"] for row in rows]
    assert sorted(instances) == ["one", "two"]
    assert viewer.get(f"/-/otel/metrics/{name}").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:4318", 200),
        ("[::1]:4318", 200),
        ("evil.example", 421),
        ("localhost.evil.example:4318", 421),
        ("", 421),
    ],
)
def test_a_name_that_is_pointed_here_is_refused(
    viewer: httpx.Client, host: str, status: int
) -> None:
    """A page elsewhere could read everything by it: DNS rebinding."""
    assert viewer.get("/", headers={"Host": host}).status_code == status
    answer = viewer.post("/v1/logs", headers=PROTOBUF | {"Host": host})
    assert answer.status_code == status


def test_a_page_elsewhere_can_t_send(viewer: httpx.Client) -> None:
    """A browser says where a form or a script comes from."""
    elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert viewer.post("/v1/logs", headers=PROTOBUF | elsewhere).status_code == 403


def test_only_posts_send(viewer: httpx.Client) -> None:
    """And a browser that is sent there reads why."""
    answer = viewer.get("/v1/traces")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
