"""The same host and the same visits: only variables say where the telemetry goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.end_to_end.hosts import Host, visitor
from tests.support.rotel import serve_rotel
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "pylf_v1_us_planted"
PATHS = {"/v1/traces", "/v1/metrics", "/v1/logs"}


@pytest.fixture
def other() -> Iterator[OTLPReceiver]:
    """A second destination."""
    with OTLPReceiver() as listening:
        yield listening


def served(host: Host, **variables: str) -> str:
    """Serve a page of each side with these variables, stop, and give what was printed."""
    with serve_uvicorn(env=host.variables(**variables), args=["--no-access-log"]) as server:
        with visitor(server) as browser:
            assert browser.get("/health/").status_code == 200
            row = f"/meetings/minutes/{host.row}.json"
            assert browser.get(row, f"{host.site}.localhost").status_code == 200
        server.stop()
    return server.output()


def has_everything(receiver: OTLPReceiver) -> bool:
    """Whether both pages, and all three signals of them, are at a receiver."""
    names = {span.name for span in receiver.spans if span.kind == "SERVER"}
    counted = {point.name for point in receiver.metrics}
    return (
        names == {"GET /health/", "GET /{database}/{table}/{pks}"}
        and {"http.server.request.duration", "db.client.operation.duration"} <= counted
        and any("telemetry started" in str(record.body) for record in receiver.logs)
    )


def test_otlp_over_http(host: Host, receiver: OTLPReceiver) -> None:
    """An address is all it takes."""
    served(host, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert has_everything(receiver), receiver.summary()
    assert {request.path for request in receiver.requests} == PATHS


def test_otlp_over_grpc(host: Host) -> None:
    """And the protocol's name."""
    with OTLPReceiver(grpc=True) as receiver:
        served(
            host,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        )
        assert has_everything(receiver), receiver.summary()
        assert all(request.path.endswith("/Export") for request in receiver.requests)


def test_logfire(host: Host, receiver: OTLPReceiver) -> None:
    """A token is all it takes; it is sent as Logfire wants it, and never printed."""
    printed = served(host, LOGFIRE_TOKEN=TOKEN, LOGFIRE_BASE_URL=receiver.url)
    assert has_everything(receiver), receiver.summary()
    assert {request.path for request in receiver.requests} == PATHS
    for request in receiver.requests:
        assert request.headers["authorization"] == TOKEN
        assert request.headers["content-encoding"] == "gzip"
    assert TOKEN not in printed + receiver.summary()


def test_several_logfire_projects(host: Host, receiver: OTLPReceiver) -> None:
    """A comma list of tokens sends the same to each."""
    served(host, LOGFIRE_TOKEN=f"{TOKEN}1,{TOKEN}2", LOGFIRE_BASE_URL=receiver.url)
    calls = {(request.headers["authorization"], request.path) for request in receiver.requests}
    assert calls == {(token, path) for token in (f"{TOKEN}1", f"{TOKEN}2") for path in PATHS}
    ids = [span.span_id for span in receiver.spans]
    assert all(ids.count(span_id) == 2 for span_id in ids)


def test_logfire_and_a_collector_at_once(
    host: Host, receiver: OTLPReceiver, other: OTLPReceiver
) -> None:
    """Both get all of it, each in the form it likes: Logfire delta, OTLP cumulative."""
    served(
        host,
        LOGFIRE_TOKEN=TOKEN,
        LOGFIRE_BASE_URL=other.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
    )
    assert has_everything(receiver), receiver.summary()
    assert has_everything(other), other.summary()
    assert {s.span_id for s in receiver.spans} == {s.span_id for s in other.spans}
    duration = "http.server.request.duration"
    forms = [
        {(p.type, p.temporality) for p in r.metrics if p.name == duration}
        for r in (receiver, other)
    ]
    assert forms == [{("histogram", "cumulative")}, {("exponential_histogram", "delta")}]
    assert not any("authorization" in request.headers for request in receiver.requests)


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_one_signals_address_sends_that_signal_only(
    host: Host, receiver: OTLPReceiver, signal: str
) -> None:
    """As the specification's per-signal variables suggest."""
    address = f"{receiver.url}/v1/{signal}"
    served(host, **{f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT": address})
    assert {request.path for request in receiver.requests} == {f"/v1/{signal}"}


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {}], ids=["disabled", "none"])
def test_nothing_is_sent_when_told_so(
    host: Host, receiver: OTLPReceiver, off: dict[str, str]
) -> None:
    """Though an address and a token are set."""
    none = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    printed = served(
        host,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        LOGFIRE_TOKEN=TOKEN,
        LOGFIRE_BASE_URL=receiver.url,
        **(off or none),
    )
    assert receiver.requests == []
    assert "trace " not in printed


def test_console_prints_beside_a_destination(host: Host, receiver: OTLPReceiver) -> None:
    """A list of exporters uses each, in forgiving spelling; it is a tree and not the SDK's JSON."""
    printed = served(
        host,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_TRACES_EXPORTER="Console, otlp,",
    )
    assert has_everything(receiver), receiver.summary()
    assert "GET /health/ 200" in printed
    assert f"{host.site} trace " in printed
    assert not {"{", "}"} & {line.strip() for line in printed.splitlines()}
    assert '"trace_id"' not in printed


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_through_a_real_collector(
    host: Host, receiver: OTLPReceiver, tmp_path: Path, protocol: str
) -> None:
    """A second implementation of OTLP understands what is sent."""
    with serve_rotel(receiver, tmp_path) as rotel:
        served(
            host,
            OTEL_EXPORTER_OTLP_ENDPOINT=rotel.grpc_endpoint if protocol == "grpc" else rotel.url,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        )
        # It acknowledges before it passes on.
        receiver.wait_for(has_everything)
        sites = {s.attributes.get("corkboard.site") for s in receiver.spans if s.kind == "SERVER"}
        assert sites == {host.site, None}
