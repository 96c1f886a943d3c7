"""One line a record, valid JSON whatever is in it, and where it came from."""

from __future__ import annotations

import json
import logging
import logging.handlers
import pickle
import sys
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider

from telemetry.logs.formatters import JSONFormatter, ReadableFormatter
from telemetry.registry import log_fields as f
from telemetry.registry.names import Attribute, entries
from telemetry.request import RequestRecord, attach_record
from tests.telemetry.logs.test_plain import CYCLE, Hostile

if TYPE_CHECKING:
    from collections.abc import Iterator


def record(message: object = "minutes read", *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.getLogger("host.pages").makeRecord(
        "host.pages", logging.INFO, __file__, 1, message, args, extra.pop("exc_info", None)
    )
    made.created = 1_700_000_000.1239
    vars(made).update(extra)
    return made


def formatted(made: logging.LogRecord, release: str | None = "v1.2.3") -> dict[str, Any]:
    line = JSONFormatter(release).format(made)
    assert "\n" not in line
    assert line.encode()
    found: dict[str, Any] = json.loads(line)
    return found


def raised(error: Exception) -> Any:
    try:
        raise error
    except type(error):
        return sys.exc_info()


@contextmanager
def within_request(route: str) -> Iterator[RequestRecord]:
    """Be in a request of alameda.ca's."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("GET")
    request = RequestRecord("GET", span)
    request.site, request.route = "alameda.ca", route
    token = attach(trace.set_span_in_context(span, attach_record(request, Context())))
    try:
        yield request
    finally:
        detach(token)


class Screen(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_line_says_when_how_bad_who_and_what() -> None:
    """In UTC, with the release."""
    assert formatted(record("%s of %d pages", "minutes", 3)) == {
        "time": "2023-11-14T22:13:20.123Z",
        "level": "INFO",
        "logger": "host.pages",
        "message": "minutes of 3 pages",
        "service.version": "v1.2.3",
    }


def test_within_a_request_it_leads_to_its_trace() -> None:
    """Its ids and flags, its site and its route."""
    with within_request("/{database}") as request:
        found = formatted(record())
    context = request.span.get_span_context()
    expected = {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "trace_flags": "03",
        "corkboard.site": "alameda.ca",
        "http.route": "/{database}",
    }
    assert expected.items() <= found.items()
    assert not {*expected} & {*formatted(record())}


def test_what_outlives_its_request_is_not_that_one_visitors() -> None:
    """Neither its trace nor its site."""
    with within_request("/") as request:
        request.ended = True
        found = formatted(record())
    assert not {"trace_id", "corkboard.site"} & {*found}


@pytest.mark.parametrize("extra", ["message", "level", "trace_id", "time"])
def test_extra_follows_under_its_own_names(extra: str) -> None:
    """Unless one is taken; nothing is overwritten."""
    made = record("original", pages=3, where={"a": [1]})
    # `logging` itself refuses some of these; other libraries put them there.
    vars(made)[extra if extra != "message" else "logger"] = "planted"
    found = formatted(made)
    assert (found["pages"], found["where"]) == (3, {"a": [1]})
    assert found["message"] == "original"
    assert "planted" in (found.get(extra), found.get(f"extra.{extra}"), found.get("extra.logger"))


def test_a_record_from_another_process_keeps_its_traceback() -> None:
    """`SocketHandler` sends the traceback as text, without the exception; the stack is text too."""
    made = record("failed", exc_info=raised(LookupError("lost")), stack_info="Stack: line 7")
    pickled = logging.handlers.SocketHandler("127.0.0.1", 0).makePickle(made)
    received = logging.makeLogRecord(pickle.loads(pickled[4:]))
    found = formatted(received)
    stack = found["exception.stacktrace"]
    assert stack.startswith("Traceback (most recent call last):")
    assert stack.endswith("LookupError: lost\nStack: line 7")
    assert "exception.type" not in found


def test_an_exception_has_fields_of_its_own() -> None:
    """Class, text and traceback, on the one line."""
    found = formatted(record("failed", exc_info=raised(LookupError("lost\nfor good"))))
    assert found["exception.type"] == "LookupError"
    assert found["exception.message"] == "lost\nfor good"
    assert found["exception.stacktrace"].startswith("Traceback (most recent call last):\n")


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (record("%d pages", "planted"), "%d pages % (1 argument)"),
        (record("password=%s %s", "planted"), "password=[REDACTED] %s % (1 argument)"),
        (record("%s", "planted", 2), "%s % (2 arguments)"),
        (record("%(a)s", {"b": "planted"}), "%(a)s % (1 argument)"),
    ],
)
def test_arguments_that_do_not_fit_are_counted(made: logging.LogRecord, shown: str) -> None:
    """Which of them is a credential is not known."""
    assert formatted(made)["message"] == shown
    text = ReadableFormatter().format(made)
    assert shown in text
    assert "planted" not in text


@pytest.mark.parametrize("private", ["client.bob@planted.org", "api_key=planted"])
def test_the_names_of_a_logger_and_a_level_are_redacted(private: str) -> None:
    """In a line of text as in one of JSON; a host may name them by a client."""
    made = record()
    made.name = made.levelname = private
    for line in (JSONFormatter().format(made), ReadableFormatter().format(made)):
        assert "planted" not in line
        assert "minutes read" in line


@pytest.mark.parametrize(
    "made",
    [
        record("%d pages", "no number"),
        record(Hostile()),
        record("%s", Hostile()),
        record("%s", CYCLE),
        record(b"\xff\x00"),
        record("\ud800\x00\x1b[31m\r\nforged: line"),
        record("x" * 100_000),
        record("x", hostile=Hostile(), cycle=CYCLE, binary=b"\xff", nan=float("nan")),
        record("x", exc_info=raised(type("Odd", (Exception,), {"__str__": Hostile.__repr__})())),
    ],
    ids=range(9),
)
def test_whatever_is_in_it_it_is_one_valid_line(made: logging.LogRecord) -> None:
    """And the formatter never raises, which would print a traceback instead of the record."""
    assert {"time", "level", "logger", "message"} <= formatted(made).keys()
    text = ReadableFormatter().format(made)
    assert "\x1b" not in text
    assert "host.pages" in text


def test_every_field_is_registered_and_emitted() -> None:
    """Both ways."""
    with within_request("/"):
        found = formatted(record("failed", exc_info=raised(LookupError("lost"))))
    assert set(found) == {str(entry) for entry in entries(f, Attribute)} - {
        *f.ACCESS,
        f.CLIENT_ADDRESS,
        f.USER_AGENT,
        f.THROTTLED,
    }


def test_a_person_reads_a_line_and_a_traceback_below_it() -> None:
    """What a visitor chose can't break it."""
    made = record("read %s", "a\nb\x1b[2J", exc_info=raised(LookupError("lost")))
    first, *rest = ReadableFormatter(color=True).format(made).splitlines()
    assert first.split(" ", 1)[1] == "INFO host.pages read a b�[2J"
    # Indented, so that none of its lines looks like a log line.
    assert rest[0] == "  Traceback (most recent call last):"
    assert rest[-1] == "  LookupError: lost"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("color", [True, False])
def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch, stream: str, color: bool) -> None:
    """Where lines are written to one, and it is not unwanted; a pipe gets none."""
    made = record()
    monkeypatch.setattr(sys, stream, Screen())
    assert ("\x1b[" in ReadableFormatter(color=color, stream=stream).format(made)) is color
    monkeypatch.setattr(sys, stream, StringIO())
    assert "\x1b[" not in ReadableFormatter(color=color, stream=stream).format(made)
