"""Converts a page's query parameters to a condition in SQL."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("site", "route", "q", "failed", "slow", "all", "level", "before")
MAX_LENGTH = 2_000
# Attribute of a request's root span.
SITE = "json_extract(r.attributes, '$.\"corkboard.site\"')"
PATH = "json_extract(r.attributes, '$.\"url.path\"')"
# OpenTelemetry's severity numbers. Each begins a range of four.
LEVELS = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17}
_ID = re.compile(r"[0-9a-f]{4,32}")
_WHOLE_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST = 2**63 - 1


class ParameterError(ValueError):
    """A parameter that can't be used. Names it, what was given and what is wanted."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The known query parameters of a page, as given."""

    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: Any) -> Filters:
        """Take those of a request. Unknown and empty ones are ignored.

        Raises:
            ParameterError: A known parameter has a value that can't be used.
        """
        given = {name: arguments[name] for name in NAMES if arguments.get(name)}
        for name, value in given.items():
            if len(value) > MAX_LENGTH:
                raise ParameterError(
                    f"{name} has {len(value)} characters: wanted up to {MAX_LENGTH}"
                )
        found = cls(given)
        found.of_traces()
        found.of_logs()
        return found

    def __getattr__(self, name: str) -> str:
        return self.given.get(name, "")

    def address(self, **changes: str) -> str:
        """Return a query string with some parameters changed. An empty one is removed."""
        changed = {**self.given, **changes}
        return "?" + urlencode({name: value for name, value in changed.items() if value})

    def of_traces(self) -> tuple[str, dict[str, Any]]:
        """Return the condition over `traces t` and root spans `r`. Only requests, unless `all`."""
        by_id = " or t.trace_id between :q_id and :q_id || 'g'" if self.id_prefix else ""
        where, values = self._condition(
            () if self.all else ("r.kind = 'SERVER'",),
            site=f"{SITE} = :site",
            route="coalesce(r.http_route, r.name) = :route",
            q=f"(instr({PATH}, :q) or instr(r.name, :q){by_id})",
            failed="t.error_count > 0",
            slow="t.duration_ms >= :slow",
            before="(t.start_ns, t.trace_id) < (:before, :before_id)",
        )
        return where, values | ({"q_id": self.id_prefix} if self.id_prefix else {})

    def of_logs(self) -> tuple[str, dict[str, Any]]:
        """Return the condition over `logs`."""
        return self._condition(
            (),
            site="site = :site",
            q="instr(body, :q)",
            level="severity >= :level",
            # Of one time, those that arrived last are listed first.
            before="(time_ns, rowid) < "
            "(:before, coalesce((select rowid from logs where id = :before_id), 0))",
        )

    @property
    def id_prefix(self) -> str:
        """What is searched for, if it may be the beginning of a trace id."""
        text = self.q.strip().lower()
        return text if _ID.fullmatch(text) else ""

    def _condition(self, always: tuple[str, ...], **clauses: str) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {n: v for n, v in self.given.items() if n in clauses}
        if "slow" in values:
            values["slow"] = _milliseconds(values["slow"])
        if "before" in values:
            values["before"], before_id = _place(values["before"])
        if "level" in values:
            values["level"] = _level(values["level"])
        chosen = " and ".join([*always, *(clauses[name] for name in values)])
        if "before" in values:
            values["before_id"] = before_id
        return (f"where {chosen}" if chosen else ""), values


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ParameterError(f"slow is {text[:60]!r}: wanted a number of milliseconds")
    return value


def place(time_ns: int, key: str) -> str:
    """Return the parameter `before` of what is older than a row, by its time and its id."""
    return f"{time_ns}-{key}"


def _place(text: str) -> tuple[int, str]:
    # A time without an id is before all rows of that time.
    digits, _, key = text.partition("-")
    known = digits.isascii() and digits.isdigit() and len(digits) < 20 and int(digits) <= _LARGEST
    if not known or not (key == "" or _WHOLE_ID.fullmatch(key)):
        raise ParameterError(
            f"before is {text[:60]!r}: wanted nanoseconds since 1970, or these, `-` and an id"
        )
    return int(digits), key


def _level(text: str) -> int:
    if text not in LEVELS:
        raise ParameterError(f"level is {text[:60]!r}: wanted one of {', '.join(LEVELS)}")
    return LEVELS[text]
