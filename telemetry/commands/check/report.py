"""Formats the results of a check as text and as JSON."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.commands.check.probes import Report, Result

_WIDTH = 80
_INDENT = "         "


def as_text(report: Report) -> str:
    """Return lines of at most 80 columns. Addresses are never cut and may be longer."""
    lines = [f"{report.service_name}, trace {report.trace_id}", ""]
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
        yield from textwrap.wrap(
            result.advice,
            _WIDTH,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    if result.look_at:
        yield f"{_INDENT}{result.look_at}"


def as_json(report: Report) -> str:
    """Return an object: `arrived` (of all), `service_name`, `trace_id`, and `results`.

    Each result has `what`, `exporter`, `address`, `arrived` (null if nothing is sent over
    a network), `seconds`, `problem`, `advice` and `look_at`. The last three may be empty.
    """
    shape = {
        "arrived": report.all_arrived,
        "service_name": report.service_name,
        "trace_id": report.trace_id,
        "results": [asdict(result) for result in report.results],
    }
    return json.dumps(shape, indent=2) + "\n"
