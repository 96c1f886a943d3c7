"""Service, release and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.settings.reading import problems, read

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT_NAME = "deployment.environment.name"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OTEL_SERVICE_NAME": "a", "OTEL_RESOURCE_ATTRIBUTES": "service.name=b"}, "a"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=b", "LOGFIRE_SERVICE_NAME": "c"}, "b"),
        ({"LOGFIRE_SERVICE_NAME": "c"}, "c"),
        ({}, "host"),
    ],
)
def test_service_name(environ: dict[str, str], expected: str) -> None:
    """OpenTelemetry's own variables first, the host's default last."""
    assert read(**environ).service_name == expected


def test_the_service_is_never_unknown() -> None:
    """Without any name it is what is running."""
    assert read(None, None, DJANGO_SETTINGS_MODULE="corkboard.settings").service_name == (
        "corkboard"
    )
    assert read(None, None).service_name not in ("", "unknown_service")


@pytest.mark.parametrize(
    ("environ", "debug", "expected"),
    [
        (
            {"OTEL_RESOURCE_ATTRIBUTES": f"{ENVIRONMENT_NAME}=a", "SENTRY_ENVIRONMENT": "b"},
            False,
            "a",
        ),
        ({"SENTRY_ENVIRONMENT": "b", "LOGFIRE_ENVIRONMENT": "c"}, False, "b"),
        ({"LOGFIRE_ENVIRONMENT": "c"}, True, "c"),
        ({}, True, "development"),
        ({}, False, "production"),
    ],
)
def test_environment(environ: dict[str, str], debug: bool, expected: str) -> None:
    """One value, for OpenTelemetry and Sentry alike."""
    assert read(debug, **environ).environment == expected


def test_release(tmp_path: Path) -> None:
    """The image's file, unless a variable says otherwise."""
    baked = tmp_path / ".release"
    baked.write_text("abc123\n")
    assert read(RELEASE_FILE=str(baked)).release == "abc123"
    assert read(RELEASE_FILE=str(baked), SENTRY_RELEASE="s").release == "s"
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "service.version=o"}
    assert read(SENTRY_RELEASE="s", **attributes).release == "o"
    baked.write_text("\n")
    assert read(RELEASE_FILE=str(baked)).release == "development"


def test_a_release_file_that_was_named_must_exist(tmp_path: Path) -> None:
    """The default one need not; one that somebody named is an error."""
    missing = str(tmp_path / "nowhere")
    (problem,) = problems(RELEASE_FILE=missing)
    assert (problem.variable, problem.given) == ("RELEASE_FILE", missing)


def test_malformed_resource_attributes_are_an_error() -> None:
    """OpenTelemetry's SDK drops them with a warning."""
    (problem,) = problems(OTEL_RESOURCE_ATTRIBUTES="a=1,b")
    assert problem.variable == "OTEL_RESOURCE_ATTRIBUTES"
    assert "item 2" in problem.wanted
