"""Sends one error event, made by a client of Sentry's SDK, as telemetry's own client does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sentry_sdk
from sentry_sdk.transport import Transport

from telemetry.errors.sentry.envelopes import encode_envelope, make_client
from telemetry.errors.sentry.redaction import BeforeSend
from telemetry.errors.sentry.transport import item_of
from telemetry.export.answers import Answer
from telemetry.registry.spans import CHECK

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope

    from telemetry.commands.check.samples import Samples
    from telemetry.export.encoding.requests import Item
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import Settings


class _Collected(Transport):
    """Keeps the envelopes."""

    def __init__(self, dsn: str, redactor: Redactor) -> None:
        super().__init__({"dsn": dsn})
        self._redactor = redactor
        self.items: list[Item] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.items.append(item_of(envelope, self._redactor))


def send_error(
    settings: Settings, redactor: Redactor, samples: Samples, timeout: float
) -> tuple[Answer, str]:
    """Send one error event and wait for the response.

    Returns:
        The response, and the id of the event.
    """
    if settings.sentry is None:
        return Answer(), ""
    dsn = settings.sentry.dsn
    collected = _Collected(dsn, redactor)
    client = sentry_sdk.Client(
        dsn=dsn,
        transport=collected,
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
    client.close(timeout=0)
    try:
        sending = make_client(settings.sentry)
    except Exception as error:  # noqa: BLE001 # of a certificate's file
        return Answer(error=error), event_id or ""
    answer = sending.send(encode_envelope(collected.items), timeout)
    sending.close()
    return answer, event_id or ""
