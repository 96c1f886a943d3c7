"""Too early, too late, twice: errors that say what to do, and never silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.django.small_django import CONFIGURED, SETTINGS, write_project
from tests.telemetry.scripts import printed, run_python

if TYPE_CHECKING:
    from pathlib import Path

# Nobody listens there, and nobody is asked: no request is made.
ENV = {"OTEL_TRACES_EXPORTER": "console"}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (
            "import telemetry; telemetry.instrument()",
            "TelemetryError: telemetry.instrument() came before telemetry.configure()",
        ),
        (
            "import telemetry; telemetry.asgi_wrapper(None)",
            "TelemetryError: telemetry.asgi_wrapper() came before telemetry.configure()",
        ),
        (
            "import telemetry; telemetry.configure(); telemetry.instrument()",
            "InstrumentationError: Django was instrumented too early: DJANGO_SETTINGS_MODULE is",
        ),
        (
            CONFIGURED + "app = get_asgi_application(); telemetry.instrument()",
            "InstrumentationError: Django was instrumented too late",
        ),
        (
            CONFIGURED + "telemetry.instrument(); telemetry.instrument()",
            "InstrumentationError: telemetry.instrument() was called twice",
        ),
        (
            CONFIGURED + "telemetry.instrument(); DjangoInstrumentor().instrument()",
            "InstrumentationError: Django is instrumented already",
        ),
        (
            CONFIGURED + "DjangoInstrumentor().instrument(); telemetry.instrument()",
            "InstrumentationError: Django is instrumented already",
        ),
        (
            CONFIGURED + "app = telemetry.asgi_wrapper(print); telemetry.asgi_wrapper(app)",
            "InstrumentationError: the application is wrapped in Edge already",
        ),
    ],
)
def test_a_wrong_moment_is_an_error(project: Path, code: str, error: str) -> None:
    """The process ends there, at start-up, with a sentence."""
    done = run_python(project, code, **ENV)
    assert done.returncode == 1
    assert error in done.stderr.splitlines()[-1]


def test_inside_the_settings_is_too_early(tmp_path: Path) -> None:
    """Contrib's is silently lost there; the operators' host crashed on another."""
    write_project(tmp_path, "import telemetry\ntelemetry.instrument()\n" + SETTINGS)
    done = run_python(tmp_path, CONFIGURED + "get_asgi_application()", **ENV)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "too early: small_settings is still being imported" in last
    assert "after the settings and before the application" in last


@pytest.mark.parametrize("lazy", [False, True], ids=["settings read", "settings not read yet"])
def test_the_right_moment(project: Path, lazy: bool) -> None:
    """After the settings can be imported, whether or not somebody has imported them."""
    code = (
        CONFIGURED
        + f"""
from django.conf import settings
{"" if lazy else "settings.MIDDLEWARE"}
telemetry.instrument()
get_asgi_application()
print(settings.MIDDLEWARE)
"""
    )
    assert printed(project, code, **ENV) == str(
        [
            "telemetry.django.middleware.DjangoMiddleware",
            "django.middleware.common.CommonMiddleware",
            "small_middleware.Inner",
        ]
    )


def test_uninstrumenting_restores_what_was_there(project: Path) -> None:
    """And it can be instrumented again, as in a test suite."""
    code = (
        CONFIGURED
        + """
from django.conf import settings
before = list(settings.MIDDLEWARE)
for _ in range(2):
    DjangoInstrumentor().instrument(is_sql_commentor_enabled=True)
    assert len(settings.MIDDLEWARE) == len(before) + 2
    DjangoInstrumentor().uninstrument()
    assert settings.MIDDLEWARE == before
print("restored")
"""
    )
    assert printed(project, code, **ENV) == "restored"


SDK = (
    "from opentelemetry import {api}; from opentelemetry.sdk.{api} import {kind}; "
    "{api}.{set}({kind}())"
)


@pytest.mark.parametrize(
    "other",
    [
        SDK.format(api="trace", kind="TracerProvider", set="set_tracer_provider"),
        SDK.format(api="metrics", kind="MeterProvider", set="set_meter_provider"),
        SDK.format(api="_logs", kind="LoggerProvider", set="set_logger_provider"),
        "import logfire; logfire.configure(send_to_logfire=False, console=False)",
    ],
    ids=["tracer", "meter", "logger", "logfire"],
)
def test_somebody_else_s_provider_is_an_error(project: Path, other: str) -> None:
    """The API takes the first and drops the second with a warning that nobody reads."""
    done = run_python(project, f"{other}; import telemetry; telemetry.configure()", **ENV)
    assert done.returncode == 1
    assert "TelemetryError: a " in done.stderr
    assert "Provider is installed already" in done.stderr
    assert "call telemetry.configure() before any other" in done.stderr
