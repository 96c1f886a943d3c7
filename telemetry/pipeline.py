"""From the settings to providers that send, and to what is in flight when a worker stops."""

from __future__ import annotations

import atexit
import logging
import os
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from telemetry import failures
from telemetry.adapters.sites import SiteLabels
from telemetry.announcement import announce
from telemetry.errors import TelemetryError
from telemetry.exporters.catalog import outlets
from telemetry.exporters.outlet import worst_state
from telemetry.flushing import Flush
from telemetry.logfire.manual import lend
from telemetry.logs import bridge
from telemetry.metering import start_meter_provider
from telemetry.observers.datasettes import observe_instances
from telemetry.observers.process import observe_process
from telemetry.observers.telemetry import observe_telemetry
from telemetry.processors.datasette import DatasetteSpanProcessor
from telemetry.processors.deferred import DeferredLogRecordProcessor, DeferredSpanProcessor
from telemetry.processors.failed import FailedSpanProcessor
from telemetry.processors.request import RequestLogProcessor
from telemetry.processors.tail import TailSpanProcessor
from telemetry.providers.bridged import BridgedLogs
from telemetry.providers.installed import is_stand_in
from telemetry.providers.resource import build_resource
from telemetry.providers.sampling import build_id_generator, build_sampler
from telemetry.providers.tracer import TracerProvider
from telemetry.redaction.redactor import Redactor
from telemetry.registry import attributes as a
from telemetry.settings.model import SIGNALS, Settings
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.exporters.outlet import ExportState, Outlet
    from telemetry.providers.meter import MeterProvider
    from telemetry.sentry.client import ErrorTracking
    from telemetry.settings.model import Signal

logger = logging.getLogger("telemetry")


class Pipeline:
    """The providers of one configuration. Building it writes nothing global."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._redactor = Redactor(settings.redaction)
        self.site_labels = SiteLabels(settings.site_limit)
        self.outlets: dict[Signal, list[Outlet[Any]]] = {
            signal: outlets(settings, signal, self._redactor) for signal in SIGNALS
        }
        resource = build_resource(settings)
        # Without a destination, trace ids still correlate and no span is recorded.
        sampler = build_sampler(settings.sampler) if self.outlets["traces"] else ALWAYS_OFF
        # The SDK's own exit handlers wait half a minute for a dead backend.
        self.tracer_provider = TracerProvider(
            sampler,
            resource,
            shutdown_on_exit=False,
            id_generator=build_id_generator(settings.id_generator),
            span_limits=SpanLimits(max_attribute_length=settings.attribute_length),
        )
        log_limits = LogRecordLimits(max_attribute_length=settings.attribute_length)
        self.logger_provider = LoggerProvider(
            resource, shutdown_on_exit=False, log_record_limits=log_limits
        )
        self.meter_provider: MeterProvider | None = None
        self._span_processors = [
            DeferredSpanProcessor(outlet, self.start) for outlet in self.outlets["traces"]
        ]
        self._log_processors = [
            DeferredLogRecordProcessor(outlet, self.start) for outlet in self.outlets["logs"]
        ]
        self._tail: TailSpanProcessor | None = None
        self.folding: DatasetteSpanProcessor | None = None
        if self._span_processors:
            self.folding = self._build_folding()
            self.tracer_provider.add_span_processor(FailedSpanProcessor())
            self.tracer_provider.add_span_processor(self.folding)
        for log_processor in (RequestLogProcessor(), *self._log_processors):
            self.logger_provider.add_log_record_processor(log_processor)
        # What is logged is on standard output already: a console has it once.
        bridging = [p for p in self._log_processors if p.outlet.name != "console"]
        self._bridged = BridgedLogs(resource, bridging) if bridging else None
        self.errors: ErrorTracking | None = None
        self._lock = Lock()
        self._started = Event()
        self._gave_up = False
        self._flushes_at_exit = False

    def _build_folding(self) -> DatasetteSpanProcessor:
        """From a span's end to the exporters: folded, then sampled, then sent."""
        exporting: Any = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
        for processor in self._span_processors:
            exporting.add_span_processor(processor)
        if self.settings.sampler.name == "tail":
            exporting = self._tail = TailSpanProcessor(exporting, slow=self.settings.slow)
        return DatasetteSpanProcessor(exporting, fold_below=self.settings.fold_below)

    @property
    def was_kept(self) -> Callable[[int], bool] | None:
        """Whether a trace that was not sampled is exported; None where none ever is."""
        return self._tail.was_kept if self._tail is not None else None

    def install(self) -> None:
        """Make the providers the global ones. The meter provider follows in `start`.

        Raises:
            TelemetryError: if somebody else's provider is installed already.
        """
        for kind, provider in (
            ("TracerProvider", trace.get_tracer_provider()),
            ("MeterProvider", metrics.get_meter_provider()),
            ("LoggerProvider", _logs.get_logger_provider()),
        ):
            if not is_stand_in(provider):
                raise TelemetryError(
                    f"a {kind} is installed already ({type(provider).__module__}."
                    f"{type(provider).__qualname__}): call telemetry.configure() before any other "
                    "OpenTelemetry or Logfire set-up, and remove that set-up; under "
                    "opentelemetry-instrument set OTEL_PYTHON_DISTRO=corkboard and "
                    "OTEL_PYTHON_CONFIGURATOR=corkboard"
                )
        trace.set_tracer_provider(self.tracer_provider)
        _logs.set_logger_provider(self.logger_provider)
        if self._bridged is not None:
            self._bridged.watch_forks()
            bridge.send_to(self._bridged.emit)
            self._flush_at_exit()
        if self.outlets["traces"] or self.outlets["logs"]:
            lend(self.tracer_provider, self.logger_provider, self.flush)

    def name_service(self, name: str) -> None:
        """Give the service the host's own name, where the one it has is only what is running."""
        named = Resource({str(a.SERVICE_NAME): name})
        # The SDK's own way after a fork, and the only one: a resource is fixed otherwise.
        self.tracer_provider._update_resource(named)
        self._describe_logs(named)

    def _describe_logs(self, resource: Resource) -> None:
        self.logger_provider._update_resource(resource)
        if self._bridged is not None:
            self._bridged.provider._update_resource(resource)

    def start(self) -> None:
        """Start exporting in this process. Cheap to call again.

        Apart from the constructor, since what is started before a server forks
        its workers does not work in them: a fork during the master's metric
        export leaves the worker never exporting.
        """
        if self._started.is_set():
            return
        with self._lock:
            if self._started.is_set():
                return
            self._started.set()
            # After a fork each provider has an instance id of its own.
            self._describe_logs(self.tracer_provider.resource)
            self._start_metrics()
            self._start_errors()
            os.register_at_fork(after_in_child=self._forked)
        announce(self.logger_provider, self.describe())
        self._release_logs()

    def _release_logs(self) -> None:
        if self._bridged is not None:
            self._bridged.release()

    def _start_metrics(self) -> None:
        # Without a destination nothing is counted: for each query, that costs.
        if not self.outlets["metrics"]:
            return
        self.meter_provider = start_meter_provider(
            self.outlets["metrics"],
            # The tracer provider's, whose instance id the SDK renews after a fork.
            self.tracer_provider.resource,
            interval=self.settings.metric_interval,
            site_labels=self.site_labels,
            redactor=self._redactor,
        )
        meter = self.meter_provider.get_meter("telemetry", __version__)
        observe_instances(meter)
        observe_telemetry(meter, outlets=self.outlets, folding=self.folding, tail=self._tail)
        observe_process(self.meter_provider)
        metrics.set_meter_provider(self.meter_provider)
        if metrics.get_meter_provider() is not self.meter_provider:
            logger.error("another MeterProvider was installed meanwhile: no metrics of ours")

    def start_errors(self) -> None:
        """Start error tracking and logs alone, in a process that serves nothing."""
        with self._lock:
            self._start_errors()
        self._release_logs()

    def _flush_at_exit(self) -> None:
        if not self._flushes_at_exit:
            self._flushes_at_exit = True
            atexit.register(self.flush)

    def _start_errors(self) -> None:
        self._flush_at_exit()
        if self.settings.sentry is not None and self.errors is None:
            from telemetry.sentry.client import ErrorTracking

            self.errors = ErrorTracking(
                self.settings, self._redactor, traced=bool(self.outlets["traces"])
            )
            failures.keep_with(self._tail.keep if self._tail is not None else None)
            self.errors.start()

    def flush(self, timeout: float | None = None) -> int:
        """Send what is in flight, for at most ``timeout`` seconds (TELEMETRY_SHUTDOWN_TIMEOUT).

        Safe to call again: a second call sends what came since and the metrics' latest totals,
        and does not wait once more for a backend that an earlier one gave up on.

        Returns:
            How many spans, log records and error events have not been delivered since the start.
        """
        self._release_logs()
        if not self._gave_up:
            seconds = self.settings.shutdown_timeout if timeout is None else timeout
            flush = Flush(self._flushers(seconds))
            self._gave_up = not flush.run(seconds, lambda: self.undelivered)
            if self._gave_up or self.undelivered:
                # Not to where nothing arrives.
                with suppress_instrumentation():
                    logger.warning(
                        "telemetry stopped with %s undelivered%s",
                        self._describe_undelivered(),
                        f" after waiting {seconds:g} s" if self._gave_up else "",
                    )
        return self.undelivered

    def _forked(self) -> None:
        # The SDK starts its threads anew in the child and empties their queues:
        # what was in them is the parent's to send, and to answer for.
        self._gave_up = False
        for outlet in [*self._counted(), *self.outlets["metrics"]]:
            outlet.tally.clear()

    @property
    def undelivered(self) -> int:
        """Spans, log records and error events that were handed over and have not arrived."""
        return self._undelivered_records + self._undelivered_events

    @property
    def _undelivered_records(self) -> int:
        return sum(outlet.tally.undelivered for outlet in self._counted())

    @property
    def _undelivered_events(self) -> int:
        return 0 if self.errors is None else self.errors.undelivered

    def _describe_undelivered(self) -> str:
        described = f"{self._undelivered_records} spans and log records"
        if self._undelivered_events:
            described += f" and {self._undelivered_events} error events"
        return described

    def _counted(self) -> list[Outlet[Any]]:
        return [*self.outlets["traces"], *self.outlets["logs"]]

    def _flushers(self, seconds: float) -> list[Any]:
        processors: tuple[Any, ...] = (*self._span_processors, *self._log_processors)
        waiting: list[Any] = [p.force_flush for p in processors if p.outlet.tally.pending]
        if self.meter_provider is not None:
            waiting.append(self.meter_provider.force_flush)
        errors = self.errors
        if errors is not None:
            waiting.append(lambda: errors.flush(seconds))
        return waiting

    def export_states(self) -> dict[str, ExportState]:
        """By signal, traces and logs: the worst of its destinations'."""
        signals: tuple[Signal, ...] = ("traces", "logs")
        return {s: worst_state(self.outlets[s]) for s in signals if self.outlets[s]}

    def describe(self) -> list[str]:
        """Where each signal goes, a line each, without secrets."""
        return [
            f"{signal} -> {', '.join(map(str, self.outlets[signal])) or 'nowhere'}"
            for signal in SIGNALS
        ]
