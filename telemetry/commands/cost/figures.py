"""Sums of spans and bytes, before and after aggregation and sampling."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from telemetry.commands.cost.driving import Visited
    from telemetry.settings.sampler import Ratios
    from telemetry.testing import ReceivedSpan

STAGES = ("all", "folded", "sampled")
KINDS = ("page", "route", "scope", "site")
NONE = "(none)"
# Seconds in a month of 30 days.
SECONDS = 30 * 24 * 3600


@dataclass(slots=True)
class Cost:
    """Spans and bytes of a request."""

    spans: float = 0.0
    bytes: float = 0.0

    def add(self, other: Cost, weight: float = 1.0) -> None:
        self.spans += other.spans * weight
        self.bytes += other.bytes * weight


@dataclass(slots=True)
class Figures:
    """Costs of a request: in total, and by kind, name and stage. The mean of all pages."""

    totals: dict[str, Cost] = field(default_factory=lambda: {stage: Cost() for stage in STAGES})
    names: dict[str, dict[str, dict[str, Cost]]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    by_ratio: Cost = field(default_factory=Cost)
    """In total, sampled by ratio alone. The rest of what is sampled is kept by a rule."""
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    """By page, the address that its redirect names."""

    def month(self, stage: str, rate: float) -> Cost:
        """Return spans and bytes of a month at `rate` requests a second."""
        total = self.totals[stage]
        return Cost(total.spans * rate * SECONDS, total.bytes * rate * SECONDS)


def figures(
    whole: Sequence[Visited],
    folded: Sequence[Visited],
    by_rule: Sequence[Visited],
    ratios: Ratios,
) -> Figures:
    """Add up spans and bytes.

    Args:
        whole: Requests with a span for each query and every trace kept.
        folded: Requests with the configured aggregation and every trace kept.
        by_rule: Requests with the configured aggregation and only the traces that a rule of
            the sampler keeps.
        ratios: Shares of the other traces that the sampler keeps, by site and route.
    """
    found = Figures()
    # Figures of a page are for one request to it. All others are means of all pages.
    for stage, visited, weight_of in (
        ("all", whole, _one),
        ("folded", folded, _one),
        # A trace that no rule keeps is sampled with the ratio's probability.
        ("sampled", folded, lambda spans: ratio_of(spans, ratios)),
        ("sampled", by_rule, lambda spans: 1.0 - ratio_of(spans, ratios)),
    ):
        for each in visited:
            name = str(each.page)
            found.statuses[name] = each.status
            if each.location:
                found.redirects[name] = each.location
            times = max(len(each.visits), 1)
            for spans in each.visits:
                weight = weight_of(spans) / times
                _add(found.names["page"], stage, {name: _cost(spans)}, weight)
                share = weight / len(visited)
                found.totals[stage].add(_cost(spans), share)
                for kind, key in _KEYS.items():
                    _add(found.names[kind], stage, _grouped(spans, key, each), share)
                if stage == "sampled" and visited is folded:
                    found.by_ratio.add(_cost(spans), share)
    return found


def ratio_of(spans: Sequence[ReceivedSpan], ratios: Ratios) -> float:
    """Return the ratio that applies to the trace of a request, by its site and route."""
    for span in spans:
        if span.kind == "SERVER":
            return ratios.of(span.attributes.get(a.SITE), span.attributes.get(a.HTTP_ROUTE))
    return ratios.default


def _one(_spans: Sequence[ReceivedSpan]) -> float:
    return 1.0


def _add(
    names: dict[str, dict[str, Cost]], stage: str, costs: Mapping[str, Cost], weight: float
) -> None:
    for name, cost in costs.items():
        stages = names.setdefault(name, {each: Cost() for each in STAGES})
        stages[stage].add(cost, weight)


def _grouped(
    spans: Iterable[ReceivedSpan],
    key: Callable[[ReceivedSpan, Mapping[str, str]], str],
    visited: Visited,
) -> dict[str, Cost]:
    routes = {
        span.trace_id: str(span.attributes[a.HTTP_ROUTE])
        for one in visited.visits
        for span in one
        if span.kind == "SERVER" and a.HTTP_ROUTE in span.attributes
    }
    groups: dict[str, list[ReceivedSpan]] = defaultdict(list)
    for span in spans:
        groups[key(span, routes)].append(span)
    return {name: _cost(group) for name, group in groups.items()}


def _cost(spans: Sequence[ReceivedSpan]) -> Cost:
    return Cost(len(spans), sum(span.size for span in spans))


_KEYS: dict[str, Callable[[ReceivedSpan, Mapping[str, str]], str]] = {
    # All spans of a request count for its route.
    "route": lambda span, routes: routes.get(span.trace_id, NONE),
    "scope": lambda span, _routes: span.scope,
    "site": lambda span, _routes: str(span.attributes.get(a.SITE, NONE)),
}
