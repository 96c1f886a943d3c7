"""`python -m benchmarks.spans`: the number of spans by page, and what the sampler `tail` keeps."""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from benchmarks.day import day
from benchmarks.machine import machine, packages
from benchmarks.pages import ROOT_DOMAIN, choose_pages
from telemetry.settings.model import BudgetSettings
from telemetry.testing import OTLPReceiver
from tests.end_to_end.failing.job import APP, SETTINGS
from tests.support.host import prepare_host
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REQUESTS = 10_000
TIMES = 10
RATIO = 0.05
SLOW = "250ms"
RESULTS = Path(__file__).with_name("SPANS.md")
COMMAND = "python -m benchmarks.spans --write"
MINUTES = 24 * 60
"""Minutes of the day whose requests are sent to the sampler within a few."""
_TABLE = re.compile(r"^Kept of .*?\n(?=\n)", re.DOTALL | re.MULTILINE)
FORGED = f"00-{'a' * 32}-{'b' * 16}-"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spans", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="to the sampler")
    parser.add_argument(
        "--day", action="store_true", help="only the day of four kinds of telemetry"
    )
    parser.add_argument("--sampler", action="store_true", help="only what the sampler keeps")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write {RESULTS.name} anew; with --sampler, its table in it",
    )
    options = parser.parse_args(arguments)
    if options.day and (options.write or options.sampler):
        parser.error("--day: wanted without --write and --sampler")
    if options.requests < (REQUESTS if options.write else 100):
        parser.error(f"--requests: wanted at least 100, and {REQUESTS} with --write")
    if options.sampler:
        lines = _sampler(options.requests)
    else:
        lines = day(options.requests) if options.day else _run(options.requests)
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if options.write and options.sampler:
        RESULTS.write_text(_TABLE.sub(lambda _: text, RESULTS.read_text()))
    elif options.write:
        RESULTS.write_text(
            f"# Spans\n\nPrinted, and written here, by `{COMMAND}`.\n\n```\n{text}```\n"
        )
    return 0


def _sampler(requests: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield from _sampled(prepare_host(Path(folder)), requests)


def _run(requests: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        env = prepare_host(Path(folder))
        yield from _pages(env)
        yield ""
        yield from _sampled(env, requests)
    yield ""
    yield from _open_traces()
    yield ""
    yield from day(requests)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _pages(env: Mapping[str, str]) -> Iterator[str]:
    health, row, table = choose_pages(env)
    pages = {
        "a table page": (table.host, table.path),
        "a row as JSON": (row.host, row.path),
        "the databases": (row.host, "/"),
        "a page of SQL": (row.host, "/meetings/-/query?sql=select+1"),
        "what is not there": (row.host, "/meetings/nothing"),
        "the host's /health/": (health.host, health.path),
    }
    counted = [
        _count({**env, "TELEMETRY_FOLD_BELOW": fold}, pages.values()) for fold in ("0ms", "25ms")
    ]
    yield f"Exported for a page, a kept site's, at the defaults ({TIMES} times each, the mean):"
    yield "                             spans                  bytes of protobuf"
    yield "                         unfolded   folded      unfolded    folded     ratio"
    for name, page in pages.items():
        (spans, size), (folded, folded_size) = (each[page] for each in counted)
        yield (
            f"  {name:<20}{spans:>11.1f}{folded:>9.1f}{size:>14,.0f}{folded_size:>10,.0f}"
            f"{folded_size / size:>10.2f}"
        )


def _count(env: Mapping[str, str], pages: Any) -> dict[tuple[str, str], tuple[float, float]]:
    """Return spans and bytes of one request, by page."""
    found = {}
    with OTLPReceiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with serve_uvicorn(env={**env, **variables}, args=["--no-access-log"]) as server:
            for host, path in pages:
                # The first request opens the site.
                for times in (1, TIMES):
                    receiver.clear()
                    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as visitor:
                        for _ in range(times):
                            _get(visitor, host, path)
                    receiver.wait_for(lambda r, n=times: _servers(r) == n)  # type: ignore[misc]
                size = sum(r.decoded_size for r in receiver.requests if r.path == "/v1/traces")
                found[host, path] = (len(receiver.spans) / TIMES, size / TIMES)
    return found


def _sampled(env: Mapping[str, str], requests: int) -> Iterator[str]:
    """Send requests with forged headers to the failing host, and compare them with the spans."""
    _, row, _ = choose_pages(env)
    kinds = {
        "fine": (row.host, "/-/actor.json", 860),
        "not there": (ROOT_DOMAIN, "/wp-login.php", 100),
        "wrong SQL": (row.host, "/meetings/-/query.json?sql=select+nope", 20),
        "failing": (row.host, "/-/fails/route", 10),
        "failing view": (ROOT_DOMAIN, "/fails/async-view/", 5),
        "slow": (ROOT_DOMAIN, "/fails/slow/", 5),
    }
    drawn = random.Random(1).choices(
        list(kinds), weights=[weight for _, _, weight in kinds.values()], k=requests
    )
    trace_ids: dict[str, list[str]] = {kind: [] for kind in kinds}
    with OTLPReceiver() as receiver:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "OTEL_TRACES_SAMPLER": "tail",
            "OTEL_TRACES_SAMPLER_ARG": str(RATIO),
            "TELEMETRY_SLOW": SLOW,
            # A minute here has the requests of hours: the limit of a day applies.
            "TELEMETRY_TRACE_LIMIT": str(BudgetSettings().traces * MINUTES),
        }
        with serve_uvicorn(APP, env={**env, **variables}, args=["--no-access-log"]) as server:
            for number, kind in enumerate(drawn):
                host, path, _ = kinds[kind]
                forged = {"traceparent": f"{FORGED}0{number % 2}"}
                with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as visitor:
                    trace_ids[kind].append(_get(visitor, host, path, forged))
            server.stop()
        arrived = {span.trace_id for span in receiver.spans}
    limit = BudgetSettings().traces
    yield f"Kept of {requests} requests, each with a forged traceparent, half of them sampled:"
    yield f"  (tail, ratio {RATIO}, slow is {SLOW}. A day's requests are sent within minutes, so"
    yield f"  the limit is a day's: {MINUTES} times {limit} traces that are kept by rule)"
    for kind, traces in trace_ids.items():
        kept = sum(trace_id in arrived for trace_id in traces)
        yield f"  {kind:<20}{kept:>7} of {len(traces):>6}{kept / max(len(traces), 1):>9.1%}"
    yield f"  spans under the client's id: {sum(t == 'a' * 32 for t in arrived)}"


def _open_traces() -> Iterator[str]:
    yield "10,000 open requests, each with 99 ended fast children, 100 failed queries in all:"
    yield "               MiB more   of which the SDK's     exported"
    yield "                          open SERVER spans"
    for sampler in ("always_on", "tail"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.open_traces", sampler],
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(done.stdout)
        exported: Counter[str] = Counter(found["exported"])
        yield (
            f"  {sampler:<12}{found['megabytes'] / 1.048576:>9.1f}"
            f"{found['open_spans_megabytes'] / 1.048576:>21.1f}"
            f"     {exported['SERVER']} SERVER, {exported['failed db.query']} failed,"
        )
        yield f"{'':<50}{found['dropped']} dropped and counted"
    yield "  (tail with a ratio of 0, the worst for it: it holds all and keeps what failed)"


def _get(
    visitor: HTTPConnection, host: str, path: str, headers: Mapping[str, str] | None = None
) -> str:
    """Return the trace id in the response."""
    visitor.request("GET", path, headers={"Host": host, **(headers or {})})
    response = visitor.getresponse()
    response.read()
    return str(response.headers["traceresponse"]).split("-")[1]


def _servers(receiver: OTLPReceiver) -> int:
    return sum(span.kind == "SERVER" for span in receiver.spans)


if __name__ == "__main__":
    sys.exit(main())
