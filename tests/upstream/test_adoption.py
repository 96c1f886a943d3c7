"""Upstream's host, locked to an older Datasette, takes the package in a few lines."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support import web
from tests.support.environment import clean_environment
from tests.support.servers import serve_uvicorn
from tests.support.venvs import host_python

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = Path(__file__).with_name("asgi.py")
MARK = "  # telemetry\n"
SITE = {"Host": "alameda.ca.localhost"}
TRACE_URL = "https://traces.example.org/trace/{trace_id}"
VISITS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/", {}),
    ("/meetings/minutes.json?_shape=array", SITE),
    ("/nothing/here", SITE),
    ("/", {"Host": "forged.localhost"}),
    ("/nothing/here", {}),
    # What a visitor mistypes, in a query of theirs and in an address of Datasette's.
    ("/meetings/-/query.json?sql=select+planted", SITE),
    ("/meetings/nothing", SITE),
    # A statement that any visitor can make fail is no failure, though Datasette answers 500.
    ("/meetings/minutes.json?_facet_array=text", SITE),
)
STATUSES = [200, 200, 404, 200, 404, 400, 404, 500]
# A mistake in a view, and one of Datasette's own; no query ever got to SQLite.
FAILURES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/broken/", {}),
    ("/meetings/minutes?text__in=[", SITE),
)
VERSIONS = pytest.mark.parametrize("version", ["old", "new"])


class Visited:
    """A host that was served, visited and stopped: its answers, its output, what arrived."""

    def __init__(
        self, folder: Path, datasette: str, *, adopted: bool = True, own_sentry: bool = False
    ) -> None:
        source = HOST.read_text()
        if not adopted:
            lines = source.splitlines(keepends=True)
            source = "".join(line for line in lines if not line.endswith(MARK))
        (folder / "asgi.py").write_text(source)
        site = folder / "sites" / "alameda.ca"
        site.mkdir(parents=True)
        with closing(sqlite3.connect(site / "meetings.db")) as database:
            database.execute("create table minutes (text)")
            database.execute("insert into minutes values ('call to order')")
            database.commit()
        with OTLPReceiver() as self.receiver, EventReceiver() as self.errors:
            env = clean_environment(
                PATH=os.environ["PATH"],
                SITES_DIR=str(folder / "sites"),
                OTEL_EXPORTER_OTLP_ENDPOINT=self.receiver.url,
                **{"HOST_DSN" if own_sentry else "SENTRY_DSN": self.errors.dsn},
                TELEMETRY_TRACE_URL=TRACE_URL,
                TELEMETRY_RAISE_FAILURES="1",
                # A busy machine makes queries slow, and sends what is left later.
                TELEMETRY_FOLD_BELOW="60s",
                TELEMETRY_SHUTDOWN_TIMEOUT="20s",
            )
            python = host_python(f"=={datasette}")
            with serve_uvicorn("asgi:application", cwd=folder, env=env, python=python) as server:
                answers = [web.get(server.url + path, headers=host) for path, host in VISITS]
                self.failed = [web.get(server.url + path, headers=host) for path, host in FAILURES]
                server.stop()
                self.output = server.output()
        self.answers = [(answer.status_code, answer.text) for answer in answers]


@pytest.fixture(scope="module")
def new_datasette(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    return Visited(tmp_path_factory.mktemp("new"), "1.0a41")


@pytest.fixture(scope="module")
def old_datasette(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    return Visited(tmp_path_factory.mktemp("old"), "1.0a28")


def test_the_adoption_is_under_ten_lines() -> None:
    """Counted as the difference between the host with the package and without."""
    added = [line for line in HOST.read_text().splitlines(keepends=True) if line.endswith(MARK)]
    assert len(added) == 5
    others = [line for line in HOST.read_text().splitlines(keepends=True) if line not in added]
    code = "".join(others).partition('"""\n\n')[2]
    assert "telemetry" not in code, "an unmarked line would not be counted"


def test_the_answers_are_the_same(new_datasette: Visited, tmp_path: Path) -> None:
    """With the package and without."""
    without = Visited(tmp_path, "1.0a41", adopted=False)
    assert new_datasette.answers == without.answers
    assert [status for status, _ in new_datasette.answers] == STATUSES
    assert [answer.status_code for answer in without.failed] == [500, 500]
    # Django's page for a 500 is the host's own business, and this one has Django's plain one.
    assert new_datasette.failed[0].text == without.failed[0].text
    assert "Reference" not in without.failed[1].text
    assert without.receiver.requests == []
    assert without.errors.requests == []


@VERSIONS
def test_a_request_has_its_queries_in_its_trace(
    version: str, request: pytest.FixtureRequest
) -> None:
    """One trace a request, though the Datasette is younger than the request."""
    visited: Visited = request.getfixturevalue(f"{version}_datasette")
    spans = visited.receiver.spans
    servers = [span for span in spans if span.kind == "SERVER"]
    named = Counter((span.name, span.attributes.get("corkboard.site")) for span in servers)
    assert named == {
        ("GET /", None): 2,
        ("GET", None): 1,
        ("GET /broken/", None): 1,
        ("GET /{database}/{table}", "alameda.ca"): 5,
        ("GET /{database}/-/query", "alameda.ca"): 1,
    }
    assert {span.trace_id for span in spans} == {span.trace_id for span in servers}
    assert len({span.trace_id for span in servers}) == len(VISITS) + len(FAILURES)
    work = [span for span in spans if span.scope == "datasette"]
    assert {span.attributes.get("corkboard.site") for span in work} <= {"alameda.ca"}
    # Those of its start-up too, which the request waited for: an account, unless they were slow.
    for server in servers:
        if "corkboard.site" in server.attributes:
            assert server.attributes["corkboard.queries.count"] > 10  # type: ignore[operator]
            assert "meetings" in server.attributes["corkboard.queries.databases"]  # type: ignore[operator]
    failed = {span.name for span in work if span.status == "ERROR"}
    assert failed == {"db.query", "db.query.execute"}
    # Datasette tells its database's alone apart by the site.
    assert {
        point.attributes.get("corkboard.site")
        for point in visited.receiver.metrics
        if point.name == "db.client.operation.duration"
        and point.attributes["db.namespace"] == "meetings"
    } == {"alameda.ca"}


@VERSIONS
def test_the_requests_are_recorded_in_their_order(
    version: str, request: pytest.FixtureRequest
) -> None:
    """Each with its site, and answered as by the other release."""
    visited: Visited = request.getfixturevalue(f"{version}_datasette")
    spans = [span for span in visited.receiver.spans if span.kind == "SERVER"]
    assert [
        (span.attributes["url.path"], span.attributes.get("corkboard.site")) for span in spans
    ] == [
        ("/", None),
        ("/meetings/minutes.json", "alameda.ca"),
        ("/nothing/here", "alameda.ca"),
        ("/", None),
        ("/nothing/here", None),
        ("/meetings/-/query.json", "alameda.ca"),
        ("/meetings/nothing", "alameda.ca"),
        ("/meetings/minutes.json", "alameda.ca"),
        ("/broken/", None),
        ("/meetings/minutes", "alameda.ca"),
    ]
    assert [status for status, _ in visited.answers] == STATUSES


@VERSIONS
def test_metrics_and_logs_arrive(version: str, request: pytest.FixtureRequest) -> None:
    """Every request once, whoever served it; and the record that says where things go."""
    visited: Visited = request.getfixturevalue(f"{version}_datasette")
    last: dict[object, int] = {}
    for point in visited.receiver.metrics:
        if point.name == "http.server.request.duration":
            last[tuple(sorted(point.attributes.items(), key=str))] = point.count or 0
    assert sum(last.values()) == len(VISITS) + len(FAILURES)
    [started] = visited.receiver.logs
    assert started.event_name == "corkboard.telemetry.started"
    assert started.resource["service.name"] == "upstream"


@VERSIONS
def test_each_failure_is_one_event(version: str, request: pytest.FixtureRequest) -> None:
    """Of Django and every Datasette, with the trace that the visitor is told; no other visit."""
    visited: Visited = request.getfixturevalue(f"{version}_datasette")
    trace_ids = [answer.headers["traceresponse"].split("-")[1] for answer in visited.failed]
    events = visited.errors.events
    assert [event.trace_id for event in events] == trace_ids
    assert [answer.status_code for answer in visited.failed] == [500, 500]
    assert f"Reference: <code>{trace_ids[1]}</code>" in visited.failed[1].text
    known = [(e.tags.get("corkboard.site"), e.tags.get("http.route")) for e in events]
    assert known == [(None, "/broken/"), ("alameda.ca", "/{database}/{table}")]
    assert [event.transaction for event in events] == ["/broken/", "/{database}/{table}"]
    assert [event.tags["caught.by"] for event in events] == ["django", "datasette"]
    assert [event.exceptions[-1][0] for event in events] == ["LookupError", "JSONDecodeError"]
    for event, trace_id in zip(events, trace_ids, strict=True):
        assert event.contexts["links"] == {"trace": TRACE_URL.replace("{trace_id}", trace_id)}
    assert set(visited.errors.item_types) == {"event"}


def test_its_own_sentry_client_gets_linked_events(tmp_path: Path) -> None:
    """With the personal data and the transactions that it asks for; of Datasette's failures too."""
    visited = Visited(tmp_path, "1.0a28", own_sentry=True)
    trace_ids = [answer.headers["traceresponse"].split("-")[1] for answer in visited.failed]
    # Sentry's integration reports that Django does not support the lifespan, as without telemetry.
    lifespan, *events = visited.errors.events
    assert "not lifespan" in lifespan.exceptions[-1][1]
    assert [event.trace_id for event in events] == trace_ids
    known = [(e.tags.get("corkboard.site"), e.tags.get("http.route")) for e in events]
    assert known == [(None, "/broken/"), ("alameda.ca", "/{database}/{table}")]
    servers = {span.trace_id: span for span in visited.receiver.spans if span.kind == "SERVER"}
    for event, trace_id in zip(events, trace_ids, strict=True):
        assert event.contexts["links"] == {"trace": TRACE_URL.replace("{trace_id}", trace_id)}
        assert servers[trace_id].attributes["corkboard.error.event_ids"] == [event.event_id]
    assert events[0].raw["request"]["env"] == {"REMOTE_ADDR": "127.0.0.1"}
    # Django serves four of the requests.
    assert dict(visited.errors.item_types) == {"event": 3, "transaction": 4}
    transactions = [
        item.payload
        for envelope in visited.errors.envelopes
        for item in envelope.items
        if item.type == "transaction"
    ]
    assert {t["contexts"]["trace"]["trace_id"] for t in transactions} < set(servers)
    [line] = [line for line in visited.output.splitlines() if "has initialised sentry_sdk" in line]
    assert "send_default_pii=True" in line


def test_start_up_says_what_an_old_datasette_lacks(
    old_datasette: Visited, new_datasette: Visited
) -> None:
    """And from which version on it would be there."""
    assert "no telemetry of its own" not in new_datasette.output
    [line] = [
        line for line in old_datasette.output.splitlines() if "no telemetry of its own" in line
    ]
    assert "Datasette 1.0a28" in line
    assert "1.0a41" in line
