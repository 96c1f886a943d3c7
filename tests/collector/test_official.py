"""The official collector with the files that operators get: what is sent through it arrives."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from telemetry.testing import OTLPReceiver
from tests.collector import planted
from tests.end_to_end.hosts import Host, visitor
from tests.support.collector import Addresses, official, serve_collector
from tests.support.commands import telemetry_command
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import free_port
from tests.support.servers import serve_uvicorn
from tests.telemetry.testing.senders import meters_to, send_log, send_span, tracer_to

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(1800)]

TOLD = {
    "files": {"FILES_PATH": "{folder}/files/telemetry.jsonl"},
    "logfire": {"LOGFIRE_TOKEN": "pylf_v1_eu_planted"},
    "otlp": {"DEST_ENDPOINT": "http://127.0.0.1:4319"},
    "viewer": {},
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the PATH with the collector in it."""
    return official(tmp_path_factory.mktemp("collector"))


@pytest.mark.parametrize("destination", sorted(TOLD))
def test_it_takes_the_files(built: Path, tmp_path: Path, destination: str) -> None:
    """Each destination, merged into what takes everything in."""
    given = {name: value.format(folder=tmp_path) for name, value in TOLD[destination].items()}
    done = subprocess.run(
        [sys.executable, "-m", "collector", destination, "--validate"],
        env=clean_environment(PATH=str(built), COLLECTOR_STORAGE=str(tmp_path), **given),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("destination", sorted(TOLD))
def test_it_takes_what_compose_tells_it(built: Path, tmp_path: Path, destination: str) -> None:
    """The command and the variables of a container, but for where its files are."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["collector"]
    options = [
        option.replace("${DEST:-viewer}", destination).replace("/etc/corkboard", str(ROOT))
        for option in service["command"]
    ]
    given = {name: value.format(folder=tmp_path) for name, value in TOLD[destination].items()}
    [program] = built.iterdir()
    variables = {"LOGFIRE_BASE_URL": "https://logfire-eu.pydantic.dev", **given}
    done = subprocess.run(
        [program, "validate", *options],
        env=clean_environment(
            **service["environment"] | variables | {"COLLECTOR_STORAGE": str(tmp_path)}
        ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("destination", "given", "said"),
    [
        ("files", {}, "path must be non-empty"),
        ("logfire", {"LOGFIRE_BASE_URL": "http://127.0.0.1:1"}, "no bearer token provided"),
        ("logfire", {"LOGFIRE_TOKEN": "pylf_v1_eu_planted"}, "at least one endpoint"),
        ("otlp", {}, "at least one endpoint"),
    ],
)
def test_it_refuses_to_start_without_its_variables(
    built: Path, tmp_path: Path, destination: str, given: dict[str, str], said: str
) -> None:
    """By itself, too, as a container runs it, where nothing of ours looks first."""
    [program] = built.iterdir()
    files = [ROOT / "otel-collector.yaml", ROOT / "collector" / f"{destination}.yaml"]
    done = subprocess.run(
        [program, *(f"--config={file}" for file in files)],
        env=clean_environment(
            COLLECTOR_STORAGE=str(tmp_path / "queues"), **Addresses().variables(), **given
        ),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "pylf_v1_eu_planted" not in done.stderr


def test_everything_that_the_host_sends_arrives(host_env: dict[str, str], tmp_path: Path) -> None:
    """Traces, metrics and logs, by either protocol, with the site on them."""
    host = Host.of(host_env)
    addresses = Addresses()
    with (
        OTLPReceiver() as receiver,
        serve_collector("otlp", tmp_path, addresses, DEST_ENDPOINT=receiver.url),
    ):
        for protocol, address in (
            ("http/protobuf", addresses.url),
            ("grpc", addresses.grpc_endpoint),
        ):
            receiver.clear()
            env = host.variables(
                OTEL_EXPORTER_OTLP_ENDPOINT=address,
                OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
                # The log record of the request, which has its site.
                TELEMETRY_ACCESS_LOG="all",
            )
            with serve_uvicorn(env=env) as server, visitor(server) as browser:
                answer = browser.get("/meetings/minutes", f"{host.site}.localhost")
                assert answer.status_code == 200
                assert server.stop() == -signal.SIGTERM
            receiver.wait_for(
                lambda r: all(
                    any(item.attributes.get("corkboard.site") == host.site for item in items)
                    for items in (r.spans, r.metrics, r.logs)
                )
            )
            trace_id = answer.headers["traceresponse"].split("-")[1]
            [root] = [span for span in receiver.spans if span.kind == "SERVER"]
            assert (root.trace_id, root.name) == (trace_id, "GET /{database}/{table}")
            assert trace_id in {log.trace_id for log in receiver.logs}


def test_the_files_hold_all_three(tmp_path: Path) -> None:
    """As the check's words have it, all of it arrived."""
    addresses = Addresses()
    path = tmp_path / "files" / "telemetry.jsonl"
    with serve_collector("files", tmp_path, addresses, FILES_PATH=str(path)) as running:
        done = telemetry_command("check", OTEL_EXPORTER_OTLP_ENDPOINT=addresses.url)
        assert (done.returncode, done.stdout.count("arrived  ")) == (0, 3), done.stdout
        assert running.stop() == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {key for line in lines for key in line} >= {
        "resourceSpans",
        "resourceMetrics",
        "resourceLogs",
    }


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    """Of what came past the host's own rules, or was never under them."""
    addresses = Addresses()
    with (
        OTLPReceiver() as receiver,
        serve_collector("otlp", tmp_path, addresses, DEST_ENDPOINT=receiver.url),
    ):
        # The same, sent past it: this would be noticed.
        planted.send(receiver)
        assert planted_in(receiver)
        receiver.clear()
        planted.send(addresses)
        receiver.wait_for(lambda r: r.spans and r.metrics and len(r.logs) == 2)
    assert planted_in(receiver) == []
    [span] = receiver.spans
    for attributes in (
        span.attributes,
        *(point.attributes for point in receiver.metrics),
        *(log.attributes for log in receiver.logs),
    ):
        assert {name: attributes.get(name) for name in planted.KEPT} == planted.KEPT
        assert re.fullmatch("before .* after", str(attributes["note"]))


def planted_in(receiver: OTLPReceiver) -> list[str]:
    """Where it is, in whatever arrived."""
    return [
        repr(item)
        for item in (*receiver.spans, *receiver.metrics, *receiver.logs)
        if "planted" in repr(item)
    ]


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_an_outage_loses_nothing(tmp_path: Path, ended_by: signal.Signals) -> None:
    """The backend is away, the collector is restarted or killed, the backend comes back.

    In between it may have sent to another: what is not delivered waits for its own.
    """
    addresses, backend = Addresses(), OTLPReceiver(free_port())
    given = {"DEST_ENDPOINT": backend.url}
    sent = 40
    with serve_collector("otlp", tmp_path, addresses, **given) as running:
        for _ in range(sent):
            send_log(addresses)
        with tracer_to(addresses) as tracer:
            for _ in range(sent):
                send_span(tracer)
        with meters_to(addresses) as provider:
            provider.get_meter("tests.meter").create_counter("requests").add(sent)
        running.stop(ended_by)
    with OTLPReceiver() as other:
        elsewhere = {"LOGFIRE_TOKEN": "pylf_v1_us_x", "LOGFIRE_BASE_URL": other.url}
        with serve_collector("logfire", tmp_path, addresses, **elsewhere) as running:
            send_log(addresses)
            other.wait_for(lambda r: r.logs)
            assert running.stop() == 0
    assert (len(other.logs), other.spans) == (1, [])
    with backend, serve_collector("otlp", tmp_path, addresses, **given):
        backend.wait_for(
            lambda r: (
                len({span.span_id for span in r.spans}) == sent
                and len(r.logs) >= sent
                and any(point.name == "requests" for point in r.metrics)
            ),
            timeout=300,
        )
    assert [point.value for point in backend.metrics if point.name == "requests"] == [sent]
    # Sent again where the answer was lost, never by more than what was on its way.
    assert len(backend.logs) == sent


def test_spans_are_counted(tmp_path: Path) -> None:
    """All that arrive, by route and status: that is every fifteen seconds."""
    addresses = Addresses()
    with (
        OTLPReceiver() as receiver,
        serve_collector("otlp", tmp_path, addresses, DEST_ENDPOINT=receiver.url),
    ):
        with tracer_to(addresses) as tracer:
            for status in (200, 200, 500):
                tracer.start_span(
                    "GET /x",
                    attributes={"http.route": "/x", "http.response.status_code": status},
                ).end()
        receiver.wait_for(lambda r: calls(r) == {200: 2, 500: 1}, timeout=40)


def calls(receiver: OTLPReceiver) -> dict[object, object]:
    """The last count by status; the first that is sent says 0."""
    return {
        point.attributes["http.response.status_code"]: point.value
        for point in receiver.metrics
        if point.name == "corkboard.spans.calls"
    }
