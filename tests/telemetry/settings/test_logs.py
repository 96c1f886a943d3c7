"""LOG_FORMAT and LOGLEVEL."""

from __future__ import annotations

import pytest

from telemetry.exceptions import ConfigurationError
from telemetry.settings.logs import read_log_settings


@pytest.mark.parametrize(
    ("given", "debug", "expected"),
    [("", False, "json"), ("", True, "text"), ("TEXT", False, "text"), ("json", True, "json")],
)
def test_the_format_follows_debug_unless_told(given: str, debug: bool, expected: str) -> None:
    assert read_log_settings({"LOG_FORMAT": given}, debug=debug).format == expected


@pytest.mark.parametrize(
    ("given", "level", "levels"),
    [
        ("", "INFO", {}),
        ("debug", "DEBUG", {}),
        ("WARN", "WARNING", {}),
        ("django.db=DEBUG", "INFO", {"django.db": "DEBUG"}),
        ("error, uvicorn.access = info,", "ERROR", {"uvicorn.access": "INFO"}),
    ],
)
def test_levels_are_general_and_of_single_loggers(
    given: str, level: str, levels: dict[str, str]
) -> None:
    found = read_log_settings({"LOGLEVEL": given}, debug=False)
    assert (found.level, dict(found.levels)) == (level, levels)


def test_the_release_is_that_of_traces() -> None:
    found = read_log_settings({"SENTRY_RELEASE": "v1.2.3"}, debug=False)
    assert found.release == "v1.2.3"


def test_what_is_wrong_is_named() -> None:
    """Both at once, each with what was wanted."""
    with pytest.raises(ConfigurationError) as caught:
        read_log_settings({"LOG_FORMAT": "xml", "LOGLEVEL": "LOUD"}, debug=False)
    message = str(caught.value)
    assert "LOG_FORMAT='xml': wanted one of json, text" in message
    assert "LOGLEVEL='LOUD': wanted one of CRITICAL" in message


def test_what_is_wrong_elsewhere_is_named_too() -> None:
    """Where lines are set up first, as in gunicorn's master."""
    with pytest.raises(ConfigurationError) as caught:
        read_log_settings({"LOG_FORMAT": "plain", "OTEL_TRACES_EXPORTER": "otpl"}, debug=False)
    named = [problem.variable for problem in caught.value.problems]
    assert named == ["OTEL_TRACES_EXPORTER", "LOG_FORMAT"]
