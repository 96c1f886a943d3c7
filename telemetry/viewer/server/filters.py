"""Converts a page's query parameters to a condition in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("site", "route", "q", "failed", "slow", "all", "level", "before")
# Attribute of a request's root span.
SITE = "json_extract(r.attributes, '$.\"corkboard.site\"')"
PATH = "json_extract(r.attributes, '$.\"url.path\"')"
# OpenTelemetry's severity numbers. Each begins a range of four.
LEVELS = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17}


@dataclass(frozen=True, slots=True)
class Filters:
    """The known query parameters of a page, as given."""

    given: Mapping[str, str]

    @classmethod
    def of(cls, arguments: Any) -> Filters:
        """Take those of a request. Unknown and empty ones are ignored."""
        return cls({name: arguments[name] for name in NAMES if arguments.get(name)})

    def __getattr__(self, name: str) -> str:
        return self.given.get(name, "")

    def address(self, **changes: str) -> str:
        """Return a query string with some parameters changed. An empty one is removed."""
        changed = {**self.given, **changes}
        return "?" + urlencode({name: value for name, value in changed.items() if value})

    def of_traces(self) -> tuple[str, dict[str, Any]]:
        """Return the condition over `traces t` and root spans `r`. Only requests, unless `all`."""
        return self._condition(
            () if self.all else ("r.kind = 'SERVER'",),
            site=f"{SITE} = :site",
            route="coalesce(r.http_route, r.name) = :route",
            q=f"(instr({PATH}, :q) or instr(r.name, :q))",
            failed="t.error_count > 0",
            slow="t.duration_ms >= :slow",
            before="t.start_ns < :before",
        )

    def of_logs(self) -> tuple[str, dict[str, Any]]:
        """Return the condition over `logs`."""
        return self._condition(
            (),
            site="site = :site",
            q="instr(body, :q)",
            level="severity >= :level",
            before="time_ns < :before",
        )

    def _condition(self, always: tuple[str, ...], **clauses: str) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {n: v for n, v in self.given.items() if n in clauses}
        for name in ("slow", "before"):
            if name in values:
                values[name] = _number(values[name])
        if "level" in values:
            values["level"] = LEVELS.get(values["level"], 0)
        chosen = " and ".join([*always, *(clauses[name] for name in values)])
        return (f"where {chosen}" if chosen else ""), values


def _number(text: str) -> float:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return 0
