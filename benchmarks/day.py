"""A realistic day of one host: what each kind of telemetry sends of it, and what that costs."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.hosts.variables import RECEIVER, SENTRY_SINK
from benchmarks.pages import ROOT_DOMAIN, choose_pages
from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.failing.job import SETTINGS
from tests.support.host import prepare_host
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from telemetry.testing import ReceivedPoint

COLLECTIONS = 24 * 60
"""Of metrics in a day: one in a minute, the default of each variant."""
PRICE, PRICE_OF_EVENTS = 2.0, 200.0
"""Of a million spans, log records and metric points, and of a million error events and
transactions: numbers to compare by, and no provider's."""
TAIL = {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0.05"}
UNLIMITED = {
    "TELEMETRY_ACCESS_LOG": "all",
    "TELEMETRY_TRACE_LIMIT": "1000000",
    "TELEMETRY_TRACE_SPAN_LIMIT": "1000000",
    "TELEMETRY_EVENT_LIMIT": "1000000",
    "TELEMETRY_EVENT_GROUP_LIMIT": "1000000",
}


@dataclass(frozen=True)
class Variant:
    """A kind of telemetry, and its variables for the two receivers."""

    name: str
    app: str
    receiver: str
    sink: str
    more: Mapping[str, str]


OURS = ("benchmarks.hosts.ours:application", "OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN")
VARIANTS = (
    Variant("the seed's design", "benchmarks.hosts.seed:application", RECEIVER, SENTRY_SINK, {}),
    Variant("contrib", "benchmarks.hosts.contrib:application", RECEIVER, "", {}),
    Variant("tail at 5 %, before", *OURS, {**TAIL, **UNLIMITED}),
    Variant("tail at 5 %, now", *OURS, TAIL),
)


@dataclass(frozen=True)
class Kind:
    """A kind of request. In a path, `{n}` is another number each time."""

    name: str
    host: str
    path: str
    weight: int


def kinds(env: Mapping[str, str]) -> Sequence[Kind]:
    """Return the kinds of requests of a day, by their share in ten thousand."""
    health, row, table = choose_pages(env)
    return (
        Kind("people: a row", row.host, row.path.removesuffix(".json"), 2400),
        Kind("people: a table", table.host, table.path, 300),
        Kind("people: the home page", ROOT_DOMAIN, "/", 600),
        Kind("crawlers: a row as JSON", row.host, row.path, 3000),
        Kind(
            "crawlers: a table as JSON", table.host, f"{table.path}.json?_size=5&_next={{n}}", 1500
        ),
        Kind("health checks", health.host, health.path, 1000),
        Kind("scanners: not there", ROOT_DOMAIN, "/wp-login-{n}.php", 700),
        Kind("scanners: _timelimit", table.host, f"{table.path}.json?_timelimit=x{{n}}", 130),
        Kind("scanners: text__in", table.host, f"{table.path}.json?text__in=%5Bx{{n}}", 130),
        Kind("scanners: _facet_array", table.host, f"{table.path}.json?_facet_array=x{{n}}", 130),
        Kind("scanners: _through", table.host, f"{table.path}.json?_through=%5Bx{{n}}", 100),
        Kind("a fault of the host", ROOT_DOMAIN, "/fails/sync-view/", 10),
    )


def day(requests: int) -> Iterator[str]:
    """Send the same requests to each variant; yield the lines of the table."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        env = {**prepare_host(Path(folder)), "DJANGO_SETTINGS_MODULE": SETTINGS}
        known = kinds(env)
        weights = [kind.weight for kind in known]
        drawn = random.Random(1).choices(known, weights=weights, k=requests)
        yield f"A day of {requests} requests, sent by one process:"
        for kind, count in sorted(Counter(each.name for each in drawn).items()):
            yield f"  {kind:<30}{count:>7}"
        yield ""
        yield f"{'':<22}{'spans':>9}{'log':>9}{'metric':>9}{'events':>8}{'MB':>8}{'a month':>11}"
        yield f"{'':<31}{'records':>9}{'points':>9}"
        for variant in VARIANTS:
            found = _sent(variant, env, drawn)
            money = 30 * (
                (found["spans"] + found["logs"] + found["points"]) / 1e6 * PRICE
                + found["events"] / 1e6 * PRICE_OF_EVENTS
            )
            yield (
                f"  {variant.name:<20}{found['spans']:>9,}{found['logs']:>9,}"
                f"{found['points']:>9,}{found['events']:>8,}{found['bytes'] / 1e6:>8.1f}"
                f"{money:>11.2f}"
            )
            groups = found["groups"]
            yield f"  {'':<20}events in {groups} group{'s' if groups != 1 else ''}"
    yield (
        f"  (points: those of a minute, {COLLECTIONS} times; at {PRICE:g} a million spans, records"
    )
    yield f"  and points, and {PRICE_OF_EVENTS:g} a million events; transactions count as events)"


def _sent(variant: Variant, env: Mapping[str, str], drawn: Sequence[Kind]) -> dict[str, int]:
    with ExitStack() as stack:
        receiver = stack.enter_context(OTLPReceiver())
        errors = stack.enter_context(EventReceiver())
        # The SDK's readers do not collect when the server stops.
        often = {"OTEL_METRIC_EXPORT_INTERVAL": "10000"}
        variables = {**env, **often, **variant.more, variant.receiver: receiver.url}
        if variant.sink:
            variables[variant.sink] = errors.dsn
        server = stack.enter_context(
            serve_uvicorn(variant.app, env=variables, args=["--no-access-log"])
        )
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=120)) as visitor:
            for number, kind in enumerate(drawn):
                path = kind.path.replace("{n}", str(number))
                visitor.request("GET", path, headers={"Host": kind.host})
                visitor.getresponse().read()
        server.stop()
        points = _points(receiver.metrics)
        envelopes = [item for each in errors.envelopes for item in each.items]
        sent = [item for item in envelopes if item.type in ("event", "transaction")]
        size = sum(r.decoded_size for r in receiver.requests if r.path != "/v1/metrics")
        collected = [r.decoded_size for r in receiver.requests if r.path == "/v1/metrics"]
        return {
            "spans": len(receiver.spans),
            "logs": len(receiver.logs),
            "points": points * COLLECTIONS,
            "events": len(sent),
            "groups": len(_groups(sent)),
            "bytes": size
            + max(collected, default=0) * COLLECTIONS
            + sum(len(json.dumps(item.payload)) for item in sent),
        }


def _points(points: Sequence[ReceivedPoint]) -> int:
    """The largest collection."""
    return max(Counter(point.time_ns // 10**9 for point in points).values(), default=0)


def _groups(items: Sequence[object]) -> set[str]:
    """Groups as Bugsink makes them: by the fingerprint, or else by class and text."""
    found = set()
    for item in items:
        payload = getattr(item, "payload", None)
        if getattr(item, "type", "") != "event" or not isinstance(payload, dict):
            continue
        given = payload.get("fingerprint")
        values = (payload.get("exception") or {}).get("values") or [{}]
        text = [values[-1].get("type"), values[-1].get("value")]
        found.add(json.dumps(given or text))
    return found
