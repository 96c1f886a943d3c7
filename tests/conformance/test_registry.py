"""What is emitted is registered, and what is registered is emitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.export.resource import build_resource
from telemetry.registry import attributes, events, metrics, process_metrics, spans
from telemetry.registry.names import Attribute, MetricName, entries
from telemetry.settings import Settings

if TYPE_CHECKING:
    from telemetry.testing import ReceivedErrorEvent
    from tests.telemetry.datasette.recorded import Recorded

# Named by the operator, header by header.
CAPTURED = ("http.request.header.", "http.response.header.")
# Sentry's own context, by its name; what it names is OpenTelemetry's.
SENTRYS_OWN = {"trace"}


def _servers(ours: dict[str, Any], datasette: Recorded) -> list[tuple[str, dict[str, Any]]]:
    django = [(s["name"], s["attributes"]) for each in ours["spans"].values() for s in each]
    sites = [
        (span.name, span.attributes)
        for scenario in datasette.scenarios
        for span in datasette[scenario].spans
        if (span.kind, span.scope) == ("SERVER", "telemetry")
    ]
    return django + sites


def _clients(datasette: Recorded) -> list[tuple[str, dict[str, Any]]]:
    return [
        (span.name, span.attributes)
        for scenario in datasette.scenarios
        for span in datasette[scenario].named("datasette.client")
    ]


def _keys(found: list[tuple[str, dict[str, Any]]]) -> set[str]:
    return {key for _, attributes in found for key in attributes if not key.startswith(CAPTURED)}


def test_server_spans_carry_what_is_registered(ours: dict[str, Any], datasette: Recorded) -> None:
    """Both ways: nothing unregistered goes out, and nothing registered is a dead letter."""
    later = {*spans.QUERY_STATISTICS, *spans.SAMPLING, *spans.OPTIONAL}
    assert _keys(_servers(ours, datasette)) == {*spans.SERVER.attributes} - later


def test_accounts_are_what_is_registered(aggregated_spans: list[dict[str, Any]]) -> None:
    """Both ways: what a SERVER span carries besides, where queries were folded into it."""
    servers = [span["attributes"] for span in aggregated_spans if span["kind"] == "SERVER"]
    keys = {key for known in servers for key in known if key.startswith("corkboard.queries.")}
    assert keys == set(spans.QUERY_STATISTICS)


def test_client_spans_carry_what_is_registered(datasette: Recorded) -> None:
    """Both ways."""
    assert _keys(_clients(datasette)) == set(spans.CLIENT_REQUEST.attributes)


def test_span_names_follow_their_templates(ours: dict[str, Any], datasette: Recorded) -> None:
    """Method and route, or the method alone; `HTTP` for a method that is not known."""
    for name, found in _servers(ours, datasette) + _clients(datasette):
        method = found["http.request.method"].replace("_OTHER", "HTTP")
        route = found.get("http.route")
        shown = name.removeprefix("datasette.client ")
        assert shown == (f"{method} {route}" if route else method)


def test_closed_sets_are_closed(ours: dict[str, Any], datasette: Recorded) -> None:
    """An attribute that lists its values never has another."""
    closed = {a: a.values for a in entries(attributes, Attribute) if a.values is not None}
    points = [("", point.attributes) for point in datasette.points]
    found = _servers(ours, datasette) + _clients(datasette) + points
    checked = set()
    for _, each in found:
        for key in each.keys() & closed.keys():
            assert each[key] in closed[key], key
            checked.add(key)
    own = {key for m in entries(process_metrics, MetricName) for key in m.attributes}
    assert checked == set(closed) - own, "a set that no request has put to the test"


def test_metrics_are_what_is_registered(ours: dict[str, Any], datasette: Recorded) -> None:
    """Both ways: names, and the attributes of each."""
    registered = {m: set(m.attributes) for m in entries(metrics, MetricName)}
    emitted = {name: set(metric["attributes"]) for name, metric in ours["metrics"].items()}
    for point in datasette.points:
        if point.scope == "telemetry":
            emitted.setdefault(point.name, set()).update(point.attributes)
    assert emitted == registered
    for metric in entries(metrics, MetricName):
        assert ours["metrics"][metric]["unit"] == metric.unit
        assert tuple(ours["metrics"][metric]["buckets"]) == (metric.buckets or ())


def test_every_registered_attribute_goes_somewhere(
    ours: dict[str, Any], datasette: Recorded
) -> None:
    """On a span, a metric or the resource; what the pipeline says of itself is another test's."""
    everywhere = {
        key
        for scenario in datasette.scenarios
        for span in datasette[scenario].spans
        for key in span.attributes
    }
    everywhere |= _keys(_servers(ours, datasette))
    everywhere |= {key for point in datasette.points for key in point.attributes}
    everywhere |= set(build_resource(Settings("host", "1", "test")).attributes)
    unseen = {str(entry) for entry in entries(attributes, Attribute)} - everywhere
    elsewhere = {*spans.QUERY_STATISTICS, *spans.SAMPLING, *spans.OPTIONAL, *spans.LOGFIRE}
    own = {key for m in entries(process_metrics, MetricName) for key in m.attributes}
    assert unseen == {"corkboard.destinations", *(own - everywhere), *elsewhere}


def test_error_events_carry_what_is_registered(error_events: list[ReceivedErrorEvent]) -> None:
    """Both ways: tags, contexts, and what is in a context of ours."""
    emitted: set[str] = set()
    for event in error_events:
        ours = event.contexts.keys() - SENTRYS_OWN
        emitted |= event.tags.keys() | ours
        emitted |= {key for context in ours for key in event.contexts[context]}
    assert emitted == {str(entry) for entry in entries(events, Attribute)}


def test_the_tags_closed_sets_are_closed_and_used(error_events: list[ReceivedErrorEvent]) -> None:
    """Both ways too: each value that is listed was given by a failure of its own."""
    for tag in entries(events, Attribute):
        if tag.values is not None:
            given = [event.tags[tag] for event in error_events if tag in event.tags]
            assert set(given) == tag.values, tag
    hosts = [event for event in error_events if "corkboard.cause" not in event.tags]
    assert len(hosts) == len(events.CAUGHT_BY.values or ())
