"""The reader that collects one at a time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import Observation

from telemetry.metrics.provider import MeterProvider
from telemetry.metrics.reader import PeriodicReader
from tests.support.waiting import wait_until
from tests.telemetry.metrics.exported import Exported
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.sdk.metrics.export import (
        MetricExporter,
        MetricsData,
    )

HOUR = 3600.0


class Slow(PeriodicReader):
    """Exports what it collected first after what it collected second, unless that waits for it."""

    def __init__(self, exporter: MetricExporter) -> None:
        self.ready, self.first, self.second = (threading.Event() for _ in range(3))
        super().__init__(exporter, 0.001, 60)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if self.ready.is_set() and not self.first.is_set():
            self.first.set()
            self.second.wait(1)
            super()._receive_metrics(metrics_data, timeout_millis, **kwargs)
            return
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)
        if self.first.is_set():
            self.second.set()


def test_a_flush_is_exported_after_what_was_collected_before() -> None:
    """Of the SDK's instruments: its reader exports in the order of threads."""
    exported = Exported()
    reader = Slow(exported)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("host").create_counter("pages")
    counter.add(1)
    reader.ready.set()
    # On the reader's own thread.
    assert reader.first.wait(60)
    counter.add(1)
    provider.force_flush()
    provider.shutdown()
    assert exported.values == sorted(exported.values)
    assert exported.values[-1] == 2


@pytest.mark.parametrize("interval", [HOUR, float("inf")])
def test_the_last_measurements_are_exported_when_it_ends(interval: float) -> None:
    exported = Exported()
    provider = MeterProvider([PeriodicReader(exported, interval, 60)], shutdown_on_exit=False)
    counter = provider.get_meter("host").create_counter("pages")
    counter.add(1)
    provider.force_flush()
    counter.add(1)
    provider.shutdown()
    assert exported.values == [1, 2]
    assert "telemetry-metrics" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("is_late", [False, True])
def test_a_reader_collects_once_a_provider_has_it(
    is_late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """However long that takes: the SDK warns of a collection before."""
    exported = Exported()
    reader = PeriodicReader(exported, 0.001, 60)
    assert "telemetry-metrics" not in {thread.name for thread in threading.enumerate()}
    provider = MeterProvider([] if is_late else [reader], shutdown_on_exit=False)
    provider.get_meter("host").create_counter("pages").add(1)
    if is_late:
        provider.add_metric_reader(reader)
        provider.get_meter("host").create_counter("pages").add(1)
    wait_until(lambda: exported.values)
    provider.shutdown()
    assert not caplog.records


def test_a_callback_that_fails_does_not_end_the_thread(tmp_path: Path) -> None:
    """The SDK's thread ends with what the exporter's or a callback's code raises."""
    code = """
    import threading
    from telemetry.metrics.reader import PeriodicReader
    from telemetry.metrics.provider import MeterProvider
    from tests.telemetry.metrics.test_reader import Exported

    class Failing(PeriodicReader):
        failed, received = threading.Event(), threading.Event()

        def _receive_metrics(self, *arguments, **named):
            if not self.failed.is_set():
                self.failed.set()
                raise LookupError("planted")
            self.received.set()

    reader = Failing(Exported(), 0.01, 60)
    MeterProvider([reader], shutdown_on_exit=False).get_meter("host").create_counter("c").add(1)
    print(reader.received.wait(60))
    """
    assert printed(tmp_path, code, TELEMETRY_RAISE_FAILURES="") == "True"


def test_a_child_that_is_forked_during_an_export_exports(tmp_path: Path) -> None:
    """In such a child, the SDK's reader waits without end for a lock of the parent's thread."""
    code = """
    import os, signal, threading, time
    from opentelemetry.sdk.metrics.export import MetricExportResult
    from telemetry.metrics.provider import MeterProvider
    from telemetry.metrics.reader import PeriodicReader
    from tests.telemetry.metrics.test_reader import Exported

    exporting, parent = threading.Event(), os.getpid()

    class Slow(Exported):
        def export(self, metrics_data, timeout_millis=10_000, **kwargs):
            exporting.set()
            if os.getpid() == parent:
                time.sleep(0.3)
            return super().export(metrics_data, timeout_millis, **kwargs)

    exporter = Slow()
    provider = MeterProvider([PeriodicReader(exporter, 3600, 60)], shutdown_on_exit=False)
    counter = provider.get_meter("host").create_counter("pages")
    counter.add(1)
    thread = threading.Thread(target=provider.force_flush)
    thread.start()
    exporting.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        counter.add(1)
        provider.force_flush()
        print(exporter.values, flush=True)
        os._exit(0)
    print(os.waitpid(child, 0)[1])
    thread.join()
    provider.shutdown()
    """
    lines = printed(tmp_path, code).splitlines()
    assert lines == ["[1, 2]", "0"]


def test_callbacks_that_take_too_long_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """They are the host's, with the operator's variable, and no error of telemetry."""
    exported, slow = Exported(), threading.Event()
    calls: list[bool] = []

    def callback(_options: CallbackOptions) -> list[Observation]:
        calls.append(slow.is_set())
        if slow.is_set():
            time.sleep(0.2)
        return [Observation(1)]

    slow.set()
    reader = PeriodicReader(exported, 0.01, 0.1)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    # The SDK looks at the clock before the next one.
    for name in ("pages", "sites"):
        provider.get_meter("host").create_observable_gauge(name, [callback])
    wait_until(lambda: calls.count(True) > 4)
    slow.clear()
    wait_until(lambda: exported.values)
    slow.set()
    before = len(calls)
    wait_until(lambda: len(calls) > before + 4)
    slow.clear()
    provider.shutdown()
    lines = [record for record in caplog.records if record.name == "telemetry"]
    expected = (
        "the callbacks of observable instruments took longer than OTEL_METRIC_EXPORT_TIMEOUT "
        "(100 ms): no metrics are exported while they do"
    )
    assert {record.getMessage() for record in lines} == {expected}
    assert len(lines) == 2, "once each time it begins"
    assert {record.exc_info for record in lines} == {None}
