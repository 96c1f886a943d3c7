"""Log records that a library emits by OpenTelemetry's API, without `logging`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from telemetry.logs.processor import RequestLogProcessor
from telemetry.request import RequestRecord, attach_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry._logs import Logger


@pytest.fixture
def exporter() -> InMemoryLogRecordExporter:
    return InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]


@pytest.fixture
def logger(exporter: InMemoryLogRecordExporter) -> Logger:
    """A logger of the SDK, whose records pass the processor before they are exported."""
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(RequestLogProcessor())
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return provider.get_logger("library")


@pytest.fixture
def request_record() -> Iterator[RequestRecord]:
    """A request that is being served."""
    record = RequestRecord("GET", trace.INVALID_SPAN)
    token = context_api.attach(attach_record(record, Context()))
    yield record
    context_api.detach(token)


def _attributes(exporter: InMemoryLogRecordExporter) -> list[dict[str, Any]]:
    return [dict(each.log_record.attributes or {}) for each in exporter.get_finished_logs()]


def test_a_record_within_a_request_has_its_site_and_route(
    logger: Logger, exporter: InMemoryLogRecordExporter, request_record: RequestRecord
) -> None:
    """Beside its own attributes. What is not known yet is left out."""
    request_record.site = "alameda.ca"
    logger.emit(LogRecord(body="before the route is known", attributes={"page": 7}))
    request_record.route = "/{database}"
    logger.emit(LogRecord(body="without attributes"))
    assert _attributes(exporter) == [
        {"page": 7, "corkboard.site": "alameda.ca"},
        {"corkboard.site": "alameda.ca", "http.route": "/{database}"},
    ]


def test_a_record_after_the_request_has_neither(
    logger: Logger, exporter: InMemoryLogRecordExporter, request_record: RequestRecord
) -> None:
    """Background work that a request has started is not part of it."""
    request_record.site = "alameda.ca"
    request_record.ended = True
    logger.emit(LogRecord(body="later", attributes={"page": 7}))
    assert _attributes(exporter) == [{"page": 7}]
