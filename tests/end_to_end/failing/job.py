"""All the failures at once: what was asked for, what was answered, and all that arrived."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support import web
from tests.support.servers import Server, serve_gunicorn, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from telemetry.testing import ReceivedErrorEvent, ReceivedSpan
    from tests.end_to_end.hosts import Host

APP = "tests.end_to_end.failing.application:application"
SETTINGS = "tests.end_to_end.failing.settings"
TRACE_URL = "https://traces.example.org/trace/{trace_id}"

# What a visitor would not want to find anywhere.
SECRETS = (
    ("cookie", "ds_actor=planted-cookie"),
    ("authorization", "Bearer planted-bearer"),
    ("user-agent", "planted-browser/1.0"),
)
PLANTED = (
    *("planted-cookie", "planted-bearer", "planted-browser"),
    *("planted-local", "planted-query"),
)


@dataclass(frozen=True)
class Failure:
    """A visit that leads to one event, which is known by its title."""

    title: str
    side: str
    path: str
    route: str | None
    status: int = 500
    caught_by: str | None = None
    """None for what was logged."""
    query: str = ""
    span: str = "SERVER"
    """The name of the span it happened in."""


def failures_of(host: Host) -> tuple[Failure, ...]:
    """Give every way to fail that has a request."""

    def django(title: str, name: str = "", status: int = 500, **more: str) -> Failure:
        path = f"/fails/{name or title}/"
        return Failure(title, "django", path, path, status, more.pop("by", "django"), **more)

    def site(title: str, status: int = 500, by: str | None = "datasette", **more: str) -> Failure:
        name = more.pop("name", title)
        return Failure(title, "site", f"/-/fails/{name}", f"/-/fails/{name}", status, by, **more)

    execute = "db.query.execute"
    logged = {"status": 200, "by": None}
    return (
        django("sync-view"),
        django("async-view"),
        django("own-span", "in-span", span="the host's own"),
        Failure("middleware", "django", "/fails/in-middleware/", None, 500, "django"),
        django("stream", status=200, by="asgi"),
        django("thread", status=200, by="threading.excepthook"),
        django("pool"),
        django("loop-pool"),
        django("logged plainly", "logged", **logged),  # type: ignore[arg-type]
        django("logged-exception", "logged-with-exception", **logged),  # type: ignore[arg-type]
        django("logged-and-raised", by=None),  # type: ignore[arg-type]
        django("raised-from", by=None),  # type: ignore[arg-type]
        django("while-handling"),
        Failure("router", "django", "/fails-in-the-router", None, 500, "asgi"),
        site("route"),
        site("planted", name="template"),
        site("execute-fn", span="db.query"),
        site("no such column: plugins_own", name="sql", span=execute),
        site(ECHO, name="function", span=execute),
        site("write", span="db.write.execute"),
        site("inner", 200, name="client", span="datasette.client"),
        Failure(
            *("hook", "site", "/meetings/minutes", "/{database}/{table}", 500, "datasette"),
            query="hook=1",
        ),
        Failure(
            *("in-a-visitors-query", "site", "/meetings/-/query", "/{database}/-/query", 200),
            "sys.unraisablehook",
            query="sql=select+fails('in-a-visitors-query')",
            span=execute,
        ),
    )


ECHO = "user-defined function raised exception"

# No request of their own by the time they are told.
DETACHED = {
    "dropped-pool": ("django", "/fails/dropped-pool/", "asyncio"),
    "dropped-task": ("django", "/fails/dropped-task/", "asyncio"),
    "background": ("site", "/-/fails/background", "datasette.background_tasks"),
    "unawaited-write": ("site", "/-/fails/unawaited-write", ""),
}

ENDLESS = "with+recursive+n(x)+as+(select+1+union+all+select+x%2B1+from+n)+select+max(x)+from+n"
# What must lead to no event: side, path and status.
HARMLESS = (
    ("django", "/nothing/here", 404),
    ("django", "/fails/missing/", 404),
    ("django", "/fails/forbidden/", 403),
    ("django", "/fails/bad/", 400),
    ("django", "/fails/suspicious/", 400),
    ("django", "/fails/handled/", 200),
    ("django", "/fails/unavailable/", 503),
    ("site", "/meetings/nothing", 404),
    ("site", "/nothing", 404),
    ("site", "/far/too/many/parts/for/datasette", 404),
    ("site", "/meetings/minutes/no-such-row", 404),
    ("site", "/meetings/minutes?_size=nope", 400),
    ("site", "/meetings/minutes?_where=planted-query", 400),
    ("site", "/meetings/minutes?_facet_array=text", 500),
    ("site", "/meetings/minutes?_search=%22&_searchmode=raw", 400),
    ("site", "/meetings/-/query?sql=select+planted-query", 200),
    ("site", "/meetings/-/query.json?sql=select+planted-query", 400),
    ("site", "/meetings/-/query.csv?sql=select+planted-query", 400),
    ("site", f"/meetings/-/query.json?sql={ENDLESS}", 400),
    ("site", "/meetings/minutes.json?_timelimit=-1", 500),
)


@dataclass
class Run:
    """What was visited, and what came of it."""

    host: Host
    errors: EventReceiver
    receiver: OTLPReceiver
    answers: dict[str, httpx.Response] = field(default_factory=dict)
    output: str = ""

    def events_of(self, title: str) -> list[ReceivedErrorEvent]:
        """Give the events of that title."""
        return [event for event in self.errors.events if title_of(event) == title]

    def spans_of(self, event: ReceivedErrorEvent) -> list[ReceivedSpan]:
        """Give the spans of the event's trace."""
        return [span for span in self.receiver.spans if span.trace_id == event.trace_id]


def title_of(event: ReceivedErrorEvent) -> str:
    """Give what a tracker shows of an event: the last exception's text, or the message."""
    return event.exceptions[-1][1] if event.exceptions else event.message or ""


SERVERS: dict[str, Callable[..., AbstractContextManager[Server]]] = {
    "uvicorn": lambda app, env: serve_uvicorn(app, env=env, args=["--no-access-log"]),
    "gunicorn-asgi": lambda app, env: serve_gunicorn(app, env=env, workers=1, worker_class="asgi"),
    "UvicornWorker": lambda app, env: serve_gunicorn(app, env=env, workers=1),
}


@contextmanager
def run_done(host: Host, server_name: str, **variables: str) -> Iterator[Run]:
    """Serve, make everything fail, stop, and give what is left."""
    with ExitStack() as stack:
        errors = stack.enter_context(EventReceiver())
        receiver = stack.enter_context(OTLPReceiver())
        run = Run(host, errors, receiver)
        defaults = {
            "SENTRY_DSN": errors.dsn,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "OTEL_RESOURCE_ATTRIBUTES": "service.version=v1.2.3",
            "TELEMETRY_TRACE_URL": TRACE_URL,
            # Tracebacks as people read them.
            "LOG_FORMAT": "text",
        }
        env = host.variables(receiver, **(defaults | variables))
        server = stack.enter_context(SERVERS[server_name](APP, env=env))
        with web.client(base_url=server.url) as client:

            def visit(key: str, side: str, path: str) -> None:
                name = "localhost" if side == "django" else f"{host.site}.localhost"
                headers = [("host", f"{name}:{server.port}"), *SECRETS]
                with client.stream("GET", path, headers=headers) as answer:
                    # A body that fails half-way ends the connection.
                    with suppress(httpx.RemoteProtocolError):
                        answer.read()
                    run.answers[key] = answer

            for failure in failures_of(host):
                path = f"{failure.path}?{failure.query or 'q=planted-query'}"
                visit(failure.title, failure.side, path)
            for title, (side, path, _) in DETACHED.items():
                visit(title, side, path)
            for side, path, _ in HARMLESS:
                visit(path, side, path)
        # Stopping sends the rest.
        server.stop()
        run.output = server.output()
        yield run
