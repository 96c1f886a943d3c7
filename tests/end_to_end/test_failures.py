"""Everything that fails is one event, and nothing else is: with a site, a route and a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.failing.job import (
    DETACHED,
    ECHO,
    HARMLESS,
    PLANTED,
    SERVERS,
    TRACE_URL,
    Failure,
    Run,
    failures_of,
    run_done,
    title_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.hosts import Host


@pytest.fixture(scope="module", params=SERVERS)
def run(host: Host, request: pytest.FixtureRequest) -> Iterator[Run]:
    with run_done(host, request.param) as done:
        yield done


def failures(run: Run) -> tuple[Failure, ...]:
    return failures_of(run.host)


def test_each_failure_is_one_event(run: Run) -> None:
    """However many have seen it: a thread, the framework, the edge, the server's log."""
    expected = {failure.title: 1 for failure in failures(run)} | dict.fromkeys(DETACHED, 1)
    # Logged, before the other mistake was made.
    expected["handled"] = 1
    counted = {text: len(run.events_of(text)) for text in expected}
    assert counted == expected, [title_of(event) for event in run.errors.events]
    assert len(run.errors.events) == len(expected), [title_of(e) for e in run.errors.events]


def test_what_is_no_failure_is_no_event(run: Run) -> None:
    """Each was answered as it should be, and the test above has counted every event."""
    assert {path: run.answers[path].status_code for _, path, _ in HARMLESS} == {
        path: status for _, path, status in HARMLESS
    }


def test_errors_are_all_that_is_sent(run: Run) -> None:
    """No transaction, no session, no client report, no log, no metric."""
    assert set(run.errors.item_types) == {"event"}
    assert {request.path for request in run.errors.requests} == {"/api/1/envelope/"}


def test_the_visitor_gets_what_the_framework_answers(run: Run) -> None:
    """The status is that of a host without telemetry."""
    assert {f.title: run.answers[f.title].status_code for f in failures(run)} == {
        f.title: f.status for f in failures(run)
    }


def test_an_event_says_who_where_and_which(run: Run) -> None:
    """Release, environment, site and route; the transaction is the route."""
    for failure in failures(run):
        [event] = run.events_of(failure.title)
        assert (event.release, event.environment) == ("v1.2.3", "production")
        site = run.host.site if failure.side == "site" else None
        found = event.tags.get("corkboard.site"), event.tags.get("http.route")
        assert found == (site, failure.route), failure
        assert event.transaction == (failure.route or "")
        assert event.tags.get("caught.by") == failure.caught_by


def test_an_event_names_its_span_and_links_to_its_trace(run: Run) -> None:
    """The ids are those of a span that arrived; the link is TELEMETRY_TRACE_URL's."""
    for failure in failures(run):
        [event] = run.events_of(failure.title)
        spans = run.spans_of(event)
        [span] = [span for span in spans if span.span_id == event.span_id]
        if failure.span == "SERVER":
            assert span.kind == "SERVER", failure
        else:
            assert span.name.startswith(failure.span), failure
        [server] = [span for span in spans if span.kind == "SERVER"]
        assert server.attributes["url.path"] == failure.path
        link = TRACE_URL.replace("{trace_id}", event.trace_id)
        assert event.contexts["links"] == {"trace": link}
        assert "trace.sampled" not in event.tags


def test_the_span_links_to_its_event(run: Run) -> None:
    """By id, and to where its trace's errors are shown."""
    for failure in failures(run):
        [event] = run.events_of(failure.title)
        [server] = [span for span in run.spans_of(event) if span.kind == "SERVER"]
        assert event.event_id in server.attributes["corkboard.error.event_ids"]  # type: ignore[operator]
        assert server.attributes["corkboard.error.url"] == (
            f"{run.errors.url}/issues/1/?q=trace:{event.trace_id}"
        )


def test_the_span_records_the_exception(run: Run) -> None:
    """Where it is the page's own, by its class; what was only logged is not the page's."""
    for failure in failures(run):
        [event] = run.events_of(failure.title)
        recorded = [e for span in run.spans_of(event) for e in span.events if e.name == "exception"]
        if failure.status == 500 or failure.caught_by in {"asgi", "sys.unraisablehook"}:
            kinds = [str(e.attributes["exception.type"]).rpartition(".")[2] for e in recorded]
            # What was raised from a logged one is of that event too.
            kind = "LookupError" if failure.title == "raised-from" else event.exceptions[-1][0]
            assert kind in kinds, failure
        [server] = [span for span in run.spans_of(event) if span.kind == "SERVER"]
        failed = failure.status == 500 or failure.title == "stream"
        assert (server.status == "ERROR") is failed, failure


def test_what_no_request_waits_for_names_none(run: Run) -> None:
    """Better no site and no trace than those of whoever happens to be served at the moment."""
    for text, (_, _, logger) in DETACHED.items():
        [event] = run.events_of(text)
        assert event.logger == logger
        assert "corkboard.site" not in event.tags
        assert event.transaction == ""
    [write] = run.events_of("unawaited-write")
    [span] = [span for span in run.spans_of(write) if span.span_id == write.span_id]
    assert span.name == "db.write.execute"
    for text in ("background", "dropped-task", "dropped-pool"):
        [event] = run.events_of(text)
        assert event.trace_id == ""


def test_a_function_of_a_query_is_told_with_both_stacks(run: Run) -> None:
    """SQLite keeps nothing of what a function raised."""
    [event] = run.events_of(ECHO)
    assert [kind for kind, _ in event.exceptions] == ["FaultError", "OperationalError"]
    first, last = event.raw["exception"]["values"]
    assert first["stacktrace"]["frames"][-1]["function"] == "fail"
    assert "_function" in {frame["function"] for frame in last["stacktrace"]["frames"]}


def test_the_stack_leads_to_the_fault(run: Run) -> None:
    """Its innermost frame is the line that raised."""
    [event] = run.events_of("route")
    frame = event.raw["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    assert (frame["function"], frame["context_line"].strip()) == ("fail", "raise FaultError(name)")
    assert frame["module"] == "tests.end_to_end.failing.faults"


def test_each_traceback_is_printed_once(run: Run) -> None:
    """In a log line of its request's, or by Python; no panel of local variables, no cookie."""
    for text in ("router", "route", "background", "thread"):
        printed = run.output.count(f"FaultError: {text}\n")
        assert printed == 1, (text, printed)
    assert "╭" not in run.output
    assert "planted-local" not in run.output


def test_nothing_planted_gets_out(run: Run) -> None:
    """No local variable, cookie, header or query string, by neither way."""
    found = "".join(repr(event.raw) for event in run.errors.events)
    assert [secret for secret in PLANTED if secret in found] == []


def test_every_answer_names_its_trace(run: Run) -> None:
    """In the header of W3C's second level, whatever the status; once."""
    servers = {span.trace_id: span for span in run.receiver.spans if span.kind == "SERVER"}
    for answer in run.answers.values():
        [header] = answer.headers.get_list("traceresponse")
        version, trace_id, span_id, flags = header.split("-")
        assert version == "00"
        assert int(flags, 16) & 1
        assert servers[trace_id].span_id == span_id


def test_an_error_page_names_its_trace_in_text(run: Run) -> None:
    """To be read out: Django's, Datasette's own, and the edge's where nobody made one."""
    for text in ("sync-view", "middleware", "route", "hook", ECHO, "router"):
        answer = run.answers[text]
        trace_id = answer.headers["traceresponse"].split("-")[1]
        assert trace_id in answer.text, text
    assert "<h1>Error 500</h1>" in run.answers["route"].text
    for path in ("/nothing/here", "/meetings/nothing"):
        assert "Reference" not in run.answers[path].text
