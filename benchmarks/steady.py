"""`python -m benchmarks.steady`: memory, threads and descriptors of a host at a steady rate.

A round is a minute. In the third of five the backend is away, and what it would have got is on
disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from statistics import mean
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine, packages
from benchmarks.pages import choose_pages
from telemetry.testing import OTLPReceiver
from tests.support.host import prepare_host
from tests.support.processes import HOST, free_port
from tests.support.servers import serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.pages import Page
    from tests.support.servers import Server

MINUTES = 10
RATE = 20.0
"""Requests a second."""
SAMPLES = 6
"""Number of samples in a minute."""


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("steady", __doc__, _run, arguments, least=MINUTES)


def _run(minutes: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        env = prepare_host(Path(name))
        pages = choose_pages(env)
        receiver = OTLPReceiver(free_port())
        spool = Path(name) / "spool"
        with receiver:
            variables = {
                **env,
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
                "TELEMETRY_SPOOL_DIR": str(spool),
            }
            with serve_uvicorn(env=variables, args=["--no-access-log"]) as server:
                yield f"One worker of uvicorn, {RATE:g} requests a second, {minutes} minutes."
                yield f"Means of {SAMPLES} samples; in the third of five the backend is away."
                yield ""
                yield f"  {'minute':<8}{'backend':<9}{'MB':>7}{'threads':>9}{'descriptors':>13}"
                sent, traced = 0, 0
                for minute in range(1, minutes + 1):
                    is_away = minute % 5 == 3
                    if is_away:
                        receiver.close()
                    requests, found = _minute(server, pages)
                    if is_away:
                        receiver.start()
                    sent += requests
                    state = "away" if is_away else "there"
                    line = (
                        f"  {minute:<8}{state:<9}{found[0]:>7.1f}{found[1]:>9.1f}{found[2]:>13.1f}"
                    )
                    say(line)
                    yield line
                    if not is_away:
                        traced += _traced(receiver)
                # What is in the spool is sent before the rest.
                wait_until(lambda: not [*spool.rglob("*.items")])
                server.stop()
                traced += _traced(receiver)
            waiting = sum(path.is_file() for path in spool.rglob("*"))
    yield ""
    yield f"  {sent} requests, {traced} traces arrived, {waiting} files are left in the spool"
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _minute(server: Server, pages: Sequence[Page]) -> tuple[int, tuple[float, float, float]]:
    """Send the requests of a minute. Return their number and the means of the samples."""
    began = time.monotonic()
    samples: list[tuple[float, float, float]] = []
    number = 0
    with closing(HTTPConnection(HOST, server.port, timeout=60)) as connection:
        while (elapsed := time.monotonic() - began) < 60:
            if elapsed >= (len(samples) + 0.5) * 60 / SAMPLES:
                samples.append(_usage(server.pid))
            page = pages[number % len(pages)]
            connection.request("GET", page.path, headers={"Host": page.host})
            response = connection.getresponse()
            response.read()
            if response.status != page.status:
                raise AssertionError(f"{page.path}: {response.status}")
            number += 1
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
    columns = zip(*samples, strict=True)
    memory, threads, descriptors = (mean(column) for column in columns)
    return number, (memory, threads, descriptors)


def _usage(pid: int) -> tuple[float, float, float]:
    """Return megabytes of resident memory, and the numbers of threads and of descriptors."""
    folder = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    return (
        int(status["VmRSS"].split()[0]) / 1024,
        float(status["Threads"]),
        float(len([*(folder / "fd").iterdir()])),
    )


def _traced(receiver: OTLPReceiver) -> int:
    count = sum(span.kind == "SERVER" for span in receiver.spans)
    receiver.clear()
    return count


if __name__ == "__main__":
    sys.exit(main())
