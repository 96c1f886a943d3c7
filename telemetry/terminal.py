"""The terminal: its width, its colours, and text that cannot command it."""

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
    """A stream to write lines to.

    Args:
        stream: where to write; standard error, looked up at each write, unless given.
        color: whether colour is wanted; only a terminal gets it.
    """

    def __init__(self, stream: TextIO | None = None, *, color: bool = True) -> None:
        self._stream = stream
        self._color = color

    @property
    def stream(self) -> TextIO:
        """Where lines go."""
        return self._stream if self._stream is not None else sys.stderr

    @property
    def width(self) -> int:
        """Columns; 100 where nobody knows, as in a pipe."""
        return shutil.get_terminal_size((100, 24)).columns

    def paint(self, text: str, *codes: str) -> str:
        """``text`` in colour, where there is colour."""
        if not self._color or not codes or not self.stream.isatty():
            return text
        return f"\033[{';'.join(codes)}m{text}\033[0m"

    @staticmethod
    def columns(text: str) -> int:
        """How wide painted text is on the screen."""
        return columns(_PAINT.sub("", text))

    def write(self, lines: list[str]) -> None:
        """Write lines in one piece, so that two requests' do not mix."""
        try:
            self.stream.write("".join(line + os.linesep for line in lines))
            self.stream.flush()
        except (OSError, ValueError):
            # A closed pipe: nobody reads this any more.
            return


def printable(text: str) -> str:
    """On one line, and without control characters: visitors choose paths, and terminals obey."""
    return without_controls(" ".join(text.split()))


def without_controls(text: str) -> str:
    """As it is spaced, and without control characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "�" for c in text)


def columns(text: str) -> int:
    """How wide it is on the screen: Chinese, Japanese and Korean take two columns a character."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit_both_ends(text: str, width: int) -> str:
    """Cut to ``width`` columns, from the middle: more is left of its end than of its start."""
    if columns(text) <= width:
        return text
    start = max(1, width // 4)
    end = max(1, width - start - 1)
    return f"{_beginning(text, start)}…{_beginning(text[::-1], end)[::-1]}"


def fit(text: str, width: int) -> str:
    """Cut to ``width`` columns."""
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
    """A duration in a fixed, readable form."""
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 1000 else f"{seconds:.2f} s"
