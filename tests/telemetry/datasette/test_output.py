"""What Datasette prints by itself, in a process of its own: it is changed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.telemetry.scripts import printed, run_python

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
    import asyncio, logging, sqlite3, sys
    from datasette.app import Datasette
    import datasette.database
    from telemetry.datasette.output import quiet_datasette_statements
    if {quiet}:
        quiet_datasette_statements()
        quiet_datasette_statements()
    logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")

    def fail(connection):
        raise LookupError("no minutes")

    async def main():
        database = Datasette(memory=True).add_memory_database("minutes")
        for call in (
            database.execute("select nothing, 'planted'", {{"p": "planted"}}),
            database.execute_write_fn(fail),
        ):
            try:
                await call
            except (sqlite3.OperationalError, LookupError):
                pass

    asyncio.run(main())
    sys.stderr.write("by others")
    assert datasette.database.sys.version == sys.version
"""


@pytest.mark.parametrize("quiet", [True, False])
def test_datasette_prints_no_statement(tmp_path: Path, quiet: bool) -> None:
    """Nor its parameters; what it says of a write is logged, and others print as before."""
    done = run_python(tmp_path, CODE.format(quiet=quiet))
    assert done.returncode == 0, done.stderr
    if quiet:
        assert done.stderr == "by others"
        assert done.stdout == "datasette WARNING no minutes\n"
    else:
        assert done.stderr.count("planted") == 2
        assert "no minutes" in done.stderr


FACETS = """
    import asyncio, gc, httpx
    from datasette.app import Datasette
    from telemetry.datasette.output import quiet_datasette_errors, quiet_datasette_facets
    # Rich takes seconds for each traceback.
    quiet_datasette_errors()
    if {quiet}:
        quiet_datasette_facets()
        quiet_datasette_facets()

    async def main():
        datasette = Datasette(memory=True)
        await datasette.add_memory_database("minutes").execute_write("create table pages (day)")
        async def get(query):
            page = await datasette.client.get("/minutes/pages.json?_size=0&" + query)
            return page.status_code, page.json().get("facet_results")
        print(await get("_facet=nope"), (await get("_facet_date=nope"))[0])
        print(await get("_facet=day"))
        datasette.close()

    asyncio.run(main())
    gc.collect()
"""


@pytest.mark.parametrize("quiet", [True, False])
def test_no_facet_is_left_unawaited(tmp_path: Path, quiet: bool) -> None:
    """Python would say so whenever the failed page is collected: as late as at the end."""
    done = run_python(tmp_path, FACETS.format(quiet=quiet))
    assert done.returncode == 0, done.stderr
    *_, failed, served = done.stdout.splitlines()
    assert failed == "(500, None) 500"
    assert served.startswith("(200, {'results': {'day': {'name': 'day', ")
    assert ("never awaited" in done.stderr) is not quiet


PROPAGATION = """
    import asyncio, httpx, logging, sys
    import telemetry
    telemetry.configure(default_service_name="host")
    from telemetry.datasette.instrumentor import DatasetteInstrumentor
    DatasetteInstrumentor().instrument()
    from datasette.app import Datasette
    logging.basicConfig(stream=sys.stdout, format="%(name)s %(message)s")
    app = Datasette(memory=True).app()

    async def main():
        for behind in (telemetry.asgi_wrapper(app), app):
            transport = httpx.ASGITransport(behind)
            async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
                headers = {{"baggage": "planted=" + "x" * 9000, "traceparent": "{traceparent}"}}
                print((await client.get("/_memory", headers=headers)).status_code, flush=True)

    asyncio.run(main())
"""
TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


def test_a_client_s_baggage_is_not_parsed_again_behind_the_edge(tmp_path: Path) -> None:
    """Without the edge, Datasette reads it as before, and OpenTelemetry logs all of it."""
    with OTLPReceiver() as receiver:
        output = printed(
            tmp_path,
            PROPAGATION.format(traceparent=TRACEPARENT),
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        )
        behind, _, alone = output.partition("200\n")
        assert behind == ""
        assert alone.startswith("opentelemetry.baggage.propagation Baggage header `planted=xxx")
        traces = [span.trace_id for span in receiver.spans if span.kind == "SERVER"]
        assert len(traces) == 2
        # Of the second request alone.
        assert [each == "ab" * 16 for each in traces].count(True) == 1
