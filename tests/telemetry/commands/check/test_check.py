"""`python -m telemetry check`, against backends that are well and that are not."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support.certificates import make_certificates
from tests.support.commands import telemetry_command, telemetry_main
from tests.support.odd_server import OddServer, answer
from tests.support.processes import HOST, free_port, refusing_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

SECRET = "planted-token-0123456789"


def _check(*arguments: str, **variables: str) -> CompletedProcess[str]:
    done = telemetry_command("check", *arguments, **variables)
    assert SECRET not in done.stdout + done.stderr
    return done


def _results(timeout: str = "30s", **variables: str) -> dict[str, dict[str, Any]]:
    done = telemetry_main("check", "--json", "--timeout", timeout, **variables)
    assert SECRET not in done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["arrived"] else 1)
    return {result["what"]: result for result in found["results"]}


@contextmanager
def _web_server(status: int, content_type: str, body: bytes, **headers: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in {"Content-Type": content_type, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Not on standard error."""

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_all_arrive(protocol: str) -> None:
    """One of each, of one trace, by the host's name; the samplers are not asked."""
    with OTLPReceiver(grpc=True) as receiver, EventReceiver() as errors:
        grpc = protocol == "grpc"
        done = _check(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint if grpc else receiver.url,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer {SECRET}",
            OTEL_TRACES_SAMPLER="always_off",
            OTEL_SERVICE_NAME="my-host",
            SENTRY_DSN=errors.dsn,
            TELEMETRY_TRACE_URL="https://traces.example.org/{trace_id}",
        )
    assert done.returncode == 0, done.stdout
    [span], [point], [log] = receiver.spans, receiver.metrics, receiver.logs
    [event] = errors.events
    assert span.name == "telemetry check"
    assert span.resource["service.name"] == "my-host"
    assert point.name == "corkboard.telemetry.checks"
    assert log.trace_id == event.trace_id == span.trace_id
    assert done.stdout.startswith(f"my-host, trace {span.trace_id}\n")
    assert f"https://traces.example.org/{span.trace_id}" in done.stdout
    assert f"/issues/1/?q=trace:{span.trace_id}" in done.stdout
    for what in ("traces", "metrics", "logs", "errors"):
        assert f"arrived  {what}: " in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "http" not in line)


def test_logfire_s_own_address_and_token_are_used() -> None:
    """As the host would, with what its pages show."""
    with OTLPReceiver() as receiver:
        results = _results(LOGFIRE_TOKEN=f"pylf_v1_us_{SECRET}", LOGFIRE_BASE_URL=receiver.url)
        receiver.answer(401)
        refused = _results(LOGFIRE_TOKEN=f"pylf_v1_us_{SECRET}", LOGFIRE_BASE_URL=receiver.url)
    assert {name: result["arrived"] for name, result in results.items()} == {
        "traces": True,
        "metrics": True,
        "logs": True,
    }
    assert receiver.spans[0].attributes["logfire.msg"] == "telemetry check"
    assert "credentials refused (401)" in refused["traces"]["problem"]
    assert "LOGFIRE_TOKEN" in refused["traces"]["advice"]


@pytest.mark.parametrize(
    ("status", "problem", "advice"),
    [
        (401, "credentials refused", "OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "credentials refused", "OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "no OTLP receiver at this path", "is a base address to which /v1/traces"),
        (413, "request too large", "size of a request"),
        (415, "request not understood", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (429, "rate limited", "quota"),
        (503, "backend error", "log of the backend"),
    ],
)
def test_a_refusal_is_explained(status: int, problem: str, advice: str) -> None:
    """At once, also where an exporter would try again for ten seconds."""
    with OTLPReceiver() as receiver:
        receiver.answer(status)
        results = _results(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    for result in results.values():
        assert f"{problem} ({status})" in result["problem"] or problem in result["problem"]
        assert advice in result["advice"]
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("status", [401, 503])
def test_a_refusal_over_grpc_is_explained(status: int) -> None:
    """By the code that the receiver makes of it."""
    with OTLPReceiver(grpc=True) as receiver:
        receiver.answer(status)
        results = _results(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
        )
    wanted = "credentials refused" if status == 401 else "no gRPC response"
    assert wanted in results["traces"]["problem"]
    assert len(receiver.requests) == 3


def test_what_is_kept_out_is_told_though_the_answer_is_200() -> None:
    """OTLP's partial success, with the backend's reason."""
    with OTLPReceiver() as receiver:
        receiver.answer(200, rejected=1, message="no room for it")
        results = _results(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert results["traces"]["problem"] == "rejected: no room for it"


def test_a_web_page_is_no_receiver() -> None:
    """The SDK takes a proxy's 200 for a success, and everything is lost."""
    page = b"<!doctype html><title>Sign in</title>"
    with _web_server(200, "text/html; charset=utf-8", page) as url:
        dsn = url.replace("http://", "http://key@") + "/1"
        results = _results(OTEL_EXPORTER_OTLP_ENDPOINT=url, SENTRY_DSN=dsn)
    for result in results.values():
        assert result["problem"] == "response is a web page (200, text/html)"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in results["traces"]["advice"]
    assert "SENTRY_DSN" in results["errors"]["advice"]


def test_a_redirect_is_named() -> None:
    """The SDK takes it for a success; credentials in the address are not repeated."""
    location = f"https://user:{SECRET}@elsewhere.example/v1/traces?key={SECRET}"
    with _web_server(301, "text/plain", b"", Location=location) as url:
        result = _results(OTEL_EXPORTER_OTLP_ENDPOINT=url)["traces"]
    assert "redirect, which is not followed (301)" in result["problem"]
    assert "elsewhere.example/v1/traces" in result["advice"]


def test_nothing_listens() -> None:
    """Over HTTP, gRPC and for errors."""
    port = refusing_port()
    for protocol in ("http/protobuf", "grpc"):
        results = _results(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{HOST}:{port}",
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            SENTRY_DSN=f"http://{SECRET}@{HOST}:{port}/1",
        )
        assert [result["problem"] for result in results.values()] == ["connection refused"] * 4


def test_an_unknown_name() -> None:
    """Reserved for this by RFC 2606."""
    for protocol in ("http/protobuf", "grpc"):
        results = _results(
            OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.invalid:4318",
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            NO_PROXY="*",
        )
        assert results["traces"]["problem"] == "host name not found"


def test_no_answer_in_time() -> None:
    """As long as was allowed and no longer."""
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        deaf.listen()
        url = f"http://{HOST}:{deaf.getsockname()[1]}"
        results = _results("1s", OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert results["traces"]["problem"] == "no response before the timeout"
    assert 1 <= results["traces"]["seconds"] < 30


def test_each_protocol_at_the_other_s_port() -> None:
    """Says which variable chooses."""
    with OTLPReceiver(grpc=True) as receiver:
        over_http = _results(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint)
        over_grpc = _results(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
        )
        over_tls = _results(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url.replace("http", "https"))
    assert "no HTTP response" in over_http["traces"]["problem"]
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in over_http["traces"]["advice"]
    assert over_grpc["traces"]["problem"] == "no gRPC response"
    assert "http/protobuf" in over_grpc["traces"]["advice"]
    assert over_tls["traces"]["problem"] == "TLS handshake failed"


def test_errors_alone() -> None:
    """A tracker needs no exporter; a refused key says where to get the right one."""
    with EventReceiver() as errors:
        assert _results(SENTRY_DSN=errors.dsn)["errors"]["arrived"]
        errors.answer(403, message="bad key")
        result = _results(SENTRY_DSN=errors.dsn)["errors"]
    assert "key refused (403)" in result["problem"]
    assert "Copy the DSN" in result["advice"]


def test_what_goes_over_no_network_is_said_to() -> None:
    """The console, and a port that is scraped."""
    results = _results(
        DEBUG="1",
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_PORT=str(free_port()),
    )
    assert results["traces"]["exporter"] == "console"
    assert results["traces"]["arrived"] is None
    assert results["metrics"]["arrived"] is None


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "nothing is configured"),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, "nothing is"),
        ({"OTEL_TRACES_EXPORTER": "otpl"}, "OTEL_TRACES_EXPORTER='otpl': wanted"),
    ],
    ids=["empty", "disabled", "wrong"],
)
def test_there_is_nothing_to_send_by(variables: dict[str, str], said: str) -> None:
    """Exit code 2, on standard error."""
    done = _check(**variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_proxy_that_does_not_answer_is_named() -> None:
    """Not the backend, which was never asked."""
    found = _results(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://backend.example.org",
        HTTP_PROXY=f"http://{HOST}:{refusing_port()}",
    )
    for result in found.values():
        assert not result["arrived"]
        assert result["problem"] == "the proxy does not answer"
        assert "HTTP_PROXY" in result["advice"]
        assert "NO_PROXY" in result["advice"]


def test_a_proxy_of_grpc_that_does_not_answer_is_named() -> None:
    """By the variable that gRPC takes it from."""
    environ = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://backend.example.org:4317",
        "https_proxy": f"http://{HOST}:{refusing_port()}",
    }
    result = _results(**environ)["traces"]
    assert result["problem"] == "the proxy does not answer"
    assert result["advice"].startswith("https_proxy names it.")
    # Excepted: then it is the backend that is looked for.
    result = _results(**environ, no_proxy="example.org")["traces"]
    assert result["problem"] != "the proxy does not answer"


def test_a_proxy_that_grpc_does_not_use_is_not_printed() -> None:
    """gRPC would print one that it can't parse, with its password."""
    with OTLPReceiver(grpc=True) as receiver:
        done = _check(
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint,
            https_proxy=f"ann%40x:{SECRET}@127.0.0.1:8",
            no_proxy="127.0.0.1",
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_port_that_is_taken_is_named() -> None:
    """Prometheus would scrape another process."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        result = _results(
            OTEL_METRICS_EXPORTER="prometheus", OTEL_EXPORTER_PROMETHEUS_PORT=str(port)
        )["metrics"]
    assert result["problem"].startswith(f"port {port} is not available: ")
    assert result["arrived"] is None


@pytest.mark.parametrize("host", ["nosuch.invalid", "192.0.2.1", "2001:db8::1"])
def test_an_address_that_can_not_be_listened_on_loses_the_metrics(host: str) -> None:
    """The host would log an error, and no worker would be scraped."""
    result = _results(OTEL_METRICS_EXPORTER="prometheus", OTEL_EXPORTER_PROMETHEUS_HOST=host)[
        "metrics"
    ]
    assert result["arrived"] is False
    assert result["problem"].startswith("the address can't be listened on: ")
    assert result["advice"].startswith("Check OTEL_EXPORTER_PROMETHEUS_HOST")


PLANTED = """
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

class Good(SpanExporter):
    def export(self, spans):
        return SpanExportResult.SUCCESS

class Failing(Good):
    def export(self, spans):
        return SpanExportResult.FAILURE

class Broken(Good):
    def export(self, spans):
        raise LookupError("planted")
"""


def test_an_installed_exporter_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it returns: the backend's response is not known."""
    (tmp_path / "planted_exporters.py").write_text(PLANTED)
    metadata = tmp_path / "planted_exporters-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: planted-exporters\nVersion: 1\n"
    )
    points = [
        f"{name.lower()} = planted_exporters:{name}" for name in ("Good", "Failing", "Broken")
    ]
    (metadata / "entry_points.txt").write_text(
        "\n".join(("[opentelemetry_traces_exporter]", *points))
    )
    monkeypatch.syspath_prepend(tmp_path)
    problems = {}
    for name in ("good", "failing", "broken"):
        [result] = _results(OTEL_TRACES_EXPORTER=name).values()
        problems[name] = result["problem"]
    assert problems == {"good": "", "failing": "export failed", "broken": "export failed"}
    sys.modules.pop("planted_exporters", None)


def test_a_note_of_the_configuration_is_printed() -> None:
    """Beside the results."""
    done = telemetry_main("check", OTEL_TRACES_EXPORTER="console", TELEMETRY_SLOWER="1s")
    assert "did you mean TELEMETRY_SLOW?" in done.stderr
    assert "traces: console" in done.stdout


def test_what_was_lost_is_printed_with_its_problem_and_advice() -> None:
    """In lines of 80 columns, but for addresses; what arrived is beside it."""
    with OTLPReceiver() as receiver:
        done = telemetry_main(
            *("check", "--timeout", "30s"),
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"http://{HOST}:{refusing_port()}/v1/traces",
            OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"{receiver.url}/v1/logs",
        )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    [at] = [n for n, line in enumerate(lines) if line.startswith("LOST     traces: otlp http://")]
    assert lines[at + 1].strip() == "connection refused"
    assert lines[at + 2].strip().startswith("Is it running?")
    assert any(line.startswith("arrived  logs: otlp http://") for line in lines)
    assert all(len(line) <= 80 or "http://" in line for line in lines)


def test_a_certificate_that_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    """Before anything is sent, for error events as for OTLP."""
    broken = tmp_path / "client.pem"
    broken.write_text("no certificate")
    done = _check(
        SENTRY_DSN="https://key@127.0.0.1:9/1",
        CLIENT_CERT_FILE=str(broken),
        CLIENT_KEY_FILE=str(broken),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"CLIENT_KEY_FILE='{broken}': wanted the key of {broken}" in done.stderr


def test_a_certificate_that_is_not_trusted_is_named_for_each_signal(tmp_path: Path) -> None:
    """By the variable that the signal reads."""
    files = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "server.pem", files / "server.key")
    with OddServer(lambda _: answer(200)) as server:
        server.use_tls(context)
        url = server.url.replace("http://", "https://")
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "SENTRY_DSN": f"{url.replace('://', '://key@')}/1",
        }
        for authority in ({}, {"SSL_CERT_FILE": str(files / "other.pem")}):
            found = _results(**environ, **authority)
            assert {each["problem"] for each in found.values()} == {"TLS handshake failed"}
            advice = {what: each["advice"].rpartition(" or ")[2] for what, each in found.items()}
            assert advice["traces"] == "OTEL_EXPORTER_OTLP_CERTIFICATE."
            assert advice["errors"] == "SSL_CERT_FILE."
        found = _results(**environ, SSL_CERT_FILE=str(files / "ca.pem"))
        assert (found["traces"]["arrived"], found["errors"]["arrived"]) == (False, True)
