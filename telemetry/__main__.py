"""`python -m telemetry`: the commands."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from telemetry.cost import command as cost
from telemetry.viewer import command as viewer

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named. Returns the exit code; 2 where it can't be understood."""
    parser = argparse.ArgumentParser(prog="python -m telemetry", description="What telemetry does.")
    commands = parser.add_subparsers(dest="command", required=True)
    what = "what pages cost in spans, bytes and money"
    cost.add_arguments(commands.add_parser("cost", help=what, description=what))
    what = "a receiver of OTLP on this machine, and pages of what arrives"
    viewer.add_arguments(commands.add_parser("viewer", help=what, description=what))
    options = parser.parse_args(arguments)
    return {"cost": cost.run, "viewer": viewer.run}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
