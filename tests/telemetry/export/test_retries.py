"""What the SDK's exporters send again is counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from telemetry.export.catalog import destinations
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from telemetry.settings.model import RedactionSettings
from telemetry.testing import OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.export.destination import Destination


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """Over HTTP and gRPC."""
    with OTLPReceiver(grpc=True) as receiver:
        yield receiver


def _destination(environ: dict[str, str]) -> Destination[Any]:
    (destination,) = destinations(read_settings(environ), "traces", Redactor(RedactionSettings()))
    return destination


def _over(transport: str, receiver: OTLPReceiver) -> Destination[Any]:
    if transport == "logfire":
        return _destination({"LOGFIRE_TOKEN": "pylf_v1_us_x", "LOGFIRE_BASE_URL": receiver.url})
    grpc = transport == "grpc"
    return _destination(
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": transport,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if grpc else receiver.url,
        }
    )


@pytest.mark.parametrize("transport", ["http/protobuf", "grpc", "logfire"])
def test_each_attempt_after_the_first_is_a_retry(receiver: OTLPReceiver, transport: str) -> None:
    """Three spans, the second of which is answered with "later" once."""
    destination = _over(transport, receiver)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(destination.build()))
    tracer = provider.get_tracer("test")
    tracer.start_span("first").end()
    assert destination.statistics.retried == 0
    receiver.answer(503)
    sender = threading.Thread(target=lambda: tracer.start_span("late").end())
    sender.start()
    receiver.wait_for(lambda r: len(r.requests) == 2)
    receiver.answer(200)
    sender.join()
    tracer.start_span("last").end()
    provider.shutdown()
    assert [span.name for span in receiver.spans] == ["first", "late", "last"]
    assert destination.statistics.retried == 1


def test_a_credential_providers_session_is_the_operators(receiver: OTLPReceiver) -> None:
    """The variable is the SDK's; none of that name is installed here, which it says itself."""
    environ = {"OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER": "absent"}
    settings = read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **environ})
    assert settings.otlp["traces"].credential_provider
    assert not settings.otlp["logs"].credential_provider
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*next(iter(environ.items())))
        with pytest.raises(RuntimeError, match="absent"):
            _destination({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **environ}).build()
