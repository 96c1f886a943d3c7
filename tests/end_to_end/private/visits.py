"""What a visitor does to a host in every place that a visitor can reach."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import httpx

from tests.end_to_end.private.sentinels import Sentinels
from tests.end_to_end.wire import request, send
from tests.support import web

if TYPE_CHECKING:
    from tests.end_to_end.hosts import Host
    from tests.support.servers import Server

# Headers that say by their name that they hold a credential.
CREDENTIALS = (
    *("X-Api-Key", "X-Auth-Token", "X-CSRFToken", "X-Session-Id", "Proxy-Authorization"),
    *("X-Service-Secret", "X-Amz-Signature"),
)
# And others, which are recorded where an operator asks for them.
ORDINARY = ("Accept-Language", "If-None-Match", "Origin", "X-Custom", "X-Forwarded-For")
SIDES = ("django", "datasette")
# Slower than what is folded, whatever the machine.
SLOW = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 400000) "


class Visit:
    """One visitor, who plants a word of its own in each place."""

    def __init__(self, server: Server, host: Host) -> None:
        self.sentinels = Sentinels()
        self.answers: list[int] = []
        self._site = f"{host.site}.localhost"
        self._port = server.port
        self._client = web.client(base_url=server.url)

    def everywhere(self) -> Sentinels:
        """Go to all places. Returns what was planted there."""
        with self._client:
            for side in SIDES:
                self._headers(side)
            self._queries()
            self._sql()
            self._bodies()
            self._paths()
            self._repeated()
        self._websocket()
        return self.sentinels

    def _ask(self, path: str, side: str = "django", method: str = "GET", **more: Any) -> None:
        headers = {"host": f"{self._site if side == 'datasette' else 'localhost'}:{self._port}"}
        headers |= more.pop("headers", {})
        # A server may hang up on what it does not like.
        with suppress(httpx.RemoteProtocolError):
            answer = self._client.request(method, path, headers=headers, **more)
            self.answers.append(answer.status_code)

    def _headers(self, side: str) -> None:
        """To a page that is served, and to one that fails."""
        fine = {"django": "/health/", "datasette": "/meetings.json"}[side]
        fails = {"django": "/fails/sync-view/", "datasette": "/-/fails/route"}[side]
        plant = self.sentinels
        for path in (fine, fails):
            where = f"of {path}"
            basic = base64.b64encode(plant.word(f"the user {where}").encode()).decode()
            self._ask(path, side, headers={"Authorization": f"Basic {basic}"})
            headers = {name: plant.word(f"{name} {where}") for name in CREDENTIALS}
            headers |= {name: plant.word(f"{name} {where}", asked_for=True) for name in ORDINARY}
            headers["Authorization"] = f"Bearer {plant.word(f'Authorization {where}')}"
            headers["Cookie"] = f"a={plant.word(f'a cookie {where}')}; sessionid=x"
            headers["Referer"] = f"https://x.example/?q={plant.word(f'the referer {where}')}"
            headers["User-Agent"] = plant.word(f"User-Agent {where}", asked_for=True)
            # The link names the client's ids, which are numbers.
            headers["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            headers["tracestate"] = f"a={plant.word(f'tracestate {where}', asked_for=True)}"
            headers["baggage"] = f"a={plant.word(f'baggage {where}', asked_for=True)}"
            self._ask(path, side, headers=headers)

    def _websocket(self) -> None:
        """A handshake that nobody answers: a server has a line of its own for it."""
        where = "of a WebSocket"
        data = request(
            f"/?q={self.sentinels.word(f'the query {where}')}".encode(),
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"Cookie: a={self.sentinels.word(f'the cookie {where}')}".encode(),
        )
        send(self._port, data)

    def _queries(self) -> None:
        plant = self.sentinels
        for side, path in (
            ("django", "/health/"),
            ("django", "/fails/sync-view/"),
            ("django", "/nothing/"),
            ("datasette", "/meetings/minutes.json"),
            ("datasette", "/meetings/nothing"),
            ("datasette", "/-/fails/route"),
        ):
            where = f"in the query of {path}"
            names = ("q", "_search", "text__contains", "_size", "_next", "password", "_sort")
            pairs = [f"{name}={plant.word(f'{name} {where}')}%27" for name in names]
            email = plant.email(f"a name {where}")
            self._ask(f"{path}?{'&'.join(pairs)}&{email}=1", side)
            self._ask(f"{path}?{plant.word(f'a bare word {where}')}", side)
        self._ask(f"/meetings/minutes?_where=1='{plant.word('_where')}'", "datasette")
        self._ask(f"/meetings/minutes?_facet={plant.token('_facet')}", "datasette")
        # To the same site's address without a slash, or to the log-in page.
        self._ask(f"/admin/sites/?q={plant.word('a page that redirects')}")

    def _sql(self) -> None:
        plant = self.sentinels
        statements = {
            "a literal": "select '{}'",
            "a quoted literal": 'select * from minutes where text = "{}" limit 1',
            "a comment": "select 1 -- {}",
            "a comment within": "select /* {} */ 1",
            "a list": "select 1 in ('{}', 'b')",
            "a literal that is slow": SLOW + "select '{}', count(*) from c",
            "a comment that is slow": SLOW + "select count(*) from c -- {}",
            "a quoted one that is slow": SLOW + 'select "{}", count(*) from c',
            "a literal that fails": "select nothing, '{}'",
            "a literal that does not end": "select '{}",
            "a quoted literal that does not end": 'select "{}',
            "a comment that does not end": "select nothing /* {}",
            "a word that is no SQL": "{} 1",
            "a word after a literal": "select 1 'a' '{}'",
            "a path into JSON": "select json_extract('[]', '{}')",
        }
        # Nobody sees what is fast and succeeds but as an account, which has all of it.
        for name, statement in statements.items():
            sql = plant.within(f"{name} in SQL", statement)
            self._ask(f"/meetings/-/query.json?sql={quote_plus(sql)}", "datasette")
        bound = plant.word("a parameter of SQL")
        sql = quote_plus(SLOW + "select count(*), :bound from c")
        self._ask(f"/meetings/-/query.json?sql={sql}&bound={bound}", "datasette")
        self._ask("/-/repeats/sql", "datasette", headers={"X-Say": plant.word("a plugin's SQL")})

    def _bodies(self) -> None:
        plant = self.sentinels
        for side, path in (("django", "/repeats/form/"), ("datasette", "/meetings/-/create")):
            where = f"to {path}"
            form = {"name": plant.word(f"a field {where}", recorded=False)}
            self._ask(path, side, "POST", data=form)
            file = plant.word(f"a file {where}", recorded=False)
            name = plant.word(f"a file's name {where}", recorded=False)
            self._ask(path, side, "POST", data=form, files={"f": (name, file.encode())})
            text = {"a": plant.word(f"JSON {where}", recorded=False)}
            self._ask(path, side, "POST", json=text)
            broken = f'{{"a": "{plant.word(f"broken JSON {where}", recorded=False)}'
            kind = {"content-type": "application/json"}
            self._ask(path, side, "POST", content=broken, headers=kind)
        log_in = {
            "username": plant.word("a user who logs in", recorded=False),
            "password": plant.word("a password", recorded=False),
        }
        self._ask("/admin/login/", method="POST", data=log_in)

    def _paths(self) -> None:
        plant = self.sentinels
        for side, path in (
            ("django", "/nothing/{}/"),
            ("django", "/repeats/path/{}"),
            ("datasette", "/meetings/{}"),
            ("datasette", "/meetings/minutes/{}"),
            ("datasette", "/nothing/{}.json"),
        ):
            where = f"in the path {path}"
            self._ask(path.format(plant.token(f"a token {where}")), side)
            self._ask(path.format(plant.email(f"an address {where}")), side)
            email = quote(plant.email(f"an encoded address {where}"), safe="")
            self._ask(path.format(quote(email, safe="")), side)
            token = plant.within(f"a pair {where}", "api_key={}")
            self._ask(path.format(quote(token, safe="")), side)
            token = plant.within(f"a token in base64 {where}", "kD7{}x9Q2mZp4R8sT1vB6nL3")
            self._ask(path.format(base64.urlsafe_b64encode(token.encode()).decode()), side)

    def _repeated(self) -> None:
        """What the host's own code makes of it."""
        plant = self.sentinels
        for side, path in (
            ("django", "/repeats/redirect/"),
            ("django", "/repeats/raise/"),
            ("django", "/repeats/log/"),
            ("django", "/repeats/log-error/"),
            ("django", "/repeats/span/"),
            ("django", "/repeats/metric/"),
            ("datasette", "/-/repeats/raise"),
        ):
            where = f"repeated by {path}"
            jwt = "eyJhbGciOiJIUzI1NiJ9.{}QifQ.c2lnbmF0dXJl"
            # A log line and an exception have no header of their request, also where nothing is
            # redacted. The others are encoded in the header, and the host decodes them. Django's
            # page of the same kind has local variables, which are sent where they are asked for.
            logged = path not in ("/repeats/log/", "/-/repeats/raise")
            for said in (
                plant.token(f"a token {where}", recorded=logged),
                plant.email(f"an address {where}"),
                quote(plant.email(f"an encoded address {where}")),
                plant.within(f"a JSON web token {where}", jwt, recorded=logged),
                plant.within(f"a password {where}", "password={}"),
                plant.within(f"a scheme {where}", "/?Bearer {}9"),
                plant.within(f"a user {where}", "https://bob:{}@x.example/"),
                plant.within(f"a query {where}", "https://x.example/?a={}"),
            ):
                self._ask(path, side, headers={"X-Say": quote(said)})
        said = plant.word("a local variable that is a key")
        self._ask("/repeats/local/", headers={"X-Say": said})
