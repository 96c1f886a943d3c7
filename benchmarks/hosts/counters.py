"""Count what a process does: the processor's instructions, or Python's by function."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import Counter as Tally
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types import CodeType, FrameType

_ROOT = Path(__file__).parents[2]


class Counter(Protocol):
    """Counts all threads of this process."""

    def start(self) -> None:
        """Begin to count."""

    def dump(self, name: bytes) -> object:
        """Return or write the counts since the last call."""


class Callgrind:
    """The processor's instructions, counted by callgrind and written to its files.

    Args:
        path: the compiled `benchmarks/instructions/callgrind.c`.
    """

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)

    def start(self) -> None:
        if not self._library.running_on_valgrind():
            raise RuntimeError("the process does not run under valgrind")
        self._library.start()

    def dump(self, name: bytes) -> object:
        self._library.dump(name)
        return {}


class Opcodes:
    """Python's instructions, by function.

    Callgrind sees the interpreter's functions and not those of the program.
    """

    def __init__(self) -> None:
        self._counts: Tally[CodeType] = Tally()

    def start(self) -> None:
        threading.settrace(self._trace)
        # Not for the current frame, and for each that is entered later.
        sys.settrace(self._trace)

    def dump(self, name: bytes) -> object:
        # This function is not counted.
        sys.settrace(None)
        counts: Tally[str] = Tally()
        for code, number in self._counts.items():
            counts[_name(code)] += number
        self._counts.clear()
        sys.settrace(self._trace)
        return counts

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._counts[frame.f_code] += 1
        return self._trace


def _name(code: CodeType) -> str:
    """Return `file:function`, the file relative to the project or to the installed packages."""
    path = Path(code.co_filename)
    if path.is_relative_to(_ROOT) and ".venv" not in path.parts:
        return f"{path.relative_to(_ROOT)}:{code.co_qualname}"
    parts = path.parts
    # The last folder of the library that holds it: `site-packages` or `python3.11`.
    start = max(
        (i for i, p in enumerate(parts) if p == "site-packages" or p.startswith("python3")),
        default=-1,
    )
    return f"{'/'.join(parts[start + 1 :])}:{code.co_qualname}"
