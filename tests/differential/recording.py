"""Runs one version of the host, sends it requests and keeps all that can be seen from outside."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.differential.baseline import PROGRAMS, Version
from tests.differential.requests import SECRET, Request, all_requests, some_requests
from tests.differential.sending import Sent, send
from tests.differential.sites import prepare
from tests.support.processes import HOST, free_ports
from tests.support.servers import serve_gunicorn, serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.servers import Server

APP = "compared_host.app:application"
TOKEN = "pylf_v1_us_planted"

# What both versions get in each run: nothing depends on how fast the machine is.
VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "compared_host.settings",
    # The clients' Host header has no port.
    "PUBLIC_PORT": "80",
    "OTEL_BSP_MAX_QUEUE_SIZE": "50000",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "50000",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "200",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
    "TELEMETRY_SHUTDOWN_TIMEOUT": "30s",
    "PYDANTIC_DISABLE_PLUGINS": "logfire-plugin",
    "PYTHONHASHSEED": "0",
    "NO_COLOR": "1",
    "COLUMNS": "200",
    "TZ": "UTC",
}
# What the tree alone gets: the last release does not know it. Tracebacks, which are as long as the
# paths of the machine, are not cut.
OF_THE_TREE = {"TELEMETRY_TEXT_LENGTH_LIMIT": "32768"}
NEVER_FOLDED = {"TELEMETRY_FOLD_BELOW": "0ms"}
ALWAYS_FOLDED = {"TELEMETRY_FOLD_BELOW": "1000s"}


@dataclass
class Recording:
    """What one run of one version left behind, as it was seen."""

    version: Version
    folder: Path
    sent: list[Sent] = field(default_factory=list)
    exports: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)
    envelopes: list[Mapping[str, Any]] = field(default_factory=list)
    scraped: str = ""
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    files: list[str] = field(default_factory=list)
    ports: dict[int, str] = field(default_factory=dict)

    def keep(self, receiver: OTLPReceiver, errors: EventReceiver) -> None:
        """Keep what two receivers have got."""
        accepted = [each for each in receiver.requests if each.status < 300]
        for call, payload in zip(accepted, receiver.payloads, strict=True):
            self.exports.append((call.path, call.headers, payload))
        self.events = [event.raw for event in errors.events]
        self.envelopes = [dict(call.headers) for call in errors.requests]


@dataclass(frozen=True)
class Run:
    """How both versions are run, and what they are asked.

    Args:
        serve: starts the server.
        requests: gives the requests.
        variables: the environment, given a receiver of OTLP and a port for Prometheus.
        tracked: whether errors are sent to an error tracker.
        scraped: whether Prometheus scrapes the metrics at the end.
        grpc: whether the receiver of OTLP listens for gRPC besides.
    """

    serve: Callable[..., AbstractContextManager[Server]]
    requests: Callable[[], Sequence[Request]]
    variables: Callable[[OTLPReceiver, int], Mapping[str, str]]
    tracked: bool = False
    scraped: bool = False
    grpc: bool = False


def _scraped(port: int) -> str:
    """Scrape the metrics; empty until the first spans have been exported and counted."""
    answer = httpx.get(f"http://{HOST}:{port}/metrics", trust_env=False, timeout=60)
    return answer.text if "otel_sdk_exporter_span_exported_total" in answer.text else ""


def _uvicorn(**options: Any) -> AbstractContextManager[Server]:
    return serve_uvicorn(APP, args=["--no-access-log"], **options)


def _gunicorn(**options: Any) -> AbstractContextManager[Server]:
    return serve_gunicorn(APP, workers=1, worker_class="asgi", **options)


# Access lines are log records too, and no limit leaves anything out: all of it is compared.
UNLIMITED = {
    "TELEMETRY_ACCESS_LOG": "all",
    "TELEMETRY_EVENT_LIMIT": "100000",
    "TELEMETRY_EVENT_GROUP_LIMIT": "100000",
}

RUNS = {
    "otlp-http": Run(
        _uvicorn,
        all_requests,
        lambda receiver, _port: {
            **UNLIMITED,
            **ALWAYS_FOLDED,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-planted=header",
            "TELEMETRY_TRUST_SECRET": SECRET.decode(),
            "TELEMETRY_TRACE_URL": "https://traces.example.org/{trace_id}",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-odd,referer,x-api-key",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": "x-two,set-cookie",
        },
        tracked=True,
    ),
    "grpc-prometheus": Run(
        _gunicorn,
        some_requests,
        lambda receiver, port: {
            **UNLIMITED,
            **NEVER_FOLDED,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_METRICS_EXPORTER": "otlp,prometheus",
            "OTEL_EXPORTER_PROMETHEUS_HOST": HOST,
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
            "OTEL_TRACES_SAMPLER": "tail",
            "TELEMETRY_TRACE_LIMIT": "100000",
            "TELEMETRY_TRACE_SPAN_LIMIT": "100000",
            "TELEMETRY_SLOW": "1000s",
            "OTEL_TRACES_SAMPLER_ARG": "0",
            "TELEMETRY_TRACEPARENT": "trust",
            "LOG_FORMAT": "text",
        },
        tracked=True,
        scraped=True,
        grpc=True,
    ),
    "logfire-console": Run(
        _uvicorn,
        some_requests,
        lambda receiver, _port: {
            **ALWAYS_FOLDED,
            "DEBUG": "1",
            "LOGFIRE_TOKEN": TOKEN,
            "LOGFIRE_BASE_URL": receiver.url,
            "OTEL_TRACES_EXPORTER": "logfire,console",
            "OTEL_METRICS_EXPORTER": "logfire",
            "OTEL_LOGS_EXPORTER": "logfire",
            "TELEMETRY_USER_AGENT": "true",
            "TELEMETRY_CLIENT_ADDRESS": "true",
        },
    ),
}


def record(run: Run, version: Version, built: Path, folder: Path) -> Recording:
    """Run one version to its end.

    Args:
        run: how it is run.
        version: which.
        built: the host's database and sites, as `sites.build` makes them.
        folder: a new folder for all that is written.
    """
    env = {**prepare(built, folder / "host"), **VARIABLES}
    # Outside of the folder that the host runs in, which makes a difference to error events.
    shutil.copytree(PROGRAMS, folder / "programs")
    env["PYTHONPATH"] = str(folder / "programs")
    home = folder / "home"
    home.mkdir()
    env |= OF_THE_TREE if version.name == "tree" else {}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    recording = Recording(version, folder)
    with ExitStack() as stack:
        receiver = stack.enter_context(OTLPReceiver(grpc=run.grpc))
        errors = stack.enter_context(EventReceiver())
        scrape_port = free_ports(4)
        env |= {"SENTRY_DSN": errors.dsn} if run.tracked else {}
        env |= run.variables(receiver, scrape_port)
        server = stack.enter_context(run.serve(env=env, cwd=version.folder, python=version.python))
        recording.ports = {
            receiver.port: "receiver",
            receiver.grpc_port: "grpc-receiver",
            errors.port: "errors",
            scrape_port: "scrape",
            server.port: "server",
        }
        for request in run.requests():
            recording.sent.append(send(server.port, request))
        if run.scraped:
            wait_until(partial(_scraped, scrape_port))
            # Once more: how long scrapes take is itself a metric from the second one on.
            recording.scraped = _scraped(scrape_port)
        recording.exit_code = server.stop(timeout=60)
        recording.keep(receiver, errors)
        recording.stdout = server.program.stdout()
        recording.stderr = server.program.stderr()
    recording.files = sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "programs" not in path.parts
    )
    return recording
