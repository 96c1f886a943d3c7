"""The exceptions that telemetry raises at start-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Problem:
    """One invalid variable: its name, the given value and what was wanted.

    The value of a secret is ``(hidden)``.

    Example:
        >>> print(telemetry.Problem("TELEMETRY_SLOW", "soon", "a duration such as 5s"))
        TELEMETRY_SLOW='soon': wanted a duration such as 5s
    """

    variable: str
    given: str
    wanted: str

    def __str__(self) -> str:
        given = self.given if self.given == HIDDEN else repr(self.given)
        return f"{self.variable}={given}: wanted {self.wanted}"


class TelemetryError(Exception):
    """Telemetry was set up incorrectly. Never raised while a request is served.

    Example:
        >>> telemetry.instrument()
        Traceback (most recent call last):
        telemetry.TelemetryError: telemetry.instrument() came before telemetry.configure(): ...
    """

    # The module that hosts import it from, and that tracebacks show.
    __module__ = "telemetry"


class ConfigurationError(TelemetryError):
    """The environment has invalid variables. ``problems`` is a tuple with all of them.

    Example:
        >>> try:
        ...     telemetry.configure({"OTEL_TRACES_SAMPLER": "sometimes", "TELEMETRY_SLOW": "soon"})
        ... except telemetry.ConfigurationError as error:
        ...     print(sorted(problem.variable for problem in error.problems))
        ['OTEL_TRACES_SAMPLER', 'TELEMETRY_SLOW']
    """

    __module__ = "telemetry"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"telemetry is misconfigured ({count} {noun}):\n{lines}")


class InstrumentationError(TelemetryError):
    """Something was instrumented too early, too late or twice.

    Example:
        >>> settings = telemetry.configure({"OTEL_TRACES_EXPORTER": "console"})
        >>> telemetry.instrument()
        >>> telemetry.instrument()
        Traceback (most recent call last):
        telemetry.InstrumentationError: telemetry.instrument() was called twice: ...
    """

    __module__ = "telemetry"
