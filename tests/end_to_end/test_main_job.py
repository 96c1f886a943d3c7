"""Sites and home page under real servers: what arrives at a real receiver, signal by signal."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest

from telemetry.registry import metrics, process_metrics
from telemetry.registry.names import MetricName, entries
from telemetry.registry.others_metrics import OTHERS
from tests.end_to_end.hosts import last_points, starts
from tests.end_to_end.job import PLANTED, Job, job_done
from tests.support.servers import serve_gunicorn, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.hosts import Host

SERVERS = {
    # Their own access lines hold query strings, and are not telemetry's.
    "uvicorn": (partial(serve_uvicorn, args=["--no-access-log"]), 1),
    "gunicorn": (partial(serve_gunicorn, workers=2), 2),
    "gunicorn-asgi": (partial(serve_gunicorn, workers=2, worker_class="asgi"), 2),
}


@pytest.fixture(scope="module", params=SERVERS)
def job(request: pytest.FixtureRequest, host: Host) -> Iterator[Job]:
    serve, workers = SERVERS[request.param]
    with job_done(host, serve, workers) as done:
        yield done


def test_each_request_is_one_server_span(job: Job) -> None:
    """At the root of its trace, alone of its kind there, whichever side served it."""
    assert len(job.servers) == len(job.visits)
    assert len({span.trace_id for span in job.servers}) == len(job.visits)
    assert {span.parent_span_id for span in job.servers} == {""}


def test_the_server_span_is_named_by_method_and_readable_route(job: Job) -> None:
    """A request that matched no route has the method alone, never its path."""
    sent_text = Counter(
        (
            span.attributes["server.address"],
            span.attributes["url.path"],
            span.attributes["http.response.status_code"],
            span.attributes.get("http.route"),
            span.attributes.get("corkboard.site"),
            span.attributes["corkboard.outcome"],
            span.name,
        )
        for span in job.servers
    )
    assert sent_text == Counter(
        (
            v.host,
            v.path,
            v.status,
            v.route,
            v.site,
            v.outcome,
            f"GET {v.route}" if v.route else "GET",
        )
        for v in job.visits
    )


def test_every_span_of_a_site_names_the_site(job: Job) -> None:
    """Down to the queries that ran on other threads, and no span of Django names one."""
    executed = set()
    for spans in job.traces.values():
        roots = [span for span in spans if span.kind == "SERVER"]
        expected = {root.attributes.get("corkboard.site") for root in roots}
        if expected:
            assert {span.attributes.get("corkboard.site") for span in spans} == expected
            executed |= {span.name for span in spans}
    assert {"db.query", "db.query.execute"} <= executed


def test_no_span_is_an_orphan(job: Job) -> None:
    """Every parent arrived, in the same trace."""
    for spans in job.traces.values():
        known = {span.span_id for span in spans} | {""}
        assert [span for span in spans if span.parent_span_id not in known] == []


def test_a_site_that_is_opened_is_no_part_of_a_visit(job: Job) -> None:
    """Datasette's start-up is a trace of its own, without the visitor and without a site."""
    for spans in job.traces.values():
        if any(span.name == "datasette.startup" for span in spans):
            assert {span.kind for span in spans} <= {"INTERNAL", "CLIENT"}
            break
    else:
        pytest.fail("no datasette.startup arrived")


def test_only_what_was_asked_for_is_a_span(job: Job) -> None:
    """No receive, no send, nothing of contrib's, no query told twice."""
    scopes = {span.scope for span in job.receiver.spans}
    assert scopes == {"telemetry", "datasette"}
    names = {span.name for span in job.receiver.spans}
    assert not [name for name in names if name.endswith(("send", "receive"))]


def test_names_are_those_of_today_and_nothing_is_personal(job: Job) -> None:
    """`db.system` is renamed, and what identifies a visitor is left out."""
    keys = {key for span in job.receiver.spans for key in span.attributes}
    keys |= {key for point in job.receiver.metrics for key in point.attributes}
    assert "db.system.name" in keys
    unwanted = {"db.system", "url.full", "user_agent.original", "client.address"}
    assert not keys & {*unwanted, "http.url", "http.target", "http.user_agent", "net.peer.ip"}


def test_the_resource_says_who_sends(job: Job) -> None:
    """The same on all three signals, with an instance id for each worker."""
    for signal in (job.receiver.spans, job.receiver.metrics, job.receiver.logs):
        for item in signal:
            assert item.resource["service.name"] == "corkboard"
            assert item.resource["service.version"] == "v1.2.3"
            assert item.resource["deployment.environment.name"] == "production"
    started = {log.resource["service.instance.id"] for log in job.receiver.logs}
    assert len(started) == job.workers
    assert {span.resource["service.instance.id"] for span in job.servers} <= started


def test_each_request_is_counted_once(job: Job) -> None:
    """By route and status, on bounded attributes only."""
    points = last_points(job.receiver, "http.server.request.duration")
    assert sum(point.count or 0 for point in points) == len(job.visits)
    counted = Counter[tuple[object, object]]()
    for point in points:
        key = (point.attributes.get("http.route"), point.attributes["http.response.status_code"])
        counted[key] += point.count or 0
        assert set(point.attributes) <= {
            *("http.request.method", "http.response.status_code", "http.route"),
            *("url.scheme", "network.protocol.version", "error.type"),
        }
    assert counted == Counter((visit.route, visit.status) for visit in job.visits)
    assert {point.unit for point in points} == {"s"}


def test_no_request_is_left_active(job: Job) -> None:
    """What went up came down."""
    points = last_points(job.receiver, "http.server.active_requests")
    assert points
    assert [point.value for point in points] == [0] * len(points)


def test_the_metrics_of_a_database_name_its_site(job: Job) -> None:
    """Or every site's `meetings` would be one series."""
    queries = last_points(job.receiver, "db.client.operation.duration")
    sites = {point.attributes.get("corkboard.site") for point in queries}
    # Start-up work belongs to no visit.
    assert sites == {job.host.site, None}


def test_every_request_is_counted_once_by_site_too(job: Job) -> None:
    """The sum over all sites and those without is the number of requests."""
    by_site = last_points(job.receiver, "corkboard.site.request.duration")
    requests = last_points(job.receiver, "http.server.request.duration")
    assert sum(p.count or 0 for p in by_site) == sum(p.count or 0 for p in requests) > 0
    assert {p.attributes.get("corkboard.site") for p in by_site} == {job.host.site, None}
    assert {p.attributes["corkboard.status_class"] for p in by_site} >= {"2xx", "4xx"}


def test_what_is_measured_is_what_is_registered(job: Job) -> None:
    """Both ways, but for the sampler `tail`, for what only fails, and for forms."""
    registered = {*entries(metrics, MetricName), *entries(process_metrics, MetricName)}
    ours = {"telemetry", "config.sites"}
    emitted = {point.name for point in job.receiver.metrics if point.scope in ours}
    elsewhere = {
        # There is room for all of its sites.
        "corkboard.datasette.evictions",
        "http.server.request.body.size",
        "corkboard.telemetry.spans.sampled_out",
        "corkboard.telemetry.spans.dropped",
        "corkboard.telemetry.failures",
        # By a command.
        "corkboard.telemetry.checks",
    }
    assert emitted == {str(name) for name in registered} - elsewhere
    units = {point.name: point.unit for point in job.receiver.metrics}
    assert {name: units[name] for name in emitted} == {
        str(metric): metric.unit for metric in registered if metric in emitted
    }
    for metric in (metric for metric in registered if metric in emitted):
        found = {
            key
            for point in job.receiver.metrics
            if point.name == metric
            for key in point.attributes
        }
        assert found <= set(metric.attributes)


def test_what_others_measure_is_listed(job: Job) -> None:
    """Both ways, by name, unit, attributes and buckets, but for what only an accident shows."""
    emitted = [p for p in job.receiver.metrics if p.scope not in {"telemetry", "config.sites"}]
    listed = {str(metric): metric for metric in OTHERS}
    # Nobody's query took that long.
    assert {point.name for point in emitted} == listed.keys() - {
        "datasette.sql.queries.interrupted"
    }
    for point in emitted:
        metric = listed[point.name]
        assert point.unit == metric.unit
        assert point.attributes.keys() <= set(metric.attributes)
        if metric.buckets is not None:
            assert tuple(bound for bound, _ in point.buckets)[:-1] == metric.buckets


def test_each_worker_is_observed(job: Job) -> None:
    """CPU, memory, threads, files, garbage and how late its loop is; the SDK's queues too."""
    names = {point.name for point in job.receiver.metrics if point.scope != "telemetry"}
    assert names >= {
        "process.cpu.time",
        "process.memory.usage",
        "process.thread.count",
        "process.open_file_descriptor.count",
        "cpython.gc.collections",
        "otel.sdk.processor.span.queue.size",
        "otel.sdk.processor.span.queue.capacity",
        "otel.sdk.processor.span.processed",
        "otel.sdk.exporter.span.exported",
        "otel.sdk.processor.log.queue.size",
    }
    # Each of these would cost as much as the span that it counts.
    assert not names & {"otel.sdk.span.live", "otel.sdk.span.started"}
    for name in ("process.cpu.time", "process.memory.usage", "corkboard.eventloop.delay"):
        points = last_points(job.receiver, name)
        workers = {point.resource["service.instance.id"] for point in points}
        assert len(workers) == job.workers
        assert all((point.value or point.count or 0) > 0 for point in points)


def test_telemetry_counts_what_it_sends(job: Job) -> None:
    """As many as arrived, but for what was sent with the last metrics or after them."""
    delivered = {
        point.attributes["corkboard.signal"]: 0
        for point in last_points(job.receiver, "corkboard.telemetry.exported")
    }
    for point in last_points(job.receiver, "corkboard.telemetry.exported"):
        if point.attributes["corkboard.export.outcome"] == "delivered":
            delivered[point.attributes["corkboard.signal"]] += int(point.value or 0)
        else:
            assert point.value == 0
    assert 0 < delivered["traces"] <= len(job.receiver.spans)
    assert 0 < delivered["logs"] <= len(job.receiver.logs)
    # Each query is a span here.
    folded = last_points(job.receiver, "corkboard.telemetry.spans.folded")
    assert [point.value for point in folded] == [0] * job.workers


def test_levels_are_those_of_all_datasettes_of_a_worker(job: Job) -> None:
    """One is open in each that was asked for the site, with two threads for its queries."""
    open_ = last_points(job.receiver, "corkboard.datasette.instances")
    limits = last_points(job.receiver, "datasette.sql.threads.limit")
    assert len(open_) == job.workers
    # A worker that is stopped has closed its own by then.
    assert {point.value for point in open_} <= {0, 1}
    assert {point.value for point in limits} == {2}


def test_each_worker_says_once_where_its_telemetry_goes(job: Job) -> None:
    """In one log record, for each signal."""
    started = starts(job.receiver)
    assert len(started) == job.workers
    address = job.receiver.url
    for record in started:
        assert record.attributes["corkboard.destinations"] == [
            f"traces -> otlp ({address}/v1/traces)",
            f"metrics -> otlp ({address}/v1/metrics)",
            f"logs -> otlp ({address}/v1/logs)",
        ]


def test_nothing_planted_gets_out(job: Job) -> None:
    """Cookies, tokens, search words, addresses; nor the operator's own secrets."""
    sent = [*job.receiver.spans, *job.receiver.metrics, *job.receiver.logs]
    sent_text = "".join(map(repr, sent)) + job.output
    assert [secret for secret in PLANTED if secret in sent_text] == []
    # The operator's header did reach the receiver: what was planted was in use.
    assert {request.headers["x-tenant"] for request in job.receiver.requests} == {"planted-header"}
