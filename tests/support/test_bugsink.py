"""The error tracker that tests send to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.support import web
from tests.support.bugsink import Bugsink, serve_bugsink
from tests.support.environment import clean_environment
from tests.support.processes import accepts_connections
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"

SENDER = f"""
import sys

import sentry_sdk

sentry_sdk.init(dsn=sys.argv[1], release="1.2.3", environment="tests")
sentry_sdk.scope.register_external_propagation_context(lambda: ("{TRACE}", "{SPAN}"))
sentry_sdk.set_tag("corkboard.site", "alameda.ca")
try:
    raise ValueError("the minutes are missing")
except ValueError:
    print(sentry_sdk.capture_exception())
sentry_sdk.flush()
"""


@pytest.fixture(scope="module")
def bugsink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bugsink]:
    """One server for all of them, since each takes a project of its own."""
    with serve_bugsink(tmp_path_factory.mktemp("bugsink")) as running:
        yield running


def _post(dsn: str, message: str, **fields: Any) -> str:
    """Send an error by hand, as its envelope is described, and give its id."""
    address = urlsplit(dsn)
    event_id = uuid4().hex
    event = {
        "event_id": event_id,
        "timestamp": time.time(),
        "platform": "python",
        "exception": {"values": [{"type": "ValueError", "value": message}]},
        **fields,
    }
    lines = ({"event_id": event_id, "dsn": dsn}, {"type": "event"}, event)
    answer = web.post(
        f"http://{address.hostname}:{address.port}/api{address.path}/envelope/",
        content="\n".join(map(json.dumps, lines)),
    )
    assert answer.status_code == 200, answer.text
    return event_id


def test_what_the_sdk_sent_can_be_read_back(bugsink: Bugsink) -> None:
    """Ids, tags, release and environment are those that were sent, and its trace finds it."""
    project = bugsink.new_project("sdk")
    sent = subprocess.run(
        [sys.executable, "-c", SENDER, project.dsn],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    [event] = project.wait_for(lambda project: project.events())
    assert event["event_id"] == sent.stdout.strip()
    assert event == project.event(event["event_id"])
    assert event["contexts"]["trace"] == {"trace_id": TRACE, "span_id": SPAN}
    assert event["tags"] == {"corkboard.site": "alameda.ca"}
    assert (event["release"], event["environment"]) == ("1.2.3", "tests")
    assert event["exception"]["values"][0]["value"] == "the minutes are missing"

    [issue] = project.issues(f"trace:{TRACE}")
    assert issue["calculated_value"] == "the minutes are missing"
    assert project.issues("corkboard.site:alameda.ca") == [issue]
    assert project.issues(f"trace:{TRACE[::-1]}") == []


def test_events_come_in_their_order_from_all_issues(bugsink: Bugsink) -> None:
    """Two of one kind and one of another, whichever was grouped with which."""
    project = bugsink.new_project("order")
    sent = [_post(project.dsn, message) for message in ("one", "other", "one")]
    assert [event["event_id"] for event in project.events()] == sent
    assert [issue["digested_event_count"] for issue in project.issues()] == [2, 1]


def test_more_events_than_a_page_holds_are_all_read(bugsink: Bugsink) -> None:
    """The API gives 250 at a time."""
    project = bugsink.new_project("many")
    sent = [_post(project.dsn, f"kind {'abc'[n % 3] * 5}") for n in range(3)]
    sent += [_post(project.dsn, "the same") for _ in range(251)]
    assert [event["event_id"] for event in project.events()] == sent


def test_projects_do_not_see_each_other(bugsink: Bugsink) -> None:
    """Tests that share a server start from nothing."""
    ours, others = bugsink.new_project("ours"), bugsink.new_project("others")
    _post(others.dsn, "somebody else's")
    assert len(others.events()) == 1
    assert ours.events() == []
    with pytest.raises(AssertionError):
        ours.event(others.events()[0]["event_id"])


def test_the_server_is_its_own_first_project(bugsink: Bugsink) -> None:
    """A test with a server to itself needs no other."""
    assert bugsink.project == 1
    event_id = _post(bugsink.dsn, "in the first", release="4.5.6")
    assert bugsink.event(event_id)["release"] == "4.5.6"
    assert urlsplit(bugsink.dsn).path == "/1"


def test_waiting_is_bounded_and_says_what_is_there(bugsink: Bugsink) -> None:
    """A test that fails shows the issues instead of an empty list."""
    project = bugsink.new_project("waiting")
    _post(project.dsn, "not the one")
    with pytest.raises(AssertionError, match=r"waiting has \['1 x ValueError: not the one'\]"):
        project.wait_for(lambda project: project.issues("release:9"), timeout=0.1)


def test_its_own_page_of_a_trace_shows_the_error(bugsink: Bugsink) -> None:
    """The address that our links have, for somebody who is logged in and nobody else."""
    project = bugsink.new_project("pages")
    _post(project.dsn, "on the page", contexts={"trace": {"trace_id": TRACE, "span_id": SPAN}})
    page = f"/issues/{project.id}/?q=trace:{TRACE}"
    with bugsink.log_in() as client:
        assert "ValueError: on the page" in client.get(page).text
        assert "on the page" not in client.get(page.replace(TRACE, TRACE[::-1])).text
    stranger = web.get(bugsink.url + page)
    assert stranger.headers["location"].startswith("/accounts/login/")


def test_it_is_gone_afterwards_and_each_starts_empty(tmp_path: Path) -> None:
    """Neither a process nor an event is left to the next."""
    for name in ("first", "second"):
        with serve_bugsink(tmp_path / name) as running:
            assert running.events() == []
            _post(running.dsn, "only here")
        # The system frees a port a moment after the last of those that held it.
        port = urlsplit(running.url).port
        assert port
        wait_until(lambda: not accepts_connections(port))  # noqa: B023 - waited for here
        with pytest.raises(httpx.ConnectError):
            web.get(f"{running.url}/health/ready")
