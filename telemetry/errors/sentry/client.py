"""Reports errors by Sentry's SDK, in the process that serves requests.

By a client that telemetry initialises for errors only, or by the client of a host that calls
`sentry_sdk.init` itself, at any time. The event processor asks for each event which client it is.
"""

from __future__ import annotations

import logging
import sys
import time
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import sentry_sdk
from opentelemetry import trace
from sentry_sdk.integrations.logging import (
    LoggingIntegration,
    ignore_logger,
    unignore_logger,
)

from telemetry import private_api
from telemetry.errors import failures
from telemetry.errors.sentry.events import (
    RECORD,
    REPORTED,
    EventProcessor,
    HostEventProcessor,
    subject,
)
from telemetry.errors.sentry.hooks import install_hooks
from telemetry.errors.sentry.host_client import personal_data, sends
from telemetry.errors.sentry.redaction import BeforeSend
from telemetry.errors.sentry.transport import OutboxTransport
from telemetry.failsafe import failed
from telemetry.forks import renew_in_children
from telemetry.registry.events import CAUGHT_BY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentry_sdk.client import BaseClient
    from sentry_sdk.types import Event, Hint

    from telemetry.export.budgets import EventBudget
    from telemetry.export.sender import Sender
    from telemetry.redaction.redactor import Redactor
    from telemetry.request import RequestRecord
    from telemetry.settings import Settings

logger = logging.getLogger("telemetry")

# OpenTelemetry's errors repeat for as long as a backend is unreachable. A host's client would not
# have them without telemetry.
IGNORED_LOGGER = "opentelemetry.*"
# Django's security log is about requests that get a 400 response. A host's client has it.
IGNORED_SECURITY_LOGGER = "django.security.*"

# Integrations of a host's client, by what else catches the exceptions that each reports.
INTEGRATIONS = {
    "django": "django",
    "sys.excepthook": "excepthook",
    "threading.excepthook": "threading",
}

GUIDE = "docs/guides/from-sentry.md"

# Seconds.
CLOCK_TOLERANCE = 0.005


class ErrorTracking:
    """Sentry's SDK in this process.

    Args:
        settings: the settings; without a DSN nothing is started.
        redactor: redacts every event.
        traced: whether traces are exported, so that events may link to them.
        budget: limits the number of events.
        sender: sends the events of telemetry's own client. None without a DSN.
    """

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        *,
        traced: bool,
        sender: Sender | None,
        budget: EventBudget | None = None,
    ) -> None:
        self._settings = settings
        self._sender = sender
        self._started = False
        self._reporting = False
        self._own: BaseClient | None = None
        self._hosts: BaseClient | None = None
        # The client of the host that says which events it drops.
        self._watched: BaseClient | None = None
        self._lock = Lock()
        self._global_scope = sentry_sdk.get_global_scope()
        renew_in_children(self, "_lock")
        self._logged: set[str] = set()
        self._own_events = EventProcessor(settings, traced=traced, budget=budget)
        self._host_events = HostEventProcessor(settings, traced=traced, budget=budget)
        self._before_send = BeforeSend(settings, redactor)
        self._redactor = redactor
        self._accepted = 0
        self._flushed = 0
        # What the SDK's queue holds of those, if a flush has looked since the last event.
        self._queued: int | None = None

    @property
    def is_hosts(self) -> bool:
        """Whether a client of the host receives the events."""
        return self._hosts is not None

    def start(self) -> None:
        """Link the events of a host's client. Initialise the SDK if there is none.

        Call it after a server's fork: the SDK's sending thread does not survive a fork.
        Without a DSN, only a client of the host is used.
        """
        self._started = True
        # Of the global scope, which a later sentry_sdk.init() does not replace.
        self._global_scope.add_event_processor(self._process)
        ignore_logger(IGNORED_LOGGER)
        self._notice(sentry_sdk.get_client())
        sentry, sender = self._settings.sentry, self._sender
        if self._hosts is None and sentry is not None and sender is not None:
            self._initialise(sentry.dsn, sender)
            self._report_failures()

    def watch(self) -> None:
        """Notice a client that the host has initialised since. Cheap: called at each request."""
        # `sentry_sdk.init` assigns it there. That of another scope is noticed at its first event.
        self._notice(self._global_scope.client)

    def _notice(self, client: BaseClient) -> None:
        if client is not self._hosts and client is not self._own and sends(client):
            self._use_hosts(client)

    def _initialise(self, dsn: str, sender: Sender) -> None:
        settings = self._settings
        sentry_sdk.init(
            dsn=dsn,
            transport=OutboxTransport(dsn, sender, self._redactor),
            release=settings.release,
            environment=settings.environment,
            # The default integrations patch every view, template and query of Django,
            # each thread that is started, and HTTP clients.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[self._logging()],
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            trace_propagation_targets=[],
            include_local_variables=settings.local_variables,
            before_send=self._before_send,
            max_request_body_size="never",
            spotlight=False,
        )
        self._own = sentry_sdk.get_client()
        ignore_logger(IGNORED_SECURITY_LOGGER)
        link = private_api.get(private_api.SENTRY_LINK)
        if link is not None:
            link(_current_ids)

    def _logging(self) -> LoggingIntegration:
        # No breadcrumbs: the trace has the log records, which hold text that clients sent.
        integration = LoggingIntegration(
            level=None, event_level=logging.ERROR, sentry_logs_level=None
        )
        handler = private_api.get(private_api.SENTRY_LOG_HANDLER, integration)
        if handler is not None:
            handler.addFilter(self._is_sent)
        return integration

    def _is_sent(self, log: logging.LogRecord) -> bool:
        """Whether Sentry's handler makes an event of a log record."""
        try:
            error, _, record = subject({"exc_info": log.exc_info or None, "log_record": log})
            return not self._own_events.refuses(error, record, log)
        except Exception as problem:  # noqa: BLE001 # logging must not raise
            failed("errors.event", problem)
            return True

    def _use_hosts(self, client: BaseClient) -> None:
        with self._lock:
            if client is self._hosts:
                return
            self._hosts = client
        self._watch_dropped(client)
        if self._own is not None:
            unignore_logger(IGNORED_SECURITY_LOGGER)
            link = private_api.get(private_api.SENTRY_LINK)
            if link is not None:
                # With it, the SDK would add no headers to the host's outgoing requests.
                link(None)
        self._report_failures()
        self._log_hosts(client)

    def _watch_dropped(self, client: BaseClient) -> None:
        """Notice events that the client drops after they are prepared: by before_send, for example.

        Their ids must not be on spans. The client says so by what `capture_event` returns.
        """
        capture, events = private_api.get(private_api.SENTRY_CAPTURE, client), self._host_events
        if capture is None or "capture_event" in client.__dict__:
            return

        @wraps(capture)
        def capture_event(event: Event, *args: Any, **kwargs: Any) -> str | None:
            sent: str | None = None
            try:
                sent = capture(event, *args, **kwargs)
            finally:
                note = events.not_sent if sent is None else events.sent
                note(str(event.get("event_id")))
            return sent

        if private_api.replace(private_api.SENTRY_CAPTURE, capture_event, client):
            self._watched = client

    def _report_failures(self) -> None:
        if self._reporting:
            return
        self._reporting = True
        # Used for the first error and a host's client. Looked up here, so that a warning about a
        # missing name is logged at start-up.
        private_api.get(private_api.SENTRY_EVENT)
        private_api.get(private_api.SENTRY_CAPTURE)
        failures.report_to(self._capture)
        install_hooks()

    def _log_hosts(self, client: BaseClient) -> None:
        personal = personal_data(client.options)
        line = " ".join(self._description(client, personal))
        # Once: a host may initialise the SDK again and again.
        if line not in self._logged:
            self._logged.add(line)
            logger.log(logging.WARNING if personal else logging.INFO, "%s", line)

    def _description(self, client: BaseClient, personal: Sequence[str]) -> Iterator[str]:
        yield "the host has initialised sentry_sdk: its client sends the error events, with links"
        yield "to their traces and without redaction by telemetry."
        sentry = self._settings.sentry
        if self._own is not None:
            yield "It has replaced the client that telemetry had started with SENTRY_DSN."
        elif sentry is not None and sentry.dsn != client.dsn:
            yield "SENTRY_DSN differs from its DSN and is not used."
        if personal:
            yield f"Options that send personal data: {', '.join(personal)}."
        yield f"See {GUIDE}"

    def _process(self, event: Event, hint: Hint) -> Event | None:
        """The event processor, for events of whichever client is used."""
        client = sentry_sdk.get_client()
        if client is self._own:
            return self._own_events(event, hint)
        watched = client is self._watched
        self._notice(client)
        processed = self._host_events(event, hint)
        if not watched:
            # Nothing says whether it is sent, or its call began before the client was noticed.
            self._host_events.sent(str(event.get("event_id")))
        if processed is not None and processed.get("type") is None:
            self._accepted += 1
            self._queued = None
        return processed

    @property
    def undelivered(self) -> int:
        """Number of events that no `flush` has delivered yet, of a client of the host.

        It does not depend on a flush that is running: on a busy machine its thread may not
        have begun when the caller gives up.
        """
        accepted = self._accepted - self._flushed
        return accepted if self._queued is None else min(self._queued, accepted)

    def forked(self) -> None:
        """Start counting anew in a forked child: the parent sends what was queued."""
        self._flushed = self._accepted
        self._queued = None

    def flush(self, timeout: float) -> None:
        """Send pending events, for at most ``timeout`` seconds."""
        # With no time left, the SDK returns without a look at its queue.
        if not self._started or timeout <= 0:
            return
        deadline = time.monotonic() + timeout
        if self._own is not None:
            # It may still have queued events if the host's client has replaced it.
            self._own.flush(timeout)
        remaining = deadline - time.monotonic()
        if remaining > 0 and sentry_sdk.get_client() is not self._own:
            self._flush_hosts(remaining)

    def _capture(self, error: Exception, caught_by: str, record: RequestRecord | None) -> None:
        client = sentry_sdk.get_client()
        if not sends(client) or client.get_integration(INTEGRATIONS.get(caught_by, "")) is not None:
            # The host has closed it, or the integration reports the exception itself.
            return
        events = self._own_events if client is self._own else self._host_events
        if events.refuses(error, record):
            return
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
            client_options=client.options,
            mechanism={"type": caught_by, "handled": False},
        )
        hint[RECORD], hint[REPORTED] = record, True
        event["tags"] = {str(CAUGHT_BY): caught_by}
        if program is not None:
            event["transaction"] = program
        sentry_sdk.capture_event(event, hint)

    def _flush_hosts(self, timeout: float) -> None:
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
