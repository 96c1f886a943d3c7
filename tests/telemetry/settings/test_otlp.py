"""The OTEL_EXPORTER_OTLP_* variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.settings.reading import problems, read, wrong

if TYPE_CHECKING:
    from telemetry.settings.model import Signal


def test_the_base_address_gets_each_signals_path() -> None:
    """As the specification says, with or without a slash at its end."""
    settings = read(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318/base/")
    assert {s: o.endpoint for s, o in settings.otlp.items()} == {
        "traces": "http://collector:4318/base/v1/traces",
        "metrics": "http://collector:4318/base/v1/metrics",
        "logs": "http://collector:4318/base/v1/logs",
    }


def test_defaults_are_the_specifications() -> None:
    """http/protobuf, not the gRPC that a plain `otlp` means in the stock configurator."""
    otlp = read(OTEL_TRACES_EXPORTER="otlp").otlp["traces"]
    assert (otlp.protocol, otlp.endpoint) == ("http/protobuf", "http://localhost:4318/v1/traces")
    grpc = read(OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="gRPC").otlp["traces"]
    assert (grpc.protocol, grpc.endpoint) == ("grpc", "http://localhost:4317")


def test_a_signals_own_variable_wins() -> None:
    """For every kind of value."""
    settings = read(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318",
        OTEL_EXPORTER_OTLP_HEADERS="X-One=1,x-two=a%20b",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-three=3",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_EXPORTER_OTLP_LOGS_COMPRESSION="none",
        OTEL_EXPORTER_OTLP_TIMEOUT="3",
        OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="0.5",
    )
    assert dict(settings.otlp["logs"].headers) == {"x-one": "1", "x-two": "a b"}
    assert dict(settings.otlp["traces"].headers) == {"x-three": "3"}
    assert settings.otlp["traces"].compression == "gzip"
    assert settings.otlp["logs"].compression == "none"
    assert settings.otlp["metrics"].timeout == 0.5
    assert settings.otlp["logs"].timeout == 3


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "ftp://collector",
        "http://",
        "http://c:port",
        "http://c:70000",
        "http://a b",
    ],
)
def test_a_malformed_endpoint_is_an_error(endpoint: str) -> None:
    """Named with the value and an example of what was wanted."""
    (problem, *_) = problems(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert problem.variable == "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert problem.given == endpoint
    assert "http://localhost:4318" in problem.wanted


def test_grpc_takes_an_address_without_a_scheme() -> None:
    """Its own form, which Python's exporter knows."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    settings = read(OTEL_EXPORTER_OTLP_ENDPOINT="collector:4317", **environ)
    assert settings.otlp["traces"].endpoint == "collector:4317"
    assert wrong(OTEL_EXPORTER_OTLP_ENDPOINT="collector:none", **environ)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grcp"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/certificate"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error(variable: str, value: str) -> None:
    """By the name of the variable that was set."""
    names = wrong(OTEL_TRACES_EXPORTER="otlp", **{variable: value})
    assert names == [variable]


@pytest.mark.parametrize("value", ["sesame", "=sesame", "bad name=sesame", "a=b%0D%0Ac: sesame"])
def test_a_malformed_header_list_is_an_error_that_keeps_the_secret(value: str) -> None:
    """Headers hold tokens: the message counts the items and repeats none."""
    given = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_HEADERS": f"x-ok=1,{value}"}
    (problem,) = problems(**given)
    assert problem.variable == "OTEL_EXPORTER_OTLP_HEADERS"
    assert "item 2" in problem.wanted
    assert "sesame" not in str(problem)


def test_a_batch_is_cut_to_its_queue_and_a_note_says_so() -> None:
    """The SDK's processors raise for it. For spans and for log records."""
    forms: tuple[tuple[str, Signal], ...] = (("BSP", "traces"), ("BLRP", "logs"))
    for form, signal in forms:
        settings = read(**{f"OTEL_{form}_MAX_QUEUE_SIZE": "100"})
        assert settings.queue(signal).max_batch == settings.queue(signal).max_size == 100
        [note] = settings.notes
        assert note == (
            f"OTEL_{form}_MAX_EXPORT_BATCH_SIZE is 512 and OTEL_{form}_MAX_QUEUE_SIZE is 100: "
            "an export has at most 100 items"
        )


def test_an_unknown_status_code_of_grpc_is_an_error() -> None:
    """The SDK raises a KeyError for it, in the worker."""
    variable = "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES"
    [problem] = problems(**{variable: "UNAVAILABLE,AWAY"})
    assert problem.variable == variable
    assert problem.given == "UNAVAILABLE,AWAY"
    assert "UNAVAILABLE" in problem.wanted
