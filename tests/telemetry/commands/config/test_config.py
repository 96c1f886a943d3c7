"""`python -m telemetry config`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from telemetry.commands.config.report import rows
from telemetry.commands.config.sources import sources, unused
from telemetry.settings import passed_on, read_settings, variables
from telemetry.settings.variable import declared
from tests.support.certificates import make_certificates
from tests.support.commands import telemetry_command, telemetry_main

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

SECRET = "planted-token-0123456789"


def _config(*arguments: str, **variables: str) -> CompletedProcess[str]:
    done = telemetry_command("config", *arguments, **variables)
    assert SECRET not in done.stdout + done.stderr
    return done


def test_each_value_says_where_it_came_from() -> None:
    """The variable that decides, whichever takes precedence; none for a default."""
    environ = {
        "OTEL_SERVICE_NAME": "one",
        "LOGFIRE_SERVICE_NAME": "two",
        "SENTRY_RELEASE": "v1",
        "OTEL_TRACES_SAMPLER": "tail",
        "TELEMETRY_SLOW": "1s",
        "TELEMETRY_FOLD_BELOW": "25ms",
        "TELEMETRY_REDACT": "sql",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://localhost:4319/v1/logs",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "5",
        "HOME": "/srv",
    }
    found = sources(environ, None)
    assert found["service_name"] == ("OTEL_SERVICE_NAME",)
    assert found["release"] == ("SENTRY_RELEASE",)
    assert found["span_export_delay"] == ("OTEL_BSP_SCHEDULE_DELAY",)
    assert found["slow"] == ("TELEMETRY_SLOW",)
    assert found["redaction"] == ("TELEMETRY_REDACT",)
    assert found["limits"] == ("OTEL_SPAN_EVENT_COUNT_LIMIT",)
    assert "fold_below" not in found
    assert unused(environ, found) == [
        "LOGFIRE_SERVICE_NAME",
        "TELEMETRY_FOLD_BELOW",
    ]
    listed = {name: (value, origin) for name, value, origin in rows(read_settings(environ), found)}
    assert listed["traces"] == (
        "otlp http://localhost:4318/v1/traces (http/protobuf)",
        ("OTEL_EXPORTER_OTLP_ENDPOINT",),
    )
    assert "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" in listed["logs"][1]
    assert listed["redact"][0] == "sql"


OTLP = "OTEL_EXPORTER_OTLP_"
TRACES = f"{OTLP}TRACES_"
EXCLUDED = "OTEL_PYTHON_{}EXCLUDED_URLS".format
LIMIT = "OTEL_{}ATTRIBUTE_VALUE_LENGTH_LIMIT".format
# Variables in the order of their precedence, all saying the same; a field; those which decide it.
SAME: dict[str, tuple[dict[str, str], str, tuple[str, ...]]] = {
    "service": (
        {"OTEL_SERVICE_NAME": "x", "LOGFIRE_SERVICE_NAME": "x"},
        "service_name",
        ("OTEL_SERVICE_NAME",),
    ),
    "service, three": (
        {
            "OTEL_SERVICE_NAME": "x",
            "OTEL_RESOURCE_ATTRIBUTES": "service.name=x",
            "LOGFIRE_SERVICE_NAME": "x",
        },
        "service_name",
        ("OTEL_SERVICE_NAME",),
    ),
    "service, of the resource": (
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=x", "LOGFIRE_SERVICE_NAME": "x"},
        "service_name",
        ("OTEL_RESOURCE_ATTRIBUTES",),
    ),
    "release": (
        {"SENTRY_RELEASE": "v1", "LOGFIRE_SERVICE_VERSION": "v1"},
        "release",
        ("SENTRY_RELEASE",),
    ),
    "environment": (
        {"SENTRY_ENVIRONMENT": "test", "LOGFIRE_ENVIRONMENT": "test"},
        "environment",
        ("SENTRY_ENVIRONMENT",),
    ),
    "endpoint": (
        {
            f"{TRACES}ENDPOINT": "http://localhost:1/v1/traces",
            f"{OTLP}ENDPOINT": "http://localhost:1",
        },
        "otlp",
        (f"{OTLP}ENDPOINT", f"{TRACES}ENDPOINT"),
    ),
    "endpoint, of named exporters": (
        {
            "OTEL_TRACES_EXPORTER": "otlp",
            f"{TRACES}ENDPOINT": "http://localhost:1/v1/traces",
            f"{OTLP}ENDPOINT": "http://localhost:1",
        },
        "otlp",
        (f"{OTLP}ENDPOINT", f"{TRACES}ENDPOINT"),
    ),
    "time-out": (
        {
            "OTEL_TRACES_EXPORTER": "otlp",
            f"{TRACES}TIMEOUT": "5",
            f"{OTLP}TIMEOUT": "5",
        },
        "otlp",
        (f"{TRACES}TIMEOUT", "OTEL_TRACES_EXPORTER"),
    ),
    "excluded": (
        {EXCLUDED("ASGI_"): "health", EXCLUDED(""): "health"},
        "excluded_urls",
        (EXCLUDED("ASGI_"),),
    ),
    "sampler": (
        {
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
            "LOGFIRE_TRACE_SAMPLE_RATE": "0.1",
        },
        "sampler",
        ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
    ),
    "length": (
        {LIMIT(""): "99", LIMIT("SPAN_"): "99"},
        "attribute_length",
        (LIMIT(""),),
    ),
}


@pytest.mark.parametrize(("environ", "field", "deciding"), SAME.values(), ids=SAME)
def test_of_several_that_say_the_same_one_is_the_source(
    environ: dict[str, str], field: str, deciding: tuple[str, ...]
) -> None:
    """That which takes precedence, in whatever order they are set."""
    assert sources(environ, None)[field] == deciding
    assert sources(dict(reversed(environ.items())), None)[field] == deciding


def test_the_others_change_nothing(tmp_path: Path) -> None:
    """A variable's value, and that in a file which another names."""
    release = tmp_path / "release"
    release.write_text("v1")
    environ = {
        "OTEL_SERVICE_NAME": "x",
        "LOGFIRE_SERVICE_NAME": "x",
        "SENTRY_RELEASE": "v1",
        "RELEASE_FILE": str(release),
    }
    found = sources(environ, None)
    assert unused(environ, found) == ["LOGFIRE_SERVICE_NAME", "RELEASE_FILE"]


def test_what_needs_something_else_is_not_shown_as_an_origin() -> None:
    """It is in the list, and a note says what it needs."""
    done = _config(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318",
        OTEL_EXPORTER_PROMETHEUS_PORT="9999",
        TELEMETRY_SLOW="1s",
        TELEMETRY_TRACE_LIMIT="3",
        TELEMETRY_SPOOL_AGE="60s",
    )
    shown, _, rest = done.stdout.partition("Set without effect here")
    listed, _, notes = rest.partition("Note: ")
    for name in (
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "TELEMETRY_SLOW",
        "TELEMETRY_TRACE_LIMIT",
        "TELEMETRY_SPOOL_AGE",
    ):
        assert name not in shown
        assert f"  {name}\n" in listed
        assert name in notes
    assert "from OTEL_EXPORTER_OTLP_ENDPOINT" in shown


def test_secrets_are_hidden() -> None:
    """Tokens, keys, headers' values, and users and passwords in addresses."""
    variables = {
        "LOGFIRE_TOKEN": f"pylf_v1_us_{SECRET}",
        "SENTRY_DSN": f"https://{SECRET}@bugsink.example.org/1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://user:{SECRET}@collector.example.org",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
        "TELEMETRY_TRUST_SECRET": SECRET,
    }
    for arguments in ((), ("--all",), ("--json",)):
        done = _config(*arguments, **variables)
        assert done.returncode == 0
        for shown in ("collector.example.org", "bugsink.example.org", "authorization", "(hidden)"):
            assert shown in done.stdout


def test_every_setting_is_shown() -> None:
    """A new one can't be forgotten."""
    from dataclasses import fields

    from telemetry.settings import Settings

    shown = {name for name, _, _ in rows(read_settings({}), {})}
    elsewhere = {"exporters", "otlp", "logfire", "prometheus", "sentry", "redaction", "notes"}
    # Only where there is one.
    elsewhere.add("event_url")
    assert {field.name for field in fields(Settings)} - shown == {*elsewhere, "names_itself"}
    done = json.loads(_config("--json").stdout)
    assert set(done["settings"]) == shown


def test_limits_are_shown_as_numbers() -> None:
    """And not as an object of Python."""
    environ = {"TELEMETRY_EVENT_LIMIT": "30", "TELEMETRY_REQUEST_ERRORS": "false"}
    found = sources(environ, None)
    listed = {name: (value, origin) for name, value, origin in rows(read_settings(environ), found)}
    shown, origin = listed["budgets"]
    assert shown.startswith("60 traces, 30 events, 5 events of a group, 10 spans of a trace, ")
    assert shown.endswith(" none that a request causes")
    assert origin == ("TELEMETRY_EVENT_LIMIT", "TELEMETRY_REQUEST_ERRORS")


def test_every_problem_is_told() -> None:
    """At once, and the exit code says so."""
    done = _config(TELEMETRY_SLOW="fast", OTEL_TRACES_SAMPLER="most")
    assert (done.returncode, done.stdout) == (2, "")
    assert "TELEMETRY_SLOW='fast': wanted" in done.stderr
    assert "OTEL_TRACES_SAMPLER='most': wanted" in done.stderr


def test_what_is_not_used_is_named() -> None:
    """A misspelt variable, with what it may have meant."""
    done = _config(TELEMETRY_SLOWER="1s")
    assert "TELEMETRY_SLOWER is set and not known; did you mean TELEMETRY_SLOW?" in done.stdout


TRACKER = "https://key@bugsink.example.org/1"
BACKEND = "http://collector.example.org:4318"
PROXY = f"http://user:{SECRET}@proxy.example.org:3128"
# Variables that other programs read too: those set; the row; what it shows; the deciding ones.
# FILES is a folder of certificates.
SHARED: dict[str, tuple[dict[str, str], str, str, set[str]]] = {
    "a certificate": (
        {"SENTRY_DSN": TRACKER, "SSL_CERT_FILE": "FILES/ca.pem"},
        "errors",
        "(trusted certificates FILES/ca.pem)",
        {"SSL_CERT_FILE"},
    ),
    "two certificates": (
        {
            "SENTRY_DSN": TRACKER,
            "SSL_CERT_FILE": "FILES/ca.pem",
            "REQUESTS_CA_BUNDLE": "FILES/other.pem",
        },
        "errors",
        "(trusted certificates FILES/ca.pem)",
        {"SSL_CERT_FILE"},
    ),
    "the certificate of requests": (
        {"SENTRY_DSN": TRACKER, "REQUESTS_CA_BUNDLE": "FILES/other.pem"},
        "errors",
        "(trusted certificates FILES/other.pem)",
        {"REQUESTS_CA_BUNDLE"},
    ),
    "a client's certificate": (
        {
            "SENTRY_DSN": TRACKER,
            "CLIENT_CERT_FILE": "FILES/client.pem",
            "CLIENT_KEY_FILE": "FILES/client.key",
        },
        "errors",
        "(client certificate FILES/client.pem, client key FILES/client.key)",
        {"CLIENT_CERT_FILE", "CLIENT_KEY_FILE"},
    ),
    "errors, through a proxy": (
        {"SENTRY_DSN": TRACKER, "HTTPS_PROXY": PROXY},
        "errors",
        "(through the proxy http://proxy.example.org:3128)",
        {"HTTPS_PROXY"},
    ),
    "traces, through a proxy": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND, "HTTP_PROXY": PROXY, "HTTPS_PROXY": "http://no"},
        "traces",
        "(http/protobuf, through the proxy http://proxy.example.org:3128)",
        {"HTTP_PROXY"},
    ),
    "a proxy in lower case": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND, "HTTP_PROXY": "http://no", "http_proxy": PROXY},
        "metrics",
        "(http/protobuf, through the proxy http://proxy.example.org:3128)",
        {"http_proxy"},
    ),
    "a proxy without a scheme": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND, "HTTP_PROXY": "proxy.example.org:3128"},
        "logs",
        # The whole text of a secret variable is hidden, wherever it is found.
        "(http/protobuf, through the proxy http://(hidden))",
        {"HTTP_PROXY"},
    ),
    "a proxy that is no address": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND, "HTTP_PROXY": f"user:{SECRET}@proxy:3128"},
        "logs",
        "(http/protobuf, through the proxy (hidden))",
        {"HTTP_PROXY"},
    ),
    "a proxy of grpc": (
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "https_proxy": PROXY,
            "ALL_PROXY": "http://no",
        },
        "traces",
        "(grpc, through the proxy http://proxy.example.org:3128)",
        {"https_proxy"},
    ),
    "an exception from the proxy of grpc": (
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "grpc_proxy": PROXY,
            "no_grpc_proxy": "example.org",
        },
        "traces",
        "(grpc, without a proxy)",
        {"no_grpc_proxy"},
    ),
    "an exception from the proxy": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": BACKEND, "HTTP_PROXY": PROXY, "NO_PROXY": "example.org"},
        "traces",
        "(http/protobuf, without a proxy)",
        {"NO_PROXY"},
    ),
    "logfire, through a proxy": (
        {"LOGFIRE_TOKEN": "pylf_v1_eu_x", "ALL_PROXY": PROXY},
        "traces",
        "logfire https://logfire-eu.pydantic.dev (through the proxy http://proxy.example.org:3128)",
        {"ALL_PROXY"},
    ),
}


@pytest.mark.parametrize(("environ", "row", "shown", "deciding"), SHARED.values(), ids=SHARED)
def test_a_variable_that_others_read_too_is_shown_with_its_effect(
    environ: dict[str, str], row: str, shown: str, deciding: set[str], tmp_path: Path
) -> None:
    """In the row of the destination, and of those without an effect nothing is said."""
    files = str(make_certificates(tmp_path))
    given = {name: value.replace("FILES", files) for name, value in environ.items()}
    done = telemetry_main("config", "--json", **given)
    assert SECRET not in done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["settings"][row]["value"].endswith(shown.replace("FILES", files))
    own = ("OTEL_", "SENTRY_", "LOGFIRE_")
    origin = {name for name in report["settings"][row]["from"] if not name.startswith(own)}
    assert origin == deciding
    assert report["unused"] == []


def test_a_variable_that_others_read_too_is_not_called_ineffective() -> None:
    """It is set for them, wherever the system sets it."""
    shared = [each for each in declared(variables, passed_on) if each.shared]
    assert {"SSL_CERT_FILE", "HTTPS_PROXY", "NO_COLOR"} <= set(shared)
    set_by_the_system = {str(each): "localhost:3128" for each in shared}
    lower_case = {name.lower(): value for name, value in set_by_the_system.items()}
    for environ in (set_by_the_system, lower_case):
        done = telemetry_main("config", "--all", **environ)
        assert "without effect" not in done.stdout
        assert "nowhere" in done.stdout
    ours = telemetry_main("config", OTEL_SPAN_EVENT_COUNT_LIMIT="128", **set_by_the_system)
    assert ours.stdout.endswith("\n  OTEL_SPAN_EVENT_COUNT_LIMIT\n")


def test_an_address_of_events_is_shown_without_a_tracker() -> None:
    """A client of the host's may have one."""
    address = "https://bugs.example.org/{event_id}"
    done = telemetry_main("config", "--json", TELEMETRY_EVENT_URL=address)
    report = json.loads(done.stdout)
    assert report["settings"]["event_url"] == {"value": address, "from": ["TELEMETRY_EVENT_URL"]}
    assert report["settings"]["errors"]["value"] == "nowhere"


def test_a_scraped_address_and_an_exporter_of_another_package_have_their_rows() -> None:
    """Prometheus with the variables of its address; the others with their names alone."""
    environ = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_PORT": "9999",
    }
    found = sources(environ, None)
    listed = {name: (value, origin) for name, value, origin in rows(read_settings(environ), found)}
    assert listed["traces"] == ("console", ("OTEL_TRACES_EXPORTER",))
    value, origin = listed["metrics"]
    assert value.startswith("prometheus ")
    assert value.endswith(":9999 and upward")
    assert set(origin) == {"OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_PROMETHEUS_PORT"}


@pytest.mark.parametrize(("synced", "said"), [("true", ", each file synced"), ("false", "")])
def test_a_spool_has_its_folder_signals_and_limits(tmp_path: Path, synced: str, said: str) -> None:
    """All that decides what it may keep."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
        "TELEMETRY_SPOOL_DIR": str(tmp_path),
        "TELEMETRY_SPOOL_SYNC": synced,
    }
    listed = {
        name: value for name, value, _ in rows(read_settings(environ), sources(environ, None))
    }
    assert listed["spool"].startswith(f"{tmp_path} (traces, ")
    assert " bytes, " in listed["spool"]
    assert listed["spool"].endswith(f"{said})")
    assert ("synced" in listed["spool"]) == bool(said)
