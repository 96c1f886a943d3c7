"""Command line of `config`."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from telemetry.commands.config.report import as_json, as_text, rows
from telemetry.commands.config.sources import route, sources, unused
from telemetry.exceptions import ConfigurationError
from telemetry.settings import read_settings
from telemetry.settings.secrets import hidden

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--all", action="store_true", help="include settings that are empty or off")
    parser.add_argument("--json", action="store_true", help="print all settings as JSON")
    parser.add_argument("--service-name", help="service name, if no variable sets it")


def run(options: argparse.Namespace) -> int:
    """Print the settings. Returns 0, or 2 if there are problems, which are all printed."""
    try:
        own = options.service_name or "(the host's own)"
        settings = read_settings(os.environ, default_service_name=own)
        found = sources(os.environ, own)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    secrets = settings.redaction.secrets
    listed = [
        (name, hidden(value, secrets), origin)
        for name, value, origin in rows(settings, found, partial(route, environ=os.environ))
    ]
    idle = unused(os.environ, found)
    if options.json:
        sys.stdout.write(as_json(listed, idle, settings.notes))
        return 0
    sys.stdout.write(as_text(listed, idle, everything=options.all))
    for note in settings.notes:
        sys.stdout.write(f"Note: {note}\n")
    return 0
