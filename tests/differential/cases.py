"""Commands, start-up errors and short programs: what each one prints and ends with."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.differential.baseline import PROGRAMS, Version, archive
from tests.differential.recording import TOKEN, VARIABLES, Recording
from tests.differential.sites import prepare
from tests.support.processes import refusing_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Case = tuple[tuple[str, ...], dict[str, str]]
"""A command and its variables. `{http}` and the like stand for the addresses of receivers."""

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "{http}"}
ERRORS = {"SENTRY_DSN": "{errors}"}
LOGFIRE = {"LOGFIRE_TOKEN": TOKEN, "LOGFIRE_BASE_URL": "{http}"}

_DOTTED = re.compile(r"\btelemetry(?:\.[A-Za-z_]\w*)+")
# Each value is one that its variable can't have.
BAD = (
    {"OTEL_TRACES_EXPORTER": "otpl"},
    {"OTEL_METRICS_EXPORTER": "console,otpl"},
    {"OTEL_LOGS_EXPORTER": "logfire"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://user:planted-secret@127.0.0.1"},
    {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "ftp://127.0.0.1"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "smoke"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "planted-secret"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a b=planted-secret"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_COMPRESSION": "zip"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such/file"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "sometimes"},
    {**ENDPOINT, "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "none"},
    {**ENDPOINT, "OTEL_BSP_MAX_QUEUE_SIZE": "many"},
    {**ENDPOINT, "OTEL_BSP_SCHEDULE_DELAY": "-1"},
    {**ENDPOINT, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "many"},
    {**ENDPOINT, "OTEL_ATTRIBUTE_COUNT_LIMIT": "many"},
    {**ENDPOINT, "OTEL_SPAN_EVENT_COUNT_LIMIT": "-1"},
    {**ENDPOINT, "OTEL_METRICS_EXEMPLAR_FILTER": "sometimes"},
    {**ENDPOINT, "OTEL_SDK_DISABLED": "perhaps"},
    {"OTEL_TRACES_SAMPLER": "sometimes"},
    {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "5"},
    {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "ratio=0.05"},
    {"OTEL_PROPAGATORS": "pigeon"},
    {"OTEL_METRIC_EXPORT_INTERVAL": "often"},
    {"OTEL_PYTHON_ID_GENERATOR": "dice"},
    {"OTEL_PYTHON_EXCLUDED_URLS": "("},
    {"OTEL_RESOURCE_ATTRIBUTES": "nonsense"},
    {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "("},
    {"OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION": "first"},
    {"OTEL_EXPORTER_PROMETHEUS_PORT": "http", "OTEL_METRICS_EXPORTER": "prometheus"},
    {"LOGFIRE_TOKEN": "planted token"},
    {**LOGFIRE, "LOGFIRE_BASE_URL": "nowhere"},
    {**LOGFIRE, "LOGFIRE_SEND_TO_LOGFIRE": "perhaps"},
    {"LOGFIRE_TRACE_SAMPLE_RATE": "much"},
    {"SENTRY_DSN": "https://planted-secret@bugsink.example.org/"},
    {"SENTRY_DSN": "nonsense"},
    {"LOG_FORMAT": "xml"},
    {"LOGLEVEL": "INFO,django=LOUD"},
    {"DEBUG": "perhaps"},
    {"TELEMETRY_TRACEPARENT": "believe"},
    {"TELEMETRY_TRACE_URL": "https://traces.example.org/"},
    {"TELEMETRY_EVENT_URL": "nowhere"},
    {"TELEMETRY_FOLD_BELOW": "quick"},
    {"TELEMETRY_SLOW": "5"},
    {"TELEMETRY_SITE_LIMIT": "-1"},
    {"TELEMETRY_SHUTDOWN_TIMEOUT": "soon"},
    {"TELEMETRY_CONSOLE": "shrub"},
    {"TELEMETRY_REDACT": "names"},
    {"TELEMETRY_CLIENT_ADDRESS": "perhaps"},
    {"TELEMETRY_UNTRACED_PATHS": "("},
    {"TELEMETRY_RAISE_FAILURES": "perhaps"},
)
ALL_BAD = {
    **{name: value for each in BAD for name, value in each.items() if each is not BAD[0]},
    "OTEL_TRACES_EXPORTER": "otpl",
    "SENTRY_DSN": "nonsense",
}
# What is set and without effect, or needs a warning.
UNUSED = (
    {"TELEMETRY_FOLD_BELLOW": "5ms"},
    {"LOGFIRE_CONSOLE": "false"},
    {"OTEL_CONFIG_FILE": "/no/such/file"},
    {"DEBUG": "1", "LOGFIRE_TOKEN": TOKEN},
    {"LOGFIRE_TOKEN": "planted-token-without-a-region", "LOGFIRE_BASE_URL": "http://127.0.0.1:9"},
    {"OTEL_TRACES_EXPORTER": "Console, none,"},
    {"TELEMETRY_SLOW": "7s", "OTEL_TRACES_SAMPLER_ARG": "0.5"},
)
SETTINGS = {
    "none": {},
    "under DEBUG": {"DEBUG": "1"},
    "OTLP": {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=planted-secret"},
    "gRPC": {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    "Logfire": {"LOGFIRE_TOKEN": "pylf_v1_eu_planted,pylf_v1_us_planted"},
    "disabled": {**ENDPOINT, "OTEL_SDK_DISABLED": "true"},
    "everything": {
        **ENDPOINT,
        "LOGFIRE_TOKEN": TOKEN,
        "OTEL_METRICS_EXPORTER": "otlp,prometheus",
        "OTEL_LOGS_EXPORTER": "otlp,console",
        "OTEL_SERVICE_NAME": "named",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=staging,service.version=v1",
        "OTEL_TRACES_SAMPLER": "tail",
        "OTEL_TRACES_SAMPLER_ARG": "0.05",
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "SENTRY_DSN": "https://planted-secret@bugsink.example.org/1",
        "TELEMETRY_TRUST_SECRET": "planted-secret",
        "TELEMETRY_REDACT": "none",
        "TELEMETRY_FOLD_BELOW": "0ms",
        "TELEMETRY_CONSOLE": "compact",
    },
    "wrong": {"OTEL_TRACES_EXPORTER": "otpl", "TELEMETRY_SLOW": "5"},
}


def all_cases() -> dict[str, Case]:
    """Give all cases by name."""
    return {name: case for group in (_commands, _checks, _starts, _api) for name, case in group()}


def _commands() -> Iterator[tuple[str, Case]]:
    for arguments in (
        *(("--help",), ("check", "--help"), ("config", "--help"), ("cost", "--help")),
        *(("viewer", "--help"), (), ("nothing",), ("config", "--nothing"), ("check", "extra")),
        *(("check", "--timeout", "soon"), ("cost",)),
    ):
        yield f"command {' '.join(arguments)}", (("telemetry", *arguments), {})
    for name, variables in SETTINGS.items():
        yield f"config, {name}", (("telemetry", "config"), variables)
        yield f"config --json, {name}", (("telemetry", "config", "--json"), variables)
    for name in ("none", "everything"):
        yield f"config --all, {name}", (("telemetry", "config", "--all"), SETTINGS[name])


def _checks() -> Iterator[tuple[str, Case]]:
    for name, variables in {
        "nothing configured": {},
        "OTLP and errors": {**OTLP, **ERRORS},
        "Logfire": LOGFIRE,
        "refused": {"OTEL_EXPORTER_OTLP_ENDPOINT": "{refusing}", "SENTRY_DSN": "{refusing-errors}"},
        "rejected": {"OTEL_EXPORTER_OTLP_ENDPOINT": "{rejecting}"},
        "no listener": {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "{nothing}",
            "SENTRY_DSN": "http://key@{nothing-host}/1",
        },
        "wrong path": {"OTEL_EXPORTER_OTLP_ENDPOINT": "{http}/wrong"},
        "an address of errors": {"OTEL_EXPORTER_OTLP_ENDPOINT": "{errors-url}"},
        "wrong": {"OTEL_TRACES_EXPORTER": "otpl"},
    }.items():
        yield f"check, {name}", (("telemetry", "check", "--timeout", "20s"), variables)
    yield "check --json", (("telemetry", "check", "--json"), {**OTLP, **ERRORS})
    for name, arguments, variables in (
        ("fine", ("check",), {}),
        ("a bad variable", ("check",), {"OTEL_TRACES_EXPORTER": "otpl"}),
        (
            "warnings",
            ("check", "--deploy"),
            {
                "TELEMETRY_RAISE_FAILURES": "1",
                "TELEMETRY_REDACT": "none",
                "TELEMETRY_NOTHING": "1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example.org",
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=planted-secret",
            },
        ),
    ):
        yield f"manage.py check, {name}", (("manage.py", *arguments), variables)


def _starts() -> Iterator[tuple[str, Case]]:
    for variables in (*BAD, *UNUSED):
        shown = ", ".join(f"{name}={value}" for name, value in variables.items())
        yield f"start with {shown}", (("configure",), variables)
    yield "start with everything wrong", (("configure",), ALL_BAD)
    yield "manage.py with a bad variable", (("manage.py", "help"), {"OTEL_TRACES_SAMPLER": "no"})


def _api() -> Iterator[tuple[str, Case]]:
    yield "API", (("describe", *documented_paths()), {})
    yield "emit", (("emit",), {**OTLP, **ERRORS})
    yield "emit to nowhere", (("emit",), {})
    yield "emit to the console", (("emit",), {"OTEL_TRACES_EXPORTER": "console"})
    yield "emit in lines", (("emit",), {"OTEL_LOGS_EXPORTER": "console", "LOG_FORMAT": "text"})
    yield "lone surrogate", (("lone_surrogate",), OTLP)
    yield "redact", (("redact",), OTLP)
    yield "fail", (("fail",), {**OTLP, **ERRORS})
    for what in (
        *("instrument first", "configure twice", "outside of a request", "a bad pattern"),
        *("a bad outcome",),
    ):
        yield f"misuse: {what}", (("misuse", what), OTLP if what == "configure twice" else {})


def documented_paths() -> list[str]:
    """Give each dotted path that the last release's documents name; not all can be imported."""
    root = archive()
    documents = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    found = {path for each in documents for path in _DOTTED.findall(each.read_text())}
    return sorted({*found, "telemetry.pytest_plugin", "telemetry.version"})


def record_cases(version: Version, built: Path, folder: Path) -> Recording:
    """Run all cases in one version; see `recording.record` for the arguments."""
    base = {**prepare(built, folder / "host"), **VARIABLES}
    del base["DJANGO_SETTINGS_MODULE"]
    shutil.copytree(PROGRAMS, folder / "programs")
    base |= {"PYTHONPATH": str(folder / "programs"), "HOME": str(folder)}
    recording = Recording(version, folder)
    with ExitStack() as stack:
        receiver = stack.enter_context(OTLPReceiver())
        refusing = stack.enter_context(OTLPReceiver())
        rejecting = stack.enter_context(OTLPReceiver())
        errors = stack.enter_context(EventReceiver())
        refusing_errors = stack.enter_context(EventReceiver())
        refusing.answer(401)
        rejecting.answer(200, rejected=1, message="too old")
        refusing_errors.answer(403, message="no such key")
        nothing = refusing_port()
        addresses = {
            "{http}": receiver.url,
            "{refusing}": refusing.url,
            "{rejecting}": rejecting.url,
            "{errors}": errors.dsn,
            "{errors-url}": errors.url,
            "{refusing-errors}": refusing_errors.dsn,
            "{nothing}": f"http://127.0.0.1:{nothing}",
            "{nothing-host}": f"127.0.0.1:{nothing}",
        }
        recording.ports = {
            receiver.port: "receiver",
            refusing.port: "refusing",
            rejecting.port: "rejecting",
            errors.port: "errors",
            refusing_errors.port: "refusing errors",
            nothing: "nothing",
        }
        cases = {
            name: {
                "command": command,
                "variables": {**base, **_filled(variables, addresses)},
            }
            for name, (command, variables) in all_cases().items()
        }
        done = subprocess.run(
            [version.python, str(folder / "programs" / "run_cases.py"), str(folder)],
            input=json.dumps(cases),
            env=base,
            cwd=version.folder,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stderr
        recording.keep(receiver, errors)
        recording.cases = json.loads(done.stdout)
        recording.stderr = done.stderr
    return recording


def _filled(variables: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    def fill(value: str) -> str:
        for name, address in addresses.items():
            value = value.replace(name, address)
        return value

    return {name: fill(value) for name, value in variables.items()}
