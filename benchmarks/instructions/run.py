"""Runs the host under callgrind, and returns the instructions of a request."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.hosts.control import PATH
from benchmarks.hosts.variables import LIBRARY, OBSERVED, OPCODES, TRIVIAL
from benchmarks.pages import Page, choose_pages
from telemetry.export.processors import MOST_STAGED
from tests.support.processes import HOST, accepts_connections, free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SOURCE = Path(__file__).with_name("callgrind.c")
# Seconds for one answer: under Valgrind, and on a busy machine.
PATIENCE = 600.0
NEVER = "100000s"
NEVER_MS = "100000000"
CONTROLS = 7
_TOTAL = re.compile(r"^(?:totals|summary): (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A page, and how it is counted: `segments` times `requests`, after `warm_up` requests."""

    name: str
    page: Page
    warm_up: int
    segments: int
    requests: int


@dataclass(frozen=True, slots=True)
class Count:
    """Instructions of a request: of each segment, and of sending its data."""

    segments: tuple[float, ...]
    sending: float = 0.0

    @property
    def instructions(self) -> float:
        """The median of the segments, and what sending adds."""
        return median(self.segments) + self.sending


def compile_library(folder: Path) -> Path:
    """Compile the client requests, with a C compiler and the headers of Debian's `valgrind`."""
    library = folder / "callgrind.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)
    return library


def cases(env: Mapping[str, str]) -> list[Case]:
    """Return what is counted.

    All small pages are requested as often, since their data are sent once: a batch takes two
    million instructions, whatever its size. A segment has as many requests as spans are encoded
    together, so that each has its part of that work.
    """
    view, row, table = choose_pages(env)
    edge = Page("a trivial application", view.host, TRIVIAL, 1)
    return [
        Case("edge", edge, 40, 9, MOST_STAGED),
        Case("view", view, 30, 9, MOST_STAGED),
        Case("row", row, 20, 9, MOST_STAGED),
        Case("table", table, 3, 3, MOST_STAGED),
    ]


def everything(receiver: str, sink: str) -> dict[str, str]:
    """Return the variables of the host with traces, metrics, log lines and errors."""
    return {OBSERVED: "1", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver, "SENTRY_DSN": sink}


def count(
    env: Mapping[str, str], library: Path, counted: Sequence[Case], variables: Mapping[str, str]
) -> dict[str, Count]:
    """Count the cases in one server under callgrind.

    Args:
        env: of the prepared host.
        library: the compiled client requests.
        counted: the cases.
        variables: what configures telemetry; without any, the host is bare.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instructions-")))
        valgrind = (
            *("valgrind", "--tool=callgrind", "--quiet", "--instr-atstart=no"),
            f"--callgrind-out-file={folder}/out",
        )
        environment = {**_environment(env, variables), LIBRARY: str(library)}
        client = stack.enter_context(_server(environment, valgrind))
        dumps = _Dumps(client, folder)
        for case in counted:
            client.request_page(case.page, case.warm_up)
        client.control("start")
        # Each segment contains one request of this kind.
        control = median([dumps.take() for _ in range(CONTROLS)])
        found = {}
        for case in counted:
            # The first after another page finds other things in caches.
            client.request_page(case.page, 1)
            dumps.take(flush=True)
            segments = []
            for _ in range(case.segments):
                client.request_page(case.page, case.requests)
                segments.append((dumps.take() - control) / case.requests)
            sending = (dumps.take(flush=True) - control) / (case.segments * case.requests)
            found[case.name] = Count(tuple(segments), max(0.0, sending))
        return found


def count_functions(
    env: Mapping[str, str], counted: Sequence[Case], variables: Mapping[str, str]
) -> dict[str, Counter[str]]:
    """Count Python's instructions of a request, by case and function, in a segment of each case."""
    environment = {**_environment(env, variables), OPCODES: "1"}
    found = {}
    with _server(environment, ()) as client:
        for case in counted:
            client.request_page(case.page, case.warm_up)
        client.control("start")
        for case in counted:
            client.request_page(case.page, 1)
            client.control("flush")
            client.request_page(case.page, case.requests)
            counts = client.control("flush")
            found[case.name] = Counter({name: n // case.requests for name, n in counts.items()})
    return found


def _environment(env: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    return {
        **env,
        "PYTHONHASHSEED": "0",
        # What depends on the time, since everything takes longer here.
        "TELEMETRY_FOLD_BELOW": NEVER,
        "TELEMETRY_SLOW": NEVER,
        "OTEL_BSP_SCHEDULE_DELAY": NEVER_MS,
        "OTEL_BLRP_SCHEDULE_DELAY": NEVER_MS,
        "OTEL_METRIC_EXPORT_INTERVAL": NEVER_MS,
        **variables,
    }


class _Client(Client):
    def control(self, do: str, name: str = "") -> dict[str, int]:
        found: dict[str, int] = self._get_json(f"{PATH}?{do}={name}")
        return found


class _Dumps:
    """Callgrind's files, one for each dump."""

    def __init__(self, client: _Client, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._number = 0

    def take(self, *, flush: bool = False) -> int:
        """Return the instructions since the last call, after a flush if asked for."""
        self._number += 1
        self._client.control("flush" if flush else "dump", str(self._number))
        path = self._folder / f"out.{self._number}"
        total = int(_TOTAL.findall(path.read_text())[0])
        path.unlink()
        return total


@contextmanager
def _server(env: Mapping[str, str], before: Sequence[str]) -> Iterator[_Client]:
    port = free_port()
    command = [
        *before,
        *(sys.executable, "-m", "uvicorn", "benchmarks.hosts.counted:application"),
        *("--host", HOST, "--port", str(port), "--no-access-log"),
        *("--timeout-keep-alive", "100000"),
    ]
    with program(command, env=env) as running:
        running.wait_until(lambda: accepts_connections(port), PATIENCE)
        with closing(_Client(port, PATIENCE)) as client:
            yield client
