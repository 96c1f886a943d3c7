"""Formats tracebacks as the standard library does, and remembers the lines of each frame.

A flood of the same failure has the same frames. The standard library looks for the position of
each instruction and parses its line anew each time, which takes a millisecond for a page.
"""

from __future__ import annotations

import sys
import traceback
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, TracebackType

MAX_FRAMES: Final = 4096
"""Frames that are remembered. They are places in code, so a program has few."""
# As in the standard library.
_HEADER = "Traceback (most recent call last):\n"
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_REPEATED = 3
# What the standard library says of these depends on more than their class and text.
_OTHERS = (SyntaxError, NameError, AttributeError, ImportError, BaseExceptionGroup)

# By the code's id, the instruction and the line. With the code, whose id is its own as long as it
# is there: codes that are equal may be of two files.
_frames: OrderedDict[tuple[int, int, int], tuple[CodeType, str]] = OrderedDict()


def format_exception(error: BaseException) -> str:
    """The traceback of an exception and of what it was raised from.

    The text is that of `traceback.format_exception`, which also formats what is rare. Raises what
    the exception's ``__str__`` raises there, if anything.
    """
    if hasattr(sys, "tracebacklimit"):
        return "".join(traceback.format_exception(error))
    parts: list[str] = []
    seen: set[int] = set()
    each: BaseException | None = error
    message = ""
    while each is not None:
        seen.add(id(each))
        end = _end_of(each)
        if end is None or each.__traceback__ is None:
            return "".join(traceback.format_exception(error))
        parts.append(f"{_HEADER}{''.join(_lines(each.__traceback__))}{end}{message}")
        inner, message = each.__cause__, _CAUSE
        if inner is None and not each.__suppress_context__:
            inner, message = each.__context__, _CONTEXT
        if inner is not None and id(inner) in seen:
            return "".join(traceback.format_exception(error))
        each = inner
    parts.reverse()
    return "".join(parts)


def _end_of(error: BaseException) -> str | None:
    """The last line of a traceback, or None if the standard library is to find it."""
    if isinstance(error, _OTHERS) or hasattr(error, "__notes__"):
        return None
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 # any exception may be formatted
        return None
    kind = type(error)
    name = kind.__qualname__
    # A class may say anything.
    module: object = kind.__module__
    if not isinstance(module, str):
        return None
    if module not in ("__main__", "builtins"):
        name = f"{module}.{name}"
    return f"{name}: {said}\n" if said else f"{name}\n"


def _lines(found: TracebackType | None) -> Iterator[str]:
    last: tuple[str, int, str] | None = None
    count = 0
    while found is not None:
        code, line = found.tb_frame.f_code, found.tb_lineno
        where = code.co_filename, line, code.co_name
        if where != last:
            yield from _repeated(count)
            last, count = where, 0
        count += 1
        if count <= _REPEATED:
            yield _frame(found, code, line)
        found = found.tb_next
    yield from _repeated(count)


def _repeated(count: int) -> Iterator[str]:
    more = count - _REPEATED
    if more > 0:
        yield f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]\n"


def _frame(found: TracebackType, code: CodeType, line: int) -> str:
    place = id(code), found.tb_lasti, line
    known = _frames.get(place)
    if known is None:
        # Two threads may do so at once: it is the same text.
        known = _frames[place] = code, "".join(traceback.format_tb(found, limit=1))
        while len(_frames) > MAX_FRAMES:
            # Another thread may have removed it.
            with suppress(KeyError):
                _frames.popitem(last=False)
    return known[1]
