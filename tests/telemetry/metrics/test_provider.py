"""The meter provider: Datasette's instruments get the site, its gauges are sums."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import INVALID_SPAN

from telemetry.datasette.meter import DatasetteMeter
from telemetry.metrics.provider import MeterProvider
from telemetry.metrics.sites import SiteLabels
from telemetry.registry.datasette import SCOPE
from telemetry.request import RequestRecord, attach_record


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


def _read(reader: InMemoryMetricReader) -> dict[str, list[dict[str, Any]]]:
    data = reader.get_metrics_data()
    return {
        metric.name: [dict(point.attributes or {}) for point in metric.data.data_points]
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def _use_every_instrument(provider: MeterProvider, scope: str) -> None:
    meter = provider.get_meter(scope)
    meter.create_histogram("h", "s", "…", explicit_bucket_boundaries_advisory=[1.0]).record(1)
    meter.create_counter("c").add(1, {"db.system": "sqlite"})
    meter.create_up_down_counter("u").add(1)
    for kind in ("gauge", "counter", "up_down_counter"):
        create = getattr(meter, f"create_observable_{kind}")
        create(f"observable.{kind}", [lambda options: [Observation(1)]])


def test_within_a_request_datasette_s_instruments_name_the_site(
    reader: InMemoryMetricReader,
) -> None:
    """Histograms and counters; what Datasette does not make passes through; gauges are sums."""
    provider = MeterProvider([reader], shutdown_on_exit=False, adapters={SCOPE: DatasetteMeter})
    record = RequestRecord("GET", INVALID_SPAN)
    record.site = "alameda.ca"
    token = context.attach(attach_record(record, context.get_current()))
    try:
        _use_every_instrument(provider, "datasette")
    finally:
        context.detach(token)
    assert _read(reader) == {
        "h": [{"corkboard.site": "alameda.ca"}],
        "c": [{"corkboard.site": "alameda.ca", "db.system.name": "sqlite"}],
        "u": [{}],
        "observable.gauge": [{}],
        "observable.counter": [{}],
        "observable.up_down_counter": [{}],
    }


def test_another_meter_is_the_sdk_s(reader: InMemoryMetricReader) -> None:
    """Untouched, gauges and old names included."""
    _use_every_instrument(
        MeterProvider([reader], shutdown_on_exit=False, adapters={SCOPE: DatasetteMeter}), "else"
    )
    assert _read(reader)["c"] == [{"db.system": "sqlite"}]
    assert "observable.gauge" in _read(reader)


def test_sites_are_named_up_to_the_limit() -> None:
    """First come, first named, and named for good, so that no sum ever breaks."""
    labels = SiteLabels(2)
    assert [labels.label(site) for site in "abcab"] == ["a", "b", "other", "a", "b"]


def test_a_limit_of_none_names_none() -> None:
    """TELEMETRY_SITE_LIMIT=0."""
    assert SiteLabels(0).label("a") == "other"
