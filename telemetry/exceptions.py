"""The exceptions that telemetry raises at start-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Problem:
    """One invalid variable: its name, the given value and what was wanted."""

    variable: str
    given: str
    wanted: str

    def __str__(self) -> str:
        given = self.given if self.given == HIDDEN else repr(self.given)
        return f"{self.variable}={given}: wanted {self.wanted}"


class TelemetryError(Exception):
    """Telemetry was set up incorrectly. Never raised while a request is served."""

    # The module that hosts import it from, and that tracebacks show.
    __module__ = "telemetry"


class ConfigurationError(TelemetryError):
    """The environment has invalid variables. Lists all problems."""

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
