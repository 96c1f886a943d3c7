"""A host that uses each public name of `telemetry`, for type checkers."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from logging.config import dictConfig
from typing import Any, assert_type

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import telemetry
from telemetry.testing import Capture, EventReceiver, OTLPReceiver, ReceivedSpan

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

settings = telemetry.configure({"DEBUG": "1"}, default_service_name="typed", debug=True)
assert_type(settings.service_name, str)
dictConfig(telemetry.logging_config())
telemetry.instrument()
telemetry.quiet_datasette_errors()
telemetry.report_errors()
telemetry.redact(names=["x-member"], patterns=[re.compile("a+"), "b+"], keep_parameters=("page",))


class Application:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        telemetry.set_site("alameda.ca")
        telemetry.set_outcome("unknown_site")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except OSError as error:
            telemetry.set_failure(error)
        record = telemetry.request_record()
        assert_type(record, telemetry.RequestRecord | None)
        if record is not None:
            assert_type(record.site, str | None)
            assert_type(record.route, str | None)
            assert_type(record.method, str)
        assert_type(telemetry.trace_id(), str | None)


application = Application()
# A host may use the same name again, since the type of the result is Any.
application = telemetry.asgi_wrapper(application)
assert_type(telemetry.flush(1.5), int)
assert_type(telemetry.export_states(), dict[str, str])
assert_type(telemetry.__version__, str)

processor = telemetry.DatasetteSpanProcessor(BatchSpanProcessor(OTLPSpanExporter()), fold_below=0.1)
TracerProvider().add_span_processor(processor)

try:
    telemetry.configure({"OTEL_TRACES_EXPORTER": "absent"})
except telemetry.ConfigurationError as error:
    assert_type(error.problems, tuple[telemetry.Problem, ...])
    assert_type(error.problems[0].variable, str)
except (telemetry.InstrumentationError, telemetry.TelemetryError):
    raise


def before_send(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    redacted: dict[str, Any] | None = telemetry.redact_event(event, hint)
    return redacted


with OTLPReceiver() as receiver, EventReceiver() as errors:
    assert_type(receiver.url, str)
    assert_type(errors.dsn, str)
    assert_type(list(receiver.spans), list[ReceivedSpan])
with_capture = Capture()
