"""Log records out of an OTLP logs request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.otlp_values import mapping, plain
from telemetry.testing.received import ReceivedLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def logs(request: ExportLogsServiceRequest) -> Iterator[ReceivedLog]:
    """Yield the request's log records in the order they were sent."""
    for group in request.resource_logs:
        resource = mapping(group.resource.attributes)
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                yield ReceivedLog(
                    body=plain(record.body),
                    severity_text=record.severity_text,
                    severity_number=record.severity_number,
                    attributes=mapping(record.attributes),
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    event_name=record.event_name,
                    time_ns=record.time_unix_nano or record.observed_time_unix_nano,
                    scope=scoped.scope.name,
                    schema_url=scoped.schema_url or group.schema_url,
                    resource=resource,
                )
