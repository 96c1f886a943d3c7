"""Command line of `viewer`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from telemetry.viewer.addresses import DEFAULT_PORT, LOOPBACK, require_free
from telemetry.viewer.environment import make_environment

if TYPE_CHECKING:
    import argparse

    from telemetry.viewer.environment import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--host", default=LOOPBACK, help=f"address to listen on (default {LOOPBACK})"
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"port to listen on (default {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--database", metavar="FILE", help="SQLite file to store data in (default: in memory)"
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="additional host name to accept, such as a container's",
    )


def run(options: argparse.Namespace) -> int:
    """Replace this process by the viewer. Returns 2, with the problem printed, if that fails."""
    try:
        require_free(options.host, options.port)
        command = viewer_command(say=lambda line: print(line, file=sys.stderr))  # noqa: T201
    except (OSError, ValueError) as error:
        print(f"viewer: {error}", file=sys.stderr)  # noqa: T201
        return 2
    command += ["--host", options.host, "--port", str(options.port)]
    for name in options.allowed_host:
        command += ["--allowed-host", name]
    if options.database:
        command += ["--database", options.database]
    return _become(command)


def _become(command: list[str]) -> NoReturn:
    os.execve(command[0], command, viewer_environment())  # noqa: S606 - no shell wanted


def viewer_command(say: Progress) -> list[str]:
    """Return the command of the viewer in its own environment, created if there is none.

    Raises:
        OSError: The environment can't be created. Has the reason.
    """
    python = make_environment(say)
    # Isolated: of the application's packages, only this one is loaded, by `within`.
    return [str(python), "-I", os.path.join(os.path.dirname(__file__), "within.py")]


def viewer_environment() -> dict[str, str]:
    """Return the viewer's environment: without variables that make it export or load more."""
    foreign = ("OTEL_", "LOGFIRE_", "SENTRY_", "TELEMETRY_", "DATASETTE_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
