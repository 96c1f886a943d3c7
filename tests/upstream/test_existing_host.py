"""The guide for hosts that exist, followed in a host of upstream's shape."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support import web
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import refusing_port
from tests.support.servers import serve_uvicorn
from tests.support.venvs import host_python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telemetry.testing import ReceivedErrorEvent

HOST = Path(__file__).with_name("host")
GUIDE = ROOT / "docs" / "guides" / "existing-host.md"
SITE = {"Host": "alameda.ca.localhost"}
VISITS: Sequence[tuple[str, Mapping[str, str], int]] = (
    ("/", {}, 200),
    ("/visits/", {}, 500),
    ("/meetings/minutes.json?_shape=array", SITE, 200),
    ("/meetings/minutes?text__in=[", SITE, 500),
    ("/", {"Host": "nowhere.localhost"}, 302),
)


def _diffs() -> dict[str, str]:
    """The guide's diffs, in its order, by what they change."""
    found = re.findall(r"^```diff\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    names = ("asgi", "router", "own lines", "our lines", "our client")
    return dict(zip(names, found, strict=True))


KEPT = ("asgi", "router", "own lines")
REPLACED = ("asgi", "router", "our lines", "our client")


class Visited:
    """The host with some of the guide's changes: served, visited and stopped."""

    def __init__(self, folder: Path, steps: Sequence[str]) -> None:
        shutil.copytree(HOST, folder, dirs_exist_ok=True)
        for step in steps:
            patch = _diffs()[step]
            done = subprocess.run(
                ["git", "apply", "-"], input=patch, cwd=folder, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{step}: {done.stderr}"
        site = folder / "sites" / "alameda.ca"
        site.mkdir(parents=True)
        with closing(sqlite3.connect(site / "meetings.db")) as database:
            database.execute("create table minutes (text)")
            database.commit()
        self.python = host_python("==1.0a28")
        self.folder = folder
        with OTLPReceiver() as self.receiver, EventReceiver() as self.errors:
            self.env = clean_environment(
                SITES_DIR=str(folder / "sites"),
                REDIS_URL=f"redis://127.0.0.1:{refusing_port()}",
                OTEL_EXPORTER_OTLP_ENDPOINT=self.receiver.url,
                SENTRY_DSN=self.errors.dsn,
                TELEMETRY_RAISE_FAILURES="1",
                TELEMETRY_FOLD_BELOW="60s",
                TELEMETRY_SHUTDOWN_TIMEOUT="20s",
            )
            with serve_uvicorn(
                "config.asgi:application", cwd=folder, env=self.env, python=self.python
            ) as server:
                answers = [web.get(server.url + path, headers=host) for path, host, _ in VISITS]
                server.stop()
                self.stdout = server.program.stdout()
                self.stderr = server.program.stderr()
        self.statuses = [answer.status_code for answer in answers]
        self.texts = [answer.text for answer in answers]

    def lines(self) -> list[dict[str, Any]]:
        """The lines of JSON on standard output."""
        return [json.loads(line) for line in self.stdout.splitlines() if line.startswith("{")]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the host's."""
        return subprocess.run(
            [str(self.python), "manage.py", *arguments],
            cwd=self.folder,
            env={**self.env, "SENTRY_DSN": "", "OTEL_SDK_DISABLED": "true"},
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    """The host as it was."""
    return Visited(tmp_path_factory.mktemp("before"), ())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    """The host keeps its Sentry client and its formatter."""
    return Visited(tmp_path_factory.mktemp("kept"), KEPT)


@pytest.fixture(scope="module")
def replaced(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    """This package's lines and client replace those of the host."""
    return Visited(tmp_path_factory.mktemp("replaced"), REPLACED)


WAYS = pytest.mark.parametrize("way", ["kept", "replaced"])


def visited(request: pytest.FixtureRequest, way: str) -> Visited:
    found: Visited = request.getfixturevalue(way)
    return found


def test_the_answers_are_those_of_the_host_as_it_was(
    before: Visited, kept: Visited, replaced: Visited
) -> None:
    """Only Datasette's page of a failure gains the trace's id."""
    assert before.receiver.requests == []
    for after in (kept, replaced):
        assert after.statuses == before.statuses == [status for _, _, status in VISITS]
        assert after.texts[:3] == before.texts[:3]
        assert after.texts[4] == before.texts[4]
        assert "Reference" in after.texts[3]


@WAYS
def test_each_request_is_one_span_with_its_route(way: str, request: pytest.FixtureRequest) -> None:
    """Of a Datasette that is younger than its request, too; with its queries."""
    spans = visited(request, way).receiver.spans
    servers = [span for span in spans if span.kind == "SERVER"]
    assert [(span.name, span.attributes.get("corkboard.outcome")) for span in servers] == [
        ("GET /", "served"),
        ("GET /visits/", "error"),
        ("GET /{database}/{table}", "served"),
        ("GET /{database}/{table}", "error"),
        ("GET", "unknown_site"),
    ]
    assert {span.trace_id for span in spans} == {span.trace_id for span in servers}
    assert servers[2].attributes["corkboard.queries.count"] > 10  # type: ignore[operator]


def _failures(found: Visited) -> list[ReceivedErrorEvent]:
    """The events of exceptions, but for what Sentry's integration says of the lifespan.

    The host passes it to Django, which does not support it.
    """
    return [
        event
        for event in found.errors.events
        if event.exceptions and "not lifespan" not in event.exceptions[-1][1]
    ]


def test_a_failure_of_datasette_was_no_event(before: Visited, kept: Visited) -> None:
    """Its integration for Django does not see it. What it says of the lifespan, it said before."""
    assert [event.exceptions[-1][0] for event in _failures(before)] == ["ConnectionError"]
    said = [len(found.errors.events) - len(_failures(found)) for found in (before, kept)]
    assert said == [1, 1]


@WAYS
def test_each_failure_is_one_event_of_its_trace(way: str, request: pytest.FixtureRequest) -> None:
    """Redis that is away, and a failure of Datasette's; with site and route."""
    found = visited(request, way)
    spans = [span for span in found.receiver.spans if span.kind == "SERVER"]
    events = _failures(found)
    assert [event.exceptions[-1][0] for event in events] == ["ConnectionError", "JSONDecodeError"]
    assert [event.trace_id for event in events] == [spans[1].trace_id, spans[3].trace_id]
    assert [
        (event.tags.get("corkboard.site"), event.tags.get("http.route")) for event in events
    ] == [(None, "/visits/"), ("alameda.ca", "/{database}/{table}")]
    for event, span in zip(events, (spans[1], spans[3]), strict=True):
        assert event.event_id in span.attributes["corkboard.error.event_ids"]  # type: ignore[operator]


def test_the_hosts_client_keeps_its_transactions(kept: Visited, replaced: Visited) -> None:
    """Ours sends none."""
    assert "transaction" in kept.errors.item_types
    assert set(replaced.errors.item_types) == {"event"}


def test_start_up_says_what_of_the_hosts_client_is_personal(kept: Visited) -> None:
    """By its options, and not its address."""
    [line] = [line for line in kept.lines() if "send_default_pii=True" in line["message"]]
    assert line["levelname"] == "WARNING"
    assert kept.errors.dsn not in kept.stdout + kept.stderr


def test_the_hosts_own_lines_have_the_request(kept: Visited) -> None:
    """Those of python-json-logger, as they were and with the fields."""
    spans = [span for span in kept.receiver.spans if span.kind == "SERVER"]
    [home] = [line for line in kept.lines() if line["message"] == "home page"]
    assert home["pages"] == 1
    assert (home["trace_id"], home["http.route"]) == (spans[0].trace_id, "/")
    requests = [line for line in kept.lines() if line["name"] == "corkboard.requests"]
    assert [line["status"] for line in requests] == [200, 500]
    assert [line["trace_id"] for line in requests] == [span.trace_id for span in spans[:2]]
    # And as records.
    assert {"home page", "request"} <= {log.body for log in kept.receiver.logs}


def test_our_lines_have_one_for_each_request(replaced: Visited) -> None:
    """Of both sides; and start-up's are in the same format."""
    spans = [span for span in replaced.receiver.spans if span.kind == "SERVER"]
    access = [line for line in replaced.lines() if line["logger"] == "telemetry.access"]
    assert [line["trace_id"] for line in access] == [span.trace_id for span in spans]
    assert [line["http.response.status_code"] for line in access] == replaced.statuses
    [started] = [line for line in replaced.lines() if "telemetry of its own" in line["message"]]
    assert started["logger"] == "telemetry"
    assert "{" not in replaced.stderr


def test_a_commands_output_is_its_own(kept: Visited, replaced: Visited) -> None:
    """With `manage.py` unchanged: the host's own lines go where they went."""
    done = replaced.manage("count_sites")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert json.loads(done.stderr)["message"] == "counting"
    done = kept.manage("count_sites")
    assert done.returncode == 0
    assert done.stdout.endswith("1\n")


def test_the_change_is_small() -> None:
    """Most of it is what the host no longer needs."""
    added, removed = 0, 0
    for step in REPLACED:
        lines = _diffs()[step].splitlines()
        added += sum(line.startswith("+") and not line.startswith("+++") for line in lines)
        removed += sum(line.startswith("-") and not line.startswith("---") for line in lines)
    # Blank lines and imports included.
    assert added <= 16
    assert removed > 30
