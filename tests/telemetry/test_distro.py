"""`opentelemetry-instrument`: the same host, the same traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.testing import OTLPReceiver
from tests.support import web
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from telemetry.testing import ReceivedSpan


def _visit(env: dict[str, str], *, instrument: bool) -> OTLPReceiver:
    """A Django page, a site's two, and one that there is not; what arrived by the end.

    What goes wrong under `opentelemetry-instrument` is only said, on standard error.
    """
    site = min(path.name for path in Path(env["SITES_DIR"]).iterdir())
    with OTLPReceiver() as receiver:
        # Which of them is slow, and stays a span, is the machine's business.
        folding = {"TELEMETRY_FOLD_BELOW": "0ms"}
        env = {**env, **folding, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        with serve_uvicorn(env=env, instrument=instrument) as server:
            there = {"Host": f"{site}.localhost"}
            for path, headers in (
                ("/health/", {}),
                ("/no-such-page", {}),
                ("/", there),
                ("/meetings/minutes?_size=1", there),
            ):
                web.get(server.url + path, headers=headers)
            server.stop()
        assert "Traceback" not in server.output()
        assert "failed" not in server.output().lower()
    return receiver


def _is_said_of(span: ReceivedSpan) -> tuple[object, ...]:
    return (
        span.name,
        span.kind,
        span.scope,
        span.schema_url,
        bool(span.parent_span_id),
        # A busy machine makes a client wait that is worth mentioning.
        *sorted(span.attributes.keys() - {"corkboard.client.wait_time"}),
        span.attributes.get("http.route"),
        span.attributes.get("corkboard.site"),
        span.resource["service.name"],
        span.resource["service.version"],
        span.resource["deployment.environment.name"],
    )


def _all_said_of(receiver: OTLPReceiver) -> set[tuple[object, ...]]:
    # Datasette counts rows for 10 ms at most: a busy machine may or may not do it in time.
    spans = [span for span in receiver.spans if "datasette.interrupted" not in span.attributes]
    return {_is_said_of(span) for span in spans}


def test_the_traces_are_the_same(host_env: dict[str, str]) -> None:
    """Whoever starts the process: names, kinds, attributes, sites, and `corkboard` by name."""
    plain = _visit(host_env, instrument=False)
    instrumented = _visit(host_env, instrument=True)

    expected = _all_said_of(plain)
    assert {span.name for span in plain.spans} >= {
        "GET /health/",
        "GET",
        "GET /",
        "GET /{database}/{table}",
        "db.query",
    }
    assert _all_said_of(instrumented) == expected
    for receiver in (plain, instrumented):
        servers = [span for span in receiver.spans if span.kind == "SERVER"]
        assert len(servers) == 4
        assert {span.resource["service.name"] for span in receiver.spans} == {"corkboard"}
        assert not [span for span in receiver.spans if span.scope.startswith("opentelemetry")]


def test_metrics_and_logs_are_the_same(host_env: dict[str, str]) -> None:
    """The other two signals have no configurator of their own either."""
    env = {**host_env, "OTEL_TRACES_EXPORTER": "none"}
    names = [
        (
            {
                (point.name, point.scope, point.resource["service.name"])
                for point in receiver.metrics
                # What an export or a moment's wait leads to is seen or not, by chance.
                if point.scope != "opentelemetry-sdk" and "eventloop" not in point.name
            },
            {(log.event_name, log.scope, log.resource["service.name"]) for log in receiver.logs},
        )
        for receiver in (_visit(env, instrument=False), _visit(env, instrument=True))
    ]
    assert names[0] == names[1]
    assert ("http.server.request.duration", "telemetry", "corkboard") in names[0][0]
    assert ("corkboard.telemetry.started", "telemetry", "corkboard") in names[0][1]
