"""Looks at a host: how it is put together, and whether its router names a site."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.commands.check.findings import LIMIT, SITE, Finding, HostError
from telemetry.commands.environment import importing
from telemetry.exceptions import TelemetryError
from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from telemetry.commands.cost.driving import Page, Visited

WANTED = "module:attribute of an ASGI application, such as config.asgi:application"
# That process reports where it is after `LIMIT` seconds, unless it can't.
_TIMEOUT = LIMIT + 10
_MAX_OUTPUT = 4000


@dataclass(frozen=True, slots=True)
class Host:
    """What was found in a host."""

    application: str
    findings: tuple[Finding, ...]
    has_edge: bool
    """Whether telemetry's edge is the application, or within it."""
    service_name: str | None = None
    """Name that the host gives itself, if no variable names it."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is in the way."""
        return all(finding.well is not False for finding in self.findings)


def look_at(target: str, environ: Mapping[str, str]) -> Host:
    """Import a host in a separate process, and return what is in the way.

    That process sends nothing to the host's destinations, and finds the modules that this
    process finds.

    Args:
        target: ``module:attribute``.
        environ: Variables of the host.

    Raises:
        HostError: The host can't be imported, or there is no such application.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise HostError(f"{target!r}: wanted {WANTED}")
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    with tempfile.TemporaryDirectory(prefix="telemetry-check-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-P", "-m", "telemetry.commands.check.inspection"]
        code, output = _run(
            [*command, target, str(result)], {**importing(environ), "PYTHONPATH": path}
        )
        if code is None:
            raise HostError(f"{target!r}: not imported within {_TIMEOUT:g} s{output}")
        if not result.exists():
            raise HostError(f"{target!r}: the process that imports it ended with {code}{output}")
        found = json.loads(result.read_text(encoding="utf-8"))
    if "error" in found:
        raise HostError(found["error"])
    findings = tuple(Finding(**finding) for finding in found["findings"])
    return Host(target, findings, found["has_edge"], found["service_name"])


def _run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int | None, str]:
    """Return the exit code, or None after the time limit, and the end of the output.

    The output is a file and not a pipe, which would stay open with each program that the host
    starts. These programs are in the process's group, and are ended with it: its exit handlers,
    which would end them, do not run.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(  # noqa: S603 # the operator's own application
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
        code: int | None = None
        try:
            code = process.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read()[-_MAX_OUTPUT:]
    return code, f". Its output:\n{text}" if text else ""


def with_sites(host: Host, pages: Sequence[Page], environ: Mapping[str, str]) -> Host:
    """Serve the host, request the pages, and add whether its router names a site for each."""
    return replace(host, findings=(*host.findings, *_sites(host, pages, environ)))


def _sites(host: Host, pages: Sequence[Page], environ: Mapping[str, str]) -> Iterator[Finding]:
    if not pages:
        yield Finding(SITE, None, "not looked at; name one by --site HOST")
        return
    if not host.has_edge:
        yield Finding(SITE, None, "not looked at, since no edge records the request")
        return
    # Here: the receiver takes as long to import as the rest of the command.
    from telemetry.commands.cost.driving import visit

    try:
        visited = visit(host.application, pages, 1, {**environ, "OTEL_TRACES_SAMPLER": "always_on"})
    except TelemetryError as error:
        problem, _, output = str(error).partition("\n")
        # What a traceback ends with.
        yield Finding(SITE, False, problem, "".join(output.strip().splitlines()[-1:]))
        return
    yield from map(of_site, visited)


def of_site(visited: Visited) -> Finding:
    """Return whether the router named a site for a page, and if not, why."""
    page = visited.page
    servers = [span for one in visited.visits for span in one if span.kind == "SERVER"]
    site = next((span.attributes[a.SITE] for span in servers if a.SITE in span.attributes), None)
    if site is not None:
        return Finding(SITE, True, f"{page} has the site {site}")
    problem = f"{page} has no site (status {visited.status})"
    if not servers:
        return Finding(
            SITE,
            None,
            f"{page} is not traced",
            "Do TELEMETRY_UNTRACED_PATHS or _EXCLUDED_URLS match?",
        )
    if any(span.attributes.get(a.OUTCOME) == "unknown_site" for span in servers):
        advice = "The router knows no such site: give the host name of a registered one."
    elif visited.location.startswith("https:") and page.scheme == "http":
        advice = "The host redirects to HTTPS before it names the site: give "
        advice += f"--site https://{page.host}."
    else:
        advice = "Call telemetry.set_site() in the router, once it has found the site of a request."
    return Finding(SITE, False, problem, advice)
