"""CPU and memory of 10,000 concurrent requests, each with 99 ended children.

Runs in a process whose memory is measured: `python -m benchmarks.open_traces always_on`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode

from telemetry.datasette.folding import DatasetteSpanProcessor
from telemetry.traces.tail import TailSampler, TailSpanProcessor

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

ROOTS = 10_000
QUERIES = 49
STATEMENTS = [f"select column_{n}, count(*) from minutes group by 1" for n in range(QUERIES)]
MS = 1_000_000


class Counting(SpanProcessor):
    """Replaces the exporting processor, and keeps only the number of spans."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()

    def on_end(self, span: ReadableSpan) -> None:
        failed = span.status.status_code is StatusCode.ERROR
        self.kinds[span.kind.name if not failed else f"failed {span.name}"] += 1


def main(sampler: str) -> None:
    exported = Counting()
    tail = TailSpanProcessor(exported)
    if sampler == "tail":
        # The worst case: no trace is sampled by ratio, so all are held.
        provider = TracerProvider(TailSampler(0), shutdown_on_exit=False)
        provider.add_span_processor(DatasetteSpanProcessor(tail))
    else:
        provider = TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
        provider.add_span_processor(DatasetteSpanProcessor(exported))
    host, datasette = provider.get_tracer("host"), provider.get_tracer("datasette")

    before = _resident()
    bare = [host.start_span("GET", kind=SpanKind.SERVER, start_time=0) for _ in range(ROOTS)]
    spans = _resident() - before
    for number, root in enumerate(bare):
        context = trace.set_span_in_context(root)
        host.start_span("own", context).end()
        for statement in STATEMENTS:
            _query(datasette, root, statement)
        if number % 100 == 0:
            _query(datasette, root, "select planted", failing=True)
    gc.collect()
    grown = _resident() - before
    for root in bare:
        root.end(MS)
    print(
        json.dumps(
            {
                "open_spans_megabytes": spans / 1e6,
                "megabytes": grown / 1e6,
                "exported": exported.kinds,
                "dropped": tail.dropped,
            }
        )
    )


def _query(
    tracer: trace.Tracer, above: trace.Span, statement: str, *, failing: bool = False
) -> None:
    query = tracer.start_span("db.query", trace.set_span_in_context(above), start_time=0)
    # A new string each time, as Datasette's are.
    query.set_attributes({"db.query.text": f"{statement} ", "db.namespace": "meetings"})
    execute = tracer.start_span("db.query.execute", trace.set_span_in_context(query), start_time=0)
    execute.end(MS)
    if failing:
        query.set_status(StatusCode.ERROR)
    query.end(MS)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1])
