"""What telemetry has set up in this process: its one global variable, `state`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from opentelemetry._logs import LogRecord


@dataclass(frozen=True, slots=True)
class RedactionRules:
    """What a host has added to the redaction rules by `telemetry.redact`."""

    names: frozenset[str] = frozenset()
    """Of attributes, headers, fields and parameters, as `plain_name` has them."""
    patterns: tuple[re.Pattern[str], ...] = ()
    kept_parameters: frozenset[str] = frozenset()


@dataclass(slots=True)
class State:
    """Written while a process starts, and read from then on.

    The rooms that hang something on it give it its meaning; none of them keeps a global variable
    of its own.
    """

    configured: Any = None
    """What `telemetry.configure` has made; None before it was called."""
    instrumented: bool = False
    """Whether `telemetry.instrument` has instrumented the frameworks."""

    report_error: Callable[[Exception, str, Any], None] | None = None
    """Makes an error event of an exception, what caught it and its request's record."""
    keep_trace: Callable[[int], bool] | None = None
    """Keeps the trace of that id whatever the sampler says; returns whether it still can."""

    own_log_lines: bool = False
    """Whether `telemetry.logging_config` was called: log lines are in our format."""
    log_stream: str = "stdout"
    """Where they are written: ``stderr`` in commands, whose output is their own."""
    emit_log_record: Callable[[str, LogRecord], None] | None = None
    """Exports a log record of the logger of that name; None where logs are not exported."""

    redaction_rules: RedactionRules = field(default_factory=RedactionRules)
    redactors: WeakSet[Any] = field(default_factory=WeakSet)
    """What has to learn of rules that are added later."""

    raise_failures: bool = False
    """Whether failures of telemetry itself are raised and not counted: in test suites."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failures of telemetry itself, by component, since the process started."""
    lock: Lock = field(default_factory=Lock)
    """For what is counted here."""


state = State()
