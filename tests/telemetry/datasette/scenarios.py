"""What happens in a host with Datasette. Run as a module, it prints what each left, as JSON."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from datasette import Response, hookimpl
from datasette.plugins import pm
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from telemetry import failsafe
from telemetry.asgi.edge import Edge
from tests.telemetry.asgi.driving import Client, answering, http_scope, visit
from tests.telemetry.datasette.world import World

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send

PAGE = "/minutes/pages"
FORGED = (b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")
go = asyncio.Event()


async def _calls_once(datasette: Any) -> Any:
    # A caller's headers are handed on by some plugins; they are still this request's.
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
    """Routes that do what plugins do."""

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


async def page(world: World) -> None:
    assert (await visit(world.edge, PAGE)).status == 200


async def forged(world: World) -> None:
    await visit(world.edge, PAGE, headers=[FORGED])


async def not_found(world: World) -> None:
    assert (await visit(world.edge, "/minutes/nothing-like-it")).status == 404


async def refused_statement(world: World) -> None:
    address = "/minutes/-/query.json"
    assert (await visit(world.edge, address, query_string=b"sql=select+nope")).status == 400


async def broken(world: World) -> None:
    assert (await visit(world.edge, "/-/broken")).status == 500


async def call(world: World) -> None:
    assert (await visit(world.edge, "/-/call")).body == b"200"


async def calls(world: World) -> None:
    await visit(world.edge, "/-/calls")


async def failing_call(world: World) -> None:
    assert (await visit(world.edge, "/-/failing-call")).body == b"500"


async def call_from_outside(world: World) -> None:
    """A Django view that asks Datasette."""

    async def view(scope: Message, receive: Receive, send: Send) -> None:
        response = await world.datasette.client.get(PAGE + ".json")
        await answering(response.status_code)(scope, receive, send)

    assert (await visit(Edge(view), "/")).status == 200


async def detached_write(world: World) -> None:
    await visit(world.edge, "/-/detached")
    await world.datasette.get_database("minutes").execute_write("select 1")  # in turn, so after it


async def background(world: World) -> None:
    await world.datasette.start_background_tasks()
    await visit(world.edge, "/-/background")
    go.set()
    [task] = world.datasette._background_tasks.tasks()
    await task.task


async def unsampled(world: World) -> None:
    world.sampler.chosen = ALWAYS_OFF
    await visit(world.edge, "/-/api", method="OPTIONS")


async def excluded(world: World) -> None:
    assert (await visit(world.edge, "/-/versions.json")).status == 200


async def excluded_by_datasette(world: World) -> None:
    assert (await visit(world.edge, "/-/plugins.json")).status == 200


async def static(world: World) -> None:
    client = await visit(world.edge, "/-/static/app.css")
    assert (client.status, b"body" in client.body) == (200, True)
    assert (await visit(world.edge, "/-/static/nothing-like-it.css")).status == 404


async def favicon(world: World) -> None:
    assert (await visit(world.edge, "/favicon.ico")).body.startswith(b"\x89PNG")


async def untraced_page(world: World) -> None:
    assert (await visit(world.edge, "/minutes/pages/1", headers=[FORGED])).status == 200


async def without_an_edge(world: World) -> None:
    await visit(world.app, PAGE, headers=[(b"user-agent", b"planted")])


async def many_sites(world: World) -> None:
    """With SITE_LIMIT, 2, the first to be named was `alameda.ca`."""
    await world.keep_schemas()
    for site in (b"berkeley.ca", b"oakland.ca", b"albany.ca", b"alameda.ca"):
        scope = http_scope(PAGE)
        scope["headers"] = [(b"host", site + b".civic.band")]
        client = Client()
        await world.edge(scope, client.receive, client.send)


SCENARIOS = (
    page,
    forged,
    not_found,
    refused_statement,
    broken,
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
    world = World()
    await world.start()
    left = {}
    for scenario in SCENARIOS:
        world.forget()
        before = _requests(world)
        await scenario(world)
        left[scenario.__name__] = {
            "spans": world.spans(),
            "requests": _requests(world) - before,
        }
    print(json.dumps({"scenarios": left, "points": world.points()}))
    await world.datasette.invoke_shutdown()


def _requests(world: World) -> int:
    found = (p["count"] for p in world.points() if p["name"] == "http.server.request.duration")
    return sum(found)


if __name__ == "__main__":
    asyncio.run(main())
