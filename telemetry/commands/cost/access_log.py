"""Works out the bill from the log lines that a host has written to standard output."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

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
from telemetry.commands.cost.figures import SECONDS
from telemetry.exceptions import TelemetryError
from telemetry.export.budgets import Budgets
from telemetry.logs.access import LOGGER
from telemetry.registry import log_fields as f
from telemetry.settings.sampler import Ratios, ratios_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from telemetry.commands.cost.bill import Prices
    from telemetry.settings import Settings

# Instruments with a series for each method, route and status: duration and two sizes.
_OF_A_ROUTE = 3
_ERRORS = frozenset({"ERROR", "CRITICAL"})
_TEXTS = (
    *(f.LOGGER, f.LEVEL, f.TRACE_ID, f.SITE, f.HTTP_ROUTE),
    *(f.METHOD, f.OUTCOME, f.EXCEPTION_TYPE),
)


@dataclass(slots=True)
class Lines:
    """The lines of a log, in the order of their times."""

    known: list[tuple[float, Mapping[str, Any], int]] = field(default_factory=list)
    """Seconds since 1970, the fields, and the length in bytes."""
    unknown: int = 0
    """Number of lines that are no JSON lines of this package."""

    @property
    def seconds(self) -> float:
        """The time that they are of."""
        return self.known[-1][0] - self.known[0][0] if self.known else 0.0


def read_lines(lines: Iterable[str]) -> Lines:
    """Parse log lines.

    Raises:
        TelemetryError: There are no access lines, or all are of one moment.
    """
    found = Lines()
    for line in lines:
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            when = datetime.fromisoformat(fields[f.TIME]).timestamp()
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            found.unknown += 1
            continue
        if not _is_ours(fields):
            found.unknown += 1
            continue
        found.known.append((when, fields, len(line.encode())))
    found.known.sort(key=lambda each: each[0])
    if not any(fields.get(f.LOGGER) == LOGGER for _, fields, _ in found.known):
        raise TelemetryError(
            f"the log has no access lines ({found.unknown} lines are no JSON lines): wanted what a "
            "host with telemetry.logging_config() writes to standard output"
        )
    if not found.seconds:
        raise TelemetryError("all lines of the log have the same time: wanted those of a day")
    return found


def _is_ours(fields: Mapping[str, Any]) -> bool:
    """Whether the fields that count have the types that this package writes."""
    milliseconds = fields.get(f.MILLISECONDS)
    return (
        all(isinstance(fields.get(each), str | None) for each in _TEXTS)
        and isinstance(fields.get(f.STATUS), int | None)
        and (milliseconds is None or type(milliseconds) in (int, float))
    )


class _Counts:
    """The items of the log's lines, as the settings would send them."""

    def __init__(self, settings: Settings, ratio: float, processes: int) -> None:
        self._settings = settings
        self._is_tail = settings.sampler.name == "tail"
        self._ratios = ratios_of(settings.sampler) or Ratios((), ratio)
        self._now = 0.0
        self._budgets = [
            Budgets(settings.budgets, lambda: self._now, logs=False) for _ in range(processes)
        ]
        self.requests = 0
        self.by_ratio = self.by_rule = 0.0
        self.access_bytes = self.records = self.record_bytes = self.events = 0
        self.series: Counter[tuple[object, ...]] = Counter()
        self.sites: Counter[tuple[object, ...]] = Counter()

    def add(self, when: float, fields: Mapping[str, Any], size: int) -> None:
        self._now = when
        trace_id = str(fields.get(f.TRACE_ID) or "0")
        try:
            budgets = self._budgets[int(trace_id, 16) % len(self._budgets)]
        except ValueError:
            budgets = self._budgets[0]
        if fields.get(f.LOGGER) == LOGGER:
            self._add_request(fields, size, budgets)
            return
        self.records += 1
        self.record_bytes += size
        if fields.get(f.LEVEL) in _ERRORS:
            # Log lines do not say at which line of the code; the route is the next best.
            group = [str(fields.get(each)) for each in (f.LOGGER, f.EXCEPTION_TYPE, f.HTTP_ROUTE)]
            self.events += budgets.events.admit(group).is_admitted

    def _add_request(self, fields: Mapping[str, Any], size: int, budgets: Budgets) -> None:
        self.requests += 1
        self.access_bytes += size
        status, route = fields.get(f.STATUS), fields.get(f.HTTP_ROUTE)
        site = fields.get(f.SITE)
        ratio = self._ratios.of(site, route)
        self.by_ratio += ratio
        failed = fields.get(f.OUTCOME) == "error"
        slow = float(fields.get(f.MILLISECONDS) or 0) / 1000 >= self._settings.slow
        if self._is_tail and (failed or slow) and budgets.traces.take():
            self.by_rule += 1 - ratio
        self.series[fields.get(f.METHOD), route, status] += 1
        self.sites[site, str(status)[:1]] += 1


def bill_from_log(
    lines: Lines,
    settings: Settings,
    ratio: float,
    *,
    processes: int,
    spans: float,
    prices: Prices,
) -> Bill:
    """Work out the bill of a month from a day's lines, under the present variables.

    Args:
        lines: the lines.
        settings: the configuration.
        ratio: the sampler's ratio.
        processes: number of worker processes.
        spans: number of spans of a trace.
        prices: by kind of item.
    """
    counts = _Counts(settings, ratio, processes)
    for when, fields, size in lines.known:
        counts.add(when, fields, size)
    month = SECONDS / lines.seconds
    access = counts.requests * month
    found = [
        Feature(BY_RATIO, "spans", counts.by_ratio * spans * month),
        Feature(BY_RULE, "spans", counts.by_rule * spans * month),
        Feature(RECORDS, "log records", counts.records * month, counts.record_bytes * month),
        Feature(
            POINTS, "metric points", _points(counts, settings) * collections(settings) * processes
        ),
        Feature(EVENTS, "error events", counts.events * month),
    ]
    if settings.access_log == "all":
        found.append(Feature(ACCESS, "log records", access, counts.access_bytes * month))
    destinations = destinations_of(settings)
    features = [each for each in found if destinations[each.kind]]
    savings = savings_of(features, settings, ratio, access_lines=access, events_by_request=0)
    notes = [
        f"{counts.requests} requests in {lines.seconds / 3600:.1f} hours, {spans:g} spans a trace",
        "metrics: those of requests only; `cost APPLICATION` counts all",
    ]
    if lines.unknown:
        notes.append(f"{lines.unknown} lines are no JSON lines, and left out")
    return Bill(features, destinations, prices, list(savings), notes)


def _points(counts: _Counts, settings: Settings) -> int:
    sites = {site for site, _ in counts.sites}
    by_site = len(counts.sites)
    if len(sites) > settings.site_limit:
        # All others are one.
        by_site = (settings.site_limit + 1) * len({status for _, status in counts.sites})
    return len(counts.series) * _OF_A_ROUTE + by_site
