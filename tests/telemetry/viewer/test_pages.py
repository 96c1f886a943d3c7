"""What the pages show of what was sent."""

from __future__ import annotations

import html
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.telemetry.viewer.sending import PROTOBUF, SECOND, Trace, log_message, new_id

if TYPE_CHECKING:
    import httpx


STACK = """Traceback (most recent call last):
  File "/srv/host/views.py", line 7, in home
    return search()
ValueError: planted
"""


def _send(viewer: httpx.Client, trace: Trace, *logs: Any) -> str:
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    for message in logs:
        viewer.post("/v1/logs", headers=PROTOBUF, content=message.SerializeToString())
    return f"/trace/{trace.id.hex()}"


@pytest.fixture
def site() -> str:
    """One that no other test has sent anything of."""
    return f"s{new_id(8).hex()}.ca"


def _request(trace: Trace, site: str, path: str = "/meetings/minutes", **more: Any) -> bytes:
    return trace.span(
        "GET /{database}/{table}",
        corkboard_site=site,
        http_route="/{database}/{table}",
        http_request_method="GET",
        url_path=path,
        **more,
    )


def test_a_trace_has_its_spans_logs_and_exceptions(viewer: httpx.Client, site: str) -> None:
    """Each with its span, at its time, the exception open with its stack."""
    trace = Trace()
    root = _request(trace, site)
    raised = {"exception.type": "ValueError", "exception.message": "planted", "x": 1}
    child = trace.span(
        "render",
        parent=root,
        kind=1,
        after_ms=50,
        for_ms=25,
        failed=True,
        events={"exception": {**raised, "exception.stacktrace": STACK}, "cache.miss": {}},
    )
    address = _send(viewer, trace, log_message("said inside", trace, child))
    page = viewer.get(address).text
    assert re.search(r'class="bar k-internal" style="left:50.0%;width:25.0%"', page)
    assert "ValueError: planted" in page
    [short, whole] = re.findall(r'<pre class="stack">(.*?)</pre>', page, re.DOTALL)
    assert short == "File &#34;/srv/host/views.py&#34;, line 7, in home\n    return search()"
    assert whole == html.escape(STACK).replace("&quot;", "&#34;")
    assert "cache.miss" in page
    after_render = page[page.index("render") :]
    assert "said inside" in after_render
    assert '<b class="level">WARN</b>' in after_render


def test_the_account_of_folded_queries_is_drawn(viewer: httpx.Client, site: str) -> None:
    """As long as they took together, hatched; its statements, and those in a loop."""
    trace = Trace()
    statistics: dict[str, Any] = {
        "corkboard_queries_count": 12,
        "corkboard_queries_execution-time": 0.02,
        "corkboard_queries_statements": ["select 1", "select 2"],
        "corkboard_queries_statements_count": [7, 5],
        "corkboard_queries_statements_execution-time": [0.015, 0.005],
        "corkboard_queries_statements_max-execution-time": [0.004, 0.002],
        "corkboard_queries_repeated": ["select 1"],
        "corkboard_queries_repeated_count": [7],
    }
    _request(trace, site, **statistics)
    page = viewer.get(_send(viewer, trace)).text
    assert "12 aggregated queries" in page
    assert re.search(r'class="bar folded" style="left:0.0%;width:20.0%"', page)
    assert "N+1: 7 alike" in page
    statements = viewer.get("/sql", params={"site": site}).text
    first, second = re.findall(r"<code>(select \d)</code>\s*<td class=\"number\">(\d)", statements)
    assert (first, second) == (("select 1", "7"), ("select 2", "5"))


def test_requests_are_found_by_site_route_and_error(viewer: httpx.Client, site: str) -> None:
    """The newest first; a trace of a background task only if asked for."""
    good, bad, task = Trace(), Trace(), Trace()
    _request(good, site, "/good")
    _request(bad, site, "/bad", failed=True, for_ms=300)
    task.span("startup", kind=1, corkboard_site=site)
    for trace in (good, bad, task):
        _send(viewer, trace)

    def listed(**parameters: str) -> list[str]:
        page = viewer.get("/", params={"site": site, **parameters}).text
        return re.findall(r'href="/trace/[0-9a-f]{32}">([^<]*)<', page)

    assert listed() == ["GET /bad", "GET /good"]
    assert listed(failed="1") == ["GET /bad"]
    assert listed(slow="200") == ["GET /bad"]
    assert listed(q="goo") == ["GET /good"]
    assert listed(route="/{database}/{table}") == ["GET /bad", "GET /good"]
    assert listed(route="/elsewhere") == []
    assert [name.strip() for name in listed(all="1")] == ["startup", "GET /bad", "GET /good"]
    assert site in viewer.get("/").text, "in the list of sites to choose from"


def test_routes_are_summed_up(viewer: httpx.Client, site: str) -> None:
    """How many, how many failed, and how long."""
    for milliseconds in (100, 200, 300):
        trace = Trace()
        _request(trace, site, for_ms=milliseconds, failed=milliseconds == 300)
        _send(viewer, trace)
    page = viewer.get("/routes", params={"site": site}).text
    cells = [cell.strip() for cell in re.findall(r'<td class="number[^>]*>([^<]*)', page)]
    assert cells[0] == "3"
    assert cells[2:6] == ["200 ms", "300 ms", "300 ms", "600 ms"]


def test_logs_are_found_by_site_level_and_text(viewer: httpx.Client, site: str) -> None:
    """Those of no trace too."""
    record = log_message(f"of {site}", corkboard_site=site)
    viewer.post("/v1/logs", headers=PROTOBUF, content=record.SerializeToString())
    for parameters, found in (
        ({"site": site}, True),
        ({"site": site, "level": "WARNING"}, True),
        ({"site": site, "level": "ERROR"}, False),
        ({"site": site, "q": "of s"}, True),
        ({"site": site, "q": "other"}, False),
    ):
        page = viewer.get("/logs", params=parameters).text
        assert (f"of {site}" in page) is found, parameters


def test_older_pages_lose_nothing(viewer: httpx.Client, site: str) -> None:
    """Also where more than a page have the same time; and an address may have a time alone."""
    start = time.time_ns() - SECOND
    starts = [start] * 250 + [start - 1] * 3
    sent: list[str] = []
    for at in starts:
        trace = Trace(at)
        _request(trace, site)
        record = log_message(f"of {trace.id.hex()}", trace, corkboard_site=site)
        _send(viewer, trace, record)
        sent.append(trace.id.hex())
    requests = _all_pages(viewer, f"/requests.json?site={site}", "requests")
    assert sorted(row["trace_id"] for row in requests) == sorted(sent)
    logs = _all_pages(viewer, f"/logs.json?site={site}", "logs")
    # Of one time, the last that arrived comes first.
    assert [row["body"] for row in logs] == [
        f"of {trace_id}" for trace_id in (*reversed(sent[:250]), *reversed(sent[250:]))
    ]
    assert [row["start_ns"] for row in requests] == [row["time_ns"] for row in logs] == starts
    for path, key in (("/requests.json", "requests"), ("/logs.json", "logs")):
        found = viewer.get(path, params={"site": site, "before": str(start)}).json()
        assert len(found[key]) == 3


def _all_pages(viewer: httpx.Client, address: str, key: str) -> list[dict[str, Any]]:
    path, found = address.partition("?")[0], []
    older = f"?{address.partition('?')[2]}"
    while older:
        page = viewer.get(f"{path}{older}").json()
        found += page[key]
        older = page["older"]
    return found


def test_a_log_of_a_folded_span_is_the_request_s(viewer: httpx.Client, site: str) -> None:
    """Its span is not there; one of a trace without spans is shown alone."""
    trace, unrecorded = Trace(), Trace()
    _request(trace, site)
    address = _send(viewer, trace, log_message("of a query", trace, new_id(8)))
    assert "of a query" in viewer.get(address).text
    message = log_message("of no span", unrecorded)
    viewer.post("/v1/logs", headers=PROTOBUF, content=message.SerializeToString())
    page = viewer.get(f"/trace/{unrecorded.id.hex()}")
    assert page.status_code == 200
    assert "of no span" in page.text
    assert "The trace has no spans" in page.text


def test_a_trace_that_is_not_here_says_why(viewer: httpx.Client) -> None:
    """404, and what may have become of it."""
    page = viewer.get(f"/trace/{'0' * 31}1")
    assert page.status_code == 404
    assert "sampled out" in page.text


def test_what_was_sent_is_text(viewer: httpx.Client, site: str) -> None:
    """Never markup, nor an address that a click would run."""
    planted = "<script>alert(1)</script>"
    trace = Trace()
    span_id = _request(
        trace,
        site,
        f"/{planted}",
        corkboard_error_url="javascript:alert(1)",
        events={planted: {planted: planted}},
    )
    address = _send(viewer, trace, log_message(planted, trace, span_id))
    for page in (address, "/", "/routes", "/sql", "/logs"):
        answer = viewer.get(page)
        assert planted not in answer.text
        assert 'href="javascript' not in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_trace_deeper_than_python_recurses_is_drawn(viewer: httpx.Client, site: str) -> None:
    """How deep it is, is up to whoever sends it."""
    trace = Trace()
    parent = _request(trace, site)
    for _ in range(1500):
        parent = trace.span("deeper", parent=parent, kind=1)
    assert viewer.get(_send(viewer, trace)).text.count('<div class="row span') == 1501
