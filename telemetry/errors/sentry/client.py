"""Sets up Sentry's SDK for errors only, in the process that serves requests."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sentry_sdk
from opentelemetry import trace
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger

from telemetry import private_api
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

# OpenTelemetry's errors repeat for as long as a backend is unreachable. Django's
# security log is about requests that get a 400 response.
IGNORED_LOGGERS = ("opentelemetry.*", "django.security.*")


# Seconds.
CLOCK_TOLERANCE = 0.005


class ErrorTracking:
    """Sentry's SDK in this process.

    Args:
        settings: the settings; without a DSN nothing is started.
        redactor: redacts every event.
        traced: whether traces are exported, so that events may link to them.
    """

    def __init__(self, settings: Settings, redactor: Redactor, *, traced: bool) -> None:
        self._settings = settings
        self._traced = traced
        self._started = False
        self._before_send = BeforeSend(settings, redactor)
        self._accepted = 0
        self._flushed = 0
        # What the SDK's queue holds of those, if a flush has looked since the last event.
        self._queued: int | None = None

    def start(self) -> None:
        """Initialise the SDK, unless the host has.

        Call it after a server's fork: the SDK's sending thread does not survive a fork.
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
            # The default integrations patch every view, template and query of Django,
            # each thread that is started, and HTTP clients.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                # No breadcrumbs: the trace has the log records, which hold text that
                # clients sent.
                LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None)
            ],
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            trace_propagation_targets=[],
            include_local_variables=settings.local_variables,
            before_send=self._count_event,
            max_request_body_size="never",
            spotlight=False,
        )
        for name in IGNORED_LOGGERS:
            ignore_logger(name)
        link = private_api.get(private_api.SENTRY_LINK)
        if link is not None:
            link(_current_ids)
        # Used for the first error. Looked up here, so that a warning about a missing name is
        # logged at start-up.
        private_api.get(private_api.SENTRY_EVENT)
        sentry_sdk.get_global_scope().add_event_processor(
            EventProcessor(settings, traced=self._traced)
        )
        failures.report_to(_capture)
        install_hooks()
        self._started = True

    @property
    def undelivered(self) -> int:
        """Number of events that no `flush` has delivered yet.

        It does not depend on a flush that is running: on a busy machine its thread may not
        have begun when the caller gives up.
        """
        accepted = self._accepted - self._flushed
        return accepted if self._queued is None else min(self._queued, accepted)

    def flush(self, timeout: float) -> None:
        """Send pending events, for at most ``timeout`` seconds."""
        # With no time left, the SDK returns without a look at its queue.
        if not self._started or timeout <= 0:
            return
        accepted = self._accepted
        waited = False

        def still_waiting(pending: int, _timeout: float) -> None:
            nonlocal waited
            waited = True
            # The SDK queues the flush itself behind the events, so one is not an event. Earlier
            # flushes that timed out may be queued as well: see `undelivered`.
            self._queued = pending - 1

        deadline = time.monotonic() + timeout
        sentry_sdk.flush(timeout, still_waiting)
        # The SDK does not say whether it timed out. Its wait may end a moment before the deadline.
        if not waited or time.monotonic() < deadline - CLOCK_TOLERANCE:
            self._flushed = accepted

    def _count_event(self, event: Event, hint: Hint) -> Event | None:
        sent = self._before_send(event, hint)
        if sent is not None:
            self._accepted += 1
            self._queued = None
        return sent


def _capture(error: Exception, caught_by: str, record: RequestRecord | None) -> None:
    make = private_api.get(private_api.SENTRY_EVENT)
    program = running_program(sys.argv) if caught_by == "sys.excepthook" else None
    if make is None:
        with sentry_sdk.new_scope() as scope:
            scope.set_tag(str(CAUGHT_BY), caught_by)
            if program is not None:
                scope.set_transaction_name(program)
            sentry_sdk.capture_exception(error)
        return
    event, hint = make(
        error,
        client_options=sentry_sdk.get_client().options,
        mechanism={"type": caught_by, "handled": False},
    )
    hint[RECORD] = record
    event["tags"] = {str(CAUGHT_BY): caught_by}
    if program is not None:
        event["transaction"] = program
    sentry_sdk.capture_event(event, hint)


def running_program(arguments: Sequence[str]) -> str:
    """The name of the running program, with the command of ``manage.py``.

    Other arguments are left out: they may hold private data.
    """
    name = Path(arguments[0]).name if arguments else ""
    command = arguments[1] if len(arguments) > 1 else ""
    if name in {"manage.py", "django-admin"} and command.isidentifier():
        return f"{name} {command}"
    return name


def _current_ids() -> tuple[str, str] | None:
    origin = failures.current_origin()
    if origin is None:
        return None
    return trace.format_trace_id(origin.trace_id), trace.format_span_id(origin.span_id)
