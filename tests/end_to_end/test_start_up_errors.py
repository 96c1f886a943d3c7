"""A server that is misconfigured does not start, and says all that is wrong at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import free_port, program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.end_to_end.hosts import Host

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


def refused(server: list[str], env: Mapping[str, str]) -> str:
    """Start a server that must refuse; give what it printed."""
    ends = pytest.raises(AssertionError, match=r"ended with [1-9]")
    command = [sys.executable, "-m", *server]
    with program(command, env=env, is_server=True) as running, ends:
        running.wait_until(lambda: False)
    return running.output()


def uvicorn_refused(host: Host, variables: Mapping[str, str]) -> str:
    command = ["uvicorn", "config.asgi:application", "--port", str(free_port())]
    return refused(command, {**host.env, **variables})


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "otpl"},
            ("OTEL_TRACES_EXPORTER='otpl'", "console, logfire, none, otlp"),
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
            ("OTEL_EXPORTER_OTLP_ENDPOINT='localhost:4318'", "http://localhost:4318"),
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://user:planted-secret@127.0.0.1"},
            ("OTEL_EXPORTER_OTLP_ENDPOINT='ftp://(hidden)@127.0.0.1'", "http://localhost:4318"),
        ),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            ("OTEL_EXPORTER_OTLP_PROTOCOL='http/json'", "http/protobuf, grpc"),
        ),
        (
            {"LOG_FORMAT": "xml", "LOGLEVEL": "INFO,django=LOUD"},
            ("LOG_FORMAT='xml'", "json, text", "LOGLEVEL='INFO,django=LOUD'", "logger=LEVEL"),
        ),
        (
            {"OTEL_TRACES_SAMPLER": "sometimes"},
            ("OTEL_TRACES_SAMPLER='sometimes'", "parentbased_traceidratio"),
        ),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "5"},
            ("OTEL_TRACES_SAMPLER_ARG='5'", "from 0 to 1"),
        ),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "planted-secret"},
            ("OTEL_EXPORTER_OTLP_HEADERS=(hidden)", "key=value"),
        ),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a b=planted-secret"},
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS=(hidden)", "header-name=value"),
        ),
        (
            {"SENTRY_DSN": "https://planted-secret@bugsink.example.org/"},
            ("SENTRY_DSN=(hidden)", "https://KEY@bugsink.example.org/1; it ends in no project's"),
        ),
        (
            {"TELEMETRY_TRACE_URL": "https://traces.example.org/"},
            ("TELEMETRY_TRACE_URL='https://traces.example.org/'", "with {trace_id} in it"),
        ),
        (
            {"TELEMETRY_SHUTDOWN_TIMEOUT": "soon"},
            ("TELEMETRY_SHUTDOWN_TIMEOUT='soon'", "250ms or 2s"),
        ),
        ({"OTEL_LOGS_EXPORTER": "logfire"}, ("LOGFIRE_TOKEN", "a write token")),
        ({"SITES_DIR": __file__}, (f"SITES_DIR is {__file__!r}", "a readable folder")),
        (
            {"DJP_PLUGINS_DIR": "nowhere/plugins"},
            ("DJP_PLUGINS_DIR is 'nowhere/plugins'", "djp plugins"),
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_named(
    host: Host, variables: dict[str, str], said: tuple[str, ...]
) -> None:
    """The variable, its value and what was wanted, and never a secret."""
    printed = uvicorn_refused(host, variables)
    assert [text for text in said if text not in printed] == [], printed
    assert printed.count(said[0]) == 1
    assert "planted-secret" not in printed


WRONG = {
    "OTEL_TRACES_EXPORTER": "otpl",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "logfire",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "ftp://127.0.0.1",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke",
    "OTEL_EXPORTER_OTLP_HEADERS": "planted-secret",
    "OTEL_TRACES_SAMPLER": "traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "ratio=0.05",
    "OTEL_METRIC_EXPORT_INTERVAL": "often",
    "OTEL_PROPAGATORS": "pigeon",
    "TELEMETRY_TRACEPARENT": "believe",
    "TELEMETRY_SHUTDOWN_TIMEOUT": "soon",
}
# Two of them are right by themselves, and one wants what is missing.
RIGHT = {"OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_TRACES_SAMPLER"}
NAMED = sorted({*WRONG, "LOGFIRE_TOKEN"} - RIGHT)


def named(printed: str) -> list[str]:
    """Give the variables that are told to be wrong, a line each."""
    problems = [line.strip() for line in printed.splitlines() if ": wanted " in line]
    return sorted(line.partition("=")[0] for line in problems)


def test_all_that_is_wrong_is_said_at_once(host: Host) -> None:
    """Whoever mends a deployment does it in one go. A right value is not named."""
    printed = uvicorn_refused(host, WRONG)
    assert named(printed) == NAMED, printed
    assert f"({len(NAMED)} problems)" in printed
    assert "planted-secret" not in printed


@pytest.mark.parametrize("worker_class", ["uvicorn_worker.UvicornWorker", "asgi"])
def test_gunicorn_gives_up_and_says_the_same(host: Host, worker_class: str) -> None:
    """Its master ends with its workers, instead of starting them again for ever."""
    command = ["gunicorn", "config.asgi:application", "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{free_port()}", "--worker-class", worker_class]
    dsn = "https://planted-secret@bugsink.example.org/"
    env = {**host.env, "OTEL_TRACES_EXPORTER": "otpl", "SENTRY_DSN": dsn, "LOG_FORMAT": "text"}
    printed = refused(command, env)
    # A worker prints it at the end of a traceback, and once more without.
    assert set(named(printed)) == {"OTEL_TRACES_EXPORTER", "SENTRY_DSN"}, printed
    assert "OTEL_TRACES_EXPORTER='otpl': wanted a comma list" in printed
    assert "SENTRY_DSN=(hidden): wanted a DSN such as" in printed
    assert "planted-secret" not in printed


def test_a_missing_site_folder_is_no_error(host: Host, tmp_path: Path) -> None:
    """What the tests above refuse with is not refused for being a path: this one starts."""
    env = {**host.env, **ENDPOINT, "SITES_DIR": str(tmp_path / "none"), "OTEL_SDK_DISABLED": "true"}
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
    with program(command, env=env) as running:
        running.wait_until(lambda: "Application startup complete" in running.output())
