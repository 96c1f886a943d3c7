"""`python -m benchmarks.flood`: malformed requests beside one failure of the host.

The first part measures a malformed request: the first of its kind, and in a flood, of which the
limits let only a few events and traces pass. The second offers 200 malformed requests a second,
whether or not they are answered, and says what was served and what arrived.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine, packages
from benchmarks.pages import choose_pages
from benchmarks.receivers import event_receiver, span_receiver
from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.failing.job import APP, SETTINGS
from tests.support.host import prepare_host
from tests.support.malformed import GENUINE, MALFORMED
from tests.support.open_loop import send_at
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.malformed import Malformed
    from tests.support.open_loop import Request
    from tests.support.servers import Server

ROUNDS = 3
REQUESTS = 60
"""Of each kind, in one round of a flood."""
RATE = 200.0
"""Malformed requests a second."""
SECONDS = 10
PROCESSES = 2

TELEMETRY = {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0.02"}

_Costs = dict[tuple[str, str, str], list[float]]
"""Microseconds by way, kind and moment, of each round."""


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("flood", __doc__, _run, arguments, least=ROUNDS)


def _run(rounds: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        env = {**prepare_host(Path(folder)), "DJANGO_SETTINGS_MODULE": SETTINGS}
        _, row, _ = choose_pages(env)
        costs: _Costs = {}
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            _round(env, row.host, costs)
        yield "CPU microseconds of a malformed request, without telemetry and with traces (tail"
        yield f"at 2 %), metrics, log records and error events (medians of {rounds} servers each):"
        yield f"  {'':<28}{'the first one':>18}{f'in a flood of {REQUESTS}':>22}"
        yield f"  {'':<28}{'without':>9}{'with':>9}{'without':>11}{'with':>9}{'ratio':>8}"
        for kind in MALFORMED:
            first, flood = (
                [median(costs[way, kind.name, moment]) for way in ("without", "with")]
                for moment in ("first", "flood")
            )
            yield (
                f"  {kind.name:<28}{first[0]:>9,.0f}{first[1]:>9,.0f}"
                f"{flood[0]:>11,.0f}{flood[1]:>9,.0f}{flood[1] / flood[0]:>8.2f}"
            )
        yield ""
        say(f"{RATE:g} requests a second")
        yield from _open_loop(env, row.host)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _round(env: Mapping[str, str], site: str, costs: _Costs) -> None:
    with ExitStack() as stack:
        spans = stack.enter_context(span_receiver())
        events = stack.enter_context(event_receiver())
        ways = {
            "without": env,
            "with": {
                **env,
                **TELEMETRY,
                "OTEL_EXPORTER_OTLP_ENDPOINT": spans.url,
                "SENTRY_DSN": events.url,
            },
        }
        clients = {
            name: stack.enter_context(closing(_client(stack, variables)))
            for name, variables in ways.items()
        }
        for client in clients.values():
            # Opens the site.
            client.request("GET", "/meetings/minutes.json?_size=1", site)
        for moment, numbers in (("first", range(1)), ("warm-up", range(20)), ("flood", None)):
            for kind in MALFORMED:
                for name, client in clients.items():
                    cost = _cost(client, kind, site, numbers or range(100, 100 + REQUESTS))
                    costs.setdefault((name, kind.name, moment), []).append(cost)


def _client(stack: ExitStack, variables: Mapping[str, str]) -> Client:
    server = stack.enter_context(
        serve_uvicorn(
            "benchmarks.hosts.failing:application", env=variables, args=["--no-access-log"]
        )
    )
    return Client(server.port)


def _cost(client: Client, kind: Malformed, site: str, numbers: range) -> float:
    """CPU microseconds of a request, the export of what it sends included."""
    before = client.flushed_cpu_seconds()
    for number in numbers:
        request = kind.request(number, client.port, site)
        client.request(request.method, request.path, site, 500, request.body, dict(request.headers))
    return (client.flushed_cpu_seconds() - before) * 1e6 / len(numbers)


def _open_loop(env: Mapping[str, str], site: str) -> Iterator[str]:
    with ExitStack() as stack:
        receiver = stack.enter_context(OTLPReceiver())
        errors = stack.enter_context(EventReceiver())
        variables = {
            **env,
            **TELEMETRY,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "SENTRY_DSN": errors.dsn,
        }
        servers = [
            stack.enter_context(serve_uvicorn(APP, env=variables, args=["--no-access-log"]))
            for _ in range(PROCESSES)
        ]
        for server in servers:
            with closing(Client(server.port)) as client:
                client.request("GET", "/meetings/minutes.json?_size=1", site)
        before = sum(map(_megabytes, servers))
        requests = flood(servers, site, round(RATE * SECONDS))
        sent = send_at(RATE, requests)
        after = sum(map(_megabytes, servers))
        genuine = next(
            answer
            for request, answer in zip(requests, sent.answers, strict=True)
            if request.path.startswith(GENUINE.path.partition("?")[0])
        )
        for server in servers:
            server.stop()
        trace_id = genuine.headers["traceresponse"].split("-")[1]
        of_genuine = [event for event in errors.events if event.trace_id == trace_id]
        trace = [span for span in receiver.spans if span.trace_id == trace_id]
        server_spans = sum(span.kind == "SERVER" for span in receiver.spans)
    number = len(requests)
    yield f"{RATE:g} malformed requests a second for {SECONDS} seconds and one failure of the host,"
    yield f"offered to {PROCESSES} processes whether or not they answer:"
    yield f"  {number} requests, {sent.offered:.0f} a second offered, {sent.served:.0f} served"
    yield f"  answers by status: {dict(sent.statuses)}"
    yield f"  error events: {len(errors.events)}; traces: {server_spans}, of"
    yield f"    {len(receiver.spans)} spans; log records: {len(receiver.logs)}"
    yield f"  of the host's failure: {len(of_genuine)} event, {len(trace)} spans"
    yield f"  memory of the processes: {before:.0f} MB before, {after:.0f} MB after"


def flood(servers: Sequence[Server], site: str, number: int) -> list[Request]:
    """Malformed requests of each kind in turn, and one failure of the host near the end."""
    requests = [
        MALFORMED[each % len(MALFORMED)].request(each, servers[each % len(servers)].port, site)
        for each in range(number)
    ]
    requests.insert(-3, GENUINE.request(0, servers[-1].port, site))
    return requests


def _megabytes(server: Server) -> float:
    resident = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
