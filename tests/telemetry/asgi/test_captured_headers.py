"""OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_*: what was asked for, sanitised, and never a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.asgi.edge import Edge
from telemetry.redaction.redactor import Redactor
from telemetry.registry.redaction import MARGIN
from telemetry.settings.model import RedactionSettings
from telemetry.traces.provider import TracerProvider
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed
from tests.telemetry.traces.compared import ALL

if TYPE_CHECKING:
    import pytest

SECRET = b"Bearer planted-secret"


def _captured(headers: list[tuple[bytes, bytes]], **kwargs: Any) -> dict[str, Any]:
    observed = Observed(answering(200, headers=headers), **kwargs)
    run(visit(observed.edge, headers=headers))
    return {
        name: list(value)
        for name, value in observed.attributes.items()
        if name.startswith(("http.request.header.", "http.response.header."))
    }


def test_no_header_is_captured_by_default() -> None:
    """Cookies and tokens among them."""
    assert _captured([(b"cookie", SECRET), (b"x-page", b"3")]) == {}


def test_captured_headers_are_named_as_contrib_names_them() -> None:
    """As contrib does, with underscores; a list of values each, expressions match whole names."""
    headers = [(b"X-Page", b"3"), (b"x-page", b"4"), (b"accept", b"text/html"), (b"x-pages", b"9")]
    assert _captured(
        headers,
        http_capture_headers_server_request=["X-Page", "acc.*"],
        http_capture_headers_server_response=["x-page"],
    ) == {
        "http.request.header.x_page": ["3", "4"],
        "http.request.header.accept": ["text/html"],
        "http.response.header.x_page": ["3", "4"],
    }


def test_those_of_a_light_span_are_within_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they are named by an option or by contrib's variable."""
    variable = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"
    given: list[dict[str, Any]] = [{"http_capture_headers_server_request": ["x-page"]}, {}]
    for options in given:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(
            ALL,
            light=["telemetry"],
            span_limits=SpanLimits(max_span_attribute_length=3),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        run(
            visit(
                Edge(answering(), tracer_provider=provider, **options),
                headers=[(b"x-page", b"12345")],
            )
        )
        [span] = exporter.get_finished_spans()
        assert (span.attributes or {})["http.request.header.x_page"] == ("123",)
        monkeypatch.setenv(variable, "x-page")


def test_an_edge_without_options_reads_contrib_s_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As contrib's middleware does, of requests and of responses."""
    for kind in ("REQUEST", "RESPONSE"):
        monkeypatch.setenv(f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_{kind}", "x-page")
    assert _captured([(b"x-page", b"3")]) == {
        "http.request.header.x_page": ["3"],
        "http.response.header.x_page": ["3"],
    }


def test_sanitised_headers_keep_only_their_name() -> None:
    """That it was there is worth knowing."""
    assert _captured(
        [(b"authorization", SECRET), (b"set-cookie", SECRET)],
        http_capture_headers_server_request=[".*"],
        http_capture_headers_server_response=["authorization", ".*cookie"],
        http_capture_headers_sanitize_fields=["authorization", ".*cookie"],
    ) == {
        "http.request.header.host": ["alameda.ca.civic.band"],
        "http.request.header.authorization": ["[REDACTED]"],
        "http.request.header.set_cookie": ["[REDACTED]"],
        "http.response.header.authorization": ["[REDACTED]"],
        "http.response.header.set_cookie": ["[REDACTED]"],
    }


def test_bytes_that_are_no_text_are_captured_as_latin_1() -> None:
    """Contrib's own reading raises on a lone backslash after an invalid byte."""
    captured = _captured(
        [(b"x-odd", b"\xff\\"), (b"x-\xe9", b"\x00\xc3(")],
        http_capture_headers_server_request=["x-.*"],
    )
    assert captured == {
        "http.request.header.x_odd": ["\xff\\"],
        "http.request.header.x_\xe9": ["\x00\xc3("],
    }


def test_a_long_value_is_cut() -> None:
    """A client can send 64 KB of it."""
    [values] = _captured(
        [(b"x-long", b"x" * 5000)], http_capture_headers_server_request=["x-long"]
    ).values()
    # To 1,024 once it is redacted: tests/telemetry/redaction/test_cutting.py.
    assert values == ["x" * (1024 + MARGIN)]
    shown = Redactor(RedactionSettings()).attributes({"http.request.header.x_long": values})
    assert shown == {"http.request.header.x_long": ["x" * 1024]}


def test_an_excluded_request_is_asked_for_no_headers() -> None:
    """There is no span to put them on, and the page is served as ever."""
    observed = Observed(
        answering(200, headers=[(b"x-page", b"3")]),
        excluded_urls="health",
        http_capture_headers_server_response=["x-page"],
    )
    assert isinstance(observed.edge, Edge)
    assert run(visit(observed.edge, "/health")).status == 200
    assert observed.spans == ()
