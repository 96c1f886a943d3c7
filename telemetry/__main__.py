"""`python -m telemetry`: the command line."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# By command: the module of its command line, and its description.
COMMANDS = {
    "check": (
        "telemetry.commands.check.command",
        "send one trace, metric, log record and error, and say which arrived",
    ),
    "config": (
        "telemetry.commands.config.command",
        "what is configured, and where each value came from",
    ),
    "cost": ("telemetry.commands.cost.command", "what pages cost in spans, bytes and money"),
    "viewer": (
        "telemetry.viewer.command",
        "a receiver of OTLP on this machine, and pages of what arrives",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns its exit code, or 2 for invalid arguments."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m telemetry", description="What telemetry does.")
    commands = parser.add_subparsers(dest="command", required=True)
    named = next((name for name in arguments if name in COMMANDS), None)
    module = None
    for name, (path, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        if name == named:
            # Other commands are not imported: each needs different packages.
            module = importlib.import_module(path)
            module.add_arguments(command)
    options = parser.parse_args(arguments)
    return int(module.run(options)) if module is not None else 2


if __name__ == "__main__":
    sys.exit(main())
