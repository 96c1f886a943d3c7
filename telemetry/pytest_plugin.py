"""Pytest fixtures for tests of a host's telemetry.

`telemetry_capture` needs ``telemetry_capture = true`` in pytest's configuration, since the
variables have to be set before the host's settings are imported. The rest of the package is
imported when a fixture is used.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import Capture, EventReceiver, OTLPReceiver

OPTION = "telemetry_capture"

_KEY = pytest.StashKey["Capture"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pytest's hook: adds the option."""
    parser.addini(
        OPTION,
        "send telemetry to the fixture `telemetry_capture`, and nowhere else",
        type="bool",
        default=False,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Pytest's hook: sets the variables before pytest-django imports the host's settings."""
    if not early_config.getini(OPTION):
        return
    from telemetry.testing import Capture

    capture = Capture()
    capture.start()
    early_config.stash[_KEY] = capture
    # Not at the end of the pytest session: pending telemetry is sent at exit, by a handler that is
    # registered later and so called earlier.
    atexit.register(capture.close)


@pytest.fixture
def telemetry_capture(request: pytest.FixtureRequest) -> Capture:
    """The spans, metrics, log records and error events that are sent during the test."""
    capture = request.config.stash.get(_KEY, None)
    if capture is None:
        raise pytest.UsageError(
            "telemetry_capture captures nothing: set `telemetry_capture = true` in pytest's "
            "configuration ([tool.pytest.ini_options] in pyproject.toml)"
        )
    capture.clear()
    return capture


@pytest.fixture
def otlp_receiver() -> Iterator[OTLPReceiver]:
    """An OTLP receiver, for a server that the test starts."""
    from telemetry.testing import OTLPReceiver

    with OTLPReceiver() as receiver:
        yield receiver


@pytest.fixture
def event_receiver() -> Iterator[EventReceiver]:
    """A receiver of error events, for a server that the test starts."""
    from telemetry.testing import EventReceiver

    with EventReceiver() as receiver:
        yield receiver
