"""Command line of `check`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from telemetry.exceptions import ConfigurationError
from telemetry.settings import parse, read_settings

if TYPE_CHECKING:
    import argparse

_NOTHING = """nothing is configured, so nothing is sent. Set one of
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318   `python -m telemetry viewer` is there
  LOGFIRE_TOKEN=...
  SENTRY_DSN=https://KEY@bugsink.example.org/1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--timeout",
        type=parse.seconds,
        default=5.0,
        help="time limit of each destination (default 5s)",
    )
    parser.add_argument(
        "--service-name",
        help="service name, if no variable sets it (default telemetry-check)",
    )


def run(options: argparse.Namespace) -> int:
    """Send samples and print the results.

    Returns 0 if all arrived, 1 if one did not, 2 if nothing can be sent.
    """
    try:
        settings = read_settings(
            os.environ, default_service_name=options.service_name or "telemetry-check"
        )
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for note in settings.notes:
        sys.stderr.write(f"{note}\n")
    if not any(settings.exporters.values()) and settings.sentry is None:
        sys.stderr.write(_NOTHING)
        return 2
    from telemetry.commands.check.probes import probe
    from telemetry.commands.check.report import as_json, as_text

    report = probe(settings, options.timeout)
    sys.stdout.write(as_json(report) if options.json else as_text(report))
    return 0 if report.all_arrived else 1
