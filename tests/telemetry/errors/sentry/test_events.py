"""What an event carries: the processor, given small ones."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from telemetry import failsafe
from telemetry.errors import failures
from telemetry.errors.failures import Origin
from telemetry.errors.sentry.events import MAX_TAG, EventProcessor
from telemetry.request import RequestRecord
from telemetry.state import state
from tests.telemetry.errors.sentry.small_events import (
    ID,
    MADE_UP,
    SETTINGS,
    TRACE_URL,
    MinutesLostError,
    a_span,
    log,
    process,
    record_of,
    serving,
    trace_context,
)
from tests.telemetry.settings.reading import read


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


def test_outside_a_trace_there_is_none() -> None:
    """Sentry's own invention leads nowhere."""
    event = process(error=MinutesLostError())
    assert event["contexts"] == {}
    assert "tags" not in event
    assert "request" not in event
    assert process({"contexts": {}}, MinutesLostError())["contexts"] == {}


def test_inside_a_trace_it_is_told_and_linked_to() -> None:
    """The host's other contexts stay."""
    span = a_span()
    with trace.use_span(span):
        event = process({"contexts": {**MADE_UP, "minutes": {"page": 3}}}, MinutesLostError())
    link = TRACE_URL.replace("{trace_id}", trace_context(span)["trace_id"])
    assert event["contexts"] == {
        "minutes": {"page": 3},
        "trace": trace_context(span),
        "links": {"trace": link},
    }
    assert "tags" not in event


def test_a_trace_that_was_not_kept_is_not_linked_to() -> None:
    """Its id still finds the logs, and a tag says why there is no link."""
    span = a_span(sampled=False)
    with trace.use_span(span):
        event = process({"tags": {"own": "1"}}, MinutesLostError())
    assert event["contexts"] == {"trace": trace_context(span)}
    assert event["tags"] == {"own": "1", "trace.sampled": "false"}


@pytest.mark.parametrize("sampled", [True, False])
def test_where_no_trace_goes_anywhere_nothing_is_linked_or_tagged(sampled: bool) -> None:
    """There was no decision to tell of, and there is no page."""
    span = a_span(sampled)
    with trace.use_span(span):
        event = process(error=MinutesLostError(), traced=False)
    assert event["contexts"] == {"trace": trace_context(span)}
    assert "tags" not in event


def test_without_an_address_there_is_no_link() -> None:
    """And no sign that one is missing."""
    with trace.use_span(a_span()):
        event = process(error=MinutesLostError(), settings=read(SENTRY_DSN="https://k@e.org/1"))
    assert set(event["contexts"]) == {"trace"}
    assert "tags" not in event


def test_it_happened_where_the_exception_says() -> None:
    """The span that ended by it is no longer the current one."""
    within, error = a_span(), MinutesLostError()
    failures.set_origin(error, Origin.of(within.get_span_context()))
    with trace.use_span(a_span()):
        assert process(error=error)["contexts"]["trace"] == trace_context(within)


def test_what_happened_in_another_trace_is_told_with_the_visitors() -> None:
    """A site's start that many awaited: the visitor has been told the id of theirs."""
    elsewhere, error = a_span(), MinutesLostError()
    failures.set_origin(error, Origin.of(elsewhere.get_span_context()))
    with serving(record_of()) as record:
        assert process(error=error)["contexts"]["trace"] == trace_context(record.span)


def test_what_happened_in_a_part_of_the_request_is_told_with_that() -> None:
    """The current span, which is nearer than the request's."""
    with serving(record_of()) as record:
        provider = TracerProvider(shutdown_on_exit=False)
        with provider.get_tracer("test").start_as_current_span("part") as part:
            event = process(log_record=log())
    assert event["contexts"]["trace"] == trace_context(part)
    assert event["contexts"]["trace"]["trace_id"] == trace_context(record.span)["trace_id"]
    assert trace_context(part) != trace_context(record.span)


def test_a_record_that_is_given_is_the_requests() -> None:
    """Where the exception was caught on a thread, say, that has no context."""
    record = record_of()
    record.site, record.route = "alameda.ca", "/{table}"
    event = process(error=MinutesLostError(), record=record)
    assert event["contexts"]["trace"] == trace_context(record.span)
    assert event["tags"] == {"corkboard.site": "alameda.ca", "http.route": "/{table}"}
    assert record.events == [ID]


def test_a_request_is_told_by_its_route() -> None:
    """The transaction is the route; without one there is none, rather than a path."""
    with serving(record_of(path="/minutes/7")) as record:
        event = process(error=MinutesLostError())
        assert not event["tags"]
        assert "transaction" not in event
        record.site, record.route = "alameda.ca", "/{table}/{pks}"
        event = process({"tags": {"own": "1"}, "transaction": "/own"}, MinutesLostError())
    assert event["transaction"] == "/{table}/{pks}"
    assert event["transaction_info"] == {"source": "route"}
    assert event["tags"] == {
        "own": "1",
        "corkboard.site": "alameda.ca",
        "http.route": "/{table}/{pks}",
    }


def test_the_request_is_its_method_and_its_address() -> None:
    """Without its query, and whatever Sentry or the host had put there."""
    headers = [(b"host", b"alameda.ca.civic.band"), (b"cookie", b"planted")]
    scope: dict[str, Any] = {"scheme": "https", "query_string": b"planted=1", "headers": headers}
    with serving(record_of(path="/minutes", **scope)):
        event = process({"request": {"headers": {"cookie": "planted"}}}, MinutesLostError())
    assert event["request"] == {"method": "GET", "url": "https://alameda.ca.civic.band/minutes"}


def test_the_address_is_bounded() -> None:
    """Both are the client's to choose."""
    headers = [(b"host", b"h" * 5000)]
    with serving(record_of(path="/" + "p" * 50_000, headers=headers)):
        url = process(error=MinutesLostError())["request"]["url"]
    assert url.startswith("http://hhh")
    assert len(url) < 3000


def test_a_request_without_a_host_has_no_address() -> None:
    """HTTP/1.0; the server's own name says nothing of the site."""
    with serving(RequestRecord("GET", a_span(), {"type": "http", "path": "/minutes"})):
        assert process(error=MinutesLostError())["request"] == {"method": "GET"}


def test_a_host_header_that_names_no_host_is_no_address() -> None:
    """It is any text that the client has sent, as on spans."""
    with serving(record_of(headers=[(b"host", b"planted words!")])):
        assert process(error=MinutesLostError())["request"] == {"method": "GET"}


def test_a_task_that_outlives_its_request_sends_none_of_its_headers() -> None:
    """Neither in a message nor in an argument, an exception or an extra field."""
    with serving(record_of(headers=[(b"x-say", b"planted words")])) as record:
        for record.ended in (False, True):
            event = {
                "message": "planted words",
                "logentry": {"message": "%s", "params": ["planted words"]},
                "exception": {"values": [{"value": "of planted words"}]},
                "extra": {"a": ["planted words"]},
            }
            sent = process(event)
            assert sent["message"] == "[REDACTED]"
            assert "planted" not in str(sent)


def test_a_tag_is_cut_at_sentrys_limit() -> None:
    """Longer ones are thrown away by the receiver."""
    with serving(record_of()) as record:
        record.site, record.route = "s" * 300, "/" + "r" * 300
        event = process(error=MinutesLostError())
    assert {len(value) for value in event["tags"].values()} == {MAX_TAG} == {200}
    assert event["transaction"] == event["tags"]["http.route"]


def test_the_hosts_own_group_stays() -> None:
    """Whoever names one has a reason."""
    assert process({"fingerprint": ["own"]}, MinutesLostError())["fingerprint"] == ["own"]
    [logger, line] = process({"logger": "host", "message": "row 7"})["fingerprint"]
    assert logger == "host"
    assert "row 7" not in line or line.startswith("test_events:")


def test_the_group_leaves_out_the_requests_site() -> None:
    """As the exception's text may name it."""
    with serving(record_of()) as record:
        record.site = "alameda.ca"
        groups = [process({"message": text})["fingerprint"] for text in ("alameda.ca", "7")]
    assert groups[0] == groups[1]
    assert "alameda.ca" not in groups[0]


def test_djangos_request_is_not_sent_along() -> None:
    """Its text holds the query string; what the host put beside it stays."""
    assert process({"extra": {"request": "planted", "page": 3}})["extra"] == {"page": 3}


def test_what_is_no_error_passes_as_it_is() -> None:
    """A check-in, or a transaction of the host's own."""
    for kind in ("check_in", "transaction"):
        with serving(record_of()) as record:
            given: Any = {"type": kind, "contexts": MADE_UP, "extra": {"request": 1}}
            before = repr(given)
            assert EventProcessor(SETTINGS, traced=True)(given, {}) is given
            assert repr(given) == before
            assert record.events == []


def test_a_processor_that_fails_sends_the_event_all_the_same() -> None:
    """Plain, counted, and never into the host's own code."""
    given: Any = {"event_id": ID, "contexts": None}
    failsafe.raise_failures(False)
    state.failures.clear()
    try:
        hint: Any = {"exc_info": (None, MinutesLostError(), None)}
        assert EventProcessor(SETTINGS, traced=True)(given, hint) is given
        assert state.failures == {"errors.event": 1}
    finally:
        state.failures.clear()
