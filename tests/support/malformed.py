"""Malformed requests that Datasette answers with 500, and a failure of the host."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.open_loop import Request


class Malformed(NamedTuple):
    """A kind of malformed requests: one line of Datasette's code fails for all of them."""

    name: str
    path: str
    """With a place for the number of the request, so that what is typed changes each time."""
    method: str = "GET"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def request(self, number: int, port: int, host: str) -> Request:
        """The request of that number."""
        path = self.path.format(number=number)
        return Request(port, host, path, self.method, self.body, self.headers)


_FORM = (("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin"))

MALFORMED = (
    Malformed("_facet_array=nope", "/meetings/minutes.json?_facet_array=nope{number}"),
    Malformed("_timelimit=x", "/meetings/minutes.json?_timelimit=x{number}"),
    Malformed("a quoted word in _through", "/meetings/minutes.json?_through=%22x{number}%22"),
    Malformed("a list that does not end", "/meetings/minutes.json?text__in=%5Bx{number}"),
    Malformed("an unknown method", "/?{number}", "BREW"),
    Malformed("a body that is no text", "/meetings/-/query?{number}", "POST", b"\xff\xfe", _FORM),
)
GENUINE = Malformed("a failure of the host", "/-/fails/route?{number}")
