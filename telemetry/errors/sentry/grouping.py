"""Fingerprints of error events, made of code only: a client can't choose the group of an event."""

from __future__ import annotations

import inspect
import linecache
import re
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

MAX_PART = 200
MAX_CHAIN = 5

# Or not a file: "<string>", for example, which Sentry turns into a path.
_LIBRARIES = re.compile(r"[/\\](?:site|dist)-packages[/\\]|(?:^|[/\\])<[^/\\]*>$")
_STANDARD_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
# Where the package is installed in editable mode.
_OWN = str(Path(__file__).parents[2]) + "/"


def fingerprint(event: Mapping[str, Any], log: logging.LogRecord | None = None) -> list[str]:
    """The event's fingerprint, a list of strings as Sentry defines it.

    For each exception of the chain it has the class, the line that raised it, and the
    innermost line of the host's code, or else of a library that is not the standard library.
    For a log record it has the logger, the line that logged it, and the innermost line of the
    host's code on the current stack. Texts are left out, since they may have anything that a
    client has sent: each value would be an issue. Bugsink's default is class and text.

    Args:
        event: an event of Sentry's SDK.
        log: the log record that the event was made of, if any.
    """
    values = (event.get("exception") or {}).get("values") or ()
    # Once each: how deep a recursion is, a client may be able to choose.
    chain = list(dict.fromkeys(_of_exception(value) for value in values))
    parts = [part for exception in chain[-MAX_CHAIN:] for part in exception]
    if not values:
        parts = [str(event.get("logger") or "")]
    if any(_frames(value) for value in values):
        return parts
    # Of an exception that was never raised there are no frames.
    frame: FrameType | None = inspect.currentframe()
    if log is not None:
        parts.append(_source(log.module, log.funcName, log.pathname, log.lineno))
        # From the call on: the host's handlers are not why it was called. It may be another
        # thread's.
        frame = next((each for each in _outwards(frame) if _is_call(each, log)), None)
    own = _host_line(frame)
    return parts if own is None or own in parts else [*parts, own]


def _of_exception(value: Mapping[str, Any]) -> tuple[str, ...]:
    frames = _frames(value)
    lines = []
    if frames:
        raised = frames[-1]
        own = _innermost(frames, _is_host_file) or _innermost(frames, _is_library) or raised
        lines = [_line(raised)] if own is raised else [_line(raised), _line(own)]
    return (f"{value.get('module') or ''}.{value.get('type') or ''}"[:MAX_PART], *lines)


def _frames(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (value.get("stacktrace") or {}).get("frames") or []


def _line(frame: Mapping[str, Any]) -> str:
    # The source text, not the line number, which changes with every edit above the line.
    source = str(frame.get("context_line") or "").strip()
    return f"{frame.get('module') or ''}:{frame.get('function') or ''}:{source}"[:MAX_PART]


def _innermost(
    frames: Sequence[Mapping[str, Any]], is_wanted: Callable[[str], bool]
) -> Mapping[str, Any] | None:
    found = (frame for frame in reversed(frames) if is_wanted(str(frame.get("abs_path") or "")))
    return next(found, None)


def _is_library(path: str) -> bool:
    # A package, such as Datasette, which calls the standard library at many places.
    return re.search(r"[/\\](?:site|dist)-packages[/\\]", path) is not None


def _is_host_file(path: str) -> bool:
    if not path or _LIBRARIES.search(path):
        return False
    return not path.startswith(_STANDARD_LIBRARY)


def _host_line(frame: FrameType | None) -> str | None:
    """The innermost line of the host's code, from a frame outwards; None if there is none."""
    for each in _outwards(frame):
        path = each.f_code.co_filename
        if _is_host_file(path) and not path.startswith(_OWN):
            return _source(Path(path).stem, each.f_code.co_name, path, each.f_lineno)
    return None


def _is_call(frame: FrameType, log: logging.LogRecord) -> bool:
    return frame.f_lineno == log.lineno and frame.f_code.co_filename == log.pathname


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _source(module: str, function: str | None, path: str, line: int) -> str:
    return f"{module}:{function or ''}:{linecache.getline(path, line).strip()}"[:MAX_PART]
