"""Formats the results of a check as text and as JSON."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from telemetry.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.commands.check.findings import Finding
    from telemetry.commands.check.probes import Report, Result

_WIDTH = 80
_INDENT = "         "
_WORDS = {True: "ok", False: "WRONG", None: "-"}


def as_text(report: Report) -> str:
    """Return lines of at most 80 columns. Addresses are never cut and may be longer."""
    lines = []
    if report.host is not None:
        lines += [f"host {report.host.application}", ""]
        for finding in report.host.findings:
            lines += _of_finding(finding)
    if report.results:
        lines += [""] if lines else []
        lines += [f"{report.service_name}, trace {report.trace_id}", ""]
        for result in report.results:
            lines += _lines(result)
    return "\n".join(lines) + "\n"


def _lines(result: Result) -> Iterator[str]:
    where = f" {result.address}" if result.address else ""
    if result.arrived is None:
        said = result.problem or "not sent over a network"
        yield f"-        {result.what}: {result.exporter}{where}, {said}"
    elif result.arrived:
        took = f"{result.seconds * 1000:.0f} ms"
        yield f"arrived  {result.what}: {result.exporter}{where}, {took}"
    else:
        yield f"LOST     {result.what}: {result.exporter}{where}"
        yield f"{_INDENT}{result.problem}"
    if result.advice:
        yield from _wrapped(result.advice, _INDENT)
    if result.look_at:
        yield f"{_INDENT}{result.look_at}"


def _of_finding(finding: Finding) -> Iterator[str]:
    word = _WORDS[finding.well]
    yield from _wrapped(
        printable(f"{finding.what}: {finding.description}"), f"{word:<{len(_INDENT)}}"
    )
    if finding.advice:
        yield from _wrapped(printable(finding.advice), _INDENT)


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_json(report: Report) -> str:
    """Return an object: `arrived` (of all), `service_name`, `trace_id`, and `results`.

    Each result has `what`, `exporter`, `address`, `arrived` (null if nothing is sent over
    a network), `seconds`, `problem`, `advice` and `look_at`. The last three may be empty.

    With a host, `host` has `application`, `well` (of all) and `findings`, each with `what`,
    `well` (null if it was not looked at), `description` and `advice`. Without a destination,
    `arrived` and `trace_id` are null.
    """
    shape: dict[str, Any] = {
        "arrived": report.all_arrived if report.results else None,
        "service_name": report.service_name,
        "trace_id": report.trace_id,
        "results": [asdict(result) for result in report.results],
    }
    if report.host is not None:
        shape["host"] = {
            "application": report.host.application,
            "well": report.host.is_well,
            "findings": [asdict(finding) for finding in report.host.findings],
        }
    return json.dumps(shape, indent=2) + "\n"
