"""`python -m collector DEST`: run the collector for a destination. `--validate` only checks it.

`python -m collector --lock` updates the lock files of the collector's build.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from collector.destinations import WrongDestinationError, completed, configuration, destinations
from collector.program import collector, lock


def main(arguments: list[str]) -> int:
    """Replace this process by the collector. Returns 2, with the problem printed, if that fails."""
    validate = "--validate" in arguments
    named = [argument for argument in arguments if argument != "--validate"]
    if named == ["--lock"]:
        return _lock()
    if len(named) != 1:
        _say(f"usage: make collector DEST={'|'.join(destinations())}")
        return 2
    environ = completed(os.environ)
    try:
        options = configuration(named[0], environ)
        program = str(collector(_say))
    except (WrongDestinationError, OSError) as error:
        _say(f"collector: {error}")
        return 2
    if not validate:
        host = environ.get("COLLECTOR_HOST") or "127.0.0.1"
        http = environ.get("COLLECTOR_HTTP_PORT") or "4318"
        grpc = environ.get("COLLECTOR_GRPC_PORT") or "4317"
        _say(f"OTLP on http://{host}:{http}, and for gRPC {host}:{grpc}; on to {named[0]}.")
    return _become([program, *(["validate"] if validate else []), *options], environ)


def _lock() -> int:
    try:
        lock(_say)
    except OSError as error:
        _say(f"collector: {error}")
        return 2
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - a command


def _become(command: list[str], environ: dict[str, str]) -> NoReturn:
    os.execve(command[0], command, environ)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
