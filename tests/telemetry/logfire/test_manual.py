"""Logfire's functions on our providers: what they send, compared with what its own SDK sends."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import OTLPReceiver
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import ReceivedSpan

TOKEN = "pylf_v1_us_planted"

OURS = """
import telemetry
telemetry.configure(default_service_name="script", debug=False)
"""
THEIRS = """
import logfire
logfire.configure(send_to_logfire=True, console=False, service_name="script", metrics=False)
"""
# What an application writes.
USE = """
import logfire
logfire.info("hello {name}", name="you", _tags=["greeting", "kind"])
logfire.warn("careful")
logfire.debug("nothing")
with logfire.span("work {number}", number=3, _tags=["job"]) as span:
    span.set_attribute("done", True)
    logfire.error("inside {odd}", odd={"a": [1, 2]})
try:
    with logfire.span("failing"):
        raise LookupError("lost")
except LookupError:
    logfire.exception("caught")
logfire.with_tags("always").notice("tagged")
"""
# What is traced beside it, as the edge and Datasette do.
OTHERS = """
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
tracer = trace.get_tracer("test")
def request(path, route, status):
    known = {"http.request.method": "GET", "url.path": path, "http.route": route}
    span = tracer.start_span(f"GET {route}", kind=SpanKind.SERVER, attributes=known)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()
request("/meetings/minutes", "/{database}/{table}", 200)
request("/meetings/nothing", "/{database}/{table}/", 404)
request("/meetings/failing", "/failing", 500)
tracer.start_span("db.query", attributes={"db.query.text": "select 1"}).end()
tracer.start_span("work").end()
"""
SHOWN = "logfire."


def _run(tmp_path: Path, code: str, **env: str) -> str:
    """Run it from a file, where Logfire finds its source; what it printed."""
    (tmp_path / "app.py").write_text(dedent(code))
    done = run_python(tmp_path, "import app", **env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _sent(tmp_path: Path, code: str, **env: str) -> list[ReceivedSpan]:
    with OTLPReceiver() as receiver:
        to_logfire = {
            "LOGFIRE_TOKEN": TOKEN,
            "LOGFIRE_BASE_URL": receiver.url,
            "TELEMETRY_FOLD_BELOW": "0ms",
        }
        _run(tmp_path, code, **(to_logfire | env))
    # Their SDK's spans that are not over yet; ours has none.
    return [s for s in receiver.spans if s.attributes.get("logfire.span_type") != "pending_span"]


def _as_shown(spans: list[ReceivedSpan]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(
        (
            (
                span.name,
                {key: value for key, value in span.attributes.items() if key.startswith(SHOWN)},
            )
            for span in spans
        ),
        key=repr,
    )


@pytest.mark.parametrize("code", [USE, OTHERS], ids=["its functions", "others' spans"])
def test_logfire_shows_what_its_own_sdk_would_have_shown(tmp_path: Path, code: str) -> None:
    """Message, level, tags, type and schema of each span, as a receiver got them."""
    ours = _sent(tmp_path, OURS + code)
    # It asks whether the token is one, which the receiver does not know.
    theirs = _sent(tmp_path, THEIRS + code, PYTHONWARNINGS="ignore")
    assert _as_shown(ours) == _as_shown(theirs)
    assert len(ours) >= 5
    assert {span.resource["service.name"] for span in ours} == {"script"}


def test_other_destinations_get_only_what_the_functions_say(tmp_path: Path) -> None:
    """What Logfire's pages need of other spans is Logfire's alone."""
    with OTLPReceiver() as other:
        sent = _sent(tmp_path, OURS + USE + OTHERS, OTEL_EXPORTER_OTLP_ENDPOINT=other.url)
    assert len(sent) == len(other.spans)
    [message] = [span for span in other.spans if span.name == "hello {name}"]
    assert message.attributes["logfire.msg"] == "hello you"
    [request] = [span for span in other.spans if span.name == "GET /failing"]
    assert [key for key in request.attributes if key.startswith(SHOWN)] == []


def test_its_spans_are_of_the_trace_and_with_our_resource(tmp_path: Path) -> None:
    """Children of whatever span is current, ours or Logfire's."""
    code = """
from opentelemetry import trace
import logfire
with trace.get_tracer("mine").start_as_current_span("outer"):
    with logfire.span("middle"):
        logfire.info("innermost")
"""
    spans = {span.name: span for span in _sent(tmp_path, OURS + code, SENTRY_RELEASE="v1.2.3")}
    assert spans["middle"].parent_span_id == spans["outer"].span_id
    assert spans["innermost"].parent_span_id == spans["middle"].span_id
    assert {span.resource["service.version"] for span in spans.values()} == {"v1.2.3"}


@pytest.mark.parametrize("imported", ["before", "after"])
def test_others_can_not_shut_it_down(tmp_path: Path, imported: str) -> None:
    """A library that calls `logfire.configure()` changes nothing, and is told so."""
    code = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
logfire.info("one")
logfire.configure(token="pylf_v1_us_other", send_to_logfire=True, service_name="other")
logfire.info("two")
assert logfire.shutdown() is True
logfire.info("three")
assert logfire.force_flush() is True
with trace.get_tracer("mine").start_as_current_span("four"):
    pass
logfire.info("five")
"""
    begin = ["from opentelemetry import trace", OURS, "import logfire"]
    if imported == "before":
        begin = [begin[0], begin[2], begin[1]]
    with OTLPReceiver() as receiver:
        printed = _run(
            tmp_path, "\n".join([*begin, code]), OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url
        )
    assert [span.name for span in receiver.spans] == ["one", "two", "three", "four", "five"]
    assert {span.resource["service.name"] for span in receiver.spans} == {"script"}
    assert printed.count("logfire.configure() was called and changes nothing") == 1
    assert printed.count("logfire.shutdown() was called and shuts nothing down") == 1


def test_its_metrics_are_ours(tmp_path: Path) -> None:
    """An instrument that was made before a server has forked counts after it."""
    code = """
import logfire
counter = logfire.metric_counter("visits")
with logfire.span("x"):
    counter.add(3)
"""
    with OTLPReceiver() as receiver:
        _run(tmp_path, OURS + code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert {point.value for point in receiver.metrics if point.name == "visits"} == {3}


def test_who_does_not_import_it_does_not_pay_for_it(tmp_path: Path) -> None:
    """It is installed here, and loaded by nobody."""
    code = 'import json, sys; print(json.dumps("logfire" in sys.modules))'
    done = run_python(tmp_path, OURS + code, LOGFIRE_TOKEN=TOKEN, OTEL_TRACES_EXPORTER="none")
    assert json.loads(done.stdout.splitlines()[-1]) is False


def test_a_release_that_we_do_not_know_fails_nobodys_import(tmp_path: Path) -> None:
    """It says that its functions go nowhere."""
    (tmp_path / "logfire.py").write_text('__version__ = "99.0"\n')
    code = "import logging; logging.basicConfig(); import logfire; print(logfire.__version__)"
    env = {"LOGFIRE_TOKEN": TOKEN, "LOGFIRE_SEND_TO_LOGFIRE": "1", "OTEL_LOGS_EXPORTER": "none"}
    env |= {"OTEL_METRICS_EXPORTER": "none"}
    done = run_python(tmp_path, OURS + code, **env)
    assert done.stdout.strip() == "99.0"
    missing = "logfire 99.0 has no usable logfire.DEFAULT_LOGFIRE_INSTANCE.config"
    assert done.stderr.count("WARNING:telemetry") == done.stderr.count(missing) == 1
    assert "what they are given is not sent" in done.stderr
