"""An exception in a few lines: its message, and the frames that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.frames import frames
from telemetry.terminal import DIM, RED, fit, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.terminal import Terminal


def exceptions(
    span: ReadableSpan, indent: str, terminal: Terminal, told: set[str]
) -> Iterator[str]:
    """Those that the span tells of and that were not ``told``: a page fails by its query's."""
    for event in span.events:
        known: Any = event.attributes or {}
        if event.name != "exception":
            continue
        text = f"{known.get('exception.type')}: {known.get('exception.message')}"
        if text in told:
            continue
        told.add(text)
        yield indent + terminal.paint(fit(printable(text), terminal.width - len(indent)), RED)
        for line in frames(str(known.get("exception.stacktrace", ""))):
            yield indent + terminal.paint(fit("  " + line, terminal.width - len(indent)), DIM)
