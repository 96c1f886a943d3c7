"""A program that makes items for one exporter; `benchmarks.chaos` runs it, in any environment.

It reads lines: ``emit NUMBER RATE`` makes items at that rate, ``stop`` ends it as a server ends.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

    Emit = Callable[[str], object]


def sdk(url: str, _folder: str) -> Emit:
    """Return how OpenTelemetry's SDK makes an item."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    return _spans(provider.get_tracer("outages"))


def logfire(url: str, _folder: str) -> Emit:
    """Return how Logfire's SDK makes an item. Its folder for retries is a temporary one."""
    import logfire as package

    package.configure(
        token="planted",
        send_to_logfire=True,
        console=False,
        metrics=False,
        inspect_arguments=False,
        advanced=package.AdvancedOptions(base_url=url),
    )

    def emit(name: str) -> None:
        with package.span(name):
            pass

    return emit


def azure(url: str, folder: str) -> Emit:
    """Return how Azure Monitor's exporter makes an item."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    key = "00000000-0000-0000-0000-000000000001"
    exporter = AzureMonitorTraceExporter(
        connection_string=f"InstrumentationKey={key};IngestionEndpoint={url}/",
        storage_directory=folder,
    )
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return _spans(provider.get_tracer("outages"))


def apitally(url: str, _folder: str) -> Emit:
    """Return how Apitally makes an item: of a request to an application."""
    import asyncio

    import apitally.starlette
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def page(_request: object) -> PlainTextResponse:
        return PlainTextResponse("x")

    app = Starlette(routes=[Route("/{name}", page)])
    apitally.starlette.init(app, write_token="apt_" + "a" * 24, env="dev", otlp_endpoint=url)
    loop = asyncio.new_event_loop()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: object) -> None:
        pass

    def emit(name: str) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/{name}",
            "raw_path": f"/{name}".encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        loop.run_until_complete(app(scope, receive, send))

    return emit


def ours(url: str, folder: str) -> Emit:
    """Return how this package makes an item, with a spool if there is a folder."""
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
    os.environ |= {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    if folder:
        os.environ["TELEMETRY_SPOOL_DIR"] = folder

    import telemetry

    telemetry.configure(default_service_name="outages")
    from opentelemetry import trace

    return _spans(trace.get_tracer("outages"))


def _spans(tracer: Tracer) -> Emit:
    def emit(name: str) -> None:
        tracer.start_span(name).end()

    return emit


MAKERS = {maker.__name__: maker for maker in (sdk, logfire, azure, apitally, ours)}


def main(maker: str, url: str, folder: str) -> None:
    """Make items as the lines of standard input say."""
    emit = MAKERS[maker](url, folder)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number = 0
    for line in sys.stdin:
        words = line.split()
        if words[0] == "stop":
            break
        _, first, count, rate = words
        next_at = time.monotonic()
        for number in range(int(first), int(first) + int(count)):
            emit(f"item-{number:06}")
            next_at += 1 / float(rate)
            time.sleep(max(0.0, next_at - time.monotonic()))
        sys.stdout.write("emitted\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
