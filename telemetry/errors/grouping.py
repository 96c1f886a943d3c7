"""Fingerprints of error events, made of code only: a client can't choose the group of an event."""

from __future__ import annotations

import inspect
import linecache
import re
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.errors import failures

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

MAX_PART = 200
MAX_CHAIN = 5
MAX_EXCEPTIONS = 1_000
"""Exceptions of one event that are looked at: those of groups have no end of their own."""

# Variables by which a frame asks to be left out of tracebacks.
_HIDDEN = ("__traceback_hide__", "__tracebackhide__")

# Or not a file: "<string>", for example, which Sentry turns into a path.
_LIBRARIES = re.compile(r"[/\\](?:site|dist)-packages[/\\]|(?:^|[/\\])<[^/\\]*>$")
_STANDARD_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
# Where the package is installed in editable mode.
_OWN = str(Path(__file__).parents[1]) + "/"


class _Line(NamedTuple):
    """A line of code that a traceback has."""

    text: str
    """Its module, function and source. Not its number, which changes with every edit above it."""
    is_hosts: bool
    is_librarys: bool


def fingerprint(
    event: Mapping[str, Any],
    log: logging.LogRecord | None = None,
    error: BaseException | None = None,
) -> list[str]:
    """The event's fingerprint, a list of strings as Sentry defines it.

    For each exception of the chain it has the class, the line that raised it, and the
    innermost line of the host's code, or else of a library that is not the standard library.
    For a log record it has the logger, the line that logged it, and the innermost line of the
    host's code on the current stack. Texts are left out, since they may have anything that a
    client has sent: each value would be an issue. Bugsink's default is class and text.

    Args:
        event: an event of Sentry's SDK.
        log: the log record that the event was made of, if any.
        error: the exception that the event is of, if any. The event's own exceptions, which
            need not be there yet, are then not read.
    """
    if error is not None and failures.is_by_request(error):
        return request_group(error)
    if error is not None:
        found = [_of_exception(_name(type(each)), _lines(each)) for each in _chain(error)]
        found.reverse()
    else:
        values = (event.get("exception") or {}).get("values") or ()
        found = [_of_exception(_named(value), _lines_of(value)) for value in values]
    # Once each: how deep a recursion is, a client may be able to choose.
    chain = list(dict.fromkeys(found))
    parts = [part for exception in chain[-MAX_CHAIN:] for part in exception]
    if not found:
        parts = [str(event.get("logger") or "")]
    if any(len(exception) > 1 for exception in chain):
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


def request_group(error: BaseException) -> list[str]:
    """The group of a failure that its request has caused: its class, one line, and the cause.

    The innermost line that is not the standard library's. What was typed decides at which line
    the standard library's decoders fail, and which exceptions Datasette has handled before. A
    failure of the host at the same line is another issue: this one may be muted.
    """
    lines = _lines(error)
    own = next((line for line in reversed(lines) if line.is_hosts or line.is_librarys), None)
    where = [] if own is None else [own.text]
    return [_name(type(error)), *where, failures.BY_REQUEST]


def _of_exception(name: str, lines: Sequence[_Line]) -> tuple[str, ...]:
    if not lines:
        return (name,)
    raised = lines[-1]
    own = (
        next((line for line in reversed(lines) if line.is_hosts), None)
        or next((line for line in reversed(lines) if line.is_librarys), None)
        or raised
    )
    return (name, raised.text) if own is raised else (name, raised.text, own.text)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exceptions that an event of Sentry's SDK has, the outermost first."""
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < MAX_EXCEPTIONS:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += reversed(each.exceptions)
        inner = each.__cause__ if each.__suppress_context__ else each.__context__
        if inner is not None:
            waiting.append(inner)


def _lines(error: BaseException) -> list[_Line]:
    lines: list[_Line] = []
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__")
        if not _is_hidden(frame, module):
            code = frame.f_code
            lines.append(_line(code.co_filename, code.co_name, traceback.tb_lineno, module))
        traceback = traceback.tb_next
    return lines


def _is_hidden(frame: FrameType, module: object) -> bool:
    """Whether Sentry's SDK leaves out a frame: its own, and those that are marked."""
    if isinstance(module, str) and module.startswith("sentry_sdk."):
        return True
    # Not `f_locals` of each frame, which copies all its variables.
    names = frame.f_code.co_varnames
    return any(name in names and frame.f_locals.get(name) for name in _HIDDEN)


@lru_cache(maxsize=4096)
def _line(path: str, function: str, line: int, module: str | None) -> _Line:
    """A line, which a flood of the same failure needs again and again."""
    text = _source(module or "", function, path, line)
    return _Line(text, _is_host_file(path), _is_library(path))


def _lines_of(value: Mapping[str, Any]) -> list[_Line]:
    """The lines of an exception in an event, whose frames may lack anything."""
    lines = []
    for frame in (value.get("stacktrace") or {}).get("frames") or ():
        path, source = str(frame.get("abs_path") or ""), str(frame.get("context_line") or "")
        text = f"{frame.get('module') or ''}:{frame.get('function') or ''}:{source.strip()}"
        lines.append(_Line(text[:MAX_PART], _is_host_file(path), _is_library(path)))
    return lines


def _name(kind: type) -> str:
    module = kind.__module__
    return f"{'' if module == 'builtins' else module}.{kind.__qualname__}"[:MAX_PART]


def _named(value: Mapping[str, Any]) -> str:
    return f"{value.get('module') or ''}.{value.get('type') or ''}"[:MAX_PART]


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
