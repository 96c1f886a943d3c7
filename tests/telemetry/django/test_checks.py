"""`manage.py check`, of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.host import host_environment, manage

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "planted-token-0123456789"


def _check(folder: Path, *arguments: str, **variables: str) -> str:
    try:
        said = manage("check", *arguments, env=host_environment(folder, **variables))
    except AssertionError as error:
        said = str(error)
    assert SECRET not in said
    assert "Traceback" not in said
    return said


def test_a_host_that_is_well_has_nothing_to_hear(tmp_path: Path) -> None:
    """Wherever it sends; the host itself is looked at."""
    said = _check(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318", DEBUG="1")
    assert "no issues" in said


def test_each_wrong_variable_is_an_error(tmp_path: Path) -> None:
    """With its id, what was given, and what is wanted, where a start would be a traceback."""
    said = _check(tmp_path, TELEMETRY_SLOW="fast", OTEL_TRACES_SAMPLER="most")
    assert "failed" in said
    assert "(telemetry.E001) TELEMETRY_SLOW can't be understood." in said
    assert "HINT: TELEMETRY_SLOW='fast': wanted a duration such as 250ms or 2s" in said
    assert "(telemetry.E001) OTEL_TRACES_SAMPLER can't be understood." in said


def test_what_is_not_used_is_a_warning(tmp_path: Path) -> None:
    """Which doesn't fail the check."""
    said = _check(tmp_path, TELEMETRY_SLOWER="1s")
    assert "failed" not in said
    assert "(telemetry.W001) TELEMETRY_SLOWER is set and not known" in said


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        # A deployment may be dark.
        ({}, None),
        ({"SENTRY_DSN": "https://key@bugsink.example/1"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c.example:4318"}, None),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c.example:4318",
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
            },
            "W004",
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
            },
            None,
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example",
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
            },
            None,
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c.example:4317",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
            },
            "W004",
        ),
        (
            {"SENTRY_DSN": "https://key@bugsink.example/1", "TELEMETRY_RAISE_FAILURES": "1"},
            "W002",
        ),
        ({"SENTRY_DSN": "https://key@bugsink.example/1", "TELEMETRY_REDACT": "sql"}, "W003"),
    ],
)
def test_what_production_does_not_want(
    tmp_path: Path, variables: dict[str, str], expected: str | None
) -> None:
    """Each by its id, also where only the checks of security are run."""
    said = _check(tmp_path, "--deploy", "--tag", "security", **variables)
    found = [code for code in ("W002", "W003", "W004") if f"(telemetry.{code})" in said]
    assert found == ([expected] if expected else [])


def test_what_production_does_not_want_is_a_developer_s_business(tmp_path: Path) -> None:
    """Only `--deploy` speaks of it."""
    wanted = {"TELEMETRY_RAISE_FAILURES": "1", "TELEMETRY_REDACT": "none"}
    assert "(telemetry." not in _check(tmp_path, **wanted)
