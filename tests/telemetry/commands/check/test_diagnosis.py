"""What each answer of a backend means to an operator, and which variable is named."""

from __future__ import annotations

import ssl

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from telemetry.commands.check.diagnosis import Target, diagnose
from telemetry.export.answers import Answer

OTLP = Target("http/protobuf", "ADDRESS", "SECRET")
GRPC = Target("grpc", "ADDRESS", "SECRET")
SENTRY = Target("sentry", "DSN", "DSN", "TRUSTED")
LOGFIRE = Target("http/protobuf", "ADDRESS", "SECRET", "")
REJECTED = ExportTraceServiceResponse()
REJECTED.partial_success.rejected_spans = 1
WARNED = ExportTraceServiceResponse()
WARNED.partial_success.error_message = "an attribute is deprecated"
UNAVAILABLE = "UNAVAILABLE"
UNTRUSTED = "The certificate is not trusted or not of this host, or the port has no TLS:"
# Where it was sent to, the answer, and the beginnings of the problem and of the advice.
CASES: dict[str, tuple[Target, Answer, str, str]] = {
    "redirect": (OTLP, Answer(302, location="http://x/y"), "redirect", "Set ADDRESS to the"),
    "redirect to nowhere": (OTLP, Answer(302), "redirect", "Set ADDRESS to the address that"),
    "401": (OTLP, Answer(401), "credentials refused (401)", "Check SECRET"),
    "407": (
        OTLP,
        Answer(407),
        "the proxy wants other credentials (407)",
        "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names it",
    ),
    "404": (OTLP, Answer(404), "no OTLP receiver at this path (404)", "ADDRESS is a base"),
    "415": (OTLP, Answer(415), "request not understood (415)", "Is it a receiver of OTLP"),
    "413": (OTLP, Answer(413), "request too large (413)", "The backend or a proxy limits"),
    "429": (OTLP, Answer(429), "rate limited (429)", "A quota"),
    "500": (OTLP, Answer(500), "backend error (500)", "See the log"),
    "a web page": (
        OTLP,
        Answer(200, "text/html", body=b"<html>"),
        "response is a web page (200, text/html)",
        "A proxy, a login page",
    ),
    "no protobuf": (OTLP, Answer(200, body=b"\xff"), "response is not OTLP", "Another service"),
    "rejected": (
        OTLP,
        Answer(200, body=REJECTED.SerializeToString()),
        "rejected: no reason given",
        "The backend answered 200",
    ),
    "nothing was sent": (OTLP, Answer(), "no request was sent", "This is a defect"),
    "refused": (OTLP, Answer(error=ConnectionRefusedError()), "connection refused", "Is it run"),
    "silent": (OTLP, Answer(error=TimeoutError()), "no response before the timeout", "Does a"),
    "no TLS": (OTLP, Answer(error=ssl.SSLError()), "TLS handshake failed", "The certificate"),
    "no TLS, tracker": (
        SENTRY,
        Answer(error=ssl.SSLError()),
        "TLS handshake failed",
        f"{UNTRUSTED} check DSN or TRUSTED.",
    ),
    "no TLS, Logfire": (
        LOGFIRE,
        Answer(error=ssl.SSLError()),
        "TLS handshake failed",
        f"{UNTRUSTED} check ADDRESS.",
    ),
    "no HTTP": (OTLP, Answer(error=ValueError()), "no HTTP response", "Is it a gRPC port"),
    "no HTTP, tracker": (
        SENTRY,
        Answer(error=ValueError()),
        "no HTTP response",
        "Is it a port of the error tracker",
    ),
    "tracker, 403": (SENTRY, Answer(403, body=b"no"), "key refused (403): no", "Copy the DSN"),
    "tracker, 404": (SENTRY, Answer(404), "unknown project, or a key of", "Copy the DSN"),
    "tracker, 429": (SENTRY, Answer(429), "rate limited (429)", "The project's quota"),
    "tracker, 500": (SENTRY, Answer(500), "error tracker failed (500)", "See the log"),
    "gRPC, refused": (GRPC, Answer(grpc_code="UNAUTHENTICATED"), "credentials", "Check SECRET"),
    "gRPC, late": (GRPC, Answer(grpc_code="DEADLINE_EXCEEDED"), "no response before", "Does a"),
    "gRPC, other": (GRPC, Answer(grpc_code="UNIMPLEMENTED"), "no OTLP service", "Check ADDRESS"),
    "gRPC, broken": (GRPC, Answer(grpc_code="INTERNAL"), "backend error (INTERNAL)", "See the"),
    "gRPC, away": (
        GRPC,
        Answer(grpc_code=UNAVAILABLE, grpc_details="Connection refused"),
        "connection refused",
        "Is it running? Check the host and the port in ADDRESS",
    ),
    "gRPC, unknown": (
        GRPC,
        Answer(grpc_code=UNAVAILABLE, grpc_details="DNS resolution failed"),
        "host name not found",
        "Check the host in ADDRESS",
    ),
    "gRPC, no TLS": (
        GRPC,
        Answer(grpc_code=UNAVAILABLE, grpc_details="SSL handshake failed"),
        "TLS handshake failed",
        "Is it without TLS?",
    ),
    "gRPC, HTTP": (GRPC, Answer(grpc_code=UNAVAILABLE), "no gRPC response", "Is it an HTTP port"),
}


@pytest.mark.parametrize(("to", "answer", "problem", "advice"), CASES.values(), ids=CASES)
def test_an_answer_is_explained(to: Target, answer: Answer, problem: str, advice: str) -> None:
    """By what is wrong, and by what to look at."""
    found = diagnose(answer, to, ExportTraceServiceResponse)
    assert found is not None
    assert found.problem.startswith(problem)
    assert found.advice.startswith(advice)


@pytest.mark.parametrize(
    ("to", "answer"),
    [
        (OTLP, Answer(200)),
        (OTLP, Answer(200, body=ExportTraceServiceResponse().SerializeToString())),
        (OTLP, Answer(200, body=WARNED.SerializeToString())),
        (OTLP, Answer(200, "application/json", body=b"{}")),
        (GRPC, Answer(grpc_code="OK")),
        (SENTRY, Answer(200, "application/json", body=b"{}")),
    ],
)
def test_what_was_accepted_has_no_problem(to: Target, answer: Answer) -> None:
    """An empty body is OTLP's message without a field; one that rejects nothing is a warning."""
    assert diagnose(answer, to, ExportTraceServiceResponse) is None
