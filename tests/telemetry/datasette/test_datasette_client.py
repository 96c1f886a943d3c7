"""`datasette.client`: part of its caller's request, and never one itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.telemetry.datasette.recorded import Recorded


def test_a_plugin_s_call_is_a_child_of_the_request(recorded: Recorded) -> None:
    """INTERNAL, named by its own route, in the same trace whatever headers it carries."""
    call = recorded["call"]
    assert len(call.traces) == 1
    assert call.requests == 1, "the inner one was counted too"
    assert call.server.name == "GET /-/call"
    [client] = call.named("datasette.client")
    assert client.name == "datasette.client GET /{database}/{table}"
    assert (client.kind, client.parent) == ("INTERNAL", call.server.id)
    assert client.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/{database}/{table}",
        "url.path": "/minutes/pages.json",
        "datasette.internal_client": True,
        "corkboard.site": "alameda.ca",
    }
    assert any(span.parent == client.id for span in call.named("db.query"))


def test_the_route_of_a_call_is_not_the_request_s(recorded: Recorded) -> None:
    """The caller was routed before it called."""
    assert recorded["call"].server.attributes["http.route"] == "/-/call"


def test_calls_at_the_same_time_are_siblings(recorded: Recorded) -> None:
    """And every query lies beneath the call that made it."""
    calls = recorded["calls"]
    [database] = calls.named("datasette.client GET /{database}")
    [actor] = calls.named("datasette.client GET /-/actor")
    assert database.parent == actor.parent == calls.server.id
    assert calls.requests == 1
    queries = [span for span in calls.named("db.query") if span.kind == "CLIENT"]
    assert {span.parent for span in queries} == {database.id, actor.id}
    minutes = [span for span in queries if span.attributes["db.namespace"] == "minutes"]
    assert {span.parent for span in minutes} == {database.id}, "the actor's page asks for no rows"


def test_a_view_beside_datasette_may_call_too(recorded: Recorded) -> None:
    """A Django page that shows rows."""
    outside = recorded["call_from_outside"]
    [client] = outside.named("datasette.client")
    assert (client.kind, client.parent) == ("INTERNAL", outside.server.id)
    assert outside.requests == 1
    assert len(outside.traces) == 1


def test_a_call_that_fails_is_not_the_request_s_failure(recorded: Recorded) -> None:
    """The plugin got an answer and made a page of it."""
    failing = recorded["failing_call"]
    [client] = failing.named("datasette.client")
    assert (client.name, client.status) == ("datasette.client GET /-/broken", "ERROR")
    assert client.attributes["error.type"] == "500"
    assert failing.server.status == "UNSET"
    assert failing.server.attributes["corkboard.outcome"] == "served"
