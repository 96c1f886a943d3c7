"""Formats an exception as a few lines: its message and the relevant frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.frames import frames
from telemetry.terminal import DIM, RED, fit, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.terminal import Terminal


def exceptions(
    span: ReadableSpan, indent: str, terminal: Terminal, printed: set[str]
) -> Iterator[str]:
    """Yield the lines of a span's exceptions, except those in ``printed``, and add them to it.

    One exception is often recorded twice: the failure of a query is also that of its page.
    """
    for event in span.events:
        known: Any = event.attributes or {}
        if event.name != "exception":
            continue
        text = f"{known.get('exception.type')}: {known.get('exception.message')}"
        if text in printed:
            continue
        printed.add(text)
        yield indent + terminal.paint(fit(printable(text), terminal.width - len(indent)), RED)
        for line in frames(str(known.get("exception.stacktrace", ""))):
            yield indent + terminal.paint(fit("  " + line, terminal.width - len(indent)), DIM)
