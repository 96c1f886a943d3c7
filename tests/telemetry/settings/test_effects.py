"""What is set and has no effect is named, for every variable, and what has one is not."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from telemetry.commands.config.sources import sources, unused
from telemetry.settings import passed_on, variables
from telemetry.settings.effects import idle, notes_on
from telemetry.settings.reader import Reader
from telemetry.settings.variable import declared
from tests.support.paths import ROOT
from tests.telemetry.settings.reading import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIGNALS = ("traces", "metrics", "logs")
HTTP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
HTTPS = {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://localhost:4318"}
GRPC = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
}
GRPCS = {**GRPC, "OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}
LOGFIRE = {"LOGFIRE_TOKEN": "pylf_v1_us_a"}
PRINTED = {f"OTEL_{signal.upper()}_EXPORTER": "console" for signal in SIGNALS}
OTHERS = {f"OTEL_{signal.upper()}_EXPORTER": "otlp_proto_http" for signal in SIGNALS}
SCRAPED = {"OTEL_METRICS_EXPORTER": "prometheus"}
TAIL = {"OTEL_TRACES_SAMPLER": "tail"}
DSN = {"SENTRY_DSN": "https://key@bugsink.example.org/1"}


@dataclass(frozen=True)
class Case:
    """Variables, of which each has an effect beside some that are set, and none beside others."""

    names: tuple[str, ...]
    beside: tuple[Mapping[str, str], ...]
    """With each of these it has an effect."""
    without: Mapping[str, str]
    why: str
    values: tuple[str, ...] = field(default=("1",))


def of_otlp(
    names: tuple[str, ...],
    beside: tuple[Mapping[str, str], ...],
    without: Mapping[str, str],
    way: str = "",
) -> list[Case]:
    """The cases of a variable of OTLP and its forms, with LOGFIRE or in another way."""
    found = []
    beside = (*beside, OTHERS)
    for name in names:
        found.append(
            Case((name.format(""),), beside, without, f"no signal is exported by otlp{way}")
        )
        found += [
            Case(
                (name.format(f"{signal.upper()}_"),),
                beside,
                without,
                f"{signal} are not exported by otlp{way}",
            )
            for signal in SIGNALS
        ]
    return found


CASES = [
    *of_otlp(
        (
            "OTEL_EXPORTER_OTLP_{}PROTOCOL",
            "OTEL_EXPORTER_OTLP_{}HEADERS",
            "OTEL_EXPORTER_OTLP_{}COMPRESSION",
            "OTEL_EXPORTER_OTLP_{}TIMEOUT",
        ),
        (HTTP, GRPC, {**HTTP, **LOGFIRE}),
        LOGFIRE,
    ),
    *of_otlp(("OTEL_EXPORTER_OTLP_{}ENDPOINT",), (HTTP, GRPC), PRINTED),
    *of_otlp(
        (
            "OTEL_EXPORTER_OTLP_{}CERTIFICATE",
            "OTEL_EXPORTER_OTLP_{}CLIENT_KEY",
            "OTEL_EXPORTER_OTLP_{}CLIENT_CERTIFICATE",
        ),
        (HTTPS, GRPCS, {**GRPC, **HTTPS}, {**GRPC, "OTEL_EXPORTER_OTLP_INSECURE": "false"}),
        HTTP,
        " to an address with https",
    ),
    *of_otlp(
        ("OTEL_EXPORTER_OTLP_{}INSECURE",),
        (GRPC, GRPCS),
        {**GRPC, **HTTPS},
        " over grpc to an address without https",
    ),
    *of_otlp(
        ("OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}CREDENTIAL_PROVIDER",),
        (HTTP,),
        GRPC,
        " over http/protobuf",
    ),
    *of_otlp(
        ("OTEL_PYTHON_EXPORTER_OTLP_GRPC_{}CREDENTIAL_PROVIDER",), (GRPC,), HTTP, " over grpc"
    ),
    Case(
        ("OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES",),
        (GRPC, OTHERS),
        HTTP,
        "no signal is exported by otlp over grpc",
    ),
    Case(
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        ),
        (HTTP, OTHERS),
        LOGFIRE,
        "metrics are not exported by otlp",
    ),
    Case(
        ("LOGFIRE_TOKEN", "LOGFIRE_BASE_URL"),
        (LOGFIRE, {**LOGFIRE, "LOGFIRE_SEND_TO_LOGFIRE": "false"}),
        PRINTED,
        "no signal is exported by logfire",
    ),
    Case(
        ("LOGFIRE_SEND_TO_LOGFIRE",), (LOGFIRE,), HTTP, "LOGFIRE_TOKEN is not set", ("true", "yes")
    ),
    Case(("LOGFIRE_TRACE_SAMPLE_RATE",), (HTTP,), TAIL, "OTEL_TRACES_SAMPLER is set"),
    Case(
        ("OTEL_TRACES_SAMPLER_ARG",),
        (TAIL, {"OTEL_TRACES_SAMPLER": "traceidratio"}),
        {"LOGFIRE_TRACE_SAMPLE_RATE": "0.1"},
        "OTEL_TRACES_SAMPLER is not set",
    ),
    Case(
        (
            "TELEMETRY_SAMPLE",
            "TELEMETRY_SLOW",
            "TELEMETRY_TRACE_LIMIT",
            "TELEMETRY_TRACE_SPAN_LIMIT",
        ),
        (TAIL, {**HTTP, **TAIL}),
        {"OTEL_TRACES_SAMPLER": "always_on"},
        "OTEL_TRACES_SAMPLER is not tail",
    ),
    Case(
        ("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"),
        (HTTP, LOGFIRE, PRINTED, {"OTEL_METRICS_EXPORTER": "prometheus,otlp"}),
        SCRAPED,
        "metrics are exported by prometheus alone",
    ),
    Case(
        (
            "OTEL_EXPORTER_PROMETHEUS_HOST",
            "OTEL_EXPORTER_PROMETHEUS_PORT",
            "TELEMETRY_PROMETHEUS_ALLOWED_HOSTS",
        ),
        (SCRAPED, {**HTTP, "OTEL_METRICS_EXPORTER": "otlp,prometheus"}),
        HTTP,
        "metrics are not exported by prometheus",
    ),
    Case(
        ("OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BLRP_EXPORT_TIMEOUT"),
        (),
        HTTP,
        "OpenTelemetry's SDK does not apply it; OTEL_EXPORTER_OTLP_TIMEOUT limits an export",
    ),
    Case(
        (
            "TELEMETRY_SPOOL_SIGNALS",
            "TELEMETRY_SPOOL_BYTES",
            "TELEMETRY_SPOOL_AGE",
            "TELEMETRY_SPOOL_SYNC",
        ),
        ({"TELEMETRY_SPOOL_DIR": "/tmp"},),
        HTTP,
        "TELEMETRY_SPOOL_DIR is not set",
    ),
    Case(
        ("TELEMETRY_CONSOLE",),
        (PRINTED, {"OTEL_LOGS_EXPORTER": "console"}),
        HTTP,
        "no signal is exported by console",
    ),
    Case(("TELEMETRY_LOCAL_VARIABLES",), (DSN,), HTTP, "SENTRY_DSN is not set"),
    Case(
        ("TELEMETRY_TEXT_LENGTH_LIMIT",),
        (HTTP, {"TELEMETRY_REDACT": "sql"}),
        {"TELEMETRY_REDACT": "none"},
        "TELEMETRY_REDACT is none",
    ),
    Case(
        ("OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION", "OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS"),
        (HTTP,),
        {"OTEL_PYTHON_DJANGO_INSTRUMENT": "false"},
        "OTEL_PYTHON_DJANGO_INSTRUMENT is false",
    ),
]

OF_A_HOSTS_CLIENT = {
    "TELEMETRY_TRACE_URL",
    "TELEMETRY_EVENT_URL",
    "TELEMETRY_REQUEST_ERRORS",
}
"""Have an effect on a client of Sentry's SDK that the host may initialise at any time."""

BY_THEMSELVES = {
    # They turn something on or off, or choose it.
    *("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_SDK_DISABLED"),
    *("SENTRY_DSN", "OTEL_TRACES_SAMPLER", "OTEL_PROPAGATORS", "OTEL_PYTHON_ID_GENERATOR"),
    *("OTEL_PYTHON_CONTEXT", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"),
    *("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "OTEL_PYTHON_DJANGO_INSTRUMENT"),
    *("TELEMETRY_DATASETTE_QUERIES", "TELEMETRY_RAISE_FAILURES", "DEBUG"),
    # `telemetry config` lists those that give way to others.
    *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "LOGFIRE_SERVICE_NAME"),
    *("LOGFIRE_SERVICE_VERSION", "LOGFIRE_ENVIRONMENT", "SENTRY_ENVIRONMENT", "SENTRY_RELEASE"),
    "RELEASE_FILE",
    # Requests, whose metrics and access lines there are without any exporter of traces.
    *(f"OTEL_PYTHON_{each}EXCLUDED_URLS" for each in ("", "ASGI_", "DJANGO_", "DATASETTE_")),
    *("TELEMETRY_UNTRACED_PATHS", "TELEMETRY_UNLOGGED_PATHS", "TELEMETRY_ACCESS_LOG"),
    *(
        f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_{each}"
        for each in ("SERVER_REQUEST", "SERVER_RESPONSE", "SANITIZE_FIELDS")
    ),
    *("TELEMETRY_CLIENT_ADDRESS", "TELEMETRY_USER_AGENT", "TELEMETRY_TRACEPARENT"),
    *("TELEMETRY_TRUST_SECRET", "TELEMETRY_SERVER_TIMING", "TELEMETRY_FOLD_BELOW"),
    # Whatever is sent or logged.
    *("TELEMETRY_REDACT", "LOG_FORMAT", "LOGLEVEL", "TELEMETRY_QUEUE_BYTES"),
    *("TELEMETRY_SPOOL_DIR", "TELEMETRY_SHUTDOWN_TIMEOUT"),
    # Of error events, and of log records.
    *("TELEMETRY_EVENT_LIMIT", "TELEMETRY_EVENT_GROUP_LIMIT"),
    # Of spans, and of log records; a host may create both with its own providers.
    *(str(each) for each in declared(passed_on) if "_LIMIT" in each),
    # Queues and limits of a signal, of which nothing is said if it is not exported now.
    *(
        f"OTEL_{each}_{name}"
        for each in ("BSP", "BLRP")
        for name in ("SCHEDULE_DELAY", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE")
    ),
    *("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "OTEL_METRICS_EXEMPLAR_FILTER"),
    "TELEMETRY_SITE_LIMIT",
    # Errors.
    "OTEL_CONFIG_FILE",
    *(f"OTEL_PYTHON_{each}_PROVIDER" for each in ("TRACER", "METER", "LOGGER")),
}


def test_every_variable_is_in_one_of_the_tables() -> None:
    """But for those that other programs read too, which may be set for these alone."""
    listed = [name for case in CASES for name in case.names]
    assert len(listed) == len(set(listed))
    assert not BY_THEMSELVES & {*listed, *OF_A_HOSTS_CLIENT}
    every = {str(each) for each in declared(variables, passed_on) if not each.shared}
    assert {*listed, *BY_THEMSELVES, *OF_A_HOSTS_CLIENT} == every


def found(name: str, value: str, beside: Mapping[str, str]) -> dict[str, str]:
    """Why a variable has no effect, whatever its value, beside others."""
    return idle(Reader({**beside, name: value}), read(**beside))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.names[0])
def test_a_variable_without_what_it_needs_is_named(case: Case) -> None:
    """With what is missing. Beside that, it is not."""
    for name in case.names:
        for value in case.values:
            assert found(name, value, case.without).get(name) == case.why
            for beside in case.beside:
                assert name not in found(name, value, beside)


@pytest.mark.parametrize("name", sorted(BY_THEMSELVES | OF_A_HOSTS_CLIENT))
def test_what_has_an_effect_by_itself_is_not_named(name: str) -> None:
    """Whatever else is not set."""
    assert found(name, "1", {}) == {}


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_form_has_no_effect_if_its_signal_is_exported_in_another_way(signal: str) -> None:
    """Though the general variable has one for the others."""
    beside = {**HTTP, f"OTEL_{signal.upper()}_EXPORTER": "none"}
    for name in ("ENDPOINT", "HEADERS"):
        form = f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}"
        assert found(form, "1", beside) == {form: f"{signal} are not exported by otlp"}
        assert found(f"OTEL_EXPORTER_OTLP_{name}", "1", beside) == {}


ONE_LINE = {
    "TELEMETRY_SPOOL_SIGNALS, TELEMETRY_SPOOL_BYTES, TELEMETRY_SPOOL_AGE, TELEMETRY_SPOOL_SYNC are "
    "set and not used: TELEMETRY_SPOOL_DIR is not set": {
        "TELEMETRY_SPOOL_SIGNALS": "traces",
        "TELEMETRY_SPOOL_BYTES": "7777777",
        "TELEMETRY_SPOOL_AGE": "77s",
        "TELEMETRY_SPOOL_SYNC": "true",
    },
    "OTEL_EXPORTER_PROMETHEUS_HOST, OTEL_EXPORTER_PROMETHEUS_PORT, "
    "TELEMETRY_PROMETHEUS_ALLOWED_HOSTS are set and not used: metrics are not exported by "
    "prometheus": {
        "OTEL_EXPORTER_PROMETHEUS_HOST": "::1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": "7777",
        "TELEMETRY_PROMETHEUS_ALLOWED_HOSTS": "web77",
    },
    "TELEMETRY_SLOW, TELEMETRY_TRACE_LIMIT are set and not used: OTEL_TRACES_SAMPLER is not tail": {
        "TELEMETRY_SLOW": "77s",
        "TELEMETRY_TRACE_LIMIT": "77",
    },
    "OTEL_EXPORTER_OTLP_CERTIFICATE is set and not used: no signal is exported by otlp to an "
    "address with https": {"OTEL_EXPORTER_OTLP_CERTIFICATE": ""},
    "LOGFIRE_BASE_URL is set and not used: no signal is exported by logfire": {
        "LOGFIRE_BASE_URL": "http://h77.example"
    },
    "LOGFIRE_TRACE_SAMPLE_RATE is set and not used: OTEL_TRACES_SAMPLER is set": {
        "LOGFIRE_TRACE_SAMPLE_RATE": "0.77",
        "OTEL_TRACES_SAMPLER": "always_on",
    },
    "OTEL_PYTHON_LOG_CORRELATION is set and not used: opentelemetry-instrumentation-logging is not "
    "installed; lines of telemetry.logging_config() have the trace": {
        "OTEL_PYTHON_LOG_CORRELATION": "true"
    },
}


@pytest.mark.parametrize("note", ONE_LINE)
def test_all_of_a_kind_are_one_note_and_in_the_list_of_config(note: str) -> None:
    """Both without a value. None is shown as the origin of a setting."""
    import certifi

    environ = {name: value or certifi.where() for name, value in ONE_LINE[note].items()}
    assert read(**HTTP, **environ).notes == (note,)
    assert "77" not in note
    origins = sources({**HTTP, **environ}, None)
    named = {name for name in environ if name in note.partition(":")[0]}
    assert not named & {name for names in origins.values() for name in names}
    assert named <= set(unused({**HTTP, **environ}, origins))


def test_the_variables_of_otlp_with_logfire_alone_are_one_note() -> None:
    """Logfire has its own address, headers and protocol."""
    names = [f"OTEL_EXPORTER_OTLP_{each}" for each in ("HEADERS", "TIMEOUT", "COMPRESSION")]
    [note] = read(**LOGFIRE, **dict(zip(names, ("a=b", "3", "gzip"), strict=True))).notes
    assert all(name in note for name in names)
    assert note.endswith(" are set and not used: no signal is exported by otlp")


def test_the_same_reason_is_said_once() -> None:
    """In the order of the variables."""
    assert list(notes_on({"A": "x", "B": "y", "C": "x"})) == [
        "A, C are set and not used: x",
        "B is set and not used: y",
    ]


def test_what_is_turned_off_is_not_named() -> None:
    """OTEL_SDK_DISABLED is set for a while, and all others stay as they are."""
    environ = {**GRPC, **LOGFIRE, **SCRAPED, "OTEL_SDK_DISABLED": "true"}
    assert read(**environ, OTEL_BSP_SCHEDULE_DELAY="10", LOGFIRE_BASE_URL="http://x").notes == ()


def test_the_documented_set_ups_have_no_notes(tmp_path: Path) -> None:
    """All examples of .env.example together, and compose.yaml with and without an error tracker."""
    text = (ROOT / ".env.example").read_text()
    examples = dict(re.findall(r"^#?([A-Z_]+)=(.+)$", text, re.MULTILINE))
    assert {"OTEL_TRACES_SAMPLER", "TELEMETRY_SPOOL_DIR", "TELEMETRY_EVENT_URL"} <= set(examples)
    assert read(**examples, **LOGFIRE).notes == ()
    composed = dict(
        re.findall(
            r"^ +(TELEMETRY_[A-Z_]+): (\S+)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE
        )
    )
    assert composed.keys() == {"TELEMETRY_SPOOL_DIR", "TELEMETRY_SPOOL_SIGNALS"}
    composed["TELEMETRY_SPOOL_DIR"] = str(tmp_path)
    steps = re.findall(
        r"<!-- file: corkboard.env -->\n```sh\n(.*?)```",
        (ROOT / "docs/rollout.md").read_text(),
        re.DOTALL,
    )
    assert len(steps) > 3
    given = composed
    assert read(**given).notes == ()
    for step in steps:
        given |= dict(re.findall(r"^([A-Z_]+)=(\S+)$", step, re.MULTILINE))
        assert read(**given).notes == ()
    assert {"SENTRY_DSN", "OTEL_TRACES_SAMPLER_ARG", "OTEL_SDK_DISABLED"} <= given.keys()


@pytest.mark.parametrize("name", sorted(OF_A_HOSTS_CLIENT))
def test_what_error_events_need_is_named_where_no_client_can_be(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Sentry's SDK, neither telemetry nor the host has one."""
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    assert found(name, "1", HTTP) == {name: "SENTRY_DSN is not set"}
    # Traces on the terminal have a link, too.
    assert (name in found(name, "1", PRINTED)) == (name != "TELEMETRY_TRACE_URL")


def test_the_variables_of_an_installed_instrumentation_are_not_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It reads them itself."""
    environ = {"OTEL_PYTHON_LOG_CORRELATION": "true", "OTEL_PYTHON_LOG_LEVEL": "debug"}
    assert len(read(**environ).notes) == 2
    folder = tmp_path / "opentelemetry" / "instrumentation" / "logging"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert read(**environ).notes == ()
