"""What operators of such hosts have gone through, and what it was with: none of it again."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.failing.job import APP, PLANTED, SECRETS, SETTINGS, TRACE_URL, title_of
from tests.end_to_end.hosts import Host, Visitor, visitor
from tests.support.host import add_sites
from tests.support.servers import Server, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

USUAL = "tests.end_to_end.failing.usual:application"
OTHER_SITES = ("dayton.oh", "akron.oh")
MARKER = ("/fails/sync-view/", "sync-view")


class Running(NamedTuple):
    """A failing host, those who visit it, and what its operators get."""

    server: Server
    browser: Visitor
    errors: EventReceiver
    receiver: OTLPReceiver
    site: str

    def visit(self, path: str, site: str = "") -> httpx.Response:
        """Visit a page of a site, its own unless another is named, with secrets."""
        return self.browser.get(path, f"{site or self.site}.localhost", SECRETS)

    def titles(self) -> list[str]:
        """Give all events' titles: a last failure shows that those before it have come."""
        self.browser.get(MARKER[0])
        self.errors.wait_for(lambda r: MARKER[1] in map(title_of, r.events))
        return [title_of(event) for event in self.errors.events][:-1]


@contextmanager
def running(host: Host, app: str = APP, **more: str) -> Iterator[Running]:
    with EventReceiver() as errors, OTLPReceiver() as receiver:
        dsn = "USUAL_DSN" if app == USUAL else "SENTRY_DSN"
        env = host.variables(
            receiver,
            **{dsn: errors.dsn},
            DJANGO_SETTINGS_MODULE=SETTINGS,
            TELEMETRY_TRACE_URL=TRACE_URL,
            **more,
        )
        with serve_uvicorn(app, env=env) as server, visitor(server) as browser:
            yield Running(server, browser, errors, receiver, host.site)


@pytest.fixture(scope="module")
def _shared(host: Host) -> Iterator[Running]:
    with running(host) as run:
        yield run


@pytest.fixture
def ours(_shared: Running) -> Running:
    """A failing host of ours, whose operators have got nothing yet."""
    # What a test before left on its way has come once a later failure has.
    trace_id = _shared.browser.get(MARKER[0]).headers["traceresponse"].split("-")[1]
    _shared.errors.wait_for(lambda r: trace_id in {event.trace_id for event in r.events})
    _shared.receiver.wait_for(lambda r: trace_id in {span.trace_id for span in r.spans})
    _shared.errors.clear()
    _shared.receiver.clear()
    return _shared


def test_a_missing_page_is_no_issue(ours: Running) -> None:
    """datasette-sentry: an issue for each address that a scanner made up."""
    for path in ("/nothing", "/meetings/nothing", "/meetings/minutes/nothing", "/wp-login.php"):
        assert ours.visit(path).status_code == 404
        assert ours.browser.get(path).status_code == 404
    assert ours.titles() == []


def test_datasettes_that_come_and_go_share_one_client(host: Host) -> None:
    """datasette-sentry: `init()` for each instance, and the last one's settings for all."""
    folder = Path(host.env["SITES_DIR"])
    add_sites(host.env, [(site, None, None, None) for site in OTHER_SITES])
    for site in OTHER_SITES:
        shutil.copytree(folder / host.site, folder / site)

    with running(host, SITES_POOL_SIZE="1") as run:
        clients = set()
        for site in (host.site, *OTHER_SITES) * 2:
            assert run.visit("/-/fails/route", site).status_code == 500
            found = run.browser.get("/_inspect").json()
            clients.add(found["client"])
            # Another one sends spans.
            assert found["threads"].count("telemetry-sender") <= 2
        assert len(clients) == 1
        assert run.titles() == ["route"] * 6


def test_a_row_of_each_page_is_one_transaction(ours: Running) -> None:
    """datasette-sentry: one for each URL, which nobody could look through."""
    first = ours.visit("/meetings/minutes.json?_size=3&_shape=array").json()
    for row in first:
        assert ours.visit(f"/meetings/minutes/{row['id']}?hook=1").status_code == 500
    assert ours.titles() == ["hook"] * 3
    transactions = {event.transaction for event in ours.errors.events[:3]}
    assert transactions == {"/{database}/{table}/{pks}"}


def test_what_datasette_answers_itself_is_not_lost(host: Host, ours: Running) -> None:
    """It never reaches Sentry's middleware: telemetry reports it, to a host's client as well."""
    # Without our log line, which would become an event.
    with running(host, USUAL, LOGLEVEL="INFO,datasette=CRITICAL") as usual:
        assert usual.visit("/-/fails/route").status_code == 500
        assert usual.titles() == ["route"]
    assert ours.visit("/-/fails/route").status_code == 500
    assert ours.titles() == ["route"]


def test_an_event_is_of_the_trace_that_it_happened_in(host: Host, ours: Running) -> None:
    """Of Sentry's middleware outside the span, too, which knows another id."""
    with running(host, USUAL) as usual:
        answer = usual.browser.get(MARKER[0])
        [event] = usual.errors.wait_for(lambda r: r.events)
        assert event.trace_id == answer.headers["traceresponse"].split("-")[1]
    answer = ours.browser.get(MARKER[0])
    [event] = ours.errors.wait_for(lambda r: r.events)
    [span] = ours.receiver.wait_for(lambda r: r.spans)
    assert (event.trace_id, event.span_id) == (span.trace_id, span.span_id)
    assert event.trace_id == answer.headers["traceresponse"].split("-")[1]


def test_no_link_leads_to_a_trace_that_was_not_kept(host: Host) -> None:
    """A sampled tenth, and nine of ten links that led to an empty page."""
    sampler = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    with running(host, **sampler) as run:
        visits = [run.visit("/-/fails/route") for _ in range(20)]
        assert run.titles() == ["route"] * 20
        run.server.stop()
    kept = {span.trace_id for span in run.receiver.spans}
    events = run.errors.events[:20]
    traces = [answer.headers["traceresponse"].split("-")[1] for answer in visits]
    assert [event.trace_id for event in events] == traces
    # Neither all nor none, but for one time in a million.
    assert 0 < len(kept.intersection(traces)) < 20
    for event in events:
        assert ("links" in event.contexts) is (event.trace_id in kept)
        assert event.tags.get("trace.sampled") == (None if event.trace_id in kept else "false")


@pytest.mark.parametrize(
    ("path", "status", "lines"),
    [("/meetings/nothing", 404, 1), ("/-/fails/route", 500, 40)],
    ids=["missing", "failing"],
)
def test_what_is_printed_has_nobodys_secrets(
    host: Host, path: str, status: int, lines: int
) -> None:
    """With rich installed: 198 lines for each 404, the visitor's Authorization among them."""
    assert find_spec("rich") is not None
    with running(host, LOG_FORMAT="text") as run:
        before = len(run.server.output().splitlines())
        assert run.visit(path).status_code == status
        run.server.stop()
        printed = run.server.output()
    # Those of the server's end are not the visit's.
    printed_lines = [
        line for line in printed.splitlines()[before:] if " uvicorn.error " not in line
    ]
    assert len(printed_lines) <= lines, printed
    assert ("Traceback" in printed) is (status == 500)
    assert [secret for secret in PLANTED if secret in printed] == []
