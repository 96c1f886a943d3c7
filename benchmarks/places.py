"""`python -m benchmarks.places`: microseconds of telemetry's own code within requests.

A server serves an application that does nothing, and the pages of the host. What telemetry does is
the same for the first two, and takes longer where a host runs much other code meanwhile: it is in
none of the processor's caches then. What is timed takes up to half a microsecond more for that.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.command import run_once, say
from benchmarks.hosts.control import PATH
from benchmarks.hosts.variables import TRIVIAL
from benchmarks.machine import machine
from benchmarks.pages import ROOT_DOMAIN, Page, choose_pages, prepare
from benchmarks.receivers import sentry_sink, span_receiver
from telemetry.export.processors import MOST_STAGED
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUESTS = 2_000
WARM_UP = 300
# In the order of a request. Those that are within another one are indented.
PLACES = {
    "start": "start: record, span",
    "django": "Django's view, where it is one",
    "header": "header with the trace",
    "end": "end, all of it",
    "measurements": "  measurements",
    "encoding": "  encoding, by sixteens",
    "line": "  access line",
}


def main(arguments: Sequence[str] | None = None) -> int:
    return run_once("places", __doc__, _run, arguments, full="ten times the requests")


def _run(full: bool) -> Iterator[str]:
    requests = REQUESTS * (10 if full else 1)
    columns = {}
    for page, found in measure(requests):
        say(page.title)
        columns[page.title] = found
    yield f"{machine()}, {requests} requests:"
    yield from table(columns)


def measure(requests: int) -> Iterator[tuple[Page, dict[str, float]]]:
    """Serve each page, and give the microseconds of a request by place."""
    with ExitStack() as stack:
        env = prepare(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        receiver, sink = (stack.enter_context(each()) for each in (span_receiver, sentry_sink))
        server = stack.enter_context(
            serve_uvicorn(
                "benchmarks.hosts.timed:application",
                env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "SENTRY_DSN": sink.url},
                args=["--no-access-log"],
                python=Path(sys.executable),
            )
        )
        client = stack.enter_context(closing(Client(server.port)))
        trivial = Page("nothing", ROOT_DOMAIN, TRIVIAL, 0)
        view, row, page = choose_pages(env)
        for each, times in (
            (trivial, requests),
            (view, requests),
            (row, requests),
            (page, max(MOST_STAGED, requests // 20)),
        ):
            client.request_page(each, min(times, WARM_UP))
            _get(client, "?begin=1")
            client.request_page(each, times)
            yield each, {place: n / times / 1000 for place, n in _get(client, "").items()}


def _get(client: Client, query: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(client.request("GET", PATH + query, ROOT_DOMAIN))
    return found


def table(columns: dict[str, dict[str, float]]) -> Iterator[str]:
    """Yield the table, of at most 80 columns."""
    heads = "nothing", "view", "row", "table"
    yield f"{'':32}" + "".join(f"{head:>10}" for head in heads)
    for place, title in PLACES.items():
        yield f"  {title:30}" + "".join(f"{found[place]:10.1f}" for found in columns.values())
    whole = [found["start"] + found["header"] + found["end"] for found in columns.values()]
    yield f"  {'start, header and end':30}" + "".join(f"{each:10.1f}" for each in whole)


if __name__ == "__main__":
    sys.exit(main())
