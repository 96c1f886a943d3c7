"""Replaces what varies between two runs of one version by stable names.

Ids become the name of what they are of, and times, ports, paths, process ids, versions and line
numbers become a word in angle brackets. What remains is the same each time.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.differential.baseline import Version

_HEX = re.compile(r"(?<![0-9a-zA-Z.])(?:[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-zA-Z])")
_SHORT_TRACE = re.compile(r"\btrace [0-9a-f]{8,31}(?![0-9a-f])…?")
_DURATION = re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|µs|us|s)\b")
_MILLISECONDS = re.compile(r"\b\d+\.\d+ ?ms\b")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_CLOCK = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
_PORT = re.compile(r"(?<=[:\s'\"=])(\d{4,5})\b")
_PID = re.compile(r"(process \[|pid: |(?:<port of server>|:\d+) \()\d+")
_THREAD = re.compile(r"\bThread-\d+|\bThreadPoolExecutor-\d+_\d+")
_SERVER_TIMING = re.compile(r"\bdur=\d+(?:\.\d+)?")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_CSRF = re.compile(r"(csrf(?:middleware)?token\"? (?:type=\"hidden\" )?value=\")[\w.-]+")
_NONCE = re.compile(r"(nonce=\")[^\"]+|(csrftoken=)\w+|(ds_csrftoken=)[\w.-]+")
_JSON_TIMES = re.compile(r"(\"\w*(?:ms|time|duration|elapsed)\w*\": ?)\d+(?:\.\d+)?")
# A frame of a traceback, with its line of code and its marks.
_FRAME = re.compile(
    r'^(?P<indent> *)File "(?P<path>[^"\n]+)", line \d+, in (?P<function>[^\n]*)\n'
    r"(?P<code>(?:(?P=indent)  [^\n]*\n)?)(?P<marks>(?:(?P=indent)  [ ~^]+\n)?)",
    re.MULTILINE,
)
_SHORT_FRAME = re.compile(r'File "(<telemetry>|<host>)([^"\n]*)", line \d+')
_FRAMES = re.compile(r"(?:^ *<frames of telemetry>\n)+", re.MULTILINE)


@dataclass
class Names:
    """What is known of one run: which text stands for what."""

    version: Version
    folder: str
    ports: Mapping[int, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    _paths: list[tuple[str, str]] = field(default_factory=list)
    _known: dict[tuple[str, bool], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = [
            (f"{self.folder}/programs", "<programs>"),
            (self.folder, "<run>"),
            # As error events are grouped: without numbers.
            (re.sub(r"\d+", "<n>", self.folder), "<run>"),
            (str(self.version.package), "<telemetry>"),
            (str(self.version.packages), "<packages>"),
            (str(self.version.python.parent.parent), "<environment>"),
            (str(self.version.folder), "<host>"),
            (str(self.version.source), "<source>"),
            (f"{sys.base_prefix}/lib/python3.{sys.version_info[1]}", "<python>"),
        ]
        # Relative to the folder that the host runs in, as the console prints them.
        self._paths = sorted(found, key=lambda pair: -len(pair[0]))

    def text(self, text: str, *, durations: bool = True) -> str:
        """Replace all that varies in a text."""
        known = self._known.get((text, durations))
        if known is None:
            known = self._known[text, durations] = self._replaced(text, durations)
        return known

    def _replaced(self, text: str, durations: bool) -> str:
        for path, name in self._paths:
            text = text.replace(path, name)
        text = _frames(text)
        text = _HEX.sub(self._id, text)
        text = _SHORT_TRACE.sub("trace <trace>", text)
        text = _HTTP_DATE.sub("<date>", _DATE.sub("<date>", _CLOCK.sub("<time> ", text)))
        text = _ADDRESS.sub("<address>", text)
        text = _PORT.sub(self._port, text)
        text = _PID.sub(r"\1<pid>", text)
        text = _THREAD.sub("<thread>", text)
        text = _SERVER_TIMING.sub("dur=<number>", text)
        if durations:
            text = _DURATION.sub("<duration>", text)
        return text

    def page(self, text: str) -> str:
        """Replace all that varies in the body or a header of an answer."""
        text = _JSON_TIMES.sub(r"\1<number>", text)
        # Datasette's colour of a database depends on where the file is.
        text = _COLOUR.sub("<colour>", text)
        text = _CSRF.sub(r"\1<token>", text)
        text = _NONCE.sub(lambda found: next(filter(None, found.groups())) + "<token>", text)
        return _MILLISECONDS.sub("<duration>", self.text(text, durations=False))

    def everywhere(self, value: Any, change: Callable[[str], str] | None = None) -> Any:
        """Replace all that varies in each text within a value."""
        change = change or self.text
        if isinstance(value, str):
            return change(value)
        if isinstance(value, dict):
            return {change(key): self.everywhere(item, change) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.everywhere(item, change) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and value in self.ports:
            return f"<port of {self.ports[value]}>"
        return value

    def _id(self, found: re.Match[str]) -> str:
        text = found[0]
        if text in self.kept:
            return text
        return self.ids.get(text, "<id of 32>" if len(text) == 32 else "<id of 16>")

    def _port(self, found: re.Match[str]) -> str:
        name = self.ports.get(int(found[1]))
        return f"<port of {name}>" if name else found[0]


def _frames(text: str) -> str:
    """Take line numbers out of tracebacks, and make one line of telemetry's own frames."""
    text = _FRAME.sub(_frame, text)
    text = _FRAMES.sub("  <frames of telemetry>\n", text)
    return _SHORT_FRAME.sub(r'File "\1\2", line <line>', text)


def _frame(found: re.Match[str]) -> str:
    path = found["path"]
    if path.startswith(("<telemetry>", "telemetry/")):
        return f"{found['indent']}<frames of telemetry>\n"
    return f'{found["indent"]}File "{path}", line <line>, in {found["function"]}\n{found["code"]}'
