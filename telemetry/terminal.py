"""Terminal output: width, colours, and text without control characters."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from typing import TextIO

RED = "31"
GREEN = "32"
YELLOW = "33"
CYAN = "36"
DIM = "2"
BOLD = "1"
_PAINT = re.compile("\033\\[[0-9;]*m")


class Terminal:
    """Writes lines to a stream.

    Args:
        stream: the stream; standard error, looked up at each write, unless given.
        color: whether to use colour, if the stream is a terminal.
    """

    def __init__(self, stream: TextIO | None = None, *, color: bool = True) -> None:
        self._stream = stream
        self._color = color

    @property
    def stream(self) -> TextIO:
        """The stream that lines are written to."""
        return self._stream if self._stream is not None else sys.stderr

    @property
    def width(self) -> int:
        """Width in columns; 100 if it is unknown, as in a pipe."""
        return shutil.get_terminal_size((100, 24)).columns

    def paint(self, text: str, *codes: str) -> str:
        """``text`` in colour, or unchanged if colour is off."""
        if not self._color or not codes or not self.stream.isatty():
            return text
        return f"\033[{';'.join(codes)}m{text}\033[0m"

    @staticmethod
    def columns(text: str) -> int:
        """Width of painted text in columns."""
        return columns(_PAINT.sub("", text))

    def write(self, lines: list[str]) -> None:
        """Write lines in one call, so that the lines of two requests do not mix."""
        try:
            self.stream.write("".join(line + os.linesep for line in lines))
            self.stream.flush()
        except (OSError, ValueError):
            # The pipe was closed by its reader.
            return


def printable(text: str) -> str:
    """The text on one line, without control characters, which clients can put into paths."""
    return without_controls(" ".join(text.split()))


def without_controls(text: str) -> str:
    """The text with control characters replaced; spaces stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "�" for c in text)


def columns(text: str) -> int:
    """Width of a text in columns. Chinese, Japanese and Korean characters take two."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit_both_ends(text: str, width: int) -> str:
    """Truncate to ``width`` columns in the middle; three quarters of the rest are its end."""
    if columns(text) <= width:
        return text
    start = max(1, width // 4)
    end = max(1, width - start - 1)
    return f"{_beginning(text, start)}…{_beginning(text[::-1], end)[::-1]}"


def fit(text: str, width: int) -> str:
    """Truncate to ``width`` columns."""
    return text if columns(text) <= width else f"{_beginning(text, max(1, width - 1))}…"


def _beginning(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    taken = 0
    for index, character in enumerate(text):
        taken += _columns_of(character)
        if taken > width:
            return text[:index]
    return text


def milliseconds(seconds: float) -> str:
    """Format a duration in seconds as ``12.3 ms`` or, from a second on, ``1.23 s``."""
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 1000 else f"{seconds:.2f} s"
