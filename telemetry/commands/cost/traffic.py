"""What made requests send beside spans: log records, error events and metric points."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telemetry.commands.cost.bill import (
    ACCESS,
    BY_RATIO,
    BY_RULE,
    EVENTS,
    POINTS,
    RECORDS,
    Bill,
    Feature,
    collections,
    destinations_of,
    savings_of,
)
from telemetry.commands.cost.figures import SECONDS, ratio_of
from telemetry.logs.access import LOGGER
from telemetry.registry import events as e

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from telemetry.commands.cost.bill import Prices
    from telemetry.commands.cost.driving import Visited
    from telemetry.commands.cost.figures import Figures
    from telemetry.settings import Settings
    from telemetry.settings.sampler import Ratios
    from telemetry.testing import EventReceiver, OTLPReceiver

MINUTES = SECONDS / 60
"""In a month."""


@dataclass(slots=True)
class Traffic:
    """Items of all requests that were made, but for their spans."""

    requests: int = 0
    access_lines: int = 0
    records: int = 0
    """Number of other log records."""
    record_bytes: float = 0.0
    """The mean of all log records."""
    events: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Number of error events by group."""
    events_by_request: int = 0
    """Number of those that requests have caused themselves."""
    event_bytes: int = 0
    points: int = 0
    """Number of metric points of one collection."""
    point_bytes: int = 0

    def add(
        self, receiver: OTLPReceiver, errors: EventReceiver, trace_ids: Collection[str]
    ) -> None:
        """Count what has arrived of the given traces, and the last collection of metrics."""
        self.requests = len(trace_ids)
        logs = receiver.logs
        for log in logs:
            if log.trace_id in trace_ids:
                self.access_lines += log.scope == LOGGER
                self.records += log.scope != LOGGER
        sizes = {"/v1/logs": 0, "/v1/metrics": 0}
        for request in receiver.requests:
            if request.path == "/v1/logs":
                sizes[request.path] += request.decoded_size
            elif request.path in sizes:
                sizes[request.path] = request.decoded_size
        self.record_bytes = sizes["/v1/logs"] / max(1, len(logs))
        self.point_bytes = sizes["/v1/metrics"]
        for event in errors.events:
            if event.trace_id in trace_ids:
                self.events[event.fingerprint] += 1
                self.event_bytes += len(json.dumps(event.raw).encode())
                self.events_by_request += str(e.CAUSE) in event.tags
        points = receiver.metrics
        last = max((point.time_ns for point in points), default=0)
        self.points = sum(point.time_ns == last for point in points)


def bill_of(
    figures: Figures,
    traffic: Traffic,
    by_rule: Sequence[Visited],
    settings: Settings,
    ratios: Ratios,
    *,
    rate: float,
    processes: int,
    prices: Prices,
) -> Bill:
    """Work out the bill of a month from requests that were made.

    Args:
        figures: spans of the requests.
        traffic: their other items.
        by_rule: the requests with only the traces that a rule of the sampler keeps.
        settings: the configuration.
        ratios: the sampler's ratios.
        rate: requests a second.
        processes: number of worker processes.
        prices: by kind of item.
    """
    requests = rate * SECONDS
    part, sampled = figures.by_ratio, figures.totals["sampled"]
    by_ratio = Feature(BY_RATIO, "spans", part.spans * requests, part.bytes * requests)
    kept = _within_the_limit(by_rule, ratios, settings, rate, processes)
    ruled = Feature(
        BY_RULE,
        "spans",
        max(0.0, sampled.spans - part.spans) * requests * kept,
        max(0.0, sampled.bytes - part.bytes) * requests * kept,
    )
    each = requests / max(1, traffic.requests)
    access = traffic.access_lines * each
    events, by_request = _events(traffic, settings, each, processes)
    size = traffic.event_bytes / max(1, sum(traffic.events.values()))
    collected = collections(settings) * processes
    found = [
        by_ratio,
        ruled,
        Feature(
            RECORDS,
            "log records",
            traffic.records * each,
            traffic.records * each * traffic.record_bytes,
        ),
        Feature(
            POINTS, "metric points", traffic.points * collected, traffic.point_bytes * collected
        ),
        Feature(EVENTS, "error events", events, events * size),
    ]
    if settings.access_log == "all":
        found.append(Feature(ACCESS, "log records", access, access * traffic.record_bytes))
    destinations = destinations_of(settings)
    features = [feature for feature in found if destinations[feature.kind]]
    savings = savings_of(
        features, settings, ratios.default, access_lines=access, events_by_request=by_request
    )
    return Bill(features, destinations, prices, list(savings))


def _within_the_limit(
    by_rule: Sequence[Visited], ratios: Ratios, settings: Settings, rate: float, processes: int
) -> float:
    """The part of the traces kept by rule that the limit of a minute lets pass."""
    visits = [spans for visited in by_rule for spans in visited.visits]
    kept = sum(1 - ratio_of(spans, ratios) for spans in visits if spans)
    wanted = kept / max(1, len(visits)) * rate * 60
    return min(1.0, settings.budgets.traces * processes / wanted) if wanted else 1.0


def _events(
    traffic: Traffic, settings: Settings, each: float, processes: int
) -> tuple[float, float]:
    """Error events of a month within the limits of a minute, and those that requests cause."""
    limits = settings.budgets
    of_a_group = limits.events_of_a_group * MINUTES * processes
    wanted = sum(min(count * each, of_a_group) for count in traffic.events.values())
    number = min(wanted, limits.events * MINUTES * processes)
    share = traffic.events_by_request / max(1, sum(traffic.events.values()))
    return number, number * share
