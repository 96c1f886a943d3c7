"""Datasette behind the edge: one request, one trace, one SERVER span."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.telemetry.datasette.recorded import Recorded

FORGED = "a" * 32


def test_a_page_is_one_trace_with_one_server_span(recorded: Recorded) -> None:
    """Named by its route, with every query beneath it and the site on all of them."""
    page = recorded["page"]
    assert len(page.traces) == 1
    assert page.requests == 1
    assert (page.server.name, page.server.scope) == ("GET /{database}/{table}", "telemetry")
    assert page.server.parent == ""
    attributes = dict(page.server.attributes)
    # A busy machine makes a client wait that is worth mentioning.
    attributes.pop("corkboard.client.wait_time", None)
    assert attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/{database}/{table}",
        "url.path": "/minutes/pages",
        "url.scheme": "http",
        "server.address": "alameda.ca.civic.band",
        "network.protocol.version": "1.1",
        "corkboard.outcome": "served",
        "corkboard.site": "alameda.ca",
    }
    assert len(page.spans) > 50, "Datasette's own spans are there"
    ids = {span.id for span in page.spans}
    assert {span.parent for span in page.spans} <= ids | {""}
    assert {span.attributes["corkboard.site"] for span in page.spans} == {"alameda.ca"}


def test_queries_are_named_by_the_new_conventions(recorded: Recorded) -> None:
    """`db.system` was renamed in 1.30, the version that our schema address claims."""
    queries = recorded["page"].named("db.query")
    assert queries
    for query in queries:
        assert "db.system" not in query.attributes
        assert query.schema == "https://opentelemetry.io/schemas/1.30.0"
        if query.name == "db.query":
            assert query.attributes["db.system.name"] == "sqlite"
            assert query.kind == "CLIENT"


def test_a_forged_traceparent_enters_nothing(recorded: Recorded) -> None:
    """The edge refused it, and Datasette, which would believe it, is not asked."""
    forged = recorded["forged"]
    assert len(forged.traces) == 1
    assert FORGED not in forged.traces
    assert forged.server.links == [FORGED]


def test_a_failing_page_is_an_error(recorded: Recorded) -> None:
    """Datasette swallows the exception: its status is all that anybody outside sees."""
    broken = recorded["broken"]
    assert (broken.server.name, broken.server.status) == ("GET /-/broken", "ERROR")
    assert broken.server.attributes["error.type"] == "500"
    assert broken.server.attributes["corkboard.outcome"] == "error"


def test_a_missing_page_is_none(recorded: Recorded) -> None:
    """With the route that was tried."""
    missing = recorded["not_found"]
    assert (missing.server.name, missing.server.status) == ("GET /{database}/{table}", "UNSET")
    assert missing.server.attributes["http.response.status_code"] == 404
    assert "error.type" not in missing.server.attributes


def test_an_unsampled_request_still_has_a_route(recorded: Recorded) -> None:
    """Datasette tells it to recording spans only; metrics need it whatever becomes of the trace."""
    assert recorded["unsampled"].spans == []
    assert recorded["unsampled"].requests == 1
    [point] = (
        point
        for point in recorded.points
        if point.name == "http.server.request.duration"
        and point.attributes["http.request.method"] == "OPTIONS"
    )
    assert point.attributes["http.route"] == "/-/api"


@pytest.mark.parametrize("scenario", ["excluded", "excluded_by_datasette"])
def test_an_excluded_page_is_silent_in_depth(recorded: Recorded, scenario: str) -> None:
    """Its queries neither: they would be roots. By the general list or by Datasette's own."""
    assert recorded[scenario].spans == []
    assert recorded[scenario].requests == 0


@pytest.mark.parametrize(
    ("scenario", "requests", "route", "statuses"),
    [
        ("static", 2, "/-/static/{path}", [200, 404]),
        ("favicon", 1, "/favicon.ico", [200]),
        ("untraced_page", 1, "/{database}/{table}/{pks}", [200]),
    ],
)
def test_an_untraced_page_is_counted_by_its_route(
    recorded: Recorded, scenario: str, requests: int, route: str, statuses: list[int]
) -> None:
    """And not traced, its queries neither, though the sampler here keeps all."""
    assert recorded[scenario].spans == []
    assert recorded[scenario].requests == requests
    counted = [
        point.attributes["http.response.status_code"]
        for point in recorded.points
        if point.name == "http.server.request.duration"
        and point.attributes.get("http.route") == route
    ]
    assert sorted(counted) == statuses


def test_without_an_edge_datasette_s_own_span_serves(recorded: Recorded) -> None:
    """Readable, and without the visitor's browser."""
    alone = recorded["without_an_edge"]
    assert len(alone.traces) == 1
    assert (alone.server.name, alone.server.scope) == ("GET /{database}/{table}", "datasette")
    assert alone.server.attributes["http.route"] == "/{database}/{table}"
    assert "planted" not in str(alone.server.attributes)
