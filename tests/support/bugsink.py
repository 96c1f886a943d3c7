"""A real Bugsink to send errors to, and to read them back from as its users do."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from tests.support import web
from tests.support.bugsink_install import (
    PASSWORD,
    TOKEN,
    USER,
    bugsink_environment,
    bugsink_python,
    bugsink_template,
)
from tests.support.processes import HOST, Program, free_port, program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")
JSON = dict[str, Any]

_LOGIN = "/accounts/login/"
_FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Project:
    """One of Bugsink's projects, read by the API that it documents.

    Methods raise AssertionError with the answer when it is not what they
    want.
    """

    def __init__(self, api: httpx.Client, number: int) -> None:
        self._api = api
        self.id = number
        described = self._read(f"projects/{number}/")
        self.name: str = described["name"]
        self.dsn: str = described["dsn"]

    def events(self) -> list[JSON]:
        """Give the payloads of all events as Bugsink keeps them, in the order of arrival."""
        listed = [
            event
            for issue in self.issues()
            for event in self._pages("events/", issue=issue["id"], order="asc")
        ]
        # An event's own number counts within its issue.
        listed.sort(key=lambda event: str(event["ingested_at"]))
        return [self._read(f"events/{event['id']}/")["data"] for event in listed]

    def event(self, event_id: str) -> JSON:
        """Give the payload of the event to which its sender gave this id."""
        found = self._read("events/lookup/", project=str(self.id), event_id=event_id)
        data: JSON = found["data"]
        return data

    def issues(self, query: str = "") -> list[JSON]:
        """Give the groups of events, oldest first, that its search finds: `trace:…`, `site:…`."""
        return list(self._pages("issues/", project=str(self.id), q=query))

    def releases(self) -> list[str]:
        """Give those that it knows of: announced, or named by an event."""
        return [found["version"] for found in self._pages("releases/", project=str(self.id))]

    def wait_for(self, predicate: Callable[[Self], T], timeout: float = PATIENCE) -> T:
        """Return `predicate(self)` as soon as it is true.

        Raises AssertionError with the issues that are there when it is not
        after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (result := predicate(self)):
            if time.monotonic() > deadline:
                there = [
                    f"{issue['digested_event_count']} x {issue['calculated_type']}:"
                    f" {issue['calculated_value']}"
                    for issue in self.issues()
                ]
                raise AssertionError(f"not within {timeout} s; {self.name} has {there}")
            time.sleep(0.05)
        return result

    def _pages(self, path: str, **parameters: str) -> Iterator[JSON]:
        page = self._read(path, **parameters)
        yield from page["results"]
        while page["next"]:
            page = self._read(page["next"])
            yield from page["results"]

    def _read(self, path: str, **parameters: str) -> JSON:
        # Not `{}`, which would take the parameters of a page's address away.
        answer = self._api.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        read: JSON = answer.json()
        return read


class Bugsink(Project):
    """A running Bugsink; as a project, its first."""

    def __init__(self, running: Program, url: str, api: httpx.Client) -> None:
        super().__init__(api, 1)
        self.program = running
        self.url = url

    @property
    def project(self) -> int:
        """The number of its first project, as addresses and DSN have it."""
        return self.id

    def new_project(self, name: str) -> Project:
        """Create an empty one with a DSN of its own, so that tests can share a server."""
        [team] = self._pages("teams/")
        answer = self._api.post("projects/", json={"name": name, "team": team["id"]})
        assert answer.status_code == 201, answer.text
        return Project(self._api, int(answer.json()["id"]))

    @contextmanager
    def log_in(self) -> Iterator[httpx.Client]:
        """Open a session as the superuser, who may see the pages of every project.

        Its cookies log a browser in too: `page.set_cookies(url, client.cookies)`.
        """
        with web.client(base_url=self.url) as client:
            [token, *_] = _FORM_TOKEN.findall(client.get(_LOGIN).text)
            form = {"csrfmiddlewaretoken": token, "username": USER, "password": PASSWORD}
            answer = client.post(_LOGIN, data=form)
            assert (answer.status_code, answer.headers.get("location")) == (302, "/"), answer.text
            yield client


@contextmanager
def serve_bugsink(folder: Path) -> Iterator[Bugsink]:
    """Run Bugsink without any events, keeping what it gets in `folder`."""
    shutil.copytree(bugsink_template(), folder, dirs_exist_ok=True)
    address = f"{HOST}:{free_port()}"
    url = f"http://{address}"
    command = [str(bugsink_python()), "-m", "gunicorn", "bugsink.wsgi", "--bind", address]
    command += ["--workers", "1", "--threads", "4", "--no-control-socket"]
    api = web.client(
        base_url=f"{url}/api/canonical/0/",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    with api, program(command, env=bugsink_environment(url), cwd=folder) as running:
        running.wait_until(lambda: _is_ready(url))
        yield Bugsink(running, url, api)


def _is_ready(url: str) -> bool:
    try:
        return web.get(f"{url}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
