"""A host with Django, a Datasette, Logfire's functions and an error tracker, in one process.

Requests are made without a server. The host returns its responses and log records;
receivers in the test take what it sends.
"""

# ruff: noqa: E402 # telemetry is configured before the frameworks are imported
from __future__ import annotations

import asyncio
import logging
import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

LOGGED: list[tuple[str, str, str]] = []
_make_record = logging.getLogRecordFactory()


def _noting(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _make_record(*args, **kwargs)
    # logging creates a record without a level, to find out a record's attributes.
    if (record.levelno or 0) >= logging.WARNING:
        LOGGED.append((record.name, record.levelname, record.getMessage()))
    return record


# Before this layer is imported, and independent of the handlers.
logging.setLogRecordFactory(_noting)

import telemetry

# As opentelemetry-instrument does, without a service name from the host.
SETTINGS = telemetry.configure(debug=True)
telemetry.configure(default_service_name="host")

import logfire
from datasette import Response, hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
from opentelemetry import trace

from telemetry.commands.check.probes import probe
from tests.telemetry.asgi.driving import visit

if TYPE_CHECKING:
    from pathlib import Path

    from django.http import HttpRequest

VISITS = {
    "home": "/",
    "missing": "/nothing/",
    "failing": "/failing/",
    "table": "/data/minutes",
    "row": "/data/minutes/1.json",
    "unknown table": "/data/nothing",
    "statement": "/data/-/query.json?sql=select+planted_word",
    "datasette.client": "/-/calling",
    "failing plugin": "/-/failing",
}
DJANGO = frozenset({"home", "missing", "failing"})


async def home(request: HttpRequest) -> HttpResponse:
    logfire.info("greeting")
    span = trace.get_current_span()
    # One attribute more than the limit, and a private one, so that a copy is exported.
    span.add_event("attributes", {**dict.fromkeys("abcdefgh", 1), "password": "planted"})
    return HttpResponse("home")


async def failing(request: HttpRequest) -> HttpResponse:
    raise LookupError("failing")


urlpatterns = [path("", home), path("failing/", failing)]


class Plugin:
    """Calls its own Datasette, and fails."""

    __name__ = "removed_names"

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[Any]:
        async def calling(datasette: Any) -> Any:
            answer = await datasette.client.get("/data/minutes.json")
            return Response.text(str(answer.status_code))

        async def broken() -> None:
            raise ValueError("failing")

        return [(r"^/-/calling$", calling), (r"^/-/failing$", broken)]


def _work() -> None:
    trace.get_tracer("host").start_span("child").end()


def serve(folder: Path) -> dict[str, Any]:
    """Start, request each page once, stop, and check the destinations."""
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="only-for-tests",
        LOGGING=telemetry.logging_config(debug=True),
    )
    telemetry.instrument()
    django = get_asgi_application()
    pm.register(Plugin())
    with closing(sqlite3.connect(folder / "data.db")) as database:
        database.execute("create table minutes (id integer primary key, text)")
        database.execute("insert into minutes (text) values ('call to order')")
        database.commit()
    datasette = Datasette(files=[str(folder / "data.db")])
    site = datasette.app()

    async def route(scope: Any, receive: Any, send: Any) -> None:
        if dict(scope["headers"])[b"host"] == b"site":
            telemetry.set_site("site")
            await site(scope, receive, send)
        else:
            await django(scope, receive, send)

    application = telemetry.asgi_wrapper(route)

    async def visits() -> tuple[dict[str, int], list[str]]:
        await datasette.invoke_startup()
        answers = {}
        for name, address in VISITS.items():
            at, _, query = address.partition("?")
            host = b"django" if name in DJANGO else b"site"
            answers[name] = await visit(
                application, at, headers=[(b"host", host)], query_string=query.encode()
            )
        timing = dict(answers["table"].sent[0]["headers"]).get(b"server-timing", b"")
        named = [each.split(b";")[0].strip().decode() for each in timing.split(b",")]
        return {name: client.status for name, client in answers.items()}, named

    statuses, timing = asyncio.run(visits())
    # Or the child has what Sentry's SDK has queued.
    telemetry.flush(60)
    child = multiprocessing.get_context("fork").Process(target=_work)
    child.start()
    child.join()
    undelivered = telemetry.flush(60)
    results = probe(replace(SETTINGS, service_name="host"), 60).results
    return {
        "statuses": statuses,
        "timing": timing,
        "undelivered": undelivered,
        "child's exit code": child.exitcode,
        "logged": LOGGED,
        "check": [(each.what, each.arrived, each.problem) for each in results],
    }
