"""A real Bugsink gets what fails: found by its trace, linked both ways, grouped by fault."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import sentry_sdk

from telemetry.errors.sentry.shortening import shortened as cut
from telemetry.testing import OTLPReceiver
from tests.end_to_end.failing.job import APP, SETTINGS
from tests.end_to_end.hosts import Host, Visitor, visitor
from tests.support import web
from tests.support.bugsink import Bugsink, Project, serve_bugsink
from tests.support.commands import telemetry_command
from tests.support.environment import clean_environment
from tests.support.host import add_sites
from tests.support.servers import serve_uvicorn
from tests.support.trace_page import serve_trace_pages
from tests.telemetry.errors.sentry.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_CLIENT = "tests.telemetry.errors.sentry.sentry_host:application"
SIDES = {
    "django": ("/fails/sync-view/", "sync-view", "FaultError: sync-view"),
    "site": ("/-/fails/route", "route", "FaultError: route"),
}
SITES = ("dayton.oh", "akron.oh", "toledo.oh")
BROKEN = ("xenia.oh", "parma.oh", "kent.oh")


@pytest.fixture(scope="module")
def bugsink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bugsink]:
    """One for all tests; each takes a project of its own."""
    with serve_bugsink(tmp_path_factory.mktemp("bugsink")) as running:
        yield running


class Deployed(NamedTuple):
    """A host whose errors go to a Bugsink, and its traces to somebody who shows them."""

    browser: Visitor
    project: Project
    receiver: OTLPReceiver

    def fail(self, path: str, site: str | None = None) -> str:
        """Visit, and give the trace id that the visitor is told."""
        answer = self.browser.get(path, f"{site}.localhost" if site else "localhost")
        assert answer.status_code >= 500, answer.text
        trace_id: str = answer.headers["traceresponse"].split("-")[1]
        assert trace_id in answer.text
        return trace_id

    def issues(self, events: int) -> list[dict[str, Any]]:
        """Give the issues once they have so many events."""

        def all_there(project: Project) -> list[dict[str, Any]]:
            issues = project.issues()
            counted = sum(issue["digested_event_count"] for issue in issues)
            return issues if counted >= events else []

        return self.project.wait_for(all_there)


@contextmanager
def deployed(host: Host, project: Project) -> Iterator[Deployed]:
    with OTLPReceiver() as receiver, serve_trace_pages(receiver) as trace_url:
        env = host.variables(
            receiver,
            SENTRY_DSN=project.dsn,
            TELEMETRY_TRACE_URL=trace_url,
            DJANGO_SETTINGS_MODULE=SETTINGS,
            SENTRY_RELEASE="v1.2.3",
        )
        with serve_uvicorn(APP, env=env) as server, visitor(server) as browser:
            yield Deployed(browser, project, receiver)


@pytest.mark.parametrize("side", SIDES)
def test_each_is_one_click_from_the_other(host: Host, bugsink: Bugsink, side: str) -> None:
    """From the event to its trace, and from the trace's span to its issue, by following both."""
    path, title, heading = SIDES[side]
    site = host.site if side == "site" else None
    with deployed(host, bugsink.new_project(f"links-{side}")) as running:
        trace_id = running.fail(path, site)
        [event] = running.project.wait_for(Project.events)
        [server] = running.receiver.wait_for(
            lambda r: [span for span in r.spans if span.kind == "SERVER"]
        )
        assert event["exception"]["values"][-1]["value"] == title
        assert event["contexts"]["trace"] == {"trace_id": trace_id, "span_id": server.span_id}

        trace = web.get(event["contexts"]["links"]["trace"])
        assert trace.status_code == 200
        assert f"GET {path}" in trace.text

        with bugsink.log_in() as operator:
            issues = operator.get(str(server.attributes["corkboard.error.url"]))
            assert issues.status_code == 200
            assert heading in issues.text
            assert server.attributes["corkboard.error.event_ids"] == [event["event_id"]]


@pytest.mark.parametrize("side", ["django", "site"])
def test_events_of_a_hosts_own_client_are_linked_too(bugsink: Bugsink, side: str) -> None:
    """With its transactions, which Bugsink discards, and a variable that names no project."""
    path, host = (
        ("/sync/", "localhost") if side == "django" else ("/-/fails", "alameda.ca.localhost")
    )
    project = bugsink.new_project(f"own-client-{side}")
    with OTLPReceiver() as receiver, serve_trace_pages(receiver) as trace_url:
        env = clean_environment(
            INIT="after configure",
            HOST_DSN=project.dsn,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            TELEMETRY_TRACE_URL=trace_url,
        )
        with serve_uvicorn(OWN_CLIENT, env=env) as server:
            answer = web.get(server.url + path, headers={"Host": host})
            assert answer.status_code == 500
            trace_id = answer.headers["traceresponse"].split("-")[1]
            [event] = project.wait_for(Project.events)
            server.stop()
        [event] = project.events()
        [span] = [span for span in receiver.spans if span.kind == "SERVER"]
        assert event["contexts"]["trace"]["trace_id"] == trace_id
        assert event["contexts"]["trace"]["span_id"] == span.span_id
        trace = web.get(event["contexts"]["links"]["trace"])
        assert f"GET {path}" in trace.text
        with bugsink.log_in() as operator:
            issues = operator.get(str(span.attributes["corkboard.error.url"]))
            assert issues.status_code == 200
            assert "LookupError: " in issues.text
        assert span.attributes["corkboard.error.event_ids"] == [event["event_id"]]


def test_bugsink_shows_what_an_operator_asks_by(host: Host, bugsink: Bugsink) -> None:
    """Trace, site, route, release and environment find the issue; a stranger's trace none."""
    with deployed(host, bugsink.new_project("search")) as running:
        trace_id = running.fail("/-/fails/route", host.site)
        [issue] = running.issues(1)
        [event] = running.project.events()
        assert (event["release"], event["environment"]) == ("v1.2.3", "production")
        assert event["transaction"] == issue["transaction"] == "/-/fails/route"
        for query in (
            f"trace:{trace_id}",
            f"corkboard.site:{host.site}",
            "http.route:/-/fails/route",
            "release:v1.2.3",
            "environment:production",
        ):
            assert running.project.issues(query) == [issue], query
        for query in (f"trace:{trace_id[::-1]}", "corkboard.site:nowhere.oh"):
            assert running.project.issues(query) == [], query


def test_one_fault_is_one_issue_and_two_are_two(host: Host, bugsink: Bugsink) -> None:
    """Whichever site it strikes; on one page, or while it is looked for in vain."""
    folder = Path(host.env["SITES_DIR"])
    add_sites(host.env, [(site, None, None, None) for site in (*SITES, *BROKEN)])
    for site in SITES:
        shutil.copytree(folder / host.site, folder / site)
    for site in BROKEN:
        (folder / site).mkdir()
        (folder / site / "meetings.db").write_bytes(b"not a database" * 100)

    with deployed(host, bugsink.new_project("groups")) as running:
        visits = [
            *[("/-/fails/route", site) for site in SITES],
            *[("/-/fails/names-its-site", site) for site in SITES],
            *[("/-/fails/two?fault=first", site) for site in SITES],
            *[("/-/fails/two?fault=other", site) for site in SITES],
            *[("/", site) for site in BROKEN],
        ]
        for path, site in visits:
            running.fail(path, site)
        issues = running.issues(len(visits))
        counted = [(issue["calculated_type"], issue["digested_event_count"]) for issue in issues]
        kinds = [*["FaultError"] * 2, *["AssertionError"] * 2, "SiteUnavailableError"]
        assert counted == [(kind, 3) for kind in kinds]
        for site in SITES:
            assert len(running.project.issues(f"corkboard.site:{site}")) == 4


def test_the_check_says_what_bugsink_thinks_of_a_dsn(bugsink: Bugsink) -> None:
    """Its own, of a project that doesn't exist, and with a key of another."""
    project = bugsink.new_project("checked")

    def check(dsn: str) -> dict[str, Any]:
        done = telemetry_command("check", "--json", SENTRY_DSN=dsn)
        [result] = json.loads(done.stdout)["results"]
        assert done.returncode == (0 if result["arrived"] else 1)
        return dict(result)

    found = check(project.dsn)
    assert found["arrived"], found
    [issue] = project.wait_for(lambda p: p.issues())
    assert issue["digested_event_count"] == 1

    base, _, number = project.dsn.rpartition("/")
    absent = check(f"{base}/{int(number) + 1000}")
    assert "unknown project" in absent["problem"] or "key refused" in absent["problem"]
    wrong_key = check(re.sub("//[0-9a-f]+@", f"//{'0' * 32}@", project.dsn))
    assert not wrong_key["arrived"]
    for result in (absent, wrong_key):
        assert "Copy the DSN from the project's settings again" in result["advice"]


def test_an_event_that_is_too_large_arrives(bugsink: Bugsink, tmp_path: Path) -> None:
    """Bugsink refuses events above 1 MiB; one with 3 MB of local variables says what is missing."""
    project = bugsink.new_project("large events")
    code = """
    def read(depth):
        note = "small"
        pages = ["x" * 40_000] * 10
        if not depth:
            raise LookupError("minutes are lost")
        read(depth - 1)
    def descend(depth):
        read(10) if not depth else descend(depth - 1)
    try:
        descend(400)
    except LookupError as error:
        raise ValueError("no page") from error
    """
    variables = {"TELEMETRY_LOCAL_VARIABLES": "true", "TELEMETRY_TEXT_LENGTH_LIMIT": "32768"}
    done = run_program(tmp_path, project.dsn, code, **variables)
    assert "undelivered" not in done.stderr
    [event] = project.wait_for(lambda p: p.events())
    first, last = event["exception"]["values"]
    assert (first["type"], first["value"]) == ("LookupError", "minutes are lost")
    assert (last["type"], last["value"]) == ("ValueError", "no page")
    assert first["stacktrace"]["frames"][-1]["vars"]["note"] == "'small'"
    shortened = event["contexts"]["shortened"]
    assert shortened["parts"] == ["local variables"]
    assert shortened["bytes"] > 3_000_000
    # Its page shows a stack trace with frames left out, too.
    whole = {"exception": {"values": [first, last]}, "event_id": "c0" * 16}
    payload = cut(json.dumps(whole).encode(), 60_000)
    assert payload is not None
    omitted = json.loads(payload)
    assert "stack frames" in omitted["contexts"]["shortened"]["parts"]
    sentry_sdk.Client(project.dsn, default_integrations=False).capture_event(omitted)
    project.wait_for(lambda p: len(p.events()) == 2)
    with bugsink.log_in() as browser:
        for issue in project.issues():
            page = browser.get(f"/issues/issue/{issue['id']}/event/last/", follow_redirects=True)
            assert page.status_code == 200, page.text
            assert "read" in page.text
