"""OTLP as receivers decode it: bodies of either media type, and responses in any form."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from telemetry.export import decoding
from telemetry.export.decoding import (
    JSON,
    PROTOBUF,
    RefusedError,
    decode,
    decode_error,
    decode_response,
    items,
    unpacked,
)

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
# The attributes hold keys that are ids elsewhere, and values that are no text.
BODY: dict[str, Any] = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "host"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "library"},
                    "schemaUrl": "https://schema.example/2",
                    "spans": [
                        {
                            "traceId": TRACE,
                            "spanId": SPAN,
                            "parent_span_id": PARENT,
                            "name": "work",
                            "attributes": [{"key": "traceId", "value": {"intValue": "7"}}],
                            "unknownField": True,
                        }
                    ],
                }
            ],
        }
    ]
}


def test_json_has_hexadecimal_ids() -> None:
    """By OTLP's specification, where protobuf's own mapping has base64. Both spellings are read."""
    message = decode("traces", JSON, "", json.dumps(BODY).encode())
    [(resource, scope, schema_url, span)] = items("traces", message)
    assert resource == {"service.name": "host"}
    assert (scope.name, schema_url) == ("library", "https://schema.example/2")
    ids = [each.hex() for each in (span.trace_id, span.span_id, span.parent_span_id)]
    assert ids == [TRACE, SPAN, PARENT]
    assert decoding.mapping(span.attributes) == {"traceId": 7}


def test_both_media_types_give_the_same_message() -> None:
    """Decoded from JSON and encoded as protobuf, it is decoded as before."""
    message = decode("traces", JSON, "", json.dumps(BODY).encode())
    assert decode("traces", PROTOBUF, "", message.SerializeToString()) == message


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        (JSON, b"{", "not an OTLP request for traces: Expecting "),
        (JSON, b"[1]", "not an OTLP request for traces: "),
        (JSON, b'{"resourceSpans": 7}', "not an OTLP request for traces: Failed to parse"),
        (JSON, b'{"traceId": "no hexadecimal"}', "not an OTLP request for traces: non-hex"),
        (JSON, b"[" * 100_000, "not an OTLP request for traces: "),
        (PROTOBUF, b"\xff", "not an OTLP request for traces: "),
        ("text/plain", b"", "Content-Type is 'text/plain': wanted application/x-protobuf or "),
    ],
    ids=["cut short", "list", "wrong type", "no id", "nested", "no protobuf", "other type"],
)
def test_a_body_that_cannot_be_decoded_is_refused(
    content_type: str, body: bytes, said: str
) -> None:
    """With 400 or 415, and what was given and what is wanted."""
    with pytest.raises(RefusedError) as refused:
        decode("traces", content_type, "", body)
    assert str(refused.value).startswith(said)
    assert refused.value.status == (415 if content_type == "text/plain" else 400)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
    ],
)
def test_a_compressed_body_is_decompressed(encoding: str, pack: Any) -> None:
    """By every encoding that OTLP's exporters use."""
    assert unpacked(encoding, pack(b"minutes" * 99)) == b"minutes" * 99


@pytest.mark.parametrize(
    ("encoding", "body", "status", "said"),
    [
        ("br", b"x", 415, "Content-Encoding is 'br': wanted gzip, deflate or identity"),
        ("gzip", b"x" * 20, 400, "Content-Encoding is gzip, the body isn't: "),
        ("deflate", zlib.compress(b"minutes")[:-3], 400, "the body ends before its deflate does"),
        ("gzip", gzip.compress(bytes(1001)), 413, "more than 1000 bytes, unpacked"),
    ],
    ids=["unknown", "no gzip", "cut short", "too large"],
)
def test_a_body_that_cannot_be_decompressed_is_refused(
    encoding: str, body: bytes, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is small and would not be, decompressed."""
    monkeypatch.setattr(decoding, "MAX_BYTES", 1000)
    with pytest.raises(RefusedError) as refused:
        unpacked(encoding, body)
    assert str(refused.value).startswith(said)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (Status(message="no such tenant").SerializeToString(), PROTOBUF, "no such tenant"),
        (b'{"message": "quota"}', JSON, "quota"),
        (b'{"code": 7, "error": "denied"}', "application/json; charset=utf-8", "denied"),
        (b'{"detail": {"limit": 5}}', "application/problem+json", '{"limit": 5}'),
        (b'{"code": 7}', JSON, ""),
        # Neither of these is what its media type says: shown as text.
        (b"busy", JSON, "busy"),
        (b"7", JSON, "7"),
        (b"\xffbusy", PROTOBUF, "\ufffdbusy"),
        (b"plainly", "text/plain", "plainly"),
    ],
    ids=[
        "protobuf",
        "message",
        "error",
        "detail",
        "none of them",
        "no JSON",
        "no object",
        "no protobuf",
        "text",
    ],
)
def test_the_message_of_an_error_response(body: bytes, content_type: str, said: str) -> None:
    """In the forms that receivers and the proxies before them use."""
    assert decode_error(body, content_type) == said


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"partialSuccess": {"rejectedDataPoints": "2"}}', (2, "")),
        (b'{"partialSuccess": {"rejectedSpans": 3, "errorMessage": "old"}}', (3, "old")),
        (b'{"partialSuccess": null}', (0, "")),
    ],
)
def test_a_response_in_json(body: bytes, expected: tuple[int, str]) -> None:
    """Of any signal; an integer of 64 bits is a text in it."""
    assert decode_response(body, JSON) == expected


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"partialSuccess": {"rejectedSpans": []}}'])
def test_a_response_in_json_that_is_not_otlp_s(body: bytes) -> None:
    """It is an error, and no delivery."""
    with pytest.raises(DecodeError, match="not a response of OTLP: "):
        decode_response(body, JSON)
