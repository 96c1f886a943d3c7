"""A change in anything that is recorded is found: each is planted in a recording of the tree."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from tests.differential.comparing import Comparison, Wanted, read_wanted
from tests.differential.decoding import SIGNALS
from tests.differential.surfaces import arrange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from tests.differential.recording import Recording
    from tests.differential.recordings import Recordings

    Plant = Callable[[Recording], object]

pytestmark = pytest.mark.timeout(900)

ROUTE = "GET /{database}/{table}"


def exported(recording: Recording, signal: str) -> Iterator[Any]:
    """Give each export of a signal as a message, and put it back as it has become."""
    for index, (path, headers, payload) in enumerate(recording.exports):
        kind, message_class = SIGNALS[path]
        if kind == signal:
            message: Message = message_class.FromString(payload)
            yield message
            recording.exports[index] = path, headers, message.SerializeToString()


def a_span(change: Callable[[Any], object], name: str = ROUTE) -> Plant:
    """Change the first span of that name."""

    def plant(recording: Recording) -> None:
        done = False
        for message in exported(recording, "traces"):
            for resource in message.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        if span.name == name and not done:
                            change(span)
                            done = True
        assert done

    return plant


def a_record(change: Callable[[Any, Any], object], text: str = "from another logger") -> Plant:
    """Change the first log record of that body, given with those beside it."""

    def plant(recording: Recording) -> None:
        done = False
        for message in exported(recording, "logs"):
            for resource in message.resource_logs:
                for scope in resource.scope_logs:
                    for record in list(scope.log_records):
                        if record.body.string_value == text and not done:
                            change(record, scope.log_records)
                            done = True
        assert done

    return plant


def a_metric(change: Callable[[Any], object], name: str = "http.server.request.duration") -> Plant:
    """Change a metric in each export."""

    def plant(recording: Recording) -> None:
        done = False
        for message in exported(recording, "metrics"):
            for resource in message.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            change(metric)
                            done = True
        assert done

    return plant


def an_event(change: Callable[[Any], object]) -> Plant:
    """Change an error event of a view."""

    def plant(recording: Recording) -> None:
        wanted = [event for event in recording.events if "in a view" in json.dumps(event)]
        change(wanted[0])

    return plant


def a_part(event: dict[str, Any], index: int, part: str) -> None:
    """Replace a part of an event's group: the class of an exception, or a line of code."""
    event["fingerprint"][index] = part


def replaced(field: str, before: str, after: str) -> Plant:
    """Replace the first occurrence in one of the texts."""

    def plant(recording: Recording) -> None:
        text = getattr(recording, field)
        assert before in text
        setattr(recording, field, text.replace(before, after, 1))

    return plant


def in_case(name: str, stream: str, before: str, after: str) -> Plant:
    """Replace the first occurrence in what a case printed."""

    def plant(recording: Recording) -> None:
        text = recording.cases[name][stream]
        assert before in text, text
        recording.cases[name][stream] = text.replace(before, after, 1)

    return plant


def answer(before: bytes, after: bytes) -> Plant:
    """Replace the first occurrence in the answers."""

    def plant(recording: Recording) -> None:
        [index, *_] = (i for i, sent in enumerate(recording.sent) if before in sent.answer)
        sent = recording.sent[index]
        changed = sent.answer.replace(before, after, 1)
        recording.sent[index] = type(sent)(sent.label, sent.start_ns, changed)

    return plant


def attribute(item: Any, name: str) -> Any:
    """Give an attribute's value, to be changed."""
    return next(each.value for each in item.attributes if each.key == name)


def rename(item: Any, before: str, after: str) -> None:
    """Rename an attribute."""
    next(each for each in item.attributes if each.key == before).key = after


def no_longer(items: Any, item: Any) -> None:
    """Remove an item."""
    items.remove(item)


def first_lines_swapped(recording: Recording) -> None:
    """Print the same lines in another order."""
    case = recording.cases["config, everything"]
    lines = case["stdout"].splitlines()
    lines[:2] = reversed(lines[:2])
    case["stdout"] = "\n".join(lines)


def another_resource(recording: Recording) -> None:
    """Rename an attribute of the resource."""
    for message in exported(recording, "traces"):
        rename(message.resource_spans[0].resource, "service.name", "service.title")


def another_scope(recording: Recording) -> None:
    """Rename the scopes of spans."""
    for message in exported(recording, "traces"):
        for scope in message.resource_spans[0].scope_spans:
            scope.scope.name = "planted"


GRPC, CONSOLE, CASES = "grpc-prometheus", "logfire-console", "cases"
ERROR = "start with OTEL_TRACES_EXPORTER=otpl"

# What is changed, in which run, and where the difference has to show.
PLANTED: dict[str, tuple[str, Plant, str]] = {
    "a span's attribute": (
        CONSOLE,
        a_span(lambda s: setattr(attribute(s, "http.route"), "string_value", "/planted")),
        "/spans > ",
    ),
    "a span's attribute's type": (
        CONSOLE,
        a_span(lambda s: setattr(attribute(s, "http.response.status_code"), "string_value", "200")),
        '= "200"',
    ),
    "a span's attribute's name": (
        CONSOLE,
        a_span(lambda s: rename(s, "corkboard.site", "corkboard.tenant")),
        "corkboard.tenant",
    ),
    "a span's name": (CONSOLE, a_span(lambda s: setattr(s, "name", "planted")), "planted"),
    "a span's kind": (CONSOLE, a_span(lambda s: setattr(s, "kind", 1)), "SPAN_KIND_INTERNAL"),
    "a span's parent": (
        CONSOLE,
        a_span(
            lambda s: setattr(s, "parent_span_id", b""), "datasette.client GET /{database}/{table}"
        ),
        "/spans > ",
    ),
    "a span's status": (CONSOLE, a_span(lambda s: setattr(s.status, "code", 2)), "STATUS_CODE"),
    "a span's trace state": (
        CONSOLE,
        a_span(lambda s: setattr(s, "trace_state", "planted=1")),
        "trace_state",
    ),
    "a span's event": (
        CONSOLE,
        a_span(lambda s: s.ClearField("events"), "recorded exception"),
        "events",
    ),
    "a span's link": (CONSOLE, a_span(lambda s: s.ClearField("links"), "kind CLIENT"), "links"),
    "a resource's attribute": (CONSOLE, another_resource, "resource of traces"),
    "a scope": (CONSOLE, another_scope, "planted"),
    "a log record's body": (
        GRPC,
        a_record(lambda r, _all: setattr(r.body, "string_value", "planted")),
        "/log records > ",
    ),
    "a log record's level": (
        GRPC,
        a_record(lambda r, _all: setattr(r, "severity_number", 17)),
        "SEVERITY_NUMBER_ERROR",
    ),
    "a log record's trace": (
        GRPC,
        a_record(lambda r, _all: r.ClearField("trace_id")),
        "outside of requests",
    ),
    "a log record that is gone": (
        GRPC,
        a_record(lambda r, records: no_longer(records, r)),
        "from another logger",
    ),
    "a metric's name": (GRPC, a_metric(lambda m: setattr(m, "name", "planted")), "planted"),
    "a metric's unit": (GRPC, a_metric(lambda m: setattr(m, "unit", "ms")), "> unit ="),
    "a metric's description": (
        GRPC,
        a_metric(lambda m: setattr(m, "description", "planted")),
        "> description =",
    ),
    "a metric's temporality": (
        GRPC,
        a_metric(lambda m: setattr(m.histogram, "aggregation_temporality", 1)),
        "DELTA",
    ),
    "a metric's buckets": (
        GRPC,
        a_metric(lambda m: m.histogram.data_points[0].explicit_bounds.__setitem__(0, 7.0)),
        "> bounds =",
    ),
    "a metric's count": (
        GRPC,
        a_metric(lambda m: setattr(m.histogram.data_points[0], "count", 77)),
        "> count = 77",
    ),
    "a metric's attribute": (
        GRPC,
        a_metric(lambda m: rename(m.histogram.data_points[0], "http.request.method", "method")),
        '"method"',
    ),
    "an attribute of a metric that varies": (
        GRPC,
        a_metric(
            lambda m: rename(m.sum.data_points[0], "corkboard.signal", "signal"),
            "corkboard.telemetry.exported",
        ),
        '"signal"',
    ),
    "an event's tag": (
        GRPC,
        an_event(lambda e: e["tags"].update({"caught.by": "planted"})),
        "> tags > caught.by",
    ),
    "an event's exception": (
        GRPC,
        an_event(lambda e: e["exception"]["values"][0].update(type="Planted")),
        "> type =",
    ),
    "an event's group": (
        GRPC,
        an_event(lambda e: a_part(e, 0, "compared_host.faults.PlantedError")),
        '> fingerprint = "compared_host.faults.PlantedError"',
    ),
    "an event's group's line of code": (
        GRPC,
        an_event(lambda e: a_part(e, -1, "compared_host.faults:fail:raise planted")),
        '> fingerprint = "compared_host.faults:fail:raise planted"',
    ),
    "a text in an event's group": (
        GRPC,
        an_event(lambda e: e["fingerprint"].append("a planted text")),
        '> fingerprint = "a planted text"',
    ),
    "an event's group that is gone": (
        GRPC,
        an_event(lambda e: e.update(fingerprint=e["fingerprint"][:1])),
        '> fingerprint = ["compared_host.faults.FaultError"]',
    ),
    "an event's trace": (
        GRPC,
        an_event(lambda e: e["contexts"].pop("trace")),
        "outside of requests",
    ),
    "an event that is gone": (GRPC, lambda recording: recording.events.clear(), "error events"),
    "a header of an export": (
        CONSOLE,
        lambda recording: recording.exports.__setitem__(
            0, (recording.exports[0][0], {"authorization": "none"}, recording.exports[0][2])
        ),
        "/exports > ",
    ),
    "a log line": (GRPC, replaced("stdout", "GET /health/ 200", "GET /health/ 201"), "201"),
    "a line's level": (
        CONSOLE,
        replaced("stdout", "WARNING compared.host", "INFO compared.host"),
        "/standard output > ",
    ),
    "the console": (
        CONSOLE,
        replaced("stderr", "recorded exception", "planted"),
        "/standard error > ",
    ),
    "the console's tree": (
        CONSOLE,
        replaced("stderr", "\n    compared_host.faults", "\ncompared_host.faults"),
        "/standard error > ",
    ),
    "Prometheus": (
        GRPC,
        replaced("scraped", "# TYPE http_server_active_requests gauge", "# TYPE x gauge"),
        "/Prometheus",
    ),
    "a label of Prometheus": (
        GRPC,
        replaced("scraped", 'http_route="/health/"', 'http_route="/planted/"'),
        "/planted/",
    ),
    "an answer's status": (GRPC, answer(b"404 Not Found", b"410 Gone"), "410 Gone"),
    "an answer's header": (GRPC, answer(b"traceresponse: ", b"x-trace: "), "x-trace"),
    "an answer's page": (GRPC, answer(b"</body>", b"planted</body>"), "> body"),
    "an exit code": (GRPC, lambda recording: setattr(recording, "exit_code", 3), "exit code = 3"),
    "a file": (GRPC, lambda recording: recording.files.append("planted"), "> files"),
    "config": (CASES, in_case("config, everything", "stdout", "staging", "planted"), "planted"),
    "config's default": (CASES, in_case("config, none", "stdout", "0.025 s", "0.05 s"), "0.05 s"),
    "config's order": (CASES, first_lines_swapped, "another order"),
    "config --json": (
        CASES,
        in_case("config --json, everything", "stdout", "staging", "planted"),
        "planted",
    ),
    "check": (
        CASES,
        in_case("check, OTLP and errors", "stdout", "arrived", "sent"),
        "check, OTLP and errors",
    ),
    "check's advice": (CASES, in_case("check, refused", "stdout", "Check ", "Try "), "Try"),
    "a command's exit code": (
        CASES,
        lambda recording: recording.cases["check, refused"].update({"exit code": 0}),
        "exit code = 0",
    ),
    "a command's options": (
        CASES,
        in_case("command check --help", "stdout", "--timeout", "--wait"),
        "--wait",
    ),
    "a start-up error": (CASES, in_case(ERROR, "stderr", "otpl", "planted"), "planted"),
    "manage.py check": (
        CASES,
        in_case("manage.py check, a bad variable", "stderr", "telemetry.E001", "telemetry.E9"),
        "telemetry.E9",
    ),
    "a name of the API": (
        CASES,
        in_case("API", "stdout", '"set_site"', '"name_site"'),
        "name_site",
    ),
    "a signature": (
        CASES,
        in_case("API", "stdout", "default_service_name", "service_name"),
        "configure",
    ),
    "an entry point": (
        CASES,
        in_case("API", "stdout", "opentelemetry_traces_sampler: tail", "planted: tail"),
        "planted: tail",
    ),
    "a documented path": (
        CASES,
        in_case(
            "API", "stdout", '"telemetry.system_checks": true', '"telemetry.system_checks": false'
        ),
        "telemetry.system_checks",
    ),
    "a fixture": (CASES, in_case("API", "stdout", '"otlp_receiver"', '"planted"'), "fixtures"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_change_is_found(what: str, recordings: Recordings) -> None:
    """In each signal, and wherever else users look."""
    name, plant, shows = PLANTED[what]
    _, tree = recordings.raw(name)
    planted = pickle.loads(pickle.dumps(tree))
    plant(planted)
    first, unchanged = recordings.surfaces(name)
    surfaces = arrange(planted)
    changed = [each for each in first if surfaces[each] != unchanged[each]]
    comparison = Comparison(read_wanted())
    found = [
        line
        for each in changed
        for line in comparison.differences(f"{name}/{each}", first[each], surfaces[each])
    ]
    assert any(shows in line for line in found), found


SITE = Wanted("*", "planted", r"\bcorkboard([._])site", r"corkboard\1tenant")


def test_one_entry_renames_an_attribute_everywhere(recordings: Recordings) -> None:
    """In spans, log records, metrics, Prometheus' labels and lines; the entry is of use."""
    for name in (GRPC, CONSOLE):
        first, _ = recordings.surfaces(name)
        renamed = json.loads(
            json.dumps(first)
            .replace("corkboard.site", "corkboard.tenant")
            .replace("corkboard_site", "corkboard_tenant")
        )
        assert Comparison(()).of_run(name, first, renamed)
        comparison = Comparison((SITE,))
        assert comparison.of_run(name, first, renamed) == []
        assert comparison.stale() == []


def test_a_rename_that_was_not_made_is_found(recordings: Recordings) -> None:
    """The entry is there, and the tree still has the old name."""
    first, _ = recordings.surfaces(CONSOLE)
    found = Comparison((SITE,)).of_run(CONSOLE, first, first)
    assert any("corkboard.site" in line for line in found)


def test_lines_that_are_gone_or_new_can_be_named() -> None:
    """By a regular expression of the line; other lines and other surfaces are not meant."""
    before, after = {"a": "1", "gone": "2"}, {"a": "1", "new": "3"}
    gone = Wanted("x/*", "no longer there", before=r"> gone = ")
    new = Wanted("x/*", "there now", after=r"> new = ")
    both = Comparison((gone, new))
    assert both.differences("x/y", before, after) == []
    assert both.stale() == []
    assert Comparison((gone,)).differences("x/y", before, after) == ['+ x/y > new = "3"']
    assert len(Comparison((gone, new)).differences("z", before, after)) == 2


def test_an_entry_without_a_difference_is_stale() -> None:
    """Of any of its three sorts."""
    entries = (
        Wanted("*", "renamed", "old", "new"),
        Wanted("*", "gone", before="old"),
        Wanted("*", "new", after="old"),
    )
    comparison = Comparison(entries)
    assert comparison.differences("x", {"a": "1"}, {"a": "1"}) == []
    assert comparison.stale() == list(entries)


@pytest.mark.parametrize(
    "text",
    [
        '[[difference]]\nsurface = "*"\nreason = ""\nbefore = "a"\n',
        '[[difference]]\nsurface = "*"\nreason = "a reason"\n',
        '[[other]]\nsurface = "*"\n',
    ],
)
def test_an_entry_needs_a_reason_and_a_pattern(text: str, tmp_path: Any) -> None:
    """Without them, its purpose or its match is unknown."""
    path = tmp_path / "wanted.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"wanted|reason"):
        read_wanted(path)
