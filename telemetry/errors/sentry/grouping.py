"""Which events are one issue: the same fault, on whichever site and page it struck."""

from __future__ import annotations

import re
import sysconfig
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PART = 200
MAX_CHAIN = 5

# Or no file at all, "<string>" for one, of which Sentry makes a path all the same.
_LIBRARIES = re.compile(r"[/\\](?:site|dist)-packages[/\\]|(?:^|[/\\])<[^/\\]*>$")
_STANDARD_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
# What somebody typed, as a rule, and each time something else: a group for each would be theirs to
# make. Not across lines, nor an apostrophe.
_QUOTED = re.compile(r"(?<!\w)'[^'\n]*+'(?!\w)|\"[^\"\n]*+\"")
# Addresses and ids, then any number: what differs between two strikes of one fault.
_HEXADECIMAL = re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F]{8}[0-9a-fA-F-]*\b")
_NUMBER = re.compile(r"\d+")


def fingerprint(event: Mapping[str, Any], site: str | None) -> list[str]:
    """The event's group, by Sentry's contract: a list of strings.

    An exception's is its class, its text without the site's name and numbers,
    the line that raised it and the innermost line of the host's own code, for
    each exception of the chain. Bugsink's default, class and text, makes an
    issue for each site that an error names, and one of two failed assertions.
    A log record's is its logger and its message before formatting.
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
    """A message without what is particular to one site, row or object."""
    if site:
        # A word of its own: a site may be called "data", and no database be open.
        text = re.sub(rf"(?<![^\W_]){re.escape(site)}(?![^\W_])", "<site>", text)
    text = _QUOTED.sub("<text>", text[: 4 * MAX_PART])
    # One sign for both: a row's number may grow until it looks like an id.
    text = _HEXADECIMAL.sub("<n>", text)
    return _NUMBER.sub("<n>", text)[:MAX_PART]


def _of_exception(value: Mapping[str, Any], site: str | None) -> Iterator[str]:
    yield f"{value.get('module') or ''}.{value.get('type') or ''}"
    yield generalised(str(value.get("value") or ""), site)
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    if frames:
        raised = frames[-1]
        yield _line(raised)
        own = next((frame for frame in reversed(frames) if _is_the_hosts(frame)), raised)
        if own is not raised:
            yield _line(own)


def _line(frame: Mapping[str, Any]) -> str:
    # Its text and not its number, which every change above it moves.
    source = str(frame.get("context_line") or "").strip()
    return f"{frame.get('module') or ''}:{frame.get('function') or ''}:{source}"[:MAX_PART]


def _is_the_hosts(frame: Mapping[str, Any]) -> bool:
    path = str(frame.get("abs_path") or "")
    if not path or _LIBRARIES.search(path):
        return False
    return not path.startswith(_STANDARD_LIBRARY)
