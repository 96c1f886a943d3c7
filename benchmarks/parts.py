"""`python -m benchmarks.parts`: where each microsecond of a request goes.

The edge is called without a server, in one process, over an application that does nothing or
starts Datasette's spans. A part is what a request takes less without it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging.config
import os
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.command import say
from benchmarks.growth import answer, receive_nothing, request_scope, send_nothing
from benchmarks.machine import machine
from benchmarks.receivers import sentry_sink, span_receiver
from benchmarks.statistics import median_interval
from tests.support.environment import clean_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from telemetry.scope import ASGIApp, Receive, Scope, Send

ROUNDS = 15
# Of each way in a round.
_CALLS = 300
_CHUNKS = 10
_QUERIES = 50
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- parts -->\n", "<!-- /parts -->\n"

BARE, EMPTY, FULL = "bare", "empty", "full"
# Each part is the difference of two ways to serve the same request.
PARTS: Sequence[tuple[str, str, str]] = (
    ("edge: record, headers, `receive` and `send`, context", EMPTY, BARE),
    ("SERVER span, from start to end", "span", EMPTY),
    ("span: site, folding, sampling, and what is queued", "exported", "span"),
    ("measurements of the edge", FULL, "no metrics"),
    ("access line", FULL, "no line"),
    ("error tracking: Sentry's scope", FULL, "no errors"),
    ("all of it, on the event loop", FULL, BARE),
    ("a query: two spans, folded", "queries", FULL),
    ("a query's measurement", "measured", "queries"),
)
SENDING = "encoding that is left to the sender's thread, and sending"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help=f"write them into {DOCUMENT.name}")
    options = parser.parse_args(arguments)
    if options.rounds < (ROUNDS if options.write else 1):
        parser.error(f"--rounds: wanted at least 1, and {ROUNDS} with --write")
    table = "\n".join(lines(_measure(options.rounds))) + "\n"
    sys.stdout.write(table)
    if options.write:
        DOCUMENT.write_text(with_table(DOCUMENT.read_text(), table))
    return 0


def lines(rounds: Sequence[Mapping[str, float]]) -> Iterator[str]:
    """Yield the table as Markdown.

    Args:
        rounds: of each round, CPU microseconds of a request by way, and of `SENDING`.
    """
    whole = median(each[FULL] - each[BARE] for each in rounds)
    yield f"Medians of {len(rounds)} rounds, {machine()}:"
    yield ""
    yield "| part | CPU µs | interval | of a request's |"
    yield "| --- | ---: | ---: | ---: |"
    for title, one, other in PARTS:
        # A query's are divided by the number of queries.
        number = _QUERIES if one in ("queries", "measured") else 1
        yield _line(title, [(each[one] - each[other]) / number for each in rounds], whole)
    yield _line(SENDING, [each[SENDING] for each in rounds], whole)


def with_table(document: str, table: str) -> str:
    """Return the document with another table between its two comments.

    Raises:
        ValueError: if they are not there.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"wanted the lines {BEGIN.strip()} and {END.strip()} in the document")
    return f"{before}{begin}{table}{end}{after}"


def _line(title: str, values: Sequence[float], whole: float) -> str:
    low, high = median_interval(values)
    middle = median(values)
    return f"| {title} | {middle:.1f} | {low:.1f} to {high:.1f} | {middle / whole:.0%} |"


def _measure(rounds: int) -> list[dict[str, float]]:
    say(f"{rounds} rounds")
    with span_receiver() as receiver, sentry_sink() as sink:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.parts", "--measure", str(rounds)],
            env=clean_environment(
                os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, SENTRY_DSN=sink.url
            ),
            cwd=ROOT,
            check=True,
            # The access lines.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if not receiver.take_count():
            raise RuntimeError("no span arrived")
    found: list[dict[str, float]] = json.loads(done.stderr.splitlines()[-1])
    return found


async def _run(rounds: int) -> list[dict[str, float]]:
    ways = _ways()
    scope = request_scope("alameda.ca.civic.band")
    found = []
    # The first is a warm-up.
    for _ in range(rounds + 1):
        chunks: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(_CHUNKS):
            for name, app in ways.items():
                calls = _CALLS // _CHUNKS
                if name in ("queries", "measured"):
                    calls = max(1, calls // 10)
                _flush()
                began = time.thread_time()
                for _ in range(calls):
                    await app({**scope}, receive_nothing, send_nothing)
                chunks[name].append((time.thread_time() - began) / calls * 1e6)
        # Where other programs take the processor's caches, some chunks are slow.
        costs = {name: median(found) for name, found in chunks.items()}
        _flush()
        for _ in range(_CALLS):
            await ways[FULL]({**scope}, receive_nothing, send_nothing)
        # Of all threads, since the sender's are the ones.
        began = time.process_time()
        _flush()
        costs[SENDING] = (time.process_time() - began) / _CALLS * 1e6
        found.append(costs)
    return found[1:]


def _ways() -> Mapping[str, ASGIApp]:
    import telemetry

    telemetry.configure(default_service_name="parts")
    logging.config.dictConfig(telemetry.logging_config())

    from opentelemetry import metrics, trace
    from opentelemetry.metrics import NoOpMeter

    from telemetry.asgi.edge import Edge
    from telemetry.errors.sentry.isolation import Isolation
    from telemetry.traces.provider import TracerProvider
    from telemetry.traces.unrecorded import UnrecordedTracer

    full: Edge = telemetry.asgi_wrapper(_trivial)
    if not isinstance(full.app, Isolation):
        raise RuntimeError("error tracking is off")
    options = full.options
    empty = replace(
        options,
        tracer=UnrecordedTracer(),
        meter=NoOpMeter("telemetry"),
        access_log=False,
        was_kept=None,
    )
    unexported = TracerProvider(light=("telemetry",), shutdown_on_exit=False)
    tracer = trace.get_tracer("datasette")
    durations = metrics.get_meter("datasette").create_histogram("db.client.operation.duration", "s")
    known = {"db.system": "sqlite", "db.namespace": "meetings"}

    def with_queries(*, measured: bool) -> Any:
        async def queries(_scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            for number in range(_QUERIES):
                statement = f"select column_{number % 20} from minutes where id = :id"
                with (
                    tracer.start_as_current_span(
                        "db.query", attributes={**known, "db.query.text": statement}
                    ),
                    tracer.start_as_current_span("db.query.execute"),
                ):
                    pass
                if measured:
                    durations.record(0.001, {**known, "datasette.operation": "read"})
            await answer(send)

        return telemetry.asgi_wrapper(queries)

    return {
        BARE: _trivial,
        EMPTY: Edge(_trivial, empty),
        "span": Edge(_trivial, replace(empty, tracer=unexported.get_tracer("telemetry"))),
        "exported": Edge(
            _trivial, replace(empty, tracer=options.tracer, was_kept=options.was_kept)
        ),
        FULL: full,
        "no metrics": _isolated(full, replace(options, meter=NoOpMeter("telemetry"))),
        "no line": _isolated(full, replace(options, access_log=False)),
        "no errors": Edge(_trivial, options),
        "queries": with_queries(measured=False),
        "measured": with_queries(measured=True),
    }


def _isolated(full: ASGIApp, options: object) -> ASGIApp:
    """Return another edge over the same application, error tracking included."""
    from telemetry.asgi.edge import Edge

    return Edge(full.app, options)  # type: ignore[attr-defined, arg-type]


async def _trivial(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await answer(send)


def _flush() -> None:
    from benchmarks.hosts.flushing import flush_items

    flush_items()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        _found = asyncio.run(_run(int(sys.argv[2])))
        print(json.dumps(_found), file=sys.stderr)
        sys.exit(0)
    sys.exit(main())
