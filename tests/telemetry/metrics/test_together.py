"""Several instruments that are measured together give what each gives by itself."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

import telemetry
from telemetry.metrics import tables
from telemetry.metrics.provider import MeterProvider
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings
from tests.telemetry.metrics.collected import Measuring, collected

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
# The attributes of the first and of the second instrument, which differ.
ROUTES, SITES = ("/a", "/b", "/c", None), ("one", "two", None)


def _reader(temporality: AggregationTemporality, limit: int = 4) -> InMemoryMetricReader:
    kinds: Any = (sdk.Counter, sdk.UpDownCounter, sdk.Histogram)
    return InMemoryMetricReader({sdk.Histogram: temporality}, None, dict.fromkeys(kinds, limit))


class Pair:
    """A duration by route and a level without attributes, measured together where that is known."""

    def __init__(self, *readers: InMemoryMetricReader, redactor: Redactor | None = None) -> None:
        self.provider = MeterProvider([*readers], shutdown_on_exit=False, redactor=redactor)
        measuring: Any = Measuring(self.provider)
        self.routes, self.sites = measuring.histogram, measuring.plain
        self.level = measuring.level
        self.together = self.routes.together(self.sites, self.level)
        self.known = 0

    def measure(self, route: str | None, site: str | None, seconds: float, sample: Any) -> None:
        key, amounts = (route, site), (seconds, seconds * 1000, -1)
        if self.together.measure(key, amounts, (sample, sample, None)):
            self.known += 1
            return
        self.measure_each(route, site, seconds, sample)
        self.together.learn(key, ((route,), (site,), ()))

    def measure_each(
        self, route: str | None, site: str | None, seconds: float, sample: Any
    ) -> None:
        of_route = {} if route is None else {"route": route}
        of_site = {} if site is None else {"site": site}
        self.routes.aggregate(seconds, (route,), of_route, sample)
        self.sites.aggregate(seconds * 1000, (site,), of_site, sample)
        self.level.aggregate(-1, (), {}, None)


MEASUREMENT = st.tuples(
    st.sampled_from(ROUTES), st.sampled_from(SITES), st.sampled_from([0.0, 0.25, 1.0, 16.0])
)
# All readers collect, rules change, a reader comes or goes.
STEP = MEASUREMENT | st.sampled_from(["collect", "rules", "add", "remove"])


@settings(max_examples=150, deadline=None)
@given(
    temporalities=st.lists(st.sampled_from([DELTA, CUMULATIVE]), min_size=1, max_size=2),
    steps=st.lists(STEP, max_size=60),
    staged=st.sampled_from([1, 3, tables.MOST_STAGED]),
)
# An exemplar that is staged is not put in the place of one that is measured later by itself.
@example([DELTA], [("/a", "one", 0.0), ("/a", "one", 0.0), ("/a", "two", 0.0)], 16)
def test_measured_together_or_each_by_itself(temporalities: Any, steps: Any, staged: int) -> None:
    """Series, counts, sums, exemplars and overflow are the same at each collection."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "MOST_STAGED", staged)
        _compare(temporalities, steps)


def _compare(temporalities: Any, steps: Any) -> None:
    ours, theirs = ([_reader(each) for each in temporalities] for _ in range(2))
    redactors = [Redactor(RedactionSettings()) for _ in range(2)]
    one, other = Pair(*ours, redactor=redactors[0]), Pair(*theirs, redactor=redactors[1])
    for number, step in enumerate([*steps, "collect"]):
        if step == "collect":
            for mine, its in zip(ours, theirs, strict=True):
                assert collected(mine) == collected(its)
        elif step == "rules":
            for pair in (one, other):
                pair.provider._tables.learn()  # type: ignore[union-attr]
        elif step == "add":
            for pair, known in ((one, ours), (other, theirs)):
                known.append(_reader(DELTA))
                pair.provider.add_metric_reader(known[-1])
        elif step == "remove":
            for pair, known in ((one, ours), (other, theirs)):
                if len(known) > 1:
                    pair.provider.remove_metric_reader(known.pop())
        else:
            route, site, seconds = step
            sample = seconds, 1_000 + number, (number + 1, number + 2), None
            one.measure(route, site, seconds, sample)
            other.measure_each(route, site, seconds, sample)
    assert other.known == 0


def test_what_was_measured_once_is_measured_together_until_series_begin_anew() -> None:
    """Not for several readers, and not for a key whose series is the overflow series."""
    delta = _reader(DELTA, limit=1)
    pair = Pair(delta)

    def known(route: str) -> bool:
        before = pair.known
        pair.measure(route, "one", 1.0, None)
        return pair.known > before

    assert [known("/a"), known("/a"), known("/b"), known("/b"), known("/a")] == [
        False,
        True,
        False,
        False,
        True,
    ]
    collected(delta)
    # Whose series it was is open again.
    assert [known("/b"), known("/b"), known("/a")] == [False, True, False]
    pair.provider.add_metric_reader(_reader(CUMULATIVE))
    assert [known("/b"), known("/b")] == [False, False]


@pytest.mark.usefixtures("additions")
def test_a_new_rule_applies_to_what_is_known() -> None:
    reader = _reader(CUMULATIVE, limit=9)
    pair = Pair(reader, redactor=Redactor(RedactionSettings()))
    for _ in range(2):
        pair.measure("/PARCEL-1", None, 1.0, None)
    telemetry.redact(patterns=[r"PARCEL-\d"])
    for _ in range(2):
        pair.measure("/PARCEL-1", None, 1.0, None)
    assert pair.known == 2
    counts = {
        value: point["count"]
        for (_, name, attributes), point in collected(reader).items()
        if name == "Durations".lower()
        for _, _, value in attributes
    }
    assert counts == {"/PARCEL-1": 2, "/[REDACTED]": 2}


def test_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit what is known is forgotten, and measured all the same."""
    monkeypatch.setattr(tables, "MAX_TOGETHER", 3)
    reader = _reader(CUMULATIVE, limit=100)
    pair = Pair(reader)
    for number in range(20):
        pair.measure(f"/{number}", "one", 1.0, None)
        assert len(pair.together._known) <= 3
    points = [point for key, point in collected(reader).items() if key[1] == "durations"]
    assert [point["count"] for point in points] == [1] * 20


def test_none_is_lost_while_readers_collect_and_rules_change() -> None:
    """Four threads measure together; counts and sums are exact."""
    delta = _reader(DELTA, limit=100)
    pair = Pair(delta, redactor=Redactor(RedactionSettings()))
    begun = threading.Barrier(5)
    times = 2_000

    def work(number: int) -> None:
        begun.wait()
        for turn in range(times):
            pair.measure(f"/{turn % 3}", f"s{number}", 0.5, None)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    counts, level = {"durations": 0, "plain": 0}, 0

    def collect() -> None:
        nonlocal level
        for (_, name, _), point in collected(delta).items():
            if name in counts:
                counts[name] += point["count"]
            elif name == "level":
                level = point["value"]

    while any(thread.is_alive() for thread in threads):
        collect()
        pair.provider._tables.learn()  # type: ignore[union-attr]
    for thread in threads:
        thread.join()
    collect()
    assert (counts, level) == ({"durations": 4 * times, "plain": 4 * times}, -4 * times)
    assert pair.known


def test_a_key_without_a_hash_is_measured_each_by_itself() -> None:
    """As a host's route may be that is no text."""
    reader = _reader(CUMULATIVE)
    pair, route = Pair(reader), ["/a", "/b"]
    for _ in range(2):
        pair.measure(route, "one", 1.0, None)  # type: ignore[arg-type]
    assert not pair.known
    [point] = [point for key, point in collected(reader).items() if key[1] == "durations"]
    assert point["count"] == 2
    with pytest.raises(TypeError):
        pair.measure(None, None, "a text", None)  # type: ignore[arg-type]


def test_an_amount_that_can_not_be_added_costs_itself() -> None:
    """Those that were staged with it are measured."""
    reader = _reader(CUMULATIVE)
    pair = Pair(reader)
    for _ in range(3):
        pair.measure("/a", "one", 1.0, None)
    assert pair.together.measure(("/a", "one"), ("a text", 1000, -1), (None, None, None))
    pair.measure("/a", "one", 1.0, None)
    assert pair.known == 3
    counts = {key[1]: point.get("count") for key, point in collected(reader).items()}
    assert (counts["durations"], counts["plain"]) == (4, 5)


def test_a_signal_handler_may_collect_while_its_thread_aggregates() -> None:
    """What has not been aggregated by then is in one of both collections."""
    reader = _reader(DELTA)
    pair = Pair(reader)
    counts: list[int] = []

    def collect() -> None:
        counts.extend(
            point["count"] for key, point in collected(reader).items() if key[1] == "durations"
        )

    class Interrupted(float):
        def __radd__(self, other: float) -> float:
            collect()
            return other + float(self)

    pair.measure("/a", "one", 1.0, None)
    for number in range(10):
        pair.measure("/a", "one", Interrupted(1.0) if number == 4 else 1.0, None)
    assert pair.known == 10
    collect()
    # But for the one that was interrupted.
    assert sum(counts) in {10, 11}


def test_a_child_does_not_aggregate_what_its_parent_has_staged() -> None:
    reader = _reader(DELTA)
    pair = Pair(reader)
    for _ in range(3):
        pair.measure("/a", "one", 1.0, None)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            pair.measure("/a", "one", 1.0, None)
            found = {key[1]: point.get("count") for key, point in collected(reader).items()}
            os.write(write, str(found["durations"]).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == "1"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    counts = {key[1]: point.get("count") for key, point in collected(reader).items()}
    assert counts["durations"] == 3


def test_an_instrument_without_a_table_is_measured_by_itself() -> None:
    pair = Pair(_reader(CUMULATIVE))
    assert pair.routes.together(pair.sites, object()) is None
