"""Sentry's client: errors and nothing else, started in the process that serves."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sentry_sdk
from opentelemetry import trace
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.scope import register_external_propagation_context
from sentry_sdk.utils import event_from_exception

from telemetry.errors import failures
from telemetry.errors.sentry.events import RECORD, EventProcessor
from telemetry.errors.sentry.hooks import install_hooks
from telemetry.errors.sentry.redaction import BeforeSend
from telemetry.registry.events import CAUGHT_BY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentry_sdk.types import Event, Hint

    from telemetry.redaction.redactor import Redactor
    from telemetry.request import RequestRecord
    from telemetry.settings import Settings

logger = logging.getLogger("telemetry")

# OpenTelemetry's own errors repeat for as long as a backend is away; Django's
# security log is of requests that it answered with 400.
IGNORED_LOGGERS = ("opentelemetry.*", "django.security.*")


class ErrorTracking:
    """Sentry's SDK in this process.

    Args:
        settings: with a DSN.
        redactor: what takes out of every event what is not to leave.
        traced: whether traces go anywhere, so that a link to one leads somewhere.
    """

    def __init__(self, settings: Settings, redactor: Redactor, *, traced: bool) -> None:
        self._settings = settings
        self._traced = traced
        self._started = False
        self._before_send = BeforeSend(settings, redactor)
        self._handed_over = 0
        self._gone = 0
        self.undelivered = 0
        """Events that the last `flush` gave up on, or has to wait for."""

    def start(self) -> None:
        """Initialise the SDK, unless somebody else has.

        Not before a server forks: the SDK's sending thread would stay behind.
        """
        settings = self._settings
        if settings.sentry is None:
            return
        if sentry_sdk.get_client().is_active():
            logger.error(
                "sentry_sdk is initialised already, so errors go there, unlinked and by its "
                "rules: remove the other sentry_sdk.init(), SENTRY_DSN is all it takes"
            )
            return
        sentry_sdk.init(
            dsn=settings.sentry.dsn,
            release=settings.release,
            environment=settings.environment,
            # Those that we leave out patch Django's every view, template and
            # query, each thread that is started, and what goes out by HTTP.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                # No breadcrumbs: the trace has its logs, and these hold what visitors typed.
                LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None)
            ],
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            trace_propagation_targets=[],
            include_local_variables=settings.local_variables,
            before_send=self._counted,
            max_request_body_size="never",
            spotlight=False,
        )
        for name in IGNORED_LOGGERS:
            ignore_logger(name)
        register_external_propagation_context(_current_ids)
        sentry_sdk.get_global_scope().add_event_processor(
            EventProcessor(settings, traced=self._traced)
        )
        failures.listen(_capture)
        install_hooks()
        self._started = True

    def flush(self, timeout: float) -> None:
        """Wait for what is on its way, for at most ``timeout`` seconds."""
        if not self._started:
            return

        handed_over = self._handed_over
        # Set here, since whoever waits for us may give up sooner than the SDK says anything.
        self.undelivered = handed_over - self._gone

        def still_waiting(pending: int, _timeout: float) -> None:
            # One of them is the flush itself, which the SDK queues behind the events; so did
            # each flush before that gave up, hence no more than there were events.
            self.undelivered = min(pending - 1, self._handed_over - self._gone)

        deadline = time.monotonic() + timeout
        sentry_sdk.flush(timeout, still_waiting)
        if time.monotonic() < deadline:
            self.undelivered, self._gone = 0, handed_over

    def _counted(self, event: Event, hint: Hint) -> Event | None:
        sent = self._before_send(event, hint)
        if sent is not None:
            self._handed_over += 1
        return sent


def _capture(error: Exception, caught_by: str, record: RequestRecord | None) -> None:
    mechanism = {"type": caught_by, "handled": False}
    event, hint = event_from_exception(
        error, client_options=sentry_sdk.get_client().options, mechanism=mechanism
    )
    hint[RECORD] = record
    event["tags"] = {str(CAUGHT_BY): caught_by}
    if caught_by == "sys.excepthook":
        event["transaction"] = running_program(sys.argv)
    sentry_sdk.capture_event(event, hint)


def running_program(arguments: Sequence[str]) -> str:
    """What a program that ended by an exception was: its name, and ``manage.py``'s command.

    No more of its arguments: they may be anything.
    """
    name = Path(arguments[0]).name if arguments else ""
    command = arguments[1] if len(arguments) > 1 else ""
    if name in {"manage.py", "django-admin"} and command.isidentifier():
        return f"{name} {command}"
    return name


def _current_ids() -> tuple[str, str] | None:
    place = failures.current_place()
    if place is None:
        return None
    return trace.format_trace_id(place.trace_id), trace.format_span_id(place.span_id)
