"""The errors that a host sees at start-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration: what was given and what was wanted."""

    variable: str
    given: str
    wanted: str

    def __str__(self) -> str:
        given = self.given if self.given == HIDDEN else repr(self.given)
        return f"{self.variable}={given}: wanted {self.wanted}"


class TelemetryError(Exception):
    """Telemetry was used wrongly at start-up. Never raised while a request is served."""

    # As hosts import it, and as a traceback names it.
    __module__ = "telemetry"


class ConfigurationError(TelemetryError):
    """The environment cannot be understood. Reports every problem at once."""

    __module__ = "telemetry"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"telemetry is misconfigured ({count} {noun}):\n{lines}")


class InstrumentationError(TelemetryError):
    """Something was instrumented too early, too late or twice."""

    __module__ = "telemetry"
