"""The bill of a month: everything that is sent, by feature, and what variables would save."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from telemetry.commands.cost.figures import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from telemetry.settings import Settings
    from telemetry.settings.model import Signal

Kind = Literal["spans", "log records", "metric points", "error events"]
KINDS: dict[Kind, Signal | None] = {
    "spans": "traces",
    "log records": "logs",
    "metric points": "metrics",
    "error events": None,
}
"""Kinds of items, each with its signal."""

BY_RATIO = "spans, sampled by ratio"
BY_RULE = "spans, kept by rule"
ACCESS = "access lines"
RECORDS = "other log records"
POINTS = "metrics"
EVENTS = "error events"

# Not sent anywhere, or fetched by whom it belongs to.
_FREE = frozenset({"console", "prometheus"})
_LONG_INTERVAL = 300.0


@dataclass(frozen=True, slots=True)
class Feature:
    """The items of one feature that one destination gets in a month."""

    name: str
    kind: Kind
    items: float
    bytes: float | None = None
    """None if it is not known."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a variable would change."""

    assignment: str
    kind: Kind
    items: float
    """Items of a month that each destination would get less; negative for more."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Price of a million items of each kind; None where it is not given."""

    spans: float | None = None
    log_records: float | None = None
    metric_points: float | None = None
    error_events: float | None = None

    def of(self, kind: Kind) -> float | None:
        """The price of a kind."""
        found: float | None = getattr(self, kind.replace(" ", "_"))
        return found


@dataclass(frozen=True, slots=True)
class Bill:
    """A month of one configuration.

    Args:
        features: what each destination gets.
        destinations: names of the destinations, by kind of item.
        prices: by kind.
        savings: what variables would change.
        notes: what is not part of it.
    """

    features: Sequence[Feature]
    destinations: Mapping[Kind, Sequence[str]]
    prices: Prices
    savings: Sequence[Saving] = ()
    notes: Sequence[str] = field(default=())

    def items(self, feature: Feature) -> float:
        """Number of items, to all destinations."""
        return feature.items * len(self.destinations[feature.kind])

    def bytes(self, feature: Feature) -> float | None:
        """Number of bytes, to all destinations."""
        if feature.bytes is None:
            return None
        return feature.bytes * len(self.destinations[feature.kind])

    def price(self, kind: Kind, items: float) -> float | None:
        """The price of items; None if the kind has no price."""
        price = self.prices.of(kind)
        return None if price is None else items / 1e6 * price

    @property
    def total(self) -> float:
        """The price of all that has a price."""
        return sum(self.price(each.kind, self.items(each)) or 0.0 for each in self.features)

    def share(self, feature: Feature) -> float:
        """The feature's share of the price; of the items if nothing has a price."""
        total = self.total
        if total:
            return (self.price(feature.kind, self.items(feature)) or 0.0) / total
        everything = sum(map(self.items, self.features))
        return self.items(feature) / everything if everything else 0.0


def destinations_of(settings: Settings) -> dict[Kind, list[str]]:
    """The destinations that items are sent to, by kind. Each project of Logfire is one."""
    found: dict[Kind, list[str]] = {}
    for kind, signal in KINDS.items():
        if signal is None:
            found[kind] = ["sentry"] if settings.sentry is not None else []
            continue
        found[kind] = [
            name
            for exporter in settings.exporters.get(signal, ())
            if exporter not in _FREE
            for name in [exporter] * (len(settings.logfire) if exporter == "logfire" else 1)
        ]
    return found


def collections(settings: Settings) -> float:
    """How often the metrics of a process are collected in a month."""
    return SECONDS / settings.metric_interval


def savings_of(
    features: Sequence[Feature],
    settings: Settings,
    ratio: float,
    *,
    access_lines: float,
    events_by_request: float,
) -> Iterator[Saving]:
    """Yield what variables would change.

    Args:
        features: what is sent.
        settings: the configuration.
        ratio: the sampler's ratio.
        access_lines: number of requests of a month that have an access line.
        events_by_request: number of events of a month that requests have caused themselves.
    """
    items = {each.name: each.items for each in features}
    if settings.access_log == "all":
        yield Saving("TELEMETRY_ACCESS_LOG=stdout", "log records", items.get(ACCESS, 0.0))
    elif settings.exporters.get("logs"):
        yield Saving("TELEMETRY_ACCESS_LOG=all", "log records", -access_lines)
    sampled = items.get(BY_RATIO, 0.0)
    if sampled and settings.sampler.name != "tail":
        yield Saving(
            "OTEL_TRACES_SAMPLER=tail OTEL_TRACES_SAMPLER_ARG=0.05", "spans", sampled * 0.95
        )
    elif sampled:
        yield Saving(f"OTEL_TRACES_SAMPLER_ARG={ratio / 2:g}", "spans", sampled / 2)
    points = items.get(POINTS, 0.0)
    if points and settings.metric_interval < _LONG_INTERVAL:
        share = 1 - settings.metric_interval / _LONG_INTERVAL
        yield Saving("OTEL_METRIC_EXPORT_INTERVAL=300000", "metric points", points * share)
    if events_by_request and settings.budgets.request_errors:
        yield Saving("TELEMETRY_REQUEST_ERRORS=false", "error events", events_by_request)
