"""The command line, `python -m telemetry`."""

from __future__ import annotations

import argparse
import importlib
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# By name: the command's module and its help text.
COMMANDS = {
    "check": (
        "telemetry.commands.check.command",
        "send one trace, metric, log record and error everywhere, and report which arrived",
    ),
    "config": (
        "telemetry.commands.config.command",
        "show the configuration, and which variable each value comes from",
    ),
    "cost": (
        "telemetry.commands.cost.command",
        "measure what pages cost in spans, bytes and money",
    ),
    "mcp": (
        "telemetry.viewer.mcp_server",
        "serve the requests, traces and SQL of a running viewer to programs, by MCP",
    ),
    "trace": (
        "telemetry.viewer.trace",
        "print one trace of a running viewer",
    ),
    "viewer": (
        "telemetry.viewer.command",
        "start a local OTLP receiver with pages that show what it has received",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 2 for invalid arguments."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m telemetry", description="Commands of corkboard-telemetry."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    requested = next((name for name in arguments if name in COMMANDS), None)
    module = None
    for name, (path, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        if name == requested:
            # Only the requested command is imported: commands have different dependencies.
            module = importlib.import_module(path)
            module.add_arguments(command)
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        # Values may have characters that the terminal's encoding does not. Those of standard error
        # are written so by Python.
        sys.stdout.reconfigure(errors="backslashreplace")
    return int(module.run(options)) if module is not None else 2


if __name__ == "__main__":
    sys.exit(main())
