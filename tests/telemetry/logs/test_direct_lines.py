"""The access line that is made directly is the one that `logging` and the formatter make."""

from __future__ import annotations

import io
import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

import telemetry
from telemetry.logs import access
from telemetry.logs.bridge import LogBridge
from telemetry.logs.context import ATTRIBUTE
from telemetry.logs.formatters import JSONFormatter, ReadableFormatter
from telemetry.logs.throttle import Throttle
from telemetry.redaction.redactor import Redactor
from telemetry.request import RequestRecord
from telemetry.settings.model import RedactionSettings
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = st.text(max_size=80) | st.sampled_from(
    [
        "/a?password=hunter22&b=1",
        "/x/jane@example.org/y",
        "/\udc80\u202e\n\"'\\",
        "/token=ghp_0123456789abcdef0123456789abcdef",
        "/op3rator",
    ]
)
RULES = RedactionSettings(secrets=("op3rator",))
FORMATTER, REDACTOR = JSONFormatter("1.2 of\u2028", RULES), Redactor(RULES)


class Kept(logging.Handler):
    """Keeps the records that `logging` makes."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _handlers(*handlers: logging.Handler) -> Iterator[None]:
    """The only handlers that access lines reach."""
    logger = access.logger
    before = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [*handlers], False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before[:2]
        logger.setLevel(before[2])


def _lines(formatter: logging.Formatter | None = FORMATTER) -> Any:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter)
    handler.addFilter(Throttle())
    return handler


def _log(
    path: str = "/a",
    site: str | None = None,
    route: str | None = None,
    ids: int = 1,
    **instead: Any,
) -> None:
    span = NonRecordingSpan(SpanContext(ids, ids & (2**64 - 1), False, TraceFlags(ids & 1)))
    record = RequestRecord("GET", span, {"path": path})
    record.site, record.route = site, route
    known: dict[str, Any] = {"status": 200, "size": 17, "seconds": 0.25, "kept": True}
    access.log_request(record, **{**known, **instead})


@given(
    path=TEXTS,
    site=st.none() | TEXTS,
    route=st.none() | TEXTS,
    agent=st.none() | TEXTS,
    ids=st.integers(0, 2**128 - 1),
    status=st.none() | st.integers(100, 599),
    seconds=st.floats(0, 10_000),
    kept=st.booleans(),
    when=st.floats(0, 4e9),
)
def test_a_direct_line_is_that_of_the_formatter(
    when: float, agent: str | None, **known: Any
) -> None:
    """For all texts, private ones too, and all times."""
    kept = Kept()
    with _handlers(kept):
        _log(agent=agent, address="10.1.2.3", **known)
    [record] = kept.records
    record.created = when
    said = access.Access(*map(vars(record).get, access.FIELDS))  # type: ignore[arg-type]
    direct = FORMATTER.access_line(record.levelno, when, getattr(record, ATTRIBUTE), said)
    assert direct is not None
    expected = json.loads(FORMATTER.format(record))
    found = json.loads(direct)
    assert [*found] == [*expected]
    # What is private is in the path, and a rule for the message could also take its end.
    template, arguments = str(record.msg), record.args
    assert isinstance(arguments, tuple)
    shown = REDACTOR.text(str(arguments[1]))
    message = (template % (arguments[0], shown, *arguments[2:])).encode(errors="backslashreplace")
    assert found.pop("message") == message.decode()
    private = "hunter22", "jane@", "ghp_", "op3rator"
    assert not any(word in message.decode() for word in private)
    del expected["message"]
    assert found == expected
    assert "\n" not in direct


class CountedRecords(logging.Logger):
    """Keeps the records that it makes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.made: list[logging.LogRecord] = []

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 # logging's
        self.made.append(super().makeRecord(*args, **kwargs))
        return self.made[-1]


def test_a_line_is_written_directly_where_only_our_handlers_are() -> None:
    """Without a record, which a log bridge would leave out; with one where it is needed."""
    lines, makes = _lines(), CountedRecords(access.LOGGER)
    before, access.logger = access.logger, makes
    try:
        with _handlers(lines, LogBridge()):
            _log("/first")
            assert makes.made == []
            state.export_access_lines = True
            _log("/second")
            assert len(makes.made) == 1
    finally:
        state.export_access_lines = False
        access.logger = before
    first, second = map(json.loads, lines.stream.getvalue().rstrip("\n").split("\n"))
    assert (first["url.path"], second["url.path"]) == ("/first", "/second")
    assert first.keys() == second.keys()


@pytest.mark.usefixtures("additions")
def test_a_rule_of_the_host_may_match_any_part_of_a_line() -> None:
    """From the call on, also where earlier lines were made directly."""
    lines, makes = _lines(JSONFormatter(None, RedactionSettings())), CountedRecords(access.LOGGER)
    before, access.logger = access.logger, makes
    try:
        with _handlers(lines):
            _log("/one", status=204)
            assert makes.made == []
            telemetry.redact(patterns=["one 204", "2[0-9]{2}[.]0 ms"])
            _log("/one", status=204)
            assert len(makes.made) == 1
    finally:
        access.logger = before
    first, second = map(json.loads, lines.stream.getvalue().rstrip("\n").split("\n"))
    assert first["message"] == "GET /one 204 250.0 ms"
    assert second["message"] == "GET /[REDACTED] [REDACTED]"


class Upper(logging.StreamHandler[Any]):
    """A host's own handler."""


class Picky(logging.Filter):
    """A host's filter, which needs a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(vars(record)["url.path"] != "/unwanted")


def test_other_handlers_and_filters_get_records() -> None:
    """The line stays the same, whichever way it takes."""
    kept = Kept()
    for others in ([kept], [Upper(io.StringIO())], [_lines(ReadableFormatter())], [_lines(None)]):
        lines = _lines()
        with _handlers(lines, *others):
            _log("/both")
        assert json.loads(lines.stream.getvalue())["url.path"] == "/both"
    assert [vars(record)["url.path"] for record in kept.records] == ["/both"]
    filtered = _lines()
    filtered.addFilter(Picky())
    with _handlers(filtered):
        _log("/unwanted")
        _log("/wanted")
    line = filtered.stream.getvalue()
    assert json.loads(line)["url.path"] == "/wanted"


def test_a_closed_stream_costs_the_line_only(capsys: pytest.CaptureFixture[str]) -> None:
    """As with `logging`: it says so on standard error, and the request goes on."""
    lines = _lines()
    lines.stream.close()
    with _handlers(lines):
        _log()
    assert "closed file" in capsys.readouterr().err
