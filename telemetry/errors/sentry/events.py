"""Selects error events, and adds the trace, site, route, fingerprint and links to each."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import sentry_sdk
from opentelemetry import trace
from opentelemetry.trace import TraceFlags

from telemetry.errors import failures
from telemetry.errors.grouping import fingerprint
from telemetry.errors.sentry.hooks import started_in
from telemetry.errors.sentry.host_client import event_url_of
from telemetry.errors.sentry.redaction import AllowedHeaders
from telemetry.errors.sqlite_functions import is_callback_error
from telemetry.export.budgets import Admission
from telemetry.failsafe import failed
from telemetry.header_values import HOST
from telemetry.logs.context import context_of
from telemetry.logs.plain import all_without_headers
from telemetry.registry import events as e
from telemetry.registry.redaction import MARGIN
from telemetry.request import request_record
from telemetry.scope import MAX_HOST, MAX_PATH, header
from telemetry.settings.parse import TRACE_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from logging import LogRecord

    from sentry_sdk.types import Event, Hint

    from telemetry.errors.failures import Origin
    from telemetry.export.budgets import EventBudget
    from telemetry.logs.context import LogContext
    from telemetry.request import RequestRecord
    from telemetry.settings import Settings

RECORD = "telemetry_record"
"""Key of a hint: the request's record, if it is not the current one."""
REPORTED = "telemetry_reported"
"""Key of a hint: set in those of events that telemetry creates."""

_SAMPLING = "dynamic_sampling_context"
# These end a task, a program or a server; they are not failures.
ENDINGS = (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)
# Sentry's limit for a tag's value and a transaction's name. Those of a site and a route, which a
# client does not choose, are cut before they are redacted.
MAX_TAG = 200


class EventProcessor:
    """An event processor of Sentry's SDK, for the events of the client that telemetry starts.

    Runs on the thread that fails, in its context, before the event is serialised.
    """

    def __init__(
        self, settings: Settings, *, traced: bool, budget: EventBudget | None = None
    ) -> None:
        self._trace_url = settings.trace_url if traced else None
        self._traced = traced
        self._budget = budget
        self._headers = AllowedHeaders(settings)

    def __call__(self, event: Event, hint: Hint) -> Event | None:
        """Return the changed event, or None to drop it."""
        if event.get("type") is not None:
            # A check-in or another item that the host sends.
            return event
        try:
            return self._prepared(event, hint)
        except Exception as problem:  # noqa: BLE001 # the event is sent unchanged
            failed("errors.event", problem)
            return event

    def refuses(
        self,
        error: BaseException | None,
        record: RequestRecord | None,
        log: LogRecord | None = None,
    ) -> bool:
        """Whether an event would be dropped. It then need not be made, which takes milliseconds.

        An event that the limits leave out is counted here.

        Args:
            error: its exception.
            record: its request.
            log: the log record that it is made of.
        """
        return not self._is_wanted(error, log, record) or self._is_left_out(error, log)

    def _is_wanted(
        self, error: BaseException | None, log: LogRecord | None, record: RequestRecord | None
    ) -> bool:
        return _is_wanted(error, log, record)

    def _is_left_out(self, error: BaseException | None, log: LogRecord | None) -> bool:
        if self._budget is None:
            return False
        group = fingerprint({} if log is None else {"logger": log.name}, log, error)
        refused = self._budget.refuses(group, by_request=failures.is_by_request(error))
        if refused and error is not None:
            failures.mark_reported(error)
        return refused

    def _prepared(self, event: Event, hint: Hint) -> Event | None:
        error, log, record = subject(hint)
        if not self._is_wanted(error, log, record):
            return None
        group = fingerprint(event, log, error)
        admission = self._admit(event, error, group)
        if not admission.is_admitted:
            return None
        self._link(event, _origin_of_event(error, log, record), error, admission)
        if record is not None:
            self._describe(event, record)
            event["request"] = self._request(record)
        elif log is not None and not _is_out_of_context(log):
            # A server's line of a request that has ended.
            self._describe(event, context_of(log))
        # Django's request object, in a log record of Django. It has the query string.
        event.get("extra", {}).pop("request", None)
        if not event.get("fingerprint"):
            event["fingerprint"] = group
        event_id = str(event.get("event_id", ""))
        if error is not None:
            failures.mark_reported(error, event_id)
        if record is not None:
            record.note_event(event_id)
        _remove_headers(event, record)
        return event

    def _admit(self, event: Event, error: BaseException | None, group: list[str]) -> Admission:
        """Whether the event is sent. Its own group counts, not one that the host has given it."""
        by_request = failures.is_by_request(error)
        if by_request:
            event.setdefault("tags", {})[str(e.CAUSE)] = failures.BY_REQUEST
        if self._budget is None:
            return Admission(is_admitted=True)
        admission = self._budget.admit(group, by_request=by_request)
        if not admission.is_admitted and error is not None:
            failures.mark_reported(error)
        if admission.left_out:
            left_out: dict[str, object] = {str(e.LEFT_OUT_COUNT): admission.left_out}
            event.setdefault("contexts", {})[str(e.LEFT_OUT_CONTEXT)] = left_out
        return admission

    def _describe(self, event: Event, record: RequestRecord | LogContext) -> None:
        tags = event.setdefault("tags", {})
        if record.site is not None:
            tags[str(e.SITE)] = record.site[:MAX_TAG]
        if record.route is not None:
            tags[str(e.HTTP_ROUTE)] = event["transaction"] = record.route[:MAX_TAG]
            event["transaction_info"] = {"source": "route"}

    def _request(self, record: RequestRecord) -> dict[str, object]:
        request: dict[str, object] = {"method": record.method}
        url = _url(record.scope)
        if url is not None:
            request["url"] = url
        sent = record.scope.get("headers") or ()
        headers = self._headers.of((k.decode("latin-1"), v.decode("latin-1")) for k, v in sent)
        if headers:
            request["headers"] = headers
        return request

    def _link(
        self,
        event: Event,
        origin: Origin | None,
        error: BaseException | None,
        admission: Admission,
    ) -> None:
        contexts = event.setdefault("contexts", {})
        # Outside a trace, Sentry generates an id that belongs to no trace.
        contexts.pop("trace", None)
        if origin is None:
            return
        contexts["trace"] = _trace_context(origin)
        self._link_to_page(event, origin, error, admission)

    def _link_to_page(
        self,
        event: Event,
        origin: Origin,
        error: BaseException | None,
        admission: Admission,
    ) -> None:
        if not self._traced:
            return
        by_request = failures.is_by_request(error)
        if not failures.is_kept(origin, by_request=by_request, always=admission.is_first):
            event.setdefault("tags", {})[str(e.TRACE_SAMPLED)] = "false"
        elif self._trace_url is not None:
            link = self._trace_url.replace(TRACE_ID, trace.format_trace_id(origin.trace_id))
            event["contexts"][str(e.LINKS_CONTEXT)] = {str(e.LINKS_TRACE): link}


class HostEventProcessor(EventProcessor):
    """An event processor for the events of a client that the host initialised.

    The host's settings decide which events there are, what they contain and how they are grouped.
    This adds the trace, the tags and the link, and drops the second event of one exception.
    """

    def __init__(
        self, settings: Settings, *, traced: bool, budget: EventBudget | None = None
    ) -> None:
        super().__init__(settings, traced=traced, budget=budget)
        self._event_url = settings.event_url
        self._noted = threading.local()

    def not_sent(self, event_id: str) -> None:
        """Remove an event's id from its request: the host's settings have dropped the event.

        Called on the thread that has prepared the event, and no more than once for each.
        """
        record, error = self._pending().pop(event_id, (None, None))
        if record is not None and event_id in record.events:
            record.events.remove(event_id)
        if error is not None:
            failures.mark_dropped(error, event_id)

    def sent(self, event_id: str) -> None:
        """Forget what `not_sent` would need."""
        self._pending().pop(event_id, None)

    def _pending(self) -> dict[str, tuple[RequestRecord | None, BaseException | None]]:
        pending: dict[str, tuple[RequestRecord | None, BaseException | None]]
        pending = self._noted.__dict__.setdefault("pending", {})
        return pending

    def _is_wanted(
        self, error: BaseException | None, log: LogRecord | None, record: RequestRecord | None
    ) -> bool:
        return error is None or not _is_own_reported(error, record)

    def _prepared(self, event: Event, hint: Hint) -> Event | None:
        error, log, record = subject(hint)
        origin = None
        if error is not None and _is_of_a_thread(event):
            # Sentry's integration reports it in the thread, which has no span.
            origin, record = started_in(threading.current_thread())
            failures.set_origin(error, origin)
        if error is not None and _is_own_reported(error, record):
            return None
        group, admission = fingerprint(event, log, error), Admission(is_admitted=True)
        if hint.get(REPORTED):
            # Which others there are, the host's settings decide.
            admission = self._admit(event, error, group)
            if not admission.is_admitted:
                return None
        self._link(event, origin or _origin_of_event(error, log, record), error, admission)
        if record is not None:
            self._describe(event, record)
        elif log is not None and not _is_out_of_context(log):
            self._describe(event, context_of(log))
        if hint.get(REPORTED):
            # Created by telemetry, so no integration has added these.
            if record is not None and "request" not in event:
                event["request"] = self._request(record)
            if not event.get("fingerprint"):
                event["fingerprint"] = group
        event_id = str(event.get("event_id", ""))
        if error is not None:
            failures.mark_reported(error, event_id)
        if record is not None:
            record.note_event(event_id)
            record.event_url = self._event_url or event_url_of(sentry_sdk.get_client()) or ""
        self._pending()[event_id] = record, error
        return event

    def _describe(self, event: Event, record: RequestRecord | LogContext) -> None:
        named = event.get("transaction")
        info = event.get("transaction_info")
        super()._describe(event, record)
        if named:
            event["transaction"] = named
            event["transaction_info"] = info or {}

    def _link(
        self,
        event: Event,
        origin: Origin | None,
        error: BaseException | None,
        admission: Admission,
    ) -> None:
        if origin is None:
            return
        contexts = event.setdefault("contexts", {})
        found: dict[str, Any] = contexts.get("trace") or {}
        own = _trace_context(origin)
        if found.get("trace_id") == own["trace_id"] and _SAMPLING in found:
            # The SDK moves it to the envelope. The rest of it describes a span of Sentry's.
            own[_SAMPLING] = found[_SAMPLING]
        contexts["trace"] = own
        self._link_to_page(event, origin, error, admission)


def subject(hint: Hint) -> tuple[BaseException | None, Any, RequestRecord | None]:
    """The exception, the log record and the request that an event is about."""
    error = (hint.get("exc_info") or (None, None, None))[1]
    log = hint.get("log_record")
    record = None if _is_out_of_context(log) else hint.get(RECORD) or request_record()
    return error, log, record


def _remove_headers(event: Event, record: RequestRecord | None) -> None:
    """Remove the values of the request's headers from messages, exceptions and extra fields.

    Without a record, those of the request that the task has outlived.
    """
    entry: Any = event.get("logentry") or {}
    if "params" in entry:
        entry["params"] = [all_without_headers(str(each), record) for each in entry["params"] or ()]
    holders: list[tuple[Any, Iterable[str]]] = [
        (event, ("message",)),
        (entry, ("message", "formatted")),
        *((each, ("value",)) for each in (event.get("exception") or {}).get("values") or ()),
        (event.get("extra") or {}, event.get("extra") or ()),
    ]
    for holder, keys in holders:
        for key in keys:
            if key in holder:
                holder[key] = all_without_headers(holder[key], record)


def _trace_context(origin: Origin) -> dict[str, Any]:
    return {
        "trace_id": trace.format_trace_id(origin.trace_id),
        "span_id": trace.format_span_id(origin.span_id),
    }


def _is_of_a_thread(event: Event) -> bool:
    values = (event.get("exception") or {}).get("values") or ()
    mechanism = (values[-1].get("mechanism") or {}) if values else {}
    return mechanism.get("type") == "threading"


def _is_wanted(error: BaseException | None, log: Any, record: RequestRecord | None) -> bool:
    if error is None:
        # Django logs every 5xx response. Only those with an exception are failures.
        return log is None or log.name != "django.request"
    if isinstance(error, ENDINGS):
        return False
    if record is not None and record.outcome == "disconnected":
        failures.mark_reported(error)
        return False
    if failures.is_reported(error):
        if record is not None:
            record.note_event(failures.event_id_of(error))
        return False
    if is_callback_error(error) and error.__cause__ is None:
        # The function's exception was reported when it was raised.
        failures.mark_reported(error)
        return False
    return True


def _is_own_reported(error: BaseException, record: RequestRecord | None) -> bool:
    """Whether this very exception has an event, which its request then refers to."""
    is_reported = bool(failures.own_event_id(error))
    if is_reported and record is not None:
        # None, if the host's settings have dropped it.
        record.note_event(failures.event_id_of(error))
    return is_reported


def _origin_of_event(
    error: BaseException | None, log: Any, record: RequestRecord | None
) -> Origin | None:
    origin = failures.origin_of(error) if error is not None else None
    if record is not None:
        own = record.span.get_span_context().trace_id
        if origin is None or origin.trace_id != own:
            # For example the start of a site, which several requests await and
            # which has another trace. The error page shows the request's trace id,
            # so the event has it, too.
            origin = failures.current_origin() or failures.Origin.of(record.span.get_span_context())
    elif origin is None and not _is_out_of_context(log):
        origin = failures.current_origin() or _origin_of_line(log)
    return origin if origin is not None and origin.trace_id else None


def _origin_of_line(log: Any) -> Origin | None:
    context = context_of(log) if log is not None else None
    if context is None or not context.trace_id:
        return None
    sampled = bool(int(context.trace_flags, 16) & TraceFlags.SAMPLED)
    return failures.Origin(int(context.trace_id, 16), int(context.span_id, 16), sampled)


def _is_out_of_context(log: Any) -> bool:
    # asyncio logs "exception was never retrieved" when the task is collected,
    # in the context of an unrelated request.
    return log is not None and log.name == "asyncio"


def _url(scope: Mapping[str, Any]) -> str | None:
    host = header(scope.get("headers") or (), b"host")
    if host is None or not HOST.fullmatch(host):
        # It may hold anything.
        return None
    # Without the query string, which holds text that clients sent.
    path = str(scope.get("path", ""))[: MAX_PATH + MARGIN]
    return f"{scope.get('scheme', 'http')}://{host[:MAX_HOST]}{path}"
