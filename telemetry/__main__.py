"""`python -m telemetry`: the commands."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from telemetry.cost import command as cost

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named. Returns the exit code; 2 where it can't be understood."""
    parser = argparse.ArgumentParser(prog="python -m telemetry", description="What telemetry does.")
    commands = parser.add_subparsers(dest="command", required=True)
    what = "what pages cost in spans, bytes and money"
    cost.add_arguments(commands.add_parser("cost", help=what, description=what))
    return cost.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
