"""Fingerprints of error events: the same failure on several sites and pages is one issue."""

from __future__ import annotations

import re
import sysconfig
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PART = 200
MAX_CHAIN = 5

# Or not a file: "<string>", for example, which Sentry turns into a path.
_LIBRARIES = re.compile(r"[/\\](?:site|dist)-packages[/\\]|(?:^|[/\\])<[^/\\]*>$")
_STANDARD_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
# Quoted text is often a client's input. A group for each value would let clients create any number
# of issues. A quotation does not span lines, and an apostrophe does not start one.
_QUOTED = re.compile(r"(?<!\w)'[^'\n]*+'(?!\w)|\"[^\"\n]*+\"")
# Addresses, ids and numbers differ between two occurrences of one failure.
_HEXADECIMAL = re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F]{8}[0-9a-fA-F-]*\b")
_NUMBER = re.compile(r"\d+")


def fingerprint(event: Mapping[str, Any], site: str | None) -> list[str]:
    """The event's fingerprint, a list of strings as Sentry defines it.

    For each exception of the chain it has the class, the text without the site's name
    and numbers, the line that raised it, and the innermost line of the host's code.
    Bugsink's default, class and text, creates an issue for each site that an error
    names, and a single issue for two different failed assertions. For a log record the
    fingerprint has the logger and the message before formatting.
    """
    values = (event.get("exception") or {}).get("values") or ()
    if values:
        return [part for value in values[-MAX_CHAIN:] for part in _of_exception(value, site)]
    log = event.get("logentry") or {}
    message = log.get("message") or event.get("message") or ""
    if message == "%s":
        message = log.get("formatted", message)
    return [str(event.get("logger", "")), generalised(str(message), site)]


def generalised(text: str, site: str | None) -> str:
    """A message without the site's name, quoted text, ids and numbers."""
    if site:
        # Whole words only: a site may be called "data", and a message contain "database".
        text = re.sub(rf"(?<![^\W_]){re.escape(site)}(?![^\W_])", "<site>", text)
    text = _QUOTED.sub("<text>", text[: 4 * MAX_PART])
    # The same placeholder for both: a long row number looks like an id.
    text = _HEXADECIMAL.sub("<n>", text)
    return _NUMBER.sub("<n>", text)[:MAX_PART]


def _of_exception(value: Mapping[str, Any], site: str | None) -> Iterator[str]:
    yield f"{value.get('module') or ''}.{value.get('type') or ''}"
    yield generalised(str(value.get("value") or ""), site)
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    if frames:
        raised = frames[-1]
        yield _line(raised)
        own = next((frame for frame in reversed(frames) if _is_host_frame(frame)), raised)
        if own is not raised:
            yield _line(own)


def _line(frame: Mapping[str, Any]) -> str:
    # The source text, not the line number, which changes with every edit above the line.
    source = str(frame.get("context_line") or "").strip()
    return f"{frame.get('module') or ''}:{frame.get('function') or ''}:{source}"[:MAX_PART]


def _is_host_frame(frame: Mapping[str, Any]) -> bool:
    path = str(frame.get("abs_path") or "")
    if not path or _LIBRARIES.search(path):
        return False
    return not path.startswith(_STANDARD_LIBRARY)
