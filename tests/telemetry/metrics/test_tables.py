"""Measurements into tables: the same data as the SDK's instruments give, in a tenth of the time."""

from __future__ import annotations

import gc
import logging
import math
import os
import threading
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from prometheus_client import CollectorRegistry, generate_latest

import telemetry
from telemetry import private_api
from telemetry.exceptions import TelemetryError
from telemetry.metrics.provider import MeterProvider
from telemetry.metrics.tables import TableHistogram
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings
from tests.support.waiting import PATIENCE
from tests.telemetry.metrics.collected import Measuring, collected
from tests.telemetry.metrics.exported import Exported

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
KINDS = (sdk.Counter, sdk.UpDownCounter, sdk.Histogram)
LIMIT = 3
FILTERS = (
    sdk.TraceBasedExemplarFilter,
    sdk.AlwaysOnExemplarFilter,
    sdk.AlwaysOffExemplarFilter,
)


def _reader(temporality: Any, exponential: bool = False, limit: int = LIMIT) -> Any:
    asked: Any = {}
    if temporality is DELTA:
        # As OTLP's preference "delta": levels stay cumulative.
        asked = {sdk.Counter: DELTA, sdk.Histogram: DELTA}
    if temporality is None:
        asked = dict.fromkeys(KINDS, DELTA)
    histograms: Any = ExplicitBucketHistogramAggregation()
    if exponential:
        histograms = ExponentialBucketHistogramAggregation()
    return InMemoryMetricReader(
        asked, {sdk.Histogram: histograms}, dict.fromkeys(KINDS, limit) if limit else None
    )


def _span(number: int, sampled: bool) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    context = SpanContext(number + 1, number + 2, is_remote=False, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(context), Context())


CONTEXTS = {
    "none": None,
    "empty": Context(),
    "no span": set_span_in_context(trace.INVALID_SPAN, Context()),
    "sampled": _span(1, sampled=True),
    "sampled too": _span(7, sampled=True),
    "not sampled": _span(3, sampled=False),
}
# Those that are equal for Python are not for OpenTelemetry, and an order is no difference.
VALUES = st.sampled_from(["a", "b", "", 1, True, 1.0, 0, False, 200, None, ["a", "b"], ("a", 1)])
ATTRIBUTES = st.none() | st.dictionaries(st.sampled_from(["one", "two", ""]), VALUES).flatmap(
    lambda known: st.permutations([*known.items()]).map(dict)
)
# Sums of these are exact.
AMOUNTS = st.sampled_from([0, 0.0, 0.25, 0.5, 1, 1.0, 1.5, 2, 3, 8, 100, 2.0**40, 7 * 2.0**-30])
BAD = st.sampled_from([-1, -0.5, math.nan, math.inf, -math.inf])
MEASUREMENTS = st.tuples(
    st.sampled_from(["histogram", "plain", "counter", "level"]),
    AMOUNTS | BAD,
    ATTRIBUTES,
    st.sampled_from([*CONTEXTS]),
)
COLLECT = st.integers(0, 1)
READERS = st.tuples(st.sampled_from([DELTA, CUMULATIVE, None]), st.booleans())


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK logs each refused measurement."""
    caplog.set_level(logging.CRITICAL, "opentelemetry")


@settings(max_examples=80, deadline=None)
@given(
    readers=st.lists(READERS, min_size=1, max_size=2),
    chosen=st.sampled_from(FILTERS),
    steps=st.lists(MEASUREMENTS | COLLECT, max_size=40),
)
def test_tables_give_what_the_sdk_gives(readers: Any, chosen: Any, steps: Any) -> None:
    """For each reader, at each collection: series, counts, sums, exemplars, overflow."""
    _compare(readers, chosen, steps)


# Values that are equal for Python, known before or not; and more series than the limit.
EQUAL = [
    (name, 1, {"one": value}, "sampled")
    for name in ("counter", "histogram")
    for value in (1, True, 1, 1.0, True, 1.0)
]
MANY = [
    (name, 1, {"one": str(number)}, "sampled")
    for name in ("counter", "plain")
    for number in (0, 1, 2, 3, 4, 0, 5)
]


@pytest.mark.parametrize("reader", [(CUMULATIVE, False), (DELTA, True)])
@pytest.mark.parametrize("steps", [EQUAL, MANY], ids=["equal", "many"])
def test_equal_values_and_overflow_are_the_sdk_s(reader: Any, steps: Any) -> None:
    """What the property test seldom comes across."""
    _compare([reader], sdk.TraceBasedExemplarFilter, [*steps, 0, *steps])


def _compare(readers: Any, chosen: Any, steps: Any) -> None:
    """Give both the same measurements, and compare at each collection."""
    ours, theirs = ([_reader(*each) for each in readers] for _ in range(2))
    tabled = MeterProvider(ours, exemplar_filter=chosen(), shutdown_on_exit=False)
    plain = sdk.MeterProvider(theirs, exemplar_filter=chosen(), shutdown_on_exit=False)
    measuring = [Measuring(provider) for provider in (tabled, plain)]
    assert isinstance(measuring[0].histogram, TableHistogram)
    for step in [*steps, *range(len(readers))]:
        if isinstance(step, tuple):
            name, amount, attributes, context = step
            for each in measuring:
                each.measure(name, amount, attributes, CONTEXTS[context])
        elif step < len(readers):
            _are_equal(collected(ours[step]), collected(theirs[step]))


def _are_equal(ours: dict[Any, Any], theirs: dict[Any, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for key, one in ours.items():
        other = theirs[key]
        exemplars, wanted = one.pop("exemplars"), other.pop("exemplars")
        if one["kind"] == "ExponentialHistogram":
            _have_equal_buckets(one, other)
        assert one == other, key
        if one["kind"] == "Histogram":
            # The last of each bucket.
            assert exemplars == wanted, key
        else:
            # Chosen at random.
            assert len(exemplars) == len(wanted), key


def _have_equal_buckets(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Where zeros alone were measured for a while, the SDK's scale falls to 0 for good."""
    change = one.pop("scale") - (scale := other.pop("scale"))
    assert change == 0 or (change > 0 and scale == 0)
    buckets = []
    for each, shift in ((one, change), (other, 0)):
        counts: dict[int, int] = {}
        for sign in ("positive", "negative"):
            found = each.pop(sign)
            for index, count in enumerate(found["bucket_counts"], found["offset"]):
                if count:
                    counts[index >> shift] = counts.get(index >> shift, 0) + count
        buckets.append(counts)
    assert buckets[0] == buckets[1]


@pytest.mark.parametrize("exponential", [False, True])
def test_exponential_buckets_are_the_sdk_s(exponential: bool) -> None:
    """Scale, offset and counts of a wide range, and of the largest and smallest numbers."""
    amounts = [1.1**number for number in range(400)]
    for some in (amounts, [5e-324, 1e-310, 2.3e-308, 1e-9, 1.0, 1.7e308], [4.0, 4.1]):
        ours, theirs = _reader(DELTA, exponential), _reader(DELTA, exponential)
        for provider in (
            MeterProvider([ours], shutdown_on_exit=False),
            sdk.MeterProvider([theirs], shutdown_on_exit=False),
        ):
            histogram = Measuring(provider).histogram
            for amount in some:
                histogram.record(amount)
        for one, other in zip(
            collected(ours).values(), reversed(collected(theirs).values()), strict=True
        ):
            # Observed, and measured.
            if "count" in one:
                assert _plain(one) == _plain(other)
                assert one["sum"] == pytest.approx(other["sum"])


def _plain(point: dict[str, Any]) -> dict[str, Any]:
    """Without the sum, which depends on the order, and the SDK's empty buckets at the end."""
    positive = point.get("positive")
    if positive is not None:
        while positive["bucket_counts"][-1:] == [0]:
            positive["bucket_counts"].pop()
    return {key: value for key, value in point.items() if key != "sum"}


def test_times_are_those_of_the_sdk() -> None:
    """Cumulative series begin once, delta series where the collection before ended."""
    readers = [_reader(CUMULATIVE), _reader(DELTA)]
    measuring = Measuring(MeterProvider(readers, shutdown_on_exit=False))
    times: dict[int, list[tuple[int, int]]] = {0: [], 1: []}
    for _ in range(3):
        measuring.counter.add(1)
        for number, reader in enumerate(readers):
            [point] = _points(reader.get_metrics_data(), "done")
            times[number].append((point.start_time_unix_nano, point.time_unix_nano))
    assert len({start for start, _ in times[0]}) == 1
    assert all(one[1] == other[0] for one, other in pairwise(times[1]))
    assert all(start < now for start, now in times[0] + times[1])


def _points(data: MetricsData | None, name: str) -> list[Any]:
    return [
        point
        for of_resource in (data.resource_metrics if data else ())
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        for point in metric.data.data_points
        if metric.name == name
    ]


def test_nothing_is_exported_where_nothing_was_measured() -> None:
    """Neither an empty batch nor what makes the SDK call the reader; and then what was measured."""
    reader = _reader(CUMULATIVE)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    assert reader.get_metrics_data() is None
    provider.get_meter("telemetry").create_counter("only").add(2)
    [(key, point)] = collected(reader).items()
    assert (key[1], point["value"]) == ("only", 2)


def test_every_measurement_of_four_threads_is_counted() -> None:
    """While two readers collect, and redaction rules are added: counts and sums are exact."""
    delta, cumulative = _reader(DELTA, limit=0), _reader(CUMULATIVE, exponential=True, limit=0)
    redactor = Redactor(RedactionSettings())
    provider = MeterProvider([delta, cumulative], shutdown_on_exit=False, redactor=redactor)
    measuring = Measuring(provider)
    begun = threading.Barrier(5)

    def work(number: int) -> None:
        begun.wait()
        for turn in range(1500):
            attributes: dict[str, Any] = {"thread": f"t{number}", "turn": turn % 7}
            measuring.histogram.record(turn % 4, attributes)
            measuring.counter.add(1, attributes)
            measuring.level.add(1 if turn % 2 else -1, attributes)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    found: dict[Any, list[Any]] = {}

    def collect() -> None:
        for key, point in collected(delta).items():
            found.setdefault(key[1:], []).append(point)
        collected(cumulative)
        redactor.learn()

    while any(thread.is_alive() for thread in threads):
        collect()
    for thread in threads:
        thread.join()
    collect()
    for number in range(4):
        for turn in range(7):
            turns = [each for each in range(1500) if each % 7 == turn]
            series = frozenset({("thread", "str", f"t{number}"), ("turn", "int", turn)})
            of_delta = found["durations", series]
            assert sum(point["count"] for point in of_delta) == len(turns)
            assert sum(point["sum"] for point in of_delta) == sum(each % 4 for each in turns)
            assert sum(point["value"] for point in found["done", series]) == len(turns)
            level = sum(1 if each % 2 else -1 for each in turns)
            assert found["level", series][-1]["value"] == level
    of_all = collected(cumulative).items()
    assert sum(point["count"] for key, point in of_all if key[1] == "durations") == 4 * 1500


class Measures:
    """Measures when it is finalized, as a coroutine of a lost request does."""

    def __init__(self, measure: Any) -> None:
        self._measure = measure
        # Only the garbage collector finalizes it.
        self._itself = self

    def __del__(self) -> None:
        self._measure()


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_finalizer_may_measure_while_its_thread_collects(temporality: Any) -> None:
    """The garbage collector may run whenever an object is made, with the lock held."""
    reader = _reader(temporality, limit=0)
    measuring = Measuring(MeterProvider([reader], shutdown_on_exit=False))
    for number in range(1500):
        measuring.histogram.record(1, {"series": number})
    made, counts = 0, {"done": 0, "durations": 0, "plain": 0}

    def collect() -> None:
        for (_, name, _), point in collected(reader).items():
            if name in counts:
                of_now = point.get("value", point.get("count"))
                counts[name] = of_now + (counts[name] if temporality is DELTA else 0)

    def work() -> None:
        nonlocal made
        for number in range(60):
            for measure in (
                partial(measuring.counter.add, 1),
                partial(measuring.plain.record, number),
            ):
                Measures(measure)
                made += 1
            measuring.histogram.record(1, {"series": number})
            collect()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    gc.collect()
    collect()
    assert counts["done"] + counts["plain"] == made == 120


def test_a_child_begins_anew() -> None:
    """It sends nothing of the parent's, though another thread held a lock when it was forked."""
    reader = _reader(DELTA)
    measuring = Measuring(MeterProvider([reader], shutdown_on_exit=False))
    measuring.counter.add(5, {"of": "parent"})
    histogram: Any = measuring.histogram
    histogram.record(1)
    [table] = histogram.tables.values()
    table._guard.lock.acquire()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            measuring.histogram.record(2)
            measuring.counter.add(1, {"of": "child"})
            os.write(write, repr(sorted(_of_each(reader).items())).encode())
            code = 0
        finally:
            os._exit(code)
    table._guard.lock.release()
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == repr([("done", 1), ("durations", 2), ("observed", 3)])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    values = {
        key[1]: point.get("value", point.get("sum")) for key, point in collected(reader).items()
    }
    assert values == {"done": 5, "durations": 1, "observed": 3}


def _of_each(reader: InMemoryMetricReader) -> dict[str, Any]:
    return {
        key[1]: point.get("value", point.get("sum")) for key, point in collected(reader).items()
    }


def test_prometheus_is_given_the_same() -> None:
    """Each line of a scrape, but for those with a time."""
    lines = []
    resource = Resource({"service.name": "host"})
    for made in (MeterProvider, sdk.MeterProvider):
        registry = CollectorRegistry()
        reader = PrometheusMetricReader(registry=registry)
        measuring = Measuring(made([reader], resource, shutdown_on_exit=False))
        for name in ("histogram", "plain", "counter", "level"):
            for number in range(4):
                measuring.measure(name, number, {"site": f"s{number % 2}", "code": 200})
        scraped = [generate_latest(registry).decode().splitlines() for _ in range(2)][-1]
        lines.append(sorted(line for line in scraped if "_created" not in line))
    assert lines[0] == lines[1]
    assert len(lines[0]) > 40


@pytest.mark.usefixtures("additions")
def test_new_redaction_rules_apply_to_series_that_are_known() -> None:
    """From the call on, whatever is cached; and series that become equal are one."""
    reader = _reader(CUMULATIVE, limit=9)
    redactor = Redactor(RedactionSettings())
    measuring = Measuring(MeterProvider([reader], shutdown_on_exit=False, redactor=redactor))
    parcels = [{"parcel": f"PARCEL-{number}"} for number in range(2)]
    for known in parcels:
        measuring.counter.add(1, known)
    assert len(_values(reader)) == 2
    # A cumulative series stays.
    telemetry.redact(patterns=[r"PARCEL-\d"])
    for known in parcels:
        measuring.counter.add(1, known)
    assert _values(reader)[2:] == [({"parcel": "[REDACTED]"}, 2)]


def _values(reader: InMemoryMetricReader) -> list[tuple[dict[str, Any], Any]]:
    return [
        (dict(point.attributes), point.value)
        for point in _points(reader.get_metrics_data(), "done")
    ]


@pytest.mark.parametrize(
    ("amount", "error"), [("text", TypeError), (None, TypeError), (2**2000, OverflowError)]
)
def test_what_is_no_number_is_an_error_and_changes_nothing(amount: Any, error: Any) -> None:
    """As with the SDK's instruments; also where the type appears once the series is known."""
    reader = _reader(CUMULATIVE)
    measuring = Measuring(MeterProvider([reader], shutdown_on_exit=False))
    for name in ("histogram", "counter", "level"):
        measuring.measure(name, 1, {"a": "b"})
        with pytest.raises(error):
            measuring.measure(name, amount, {"a": "b"})
        measuring.measure(name, True, {"a": "b"})
    found = {key[1]: point for key, point in collected(reader).items()}
    assert (found["durations"]["count"], found["durations"]["sum"]) == (2, 2)
    assert (found["done"]["value"], found["level"]["value"]) == (2, 2)


def test_an_instrument_that_is_created_again_is_the_same() -> None:
    """One metric, in whatever meter it was made."""
    reader = _reader(CUMULATIVE)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    for _ in range(2):
        Measuring(provider).counter.add(1)
    assert _values(reader) == [({}, 2)]


@pytest.mark.parametrize(
    ("views", "aggregation"),
    [
        ([View(instrument_name="durations", attribute_keys={"one"})], None),
        ([], ExponentialBucketHistogramAggregation(max_size=20)),
        ([], ExplicitBucketHistogramAggregation((3.0,))),
    ],
)
def test_the_sdk_measures_what_tables_can_not(views: Any, aggregation: Any) -> None:
    """A view, and an aggregation with arguments; nothing is lost."""
    asked: Any = {sdk.Histogram: aggregation} if aggregation else {}
    data = []
    for made in (MeterProvider, sdk.MeterProvider):
        reader = InMemoryMetricReader(preferred_aggregation=asked)
        measuring = Measuring(made([reader], shutdown_on_exit=False, views=views))
        for number in range(9):
            measuring.histogram.record(number, {"one": "a", "two": str(number % 2)})
        data.append(collected(reader))
    assert data[0] == data[1]


@pytest.mark.parametrize("name", [name for name in private_api.TABLE if name.startswith("READER_")])
def test_without_a_private_name_the_sdk_measures(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning says so, and the data are the same."""
    renamed = replace(private_api.TABLE[name], path="MetricReader._renamed")
    monkeypatch.setattr(private_api, name, renamed)
    reader = InMemoryMetricReader()
    with caplog.at_level(logging.WARNING, "telemetry"):
        measuring = Measuring(MeterProvider([reader], shutdown_on_exit=False))
    assert f"Without it, {renamed.lost}." in caplog.text
    assert not isinstance(measuring.histogram, TableHistogram)
    measuring.counter.add(2)
    assert _values(reader) == [({}, 2)]


def test_a_reader_that_is_added_later_is_given_what_is_measured_from_then_on() -> None:
    """One that asks for more is refused with an error that says so; one can be removed."""
    first, second = _reader(CUMULATIVE), _reader(DELTA)
    provider = MeterProvider([first], shutdown_on_exit=False)
    measuring = Measuring(provider)
    measuring.counter.add(1)
    provider.add_metric_reader(second)
    measuring.counter.add(2)
    assert _values(second) == [({}, 2)]
    asked: Any = {sdk.Histogram: ExplicitBucketHistogramAggregation((3.0,))}
    odd = InMemoryMetricReader(preferred_aggregation=asked)
    with pytest.raises(TelemetryError, match="an aggregation with arguments of its own"):
        provider.add_metric_reader(odd)
    provider.remove_metric_reader(second)
    measuring.counter.add(3)
    assert _values(first) == [({}, 6)]


class Slow(PeriodicExportingMetricReader):
    """Exports what it collected first after what it collected second, unless that waits for it."""

    def __init__(self, exporter: MetricExporter) -> None:
        super().__init__(exporter, math.inf)
        self.first, self.second = threading.Event(), threading.Event()

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if not self.first.is_set():
            self.first.set()
            self.second.wait(1)
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)
        self.second.set()


def test_what_is_collected_later_is_exported_later() -> None:
    """It would be replaced in a queue: by what a reader's own thread collected before a flush."""
    exported = Exported()
    reader = Slow(exported)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("telemetry").create_counter("pages")
    counter.add(1)
    own = threading.Thread(target=reader.collect)
    own.start()
    assert reader.first.wait(60)
    counter.add(1)
    provider.force_flush()
    own.join(60)
    assert exported.values == [1, 2]
