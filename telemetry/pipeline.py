"""The pipeline: builds, starts and flushes the providers for the settings."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import time
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs import LogRecordLimits
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from telemetry import private_api
from telemetry.datasette.folding import DatasetteSpanProcessor
from telemetry.datasette.meter import DatasetteMeter
from telemetry.datasette.sql_errors import is_statement_error
from telemetry.datasette.tracer import DatasetteTracer
from telemetry.errors import failures
from telemetry.errors.sentry.envelopes import event_destination
from telemetry.exceptions import TelemetryError
from telemetry.export.budgets import Budgets
from telemetry.export.catalog import destinations, senders
from telemetry.export.deferred import DeferredLogRecordProcessor, DeferredSpanProcessor
from telemetry.export.destination import worst_state
from telemetry.export.encoding.requests import Sources
from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.exporters import OutboxMetricExporter
from telemetry.export.flushing import Flusher, run_all
from telemetry.export.lengths import OF_THE_SDK, Lengths
from telemetry.export.processors import OTLPLogRecordProcessor, OTLPSpanProcessor
from telemetry.export.resource import build_resource
from telemetry.export.spool import SpoolFolder
from telemetry.failsafe import failed
from telemetry.forks import LONGEST_START, ForkLock
from telemetry.logfire.manual import attach
from telemetry.logs import bridge
from telemetry.logs.bridged import BridgedLogs
from telemetry.logs.processor import RequestLogProcessor
from telemetry.logs.provider import LoggerProvider
from telemetry.metrics.observers import observe_instances, observe_process, observe_telemetry
from telemetry.metrics.provider import enable_internal_metrics, reader_of, start_meter_provider
from telemetry.metrics.sites import SiteLabels
from telemetry.processes import ChildProcesses
from telemetry.redaction.redactor import Redactor
from telemetry.registry import attributes as a
from telemetry.registry.datasette import SCOPE
from telemetry.settings.model import SIGNALS, Settings
from telemetry.settings.sampler import ratios_of
from telemetry.traces.provider import TracerProvider
from telemetry.traces.samplers import RequestSampler, build_id_generator, build_sampler
from telemetry.traces.spans import RecordedSpanProcessor, record_spans
from telemetry.traces.tail import TailSpanProcessor
from telemetry.traces.tracestate import is_kept_by_rule
from telemetry.traces.unrecorded import is_proxy_provider
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry._logs import LoggerProvider as APILoggerProvider
    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler

    from telemetry.errors.sentry.client import ErrorTracking
    from telemetry.export.destination import Destination
    from telemetry.export.sender import Sender
    from telemetry.export.statistics import ExportState
    from telemetry.metrics.provider import MeterProvider
    from telemetry.settings.model import Signal

logger = logging.getLogger("telemetry")

REST_AFTER_STOP = 10.0
"""Seconds."""
SEND_BEFORE_LEAVING = 0.4
"""Seconds that a stopping process takes to send, before it writes what is left to the spool. None
for a destination that is not reached.
"""
LONGEST_FLUSH = 86_400.0
"""Seconds. Python can't wait for longer than some centuries."""


class Pipeline:
    """The providers of one configuration. The constructor changes no global state."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redactor = Redactor(settings.redaction)
        self.site_labels = SiteLabels(settings.site_limit)
        self.budgets = Budgets(settings.budgets)
        self.destinations: dict[Signal, list[Destination[Any]]] = {
            signal: destinations(settings, signal, self.redactor) for signal in SIGNALS
        }
        resource = build_resource(settings)
        # A script's metrics begin with its first span, also with one that is not recorded.
        ready = self.start if self.destinations["metrics"] else None
        sampler: Sampler
        if self.destinations["traces"]:
            sampler = build_sampler(settings.sampler, ready)
        else:
            # No span is recorded; trace ids still correlate log lines.
            sampler = RequestSampler(ALWAYS_OFF, ready=ready) if ready else ALWAYS_OFF
        # The SDK's exit handlers wait half a minute for an unreachable backend.
        self.tracer_provider = TracerProvider(
            sampler,
            resource,
            shutdown_on_exit=False,
            adapters={SCOPE: DatasetteTracer},
            light=("telemetry", SCOPE),
            id_generator=build_id_generator(settings.id_generator),
            span_limits=_span_limits(settings),
        )
        log_limits = _record_limits(settings)
        self.logger_provider = LoggerProvider(
            resource, shutdown_on_exit=False, log_record_limits=log_limits
        )
        self.meter_provider: MeterProvider | None = None
        folder = SpoolFolder(settings.spool) if settings.spool.folder else None
        self._senders = senders(settings, chain(*self.destinations.values()), folder)
        self._events = event_destination(settings)
        # Another thread than that of a signal that goes to the same address.
        self._event_senders = senders(settings, [self._events] if self._events else [], folder)
        self._senders += self._event_senders
        self._sources = Sources(self.redactor)
        lengths = Lengths.of(settings)
        values = ValueEncoder(
            self.redactor, lengths.span, _another(self.redactor, lengths.event, lengths.span)
        )
        of_records = _another(self.redactor, lengths.record, lengths.span) or values
        # Those whose items are not sent by a sender: they may have to be flushed.
        self._processors: list[DeferredSpanProcessor | DeferredLogRecordProcessor] = []
        self._span_processors = self._build_span_processors(values)
        self._log_processors = self._build_log_processors(of_records)
        self._pushing: list[MetricReader] = []
        self._tail: TailSpanProcessor | None = None
        self.folding: DatasetteSpanProcessor | None = None
        if self._span_processors:
            self.folding = self._build_folding()
            self.tracer_provider.add_span_processor(RecordedSpanProcessor())
            self.tracer_provider.add_span_processor(self.folding)
        for log_processor in (RequestLogProcessor(), *self._log_processors):
            self.logger_provider.add_log_record_processor(log_processor)
        for provider in (self.tracer_provider, self.logger_provider):
            provider.flush.attach(self.flush_provider, settings.shutdown_timeout)
        # Log records are on standard output already: the console exporter would repeat them.
        bridging = [p for p in self._log_processors if not _prints(p)]
        self._bridged = BridgedLogs(resource, bridging, log_limits) if bridging else None
        self.errors: ErrorTracking | None = None
        self._errors_started = False
        # A fork waits for it: a child of a pipeline that is half started could never start it.
        self._lock = ForkLock(LONGEST_START)
        self.is_started = False
        """Whether this process has started to export."""
        self._flushers: dict[Any, Flusher] = {}
        self._timed_out = False
        self._is_closed = False
        self._last_logged = 0
        self._flushes_at_exit = False
        self._watches_forks = False
        self._inherited = False
        self._children = ChildProcesses(
            self.start_errors, self.end_child, settings.shutdown_timeout
        )

    def _build_span_processors(self, values: ValueEncoder) -> list[SpanProcessor]:
        known = self.destinations["traces"]
        sent = [(d.outbox, d.endpoint.added) for d in known if d.outbox and d.endpoint]
        others = [
            DeferredSpanProcessor(d, d.build, self.settings, self.start) for d in known if d.build
        ]
        self._processors += others
        if not sent:
            return [*others]
        is_tail = self.settings.sampler.name == "tail"
        is_kept = _is_kept_by_rule if is_tail else None
        return [OTLPSpanProcessor(sent, values, self._sources, self.start, is_kept), *others]

    def _build_log_processors(self, values: ValueEncoder) -> list[LogRecordProcessor]:
        known = self.destinations["logs"]
        sent = [d.outbox for d in known if d.outbox]
        others = [
            DeferredLogRecordProcessor(d, d.build, self.settings, self.start)
            for d in known
            if d.build
        ]
        self._processors += others
        if not sent:
            return [*others]
        return [OTLPLogRecordProcessor(sent, values, self._sources, self.start), *others]

    def _build_folding(self) -> DatasetteSpanProcessor:
        """The chain of span processors: folding, then tail sampling, then export."""
        exporting: Any
        if len(self._span_processors) == 1:
            (exporting,) = self._span_processors
        else:
            exporting = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
            for processor in self._span_processors:
                exporting.add_span_processor(processor)
        if self.settings.sampler.name == "tail":
            exporting = self._tail = TailSpanProcessor(
                exporting,
                slow=self.settings.slow,
                is_expected=is_statement_error,
                budgets=self.budgets,
                ratios=ratios_of(self.settings.sampler),
            )
        return DatasetteSpanProcessor(exporting, fold_below=self.settings.fold_below)

    @property
    def was_kept(self) -> Callable[[int], bool] | None:
        """Returns whether an unsampled trace is exported; None without tail sampling."""
        return self._tail.was_kept if self._tail is not None else None

    def install(self) -> None:
        """Set the global tracer and logger providers. `start` sets the meter provider.

        Raises:
            TelemetryError: if another provider is installed already.
        """
        for kind, provider in (
            ("TracerProvider", trace.get_tracer_provider()),
            ("MeterProvider", metrics.get_meter_provider()),
            ("LoggerProvider", _logs.get_logger_provider()),
        ):
            if not is_proxy_provider(provider):
                raise TelemetryError(
                    f"a {kind} is installed already ({type(provider).__module__}."
                    f"{type(provider).__qualname__}): call telemetry.configure() before any other "
                    "OpenTelemetry or Logfire set-up, and remove that set-up; under "
                    "opentelemetry-instrument set OTEL_PYTHON_DISTRO=corkboard and "
                    "OTEL_PYTHON_CONFIGURATOR=corkboard"
                )
        record_spans()
        trace.set_tracer_provider(self.tracer_provider)
        _logs.set_logger_provider(self.logger_provider)
        if self._bridged is not None:
            self._bridged.watch_forks()
            bridge.send_to(self._bridged.emit, self.budgets.admit_log_record)
            self._flush_at_exit()
        self._children.watch()
        if self.destinations["traces"] or self.destinations["logs"]:
            attach(self.tracer_provider, self.logger_provider, self.flush)

    def name_service(self, name: str) -> None:
        """Set ``service.name`` to the host's name, if it is only the running program's name."""
        named = Resource({str(a.SERVICE_NAME): name})
        # The SDK uses this method after a fork. There is no public way to change a resource.
        private_api.call(private_api.TRACER_RESOURCE, self.tracer_provider, named)
        self._describe_logs(named)

    def _describe_logs(self, resource: Resource) -> None:
        private_api.call(private_api.LOGGER_RESOURCE, self.logger_provider, resource)
        if self._bridged is not None:
            private_api.call(private_api.LOGGER_RESOURCE, self._bridged.provider, resource)

    def start(self) -> None:
        """Start exporting in this process. Cheap to call again.

        Separate from the constructor, since threads that are started before a server
        forks its workers do not work in them. If the fork happens during a metric export
        of the main process, the worker never exports.
        """
        if self.is_started:
            return
        with self._lock:
            if not self._start_first():
                return
        _announce(self.logger_provider, self.describe())
        self._release_logs()
        self._take_over(self._senders)

    def _start_first(self) -> bool:
        """Start, unless another thread has just done so; the lock is held."""
        if self.is_started:
            return False
        self._watch_forks()
        self.is_started = True
        if self._senders:
            # Used for the first answer. A process that is forked while another thread imports
            # a module can never import it.
            importlib.import_module("telemetry.export.decoding")
        # The SDK gives each provider another instance id after a fork.
        self._describe_logs(self.tracer_provider.resource)
        # What fails to start takes nothing else along.
        try:
            self._start_metrics()
        except Exception as error:  # noqa: BLE001 # the SDK's, or an installed exporter's
            failed("metrics.start", error)
        try:
            self._start_errors()
        except Exception as error:  # noqa: BLE001 # Sentry's SDK may raise anything
            failed("errors.start", error)
        return True

    def _watch_forks(self) -> None:
        if not self._watches_forks:
            self._watches_forks = True
            os.register_at_fork(after_in_child=self._forked)

    def _release_logs(self) -> None:
        if self._bridged is not None:
            self._bridged.release()

    def _start_metrics(self) -> None:
        # Without a destination nothing is measured: it would take time for each query.
        if not self.destinations["metrics"]:
            return
        enable_internal_metrics()
        # Used after a fork. Looked up here, so that a warning is logged at start-up.
        private_api.get(private_api.METER_RESOURCE)
        readers: list[MetricReader] = []
        for destination in self.destinations["metrics"]:
            try:
                readers += self._readers(destination)
            except Exception as error:  # noqa: BLE001 # an installed exporter may raise anything
                failed("metrics.start", error)
        # What is scraped is never flushed: its samples would be taken twice.
        self._pushing = [r for r in readers if isinstance(r, PeriodicExportingMetricReader)]
        self.meter_provider = start_meter_provider(
            readers,
            # The tracer provider's resource has the instance id that the SDK sets after a fork.
            self.tracer_provider.resource,
            site_labels=self.site_labels,
            redactor=self.redactor,
            adapters={SCOPE: DatasetteMeter},
            exemplars=self.settings.exemplars,
        )
        self.meter_provider.flush.attach(self.flush_provider, self.settings.shutdown_timeout)
        # In a child after the SDK, which gives the provider an instance id that is another one's.
        os.register_at_fork(after_in_child=self._describe_metrics)
        meter = self.meter_provider.get_meter("telemetry", __version__)
        observe_instances(meter)
        observe_telemetry(
            meter,
            destinations=self.destinations,
            events=self._events,
            folding=self.folding,
            tail=self._tail,
            has_spool=self.settings.spool.folder is not None,
            left_out=self.budgets.left_out.counts,
        )
        observe_process(self.meter_provider)
        metrics.set_meter_provider(self.meter_provider)
        if metrics.get_meter_provider() is not self.meter_provider:
            logger.error("another MeterProvider was installed meanwhile: no metrics of ours")

    def _readers(self, destination: Destination[Any]) -> list[MetricReader]:
        made: list[Any] = []
        if destination.outbox is not None and destination.endpoint is not None:
            outbox, endpoint = destination.outbox, destination.endpoint
            made = [OutboxMetricExporter(outbox, endpoint, self._sources, self.redactor)]
        elif destination.build is not None:
            made = [destination.build()]
        interval, timeout = self.settings.metric_interval, self.settings.metric_timeout
        return [reader_of(each, interval, timeout) for each in made]

    def start_errors(self) -> None:
        """Start error tracking and log export only, in a process that serves no requests."""
        with self._lock:
            self._start_errors()
        self._release_logs()
        self._take_over(self._event_senders)

    def _take_over(self, senders: Sequence[Sender]) -> None:
        """Send what processes that have ended have left in the spool."""
        for sender in senders:
            if sender.has_spool:
                sender.wake()

    def _flush_at_exit(self) -> None:
        if not self._flushes_at_exit:
            self._flushes_at_exit = True
            atexit.register(self._at_exit)

    def _start_errors(self) -> None:
        self._flush_at_exit()
        if self._errors_started:
            return
        self._errors_started = True
        self._watch_forks()
        if self.settings.sentry is not None:
            self._track_errors()
        else:
            # The host may initialise Sentry's SDK itself, at any time.
            wrapt.register_post_import_hook(self._sentry_imported, "sentry_sdk")

    def _sentry_imported(self, _module: object) -> None:
        try:
            self._track_errors()
        except Exception as problem:  # noqa: BLE001 # it would fail the host's import
            failed("errors.start", problem)

    def _track_errors(self) -> None:
        from telemetry.errors.sentry.client import ErrorTracking

        failures.keep_traces_with(self._tail.keep if self._tail is not None else None)
        errors = ErrorTracking(
            self.settings,
            self.redactor,
            traced=bool(self.destinations["traces"]),
            sender=self._event_senders[0] if self._event_senders else None,
            budget=self.budgets.events,
        )
        self.errors = errors
        errors.start()

    def has_hosts_errors(self) -> bool:
        """Whether error events are sent by a client that the host initialised."""
        return self.errors is not None and self.errors.is_hosts

    def flush(self, timeout: float | None = None) -> int:
        """Send pending telemetry, for at most ``timeout`` seconds (TELEMETRY_SHUTDOWN_TIMEOUT).

        Can be called again after a time-out, and from several threads: each call waits for
        its own timeout, and at most a day.

        Returns:
            The number of spans, log records and error events that have not been delivered since
            the start.
        """
        seconds = self._seconds(timeout)
        finished = self._flush(seconds)
        # Logged once until the number changes, for a program that flushes in a loop.
        if self.undelivered != self._last_logged:
            self._log_undelivered("telemetry.flush() left", None if finished else seconds)
        return self.undelivered

    def flush_provider(self, timeout: float) -> bool:
        """Send pending telemetry of all signals, for one provider's ForceFlush or Shutdown.

        Returns:
            Whether all of it was delivered, or written to the spool, within ``timeout`` seconds.
        """
        if self._is_closed:
            return True
        lost = self._lost
        return self._flush(self._seconds(timeout)) and self._lost == lost

    def _seconds(self, timeout: float | None) -> float:
        wanted = self.settings.shutdown_timeout if timeout is None else timeout
        # In this order, NaN is 0.
        return float(max(0.0, min(wanted, LONGEST_FLUSH)))

    @property
    def _lost(self) -> int:
        """Number of items whose export has failed."""
        known = [*self._counted(), *self.destinations["metrics"]]
        return sum(destination.statistics.failed for destination in known)

    def stop(self) -> None:
        """Flush when the server stops, and log what was not delivered."""
        seconds = self.settings.shutdown_timeout
        self._timed_out = not self._flush_or_leave(seconds)
        # What a server logs after this, until its process ends, is not sent: whether it were would
        # depend on the moment, and a request could end in the middle. If the process goes on, it
        # is sent later.
        for sender in self._senders:
            sender.rest(REST_AFTER_STOP)
        self._log_undelivered("telemetry stopped with", seconds if self._timed_out else None)

    def _flush_or_leave(self, seconds: float) -> bool:
        """Flush. What is not sent soon is written to the spool, where there is one."""
        if not any(sender.has_spool for sender in self._senders):
            return self._flush(seconds)
        deadline = time.monotonic() + seconds
        soon = time.monotonic() + min(seconds, SEND_BEFORE_LEAVING)
        self._release_logs()
        if self._pushing:
            run_all([self._flusher(self)], soon - time.monotonic())
        for sender in self._senders:
            sender.hurry(soon)
        for sender in self._senders:
            if not sender.is_held_up:
                sender.flush(soon)
        for sender in self._senders:
            # Nothing is taken from the spool again.
            sender.rest(REST_AFTER_STOP)
        # What could not be written is sent, as without a spool.
        left = [sender.leave() or sender.flush(deadline) for sender in self._senders]
        others = self._waiting(collecting=False)
        left.append(run_all(others, max(0.0, deadline - time.monotonic())))
        if stored := sum(sender.stored for sender in self._senders):
            with suppress_instrumentation():
                logger.info(
                    "%d items are in the spool %s, for any process to send",
                    stored,
                    self.settings.spool.folder,
                )
        return all(left)

    def close(self) -> None:
        """Flush, and end every thread and connection. For a process that goes on without it.

        Takes at most twice TELEMETRY_SHUTDOWN_TIMEOUT. Providers that were installed record nothing
        afterwards; there is no other use for a closed pipeline.
        """
        seconds = self.settings.shutdown_timeout
        self._flush(seconds)
        deadline = time.monotonic() + seconds
        atexit.unregister(self._at_exit)
        self._pushing = []
        # The providers' shutdown flushes nothing else.
        self._is_closed = True
        providers: list[Any] = [self.tracer_provider, self.logger_provider]
        if self._bridged is not None:
            providers.append(self._bridged.provider)
        if self.meter_provider is not None:
            providers.append(self.meter_provider)
        closing = [Flusher(partial(_shut_down, each)) for each in providers]
        run_all(closing, seconds)
        for sender in self._senders:
            # What was recorded last; one thread each, so all send at the same time.
            sender.hurry(deadline)
        for sender in self._senders:
            sender.flush(deadline)
            sender.close()
        for sender in self._senders:
            sender.join(max(0.0, deadline - time.monotonic()))

    def _at_exit(self) -> None:
        # A server that stopped after a time-out has waited for the backend and logged it.
        if not self._timed_out:
            self.stop()

    def end_child(self) -> None:
        """Flush at the end of a child of multiprocessing, if it recorded anything."""
        if self._inherited:
            # The sums and counts of metrics include those that the parent sends.
            self._pushing = []
        if self._tail is not None:
            self._tail.decide_all()
        for sender in self._senders:
            # What is not encoded yet is counted afterwards.
            sender.fill()
        if self.undelivered or self._pushing or (self._bridged and self._bridged.holds):
            self._at_exit()
        # A child that was not forked runs it too.
        atexit.unregister(self._at_exit)

    def _flush(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        self._release_logs()
        for sender in self._senders:
            sender.hurry(deadline)
        # Among the others are the readers of metrics, whose last collection is sent afterwards.
        finished = run_all(self._waiting(), seconds, lambda: self.undelivered)
        sent = [sender.flush(deadline) for sender in self._senders]
        return finished and all(sent)

    def _log_undelivered(self, what: str, waited: float | None) -> None:
        self._last_logged = self.undelivered
        if waited is not None or self.undelivered:
            # Not to the exporters, which failed to deliver.
            with suppress_instrumentation():
                logger.warning(
                    "%s %s undelivered%s",
                    what,
                    self._describe_undelivered(),
                    "" if waited is None else f" after waiting {waited:g} s",
                )

    def _forked(self) -> None:
        # The SDK restarts its threads in the child and empties their queues. The parent
        # sends and counts what was in them.
        self._timed_out = False
        self._last_logged = 0
        self._flushers = {}
        self._inherited = True
        self.budgets.forked()
        if self.errors is not None:
            self.errors.forked()
        if self._tail is not None:
            self._tail.forked()
        # The SDK gives each provider an instance id of its own.
        self._describe_logs(self.tracer_provider.resource)
        for destination in [*self._counted(), *self.destinations["metrics"]]:
            destination.statistics.clear()
        if self._events is not None:
            self._events.statistics.clear()
        for sender in self._senders:
            sender.forked()

    def _describe_metrics(self) -> None:
        if self.meter_provider is not None:
            private_api.call(
                private_api.METER_RESOURCE, self.meter_provider, self.tracer_provider.resource
            )

    @property
    def undelivered(self) -> int:
        """Number of spans, log records and error events that were queued and not delivered."""
        return self._undelivered_records + self._undelivered_events

    @property
    def _undelivered_records(self) -> int:
        return sum(destination.statistics.undelivered for destination in self._counted())

    @property
    def _undelivered_events(self) -> int:
        own = self._events.statistics.undelivered if self._events is not None else 0
        return own + (0 if self.errors is None else self.errors.undelivered)

    def _describe_undelivered(self) -> str:
        described = f"{self._undelivered_records} spans and log records"
        if self._undelivered_events:
            described += f" and {self._undelivered_events} error events"
        return described

    def _counted(self) -> list[Destination[Any]]:
        return [*self.destinations["traces"], *self.destinations["logs"]]

    def _waiting(self, *, collecting: bool = True) -> list[Flusher]:
        parts: list[Any] = [p for p in self._processors if p.destination.statistics.pending]
        if self._pushing and collecting:
            parts.append(self)
        # In a forked child, a flush of Sentry's SDK with nothing to send may end by its timeout.
        if self.errors is not None and (self.errors.undelivered or not self._inherited):
            parts.append(self.errors)
        return [self._flusher(part) for part in parts]

    def _flusher(self, part: Any) -> Flusher:
        def force_flush(_seconds: float) -> None:
            # Without a timeout: the processors ignore it.
            part.force_flush()

        def collect(_seconds: float) -> None:
            # Likewise: the readers fail with it.
            for reader in self._pushing:
                reader.force_flush()

        flush: Callable[[float], object] = force_flush
        if part is self:
            flush = collect
        elif self.errors is not None and part is self.errors:
            flush = self.errors.flush
        return self._flushers.setdefault(part, Flusher(flush))

    def export_states(self) -> dict[str, ExportState]:
        """The worst state of the destinations of traces and of logs, by signal."""
        signals: tuple[Signal, ...] = ("traces", "logs")
        return {s: worst_state(self.destinations[s]) for s in signals if self.destinations[s]}

    def describe(self) -> list[str]:
        """A line for each signal with its destinations, without secrets."""
        return [
            f"{signal} -> {', '.join(map(str, self.destinations[signal])) or 'nowhere'}"
            for signal in SIGNALS
        ]


def _span_limits(settings: Settings) -> SpanLimits:
    limits = settings.limits
    # All of them, since the SDK reads a variable for each that is None.
    return SpanLimits(
        max_attributes=limits.attributes,
        max_events=limits.events,
        max_links=limits.links,
        max_span_attributes=_either(limits.span_attributes, limits.attributes),
        max_event_attributes=_either(limits.event_attributes, limits.attributes),
        max_link_attributes=_either(limits.link_attributes, limits.attributes),
        max_attribute_length=OF_THE_SDK,
        max_span_attribute_length=OF_THE_SDK,
    )


def _record_limits(settings: Settings) -> LogRecordLimits:
    limits = settings.limits
    return LogRecordLimits(
        max_attributes=limits.attributes,
        max_attribute_length=OF_THE_SDK,
        max_log_record_attributes=_either(limits.record_attributes, limits.attributes),
        max_log_record_attribute_length=OF_THE_SDK,
    )


def _another(redactor: Redactor, length: int | None, usual: int | None) -> ValueEncoder | None:
    """An encoder for values with another limit of length, if it is another."""
    return None if length == usual else ValueEncoder(redactor, length)


def _either(own: int | None, general: int) -> int:
    return general if own is None else own


def _shut_down(provider: Any, _seconds: float) -> None:
    # Without a timeout, which not every provider takes.
    provider.shutdown()


def _prints(processor: LogRecordProcessor) -> bool:
    return isinstance(processor, DeferredLogRecordProcessor) and processor.destination.immediate


def _is_kept_by_rule(span: ReadableSpan) -> bool:
    context = span.get_span_context()
    return context is not None and is_kept_by_rule(context.trace_state)


def _announce(provider: APILoggerProvider, destinations: Sequence[str]) -> None:
    """Emit a log record that telemetry has started.

    Args:
        provider: the logger provider of this process.
        destinations: a line for each signal, without secrets.
    """
    provider.get_logger("telemetry", __version__).emit(
        LogRecord(
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=f"telemetry started: {'; '.join(destinations)}",
            attributes={str(a.DESTINATIONS): destinations},
            event_name="corkboard.telemetry.started",
        )
    )
