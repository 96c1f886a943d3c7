"""Somebody who works in Django's admin, over HTTP."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import web
from tests.support.host import manage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from tests.support.servers import Server

USER = "clerk"
PASSWORD = "a-long-enough-secret"

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def add_superuser(env: Mapping[str, str]) -> None:
    """Create the one who may do everything."""
    secret = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    options = ["--noinput", "--username", USER, "--email", "clerk@example.com"]
    manage("createsuperuser", *options, env={**env, **secret})


class Admin:
    """A browser with the admin open."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def log_in(self) -> httpx.Response:
        """Send the form of the login page, as a person would."""
        return self.send("/admin/login/", username=USER, password=PASSWORD, next="/admin/")

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Load a form, fill it in and send it."""
        form = self.client.get(path)
        assert form.status_code == 200, form.text
        [token, *_] = _TOKEN.findall(form.text)
        return self.client.post(path, data={"csrfmiddlewaretoken": token, **fields})


@contextmanager
def admin_of(server: Server) -> Iterator[Admin]:
    """Open the admin, logged in."""
    with web.client(base_url=server.url) as client:
        admin = Admin(client)
        answer = admin.log_in()
        assert (answer.status_code, answer.headers["location"]) == (302, "/admin/"), answer.text
        yield admin
