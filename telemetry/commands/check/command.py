"""Command line of `check`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from telemetry.commands.check.findings import HostError
from telemetry.exceptions import ConfigurationError
from telemetry.settings import parse, read_settings

if TYPE_CHECKING:
    import argparse

    from telemetry.commands.check.host import Host
    from telemetry.commands.cost.driving import Page

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
    parser.add_argument(
        "--host",
        metavar="MODULE:ATTRIBUTE",
        help="import this ASGI application, and report what in it is in the way of telemetry",
    )
    parser.add_argument(
        "--site",
        metavar="HOST",
        action="append",
        default=[],
        help="with --host: host name or URL of a site; serve the application, request the page "
        "and report whether the router names the site; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Look at the host, if one is given, send samples and print the results.

    Returns 0 if all arrived and nothing is in the way, 1 if not, 2 if nothing can be sent or the
    host can't be imported.
    """
    try:
        host = _host(options) if options.host or options.site else None
        settings = read_settings(
            os.environ, default_service_name=_service_name(options.service_name, host)
        )
    except (ConfigurationError, HostError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for note in settings.notes:
        sys.stderr.write(f"{note}\n")
    is_configured = any(settings.exporters.values()) or settings.sentry is not None
    if not is_configured and host is None:
        sys.stderr.write(_NOTHING)
        return 2
    from telemetry.commands.check.probes import Report, probe
    from telemetry.commands.check.report import as_json, as_text

    report = Report(settings.service_name)
    if is_configured:
        report = probe(settings, options.timeout)
    report = replace(report, host=host)
    sys.stdout.write(as_json(report) if options.json else as_text(report))
    if not is_configured:
        sys.stdout.flush()
        sys.stderr.write(_NOTHING)
        return 2
    return 0 if report.is_well else 1


def _host(options: argparse.Namespace) -> Host:
    from telemetry.commands.check.host import look_at, with_sites

    if not options.host:
        raise HostError(f"--site {options.site[0]}: wanted --host as well")
    pages = [_page(value) for value in options.site]
    # So that an invalid variable is reported as such, and not as the host's.
    read_settings(os.environ)
    return with_sites(look_at(options.host, os.environ), pages, os.environ)


def _page(value: str) -> Page:
    from telemetry.commands.cost.driving import parse_page

    try:
        return parse_page(value if "://" in value else f"http://{value}")
    except ValueError:
        raise HostError(
            f"--site {value!r}: wanted the host name of a site, such as alameda.ca.localhost, or "
            "its address"
        ) from None


def _service_name(given: str | None, host: Host | None) -> str:
    return given or (host.service_name if host is not None else None) or "telemetry-check"
