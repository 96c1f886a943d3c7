"""What exporting logs is let through once in a while; all else, always."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import suppress_instrumentation

from telemetry.logs import throttle
from telemetry.logs.throttle import Throttle
from telemetry.testing import OTLPReceiver
from tests.support.processes import refusing_port
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _record(name: str, line: int = 1, text: str = "x") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "file.py", line, text, (), None)


def test_the_same_place_is_heard_once() -> None:
    """By where it is said, since each time says other seconds; and by whom."""
    passes = Throttle().filter
    texts = [f"retrying in {number} s" for number in range(50)]
    heard = [passes(_record("opentelemetry.exporter", 1, text)) for text in texts]
    assert heard == [True] + [False] * 49
    assert passes(_record("opentelemetry.exporter", 2))
    assert passes(_record("opentelemetry.sdk", 1))


def test_others_are_always_heard() -> None:
    """But for what they say while something is exported."""
    passes = Throttle().filter
    assert all(passes(_record("urllib3.connectionpool")) for _ in range(5))
    with suppress_instrumentation():
        assert [passes(_record("urllib3.connectionpool")) for _ in range(3)] == [True, False, False]
    assert passes(_record("urllib3.connectionpool"))


def test_after_a_while_it_is_heard_again_with_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage of hours has a line for each ten minutes."""
    now = [0.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: now[0])
    passes = Throttle().filter
    for _ in range(8):
        passes(_record("opentelemetry.exporter"))
    now[0] = throttle.EVERY + 1
    again = _record("opentelemetry.exporter")
    assert passes(again)
    assert vars(again)["throttled"] == 7
    assert not passes(_record("opentelemetry.exporter"))


def test_our_own_records_pass_for_each_outage() -> None:
    """Of several signals, and in the next one again; their number is limited all the same."""
    passes = Throttle().filter
    with suppress_instrumentation():
        passed = [passes(_record("telemetry")) for _ in range(2 * throttle.OWN)]
    assert passed == [True] * throttle.OWN + [False] * throttle.OWN


def test_it_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever names loggers may have."""
    monkeypatch.setattr(throttle, "MAX_SOURCES", 3)
    passes = Throttle().filter
    assert [passes(_record(f"opentelemetry.{n}")) for n in range(5)] == [True] * 3 + [False] * 2


def test_a_tracker_that_is_down_is_a_few_lines(tmp_path: Path) -> None:
    """For a client that the host initialised: urllib3 logs three retries of each event."""
    code = f"""
        import logging.config, sentry_sdk, telemetry

        telemetry.configure(default_service_name="host")
        logging.config.dictConfig(telemetry.logging_config())
        sentry_sdk.init("http://key@127.0.0.1:{refusing_port()}/1")
        for number in range(10):
            logging.getLogger("host").error("failed %s", number)
        sentry_sdk.flush(20)
        telemetry.flush()
    """
    with OTLPReceiver() as receiver:
        done = run_python(
            tmp_path,
            code,
            OTEL_LOGS_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            LOG_FORMAT="text",
        )
        assert done.returncode == 0, done.stderr
        records = [str(log.body) for log in receiver.logs]
    lines = [line for line in done.stdout.splitlines() if "urllib3" in line]
    assert len(lines) == 1
    assert "Retrying" in lines[0]
    # Each would cause another one, if the logs went to the same place.
    assert len([body for body in records if body.startswith("failed")]) == 10
    assert not [body for body in records if "Retrying" in body]
