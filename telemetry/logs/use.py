"""Whether the log lines are ours, and where they go: known once LOGGING was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Use:
    lines_are_ours: bool = False
    stream: str = "stdout"


use = _Use()
"""Written by `telemetry.logging_config` and `telemetry.report_errors`, while a process starts."""
