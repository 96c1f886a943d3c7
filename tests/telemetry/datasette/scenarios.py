"""Requests to a host with Datasette. Run as a module, it prints the spans of each as JSON."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from datasette import Response, hookimpl
from datasette.plugins import pm
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from telemetry import failsafe
from telemetry.asgi.edge import Edge
from telemetry.datasette import plugin
from telemetry.datasette.request_errors import is_caused_by_request
from telemetry.errors import failures
from tests.telemetry.asgi.driving import Client, answering, http_scope, visit
from tests.telemetry.datasette.datasette_host import DatasetteHost

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send

PAGE = "/minutes/pages"
FORGED = (b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")
go = asyncio.Event()


async def _calls_once(datasette: Any) -> Any:
    # Some plugins pass on a caller's headers. They still belong to this request.
    headers = {"traceparent": FORGED[1].decode(), "user-agent": "planted"}
    response = await datasette.client.get(PAGE + ".json", headers=headers)
    return Response.text(str(response.status_code))


async def _calls_twice(datasette: Any) -> Any:
    await asyncio.gather(*(datasette.client.get(path) for path in ("/minutes", "/-/actor")))
    return Response.text("both")


async def _calls_what_breaks(datasette: Any) -> Any:
    response = await datasette.client.get("/-/broken")
    return Response.text(str(response.status_code))


async def _writes_later(datasette: Any) -> Any:
    minutes = datasette.get_database("minutes")
    await minutes.execute_write("insert into pages (text) values ('late')", block=False)
    return Response.text("queued")


async def _begins_a_task(datasette: Any) -> Any:
    datasette.add_background_task(_job)
    return Response.text("begun")


async def _breaks() -> Any:
    raise LookupError("minutes are lost")


async def _job(datasette: Any) -> None:
    await go.wait()
    await datasette.get_database("minutes").execute("select 'background'")
    await datasette.client.get(PAGE + ".json")


class Plugin:
    """Routes with the typical work of plugins."""

    @hookimpl  # type: ignore[untyped-decorator] # Datasette's, untyped itself
    def register_routes(self) -> list[tuple[str, Any]]:
        return [
            (r"/-/call$", _calls_once),
            (r"/-/calls$", _calls_twice),
            (r"/-/failing-call$", _calls_what_breaks),
            (r"/-/detached$", _writes_later),
            (r"/-/background$", _begins_a_task),
            (r"/-/broken$", _breaks),
        ]


async def page(host: DatasetteHost) -> None:
    assert (await visit(host.edge, PAGE)).status == 200


async def forged(host: DatasetteHost) -> None:
    await visit(host.edge, PAGE, headers=[FORGED])


async def not_found(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/minutes/nothing-like-it")).status == 404


async def refused_statement(host: DatasetteHost) -> None:
    address = "/minutes/-/query.json"
    assert (await visit(host.edge, address, query_string=b"sql=select+nope")).status == 400


async def broken(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/-/broken")).status == 500


async def malformed(host: DatasetteHost) -> None:
    pm.register(plugin)
    failures.find_causes_with(is_caused_by_request)
    try:
        assert (await visit(host.edge, "/", method="BREW")).status == 500
    finally:
        failures.find_causes_with(None)
        pm.unregister(plugin)


async def call(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/-/call")).body == b"200"


async def calls(host: DatasetteHost) -> None:
    # On a busy machine the second page would look for new tables.
    await host.keep_schemas()
    host.forget()
    await visit(host.edge, "/-/calls")


async def failing_call(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/-/failing-call")).body == b"500"


async def call_from_outside(host: DatasetteHost) -> None:
    """Call Datasette as a Django view does."""

    async def view(scope: Message, receive: Receive, send: Send) -> None:
        response = await host.datasette.client.get(PAGE + ".json")
        await answering(response.status_code)(scope, receive, send)

    assert (await visit(Edge(view), "/")).status == 200


async def detached_write(host: DatasetteHost) -> None:
    await visit(host.edge, "/-/detached")
    await host.datasette.get_database("minutes").execute_write("select 1")  # in turn, so after it


async def background(host: DatasetteHost) -> None:
    await host.datasette.start_background_tasks()
    await visit(host.edge, "/-/background")
    go.set()
    [task] = host.datasette._background_tasks.tasks()
    await task.task


async def unsampled(host: DatasetteHost) -> None:
    host.sampler.chosen = ALWAYS_OFF
    await visit(host.edge, "/-/api", method="OPTIONS")


async def excluded(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/-/versions.json")).status == 200


async def excluded_by_datasette(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/-/plugins.json")).status == 200


async def static(host: DatasetteHost) -> None:
    client = await visit(host.edge, "/-/static/app.css")
    assert (client.status, b"body" in client.body) == (200, True)
    assert (await visit(host.edge, "/-/static/nothing-like-it.css")).status == 404


async def favicon(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/favicon.ico")).body.startswith(b"\x89PNG")


async def untraced_page(host: DatasetteHost) -> None:
    assert (await visit(host.edge, "/minutes/pages/1", headers=[FORGED])).status == 200


async def without_an_edge(host: DatasetteHost) -> None:
    await visit(host.app, PAGE, headers=[(b"user-agent", b"planted")])


async def many_sites(host: DatasetteHost) -> None:
    """Name more sites than SITE_LIMIT, which is 2. The first one was `alameda.ca`."""
    await host.keep_schemas()
    for site in (b"berkeley.ca", b"oakland.ca", b"albany.ca", b"alameda.ca"):
        scope = http_scope(PAGE)
        scope["headers"] = [(b"host", site + b".civic.band")]
        client = Client()
        await host.edge(scope, client.receive, client.send)


SCENARIOS = (
    page,
    forged,
    not_found,
    refused_statement,
    broken,
    malformed,
    call,
    calls,
    failing_call,
    call_from_outside,
    detached_write,
    background,
    unsampled,
    excluded,
    excluded_by_datasette,
    static,
    favicon,
    untraced_page,
    without_an_edge,
    many_sites,
)


async def main() -> None:
    failsafe.raise_failures()
    pm.register(Plugin(), name="the-tests-own")
    host = DatasetteHost()
    await host.start()
    outcomes = {}
    for scenario in SCENARIOS:
        host.forget()
        before = _requests(host)
        await scenario(host)
        outcomes[scenario.__name__] = {
            "spans": host.spans(),
            "requests": _requests(host) - before,
        }
    print(json.dumps({"scenarios": outcomes, "points": host.points()}))
    await host.datasette.invoke_shutdown()


def _requests(host: DatasetteHost) -> int:
    found = (p["count"] for p in host.points() if p["name"] == "http.server.request.duration")
    return sum(found)


if __name__ == "__main__":
    asyncio.run(main())
