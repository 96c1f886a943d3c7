"""Command line of `trace`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from telemetry.terminal import without_controls
from telemetry.viewer.client import ViewerError, add_viewer_argument, read

if TYPE_CHECKING:
    import argparse

_ID = re.compile(r"[0-9a-f]{4,32}", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", help="trace id, or at least four digits of its beginning")
    add_viewer_argument(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Print a trace. Returns 0; 1 if the viewer has no such trace, and 2 if it does not answer."""
    if not _ID.fullmatch(options.id):
        sys.stderr.write(f"trace: {options.id!r}: wanted 4 to 32 hexadecimal digits\n")
        return 2
    form = "json" if options.json else "txt"
    try:
        page = read(options.viewer, f"/trace/{options.id.lower()}", form)
    except ViewerError as error:
        sys.stderr.write(f"trace: {without_controls(str(error))}\n")
        return 1 if error.answered else 2
    sys.stdout.write("".join(f"{without_controls(line)}\n" for line in page.splitlines()))
    return 0
