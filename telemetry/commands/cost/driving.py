"""Serves an application, requests its pages, and collects the spans that it exports."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telemetry.commands.environment import sending_to
from telemetry.exceptions import TelemetryError
from telemetry.testing import EventReceiver, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from telemetry.testing import ReceivedSpan

    Count = Callable[[OTLPReceiver, EventReceiver, set[str]], None]

HOST = "127.0.0.1"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
PAGE_TIMEOUT = 60.0
EVERYTHING = {
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    # Once, when the server stops.
    "OTEL_METRIC_EXPORT_INTERVAL": "86400000",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative",
    "TELEMETRY_ACCESS_LOG": "all",
    "LOG_FORMAT": "json",
    # The limits are applied to the month, and not to the requests that are made at once.
    "TELEMETRY_EVENT_LIMIT": "1000000",
    "TELEMETRY_EVENT_GROUP_LIMIT": "1000000",
}
"""Variables with which everything is received once."""


@dataclass(frozen=True, slots=True)
class Visited:
    """A page, its last response, and the spans of each request."""

    page: Page
    status: int
    visits: Sequence[Sequence[ReceivedSpan]]
    location: str = ""
    """Address that a redirect names."""


def visit(
    application: str,
    pages: Sequence[Page],
    times: int,
    environ: Mapping[str, str],
    count: Count | None = None,
) -> list[Visited]:
    """Serve the application and request each page once as a warm-up, then `times` times.

    Args:
        application: The application, as module:attribute; a factory of it has ``()`` behind it.
        pages: The pages.
        times: Number of requests to each.
        environ: The application's environment.
        count: Counts everything beside spans, if given. Called with both receivers and the ids of
            the requests' traces.

    Raises:
        TelemetryError: The application does not start, or has no telemetry edge.
    """
    with OTLPReceiver() as receiver, EventReceiver() as errors:
        variables = sending_to(receiver.url, environ)
        if count is not None:
            variables |= EVERYTHING
            # Without the package, a DSN is an error at start-up.
            if importlib.util.find_spec("sentry_sdk") is not None:
                variables["SENTRY_DSN"] = errors.dsn
        trace_ids: dict[Page, list[str]] = {}
        last: dict[Page, tuple[int, str]] = {}
        with _serving(application, variables) as port:
            for page in pages:
                _get(port, page)
                for _ in range(times):
                    status, trace_id, location = _get(port, page)
                    last[page] = status, location
                    trace_ids.setdefault(page, []).append(trace_id)
        if count is not None:
            count(receiver, errors, {each for ids in trace_ids.values() for each in ids})
        by_trace: dict[str, list[ReceivedSpan]] = {}
        for span in receiver.spans:
            by_trace.setdefault(span.trace_id, []).append(span)
    return [
        Visited(
            page, status, [by_trace.get(trace_id, []) for trace_id in trace_ids[page]], location
        )
        for page, (status, location) in last.items()
    ]


@contextmanager
def _serving(application: str, variables: Mapping[str, str]) -> Iterator[int]:
    with closing(socket.socket()) as listener, tempfile.TemporaryFile("w+") as output:
        # Bound here and not by the server: no other process can take the port before it listens.
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", application.removesuffix("()")]
        command += ["--factory"] if application.endswith("()") else []
        command += ["--fd", str(listener.fileno())]
        command += ["--no-access-log", "--log-level", "warning"]
        # uvicorn takes the scheme from the header X-Forwarded-Proto of this client.
        command += ["--proxy-headers", "--forwarded-allow-ips", HOST]
        server = subprocess.Popen(  # noqa: S603 # the operator's own application
            command,
            # Not added to those of this process, which name the operator's destinations.
            env=variables,
            stdout=output,
            stderr=output,
            pass_fds=(listener.fileno(),),
        )
        try:
            _wait_for(server, port)
            yield port
        except TelemetryError as error:
            output.seek(0)
            raise TelemetryError(f"{error}\n{output.read()[-4000:]}") from None
        finally:
            server.terminate()
            try:
                server.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection((HOST, port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise TelemetryError("the application did not start; uvicorn said:")


def _get(port: int, page: Page) -> tuple[int, str, str]:
    """Return the status, the trace id, and the address that a redirect names."""
    # As a browser and a proxy that terminates TLS would: hosts route and redirect by both.
    headers = {"Host": page.host, "X-Forwarded-Proto": page.scheme}
    with closing(HTTPConnection(HOST, port, timeout=PAGE_TIMEOUT)) as connection:
        try:
            connection.request("GET", page.path, headers=headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            raise TelemetryError(f"{page}: no answer ({error}); the application said:") from None
    trace_ids = (answer.headers.get("traceresponse") or "").split("-")
    if len(trace_ids) != 4:
        raise TelemetryError(
            f"{page}: answered {answer.status} without a traceresponse header: is "
            "telemetry.asgi_wrapper() around the application, and the page not excluded? "
            "The application said:"
        )
    redirected = 300 <= answer.status < 400
    return answer.status, trace_ids[1], answer.headers.get("location", "") if redirected else ""


WANTED = "a page such as http://alameda.ca.localhost/meetings/minutes, or /meetings/minutes"


@dataclass(frozen=True, slots=True)
class Page:
    """A page: a Host header, a path with its query string, and ``http`` or ``https``."""

    host: str
    """With the port, if the address has one."""
    path: str
    scheme: str = "http"

    def __str__(self) -> str:
        return f"{'https://' if self.scheme == 'https' else ''}{self.host}{self.path}"


def parse_page(value: str) -> Page:
    """Parse an address, or a path on ``localhost``.

    Raises:
        ValueError: The text is neither. Names what was given and what is wanted.
    """
    parts = urlsplit(value if not value.startswith("/") else f"http://localhost{value}")
    try:
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"{value!r}: wanted {WANTED}")
    path = parts.path or "/"
    # Not the port of the local server, which is not that of the host's addresses: a host may
    # refuse a Host header with another port, or redirect it.
    host = parts.netloc.rpartition("@")[2].lower()
    return Page(host, f"{path}?{parts.query}" if parts.query else path, parts.scheme)
