"""Sends one error event with the client and transport of Sentry's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.transport import HttpTransport

from telemetry import private_api
from telemetry.errors.sentry.redaction import BeforeSend
from telemetry.export.answers import Answer
from telemetry.registry.spans import CHECK

if TYPE_CHECKING:
    from telemetry.commands.check.samples import Samples
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import Settings


def send_error(
    settings: Settings, redactor: Redactor, samples: Samples, timeout: float
) -> tuple[Answer, str]:
    """Send one error event and wait for the response.

    Returns:
        The response, and the id of the event. The response is empty if Sentry's SDK does not
        expose it.
    """
    answer = Answer()
    shown = private_api.get(private_api.SENTRY_ANSWER) is not None

    class Transport(HttpTransport):
        def _request(self, *args: Any, **options: Any) -> Any:
            try:
                response: Any = super()._request(*args, **options)
            except Exception as error:
                answer.error = error
                raise
            answer.status = response.status
            answer.content_type = response.headers.get("Content-Type", "")
            answer.location = response.headers.get("Location", "")
            answer.body = bytes(response.data or b"")
            return response

    client = sentry_sdk.Client(
        dsn=settings.sentry.dsn if settings.sentry is not None else None,
        transport=Transport,
        release=settings.release,
        environment=settings.environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=BeforeSend(settings, redactor),
        shutdown_timeout=timeout,
    )
    event_id = client.capture_event(
        {
            "message": str(CHECK),
            "level": "info",
            "contexts": {
                "trace": {"trace_id": samples.trace_id, "span_id": samples.span_id},
            },
        }
    )
    client.flush(timeout)
    if shown and answer.status is None and answer.error is None:
        answer.error = TimeoutError()
    client.close(timeout=0)
    return answer, event_id or ""
