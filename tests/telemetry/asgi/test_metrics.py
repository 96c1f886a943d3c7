"""What the edge counts of each request: time, bytes, and the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

import telemetry
from telemetry.metrics.sites import SiteLabels
from telemetry.registry import series
from telemetry.registry.metrics import ACTIVE_REQUESTS, REQUEST_DURATION, SITE_DURATION
from tests.telemetry.asgi.driving import Client, answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send

SITES = "corkboard.site.request.duration"


def of_site(site: str | None, status: int = 200) -> Any:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if site is not None:
            telemetry.set_site(site)
        while (await receive()).get("more_body"):
            pass
        await answering(status, b"half", b"other")(scope, receive, send)

    return app


def counted(observed: Observed, name: str) -> dict[tuple[Any, ...], int]:
    """By attributes, how many."""
    return {
        tuple(sorted((point.attributes or {}).items())): point.count
        for point in observed.points(name)
    }


def test_bodies_are_measured_as_they_went_by() -> None:
    """What was read and what was sent, whatever either side says of it."""
    observed = Observed(of_site(None))
    parts: list[Message] = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.request", "body": b"de"},
    ]
    headers = [(b"content-length", b"999999")]
    run(visit(observed.edge, "/x", client=Client(*parts), headers=headers, method="POST"))
    run(visit(observed.edge, "/x", client=Client()))
    [request] = observed.points("http.server.request.body.size")
    assert (request.count, request.sum) == (1, 5)
    responses = observed.points("http.server.response.body.size")
    assert [(point.count, point.sum) for point in responses] == [(1, 9), (1, 9)]
    assert {dict(point.attributes)["http.request.method"] for point in responses} == {
        "POST",
        "GET",
    }


@pytest.mark.parametrize("status", [200, 404, 503, 999])
def test_every_request_counts_once_for_its_site(status: int) -> None:
    """By the status's first digit; none other than HTTP's."""
    observed = Observed(of_site("alameda.ca", status))
    run(visit(observed.edge, "/x", client=Client()))
    shown = f"{status // 100}xx" if status < 600 else "none"
    known = (("corkboard.site", "alameda.ca"), ("corkboard.status_class", shown))
    assert counted(observed, SITES) == {known: 1}


def test_who_leaves_and_who_has_no_site_counts_too() -> None:
    """So that the sum over all series is the number of requests."""
    observed = Observed(of_site(None))
    with pytest.raises(OSError, match="the client is gone"):
        run(visit(observed.edge, "/x", client=Client(refuses=0)))
    run(visit(observed.edge, "/x", client=Client()))
    assert counted(observed, SITES) == {
        (("corkboard.status_class", "2xx"),): 2,
    }


def test_sites_are_named_up_to_the_limit_and_for_good() -> None:
    """The rest are `other`, though one that is named stays so."""
    labels = SiteLabels(2)
    observed = Observed(of_site("a"), site_labels=labels)
    for site in "abcda":
        observed.edge.app = of_site(site)
        run(visit(observed.edge, "/x", client=Client()))
    found = {dict(key)["corkboard.site"]: n for key, n in counted(observed, SITES).items()}
    assert found == {"a": 2, "b": 1, "other": 2}


@pytest.mark.parametrize("name", ["http.server.request.duration", SITES])
@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF], ids=["kept", "dropped"])
def test_a_point_leads_to_a_trace_that_was_kept(name: str, sampler: Sampler) -> None:
    """Never to one that was not."""
    observed = Observed(of_site("alameda.ca"), sampler=sampler)
    run(visit(observed.edge, "/x", client=Client()))
    [point] = observed.points(name)
    kept = [span.context.trace_id for span in observed.spans if span.context]
    assert [exemplar.trace_id for exemplar in point.exemplars] == kept
    assert len(kept) == (sampler is ALWAYS_ON)


def test_ten_thousand_forgeries_are_one_more_of_the_same() -> None:
    """Hosts, paths, queries, agents and methods that nobody has: counted, and never named."""
    observed = Observed(of_site(None, 404))

    async def all_of_them() -> None:
        for number in range(10_000):
            forged = f"forged{number}"
            headers = [(b"host", f"{forged}.example".encode()), (b"user-agent", forged.encode())]
            await visit(
                observed.edge,
                f"/{forged}/{forged}",
                method="GET" if number % 2 else forged.upper(),
                query_string=forged.encode(),
                headers=headers,
                client=Client(),
            )

    run(all_of_them())
    for name in ("http.server.request.duration", "http.server.response.body.size", SITES):
        found = counted(observed, name)
        assert sum(found.values()) == 10_000
        assert len(found) <= 2
        assert "forged" not in repr(found).lower()


def test_the_worst_case_is_known() -> None:
    """A hundred sites, `other` and none, by six classes of status; routes are the application's."""
    assert series.worst_case(SITE_DURATION, sites=100) == 102 * 6 == 612 < series.SDK_LIMIT
    assert series.worst_case(ACTIVE_REQUESTS, sites=100) == 11 * 4
    assert series.worst_case(REQUEST_DURATION, sites=100) is None
    assert series.of_queries(sites=100) == 2448
    assert series.of_queries(sites=1) == series.SDK_LIMIT
