"""The state of telemetry in this process, in one global variable, `state`."""

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
    """The redaction rules that a host has added by `telemetry.redact`."""

    names: frozenset[str] = frozenset()
    """Names of attributes, headers, fields and parameters, as `plain_name` returns them."""
    patterns: tuple[re.Pattern[str], ...] = ()
    kept_parameters: frozenset[str] = frozenset()


@dataclass(slots=True, weakref_slot=True)
class State:
    """Global state that is written at start-up and read afterwards.

    The modules that write it define its meaning. None of them has a global variable for it.
    """

    configured: Any = None
    """The settings and the pipeline of `telemetry.configure`; None before it was called."""
    instrumented: bool = False
    """Whether `telemetry.instrument` has instrumented the frameworks."""

    report_error: Callable[[Exception, str, Any], None] | None = None
    """Creates an error event, given an exception, what caught it, and the request's record."""
    keep_trace: Callable[..., bool] | None = None
    """Keeps an unsampled trace, given its id; returns whether it could."""
    is_caused_by_request: Callable[[BaseException, Any, bytes], bool] | None = None
    """Whether a request has caused a failure, given the exception, the scope and the body."""

    own_log_lines: bool = False
    """Whether `telemetry.logging_config` was called: log lines are in telemetry's format."""
    log_lines_unused: bool = False
    """Whether `telemetry.logging_config` was called and its lines were found not to be in use."""
    log_stream: str = "stdout"
    """Stream of log lines: ``stdout``, or ``stderr`` in commands, which have output."""
    held_messages: Any = None
    """Messages that were logged before the host has set up logging; None before `configure`."""
    export_access_lines: bool = False
    """Whether access lines are exported as log records as well (TELEMETRY_ACCESS_LOG)."""
    emit_log_record: Callable[[str, LogRecord], None] | None = None
    """Exports a log record, given the logger's name; None if logs are not exported."""
    admit_log_record: Callable[[Any], bool] | None = None
    """Returns whether a record is exported of a failure that its request has caused."""

    redaction_rules: RedactionRules = field(default_factory=RedactionRules)
    redactors: WeakSet[Any] = field(default_factory=WeakSet)
    """Objects that load redaction rules which are added later."""

    raise_failures: bool = False
    """Whether failures of telemetry itself are raised instead of counted, for test suites."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failures of telemetry itself, by component, since the process started."""
    lock: Lock = field(default_factory=Lock)
    """Guards ``failures``."""


state = State()
