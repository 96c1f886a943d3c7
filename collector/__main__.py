"""`python -m collector DEST`: become the collector that sends there. `--validate` only looks."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from collector.destinations import STORAGE, WrongDestinationError, configuration, destinations
from collector.program import collector
from telemetry.settings.cache import cache_folder


def main(arguments: list[str]) -> int:
    """Returns only if it can't be done: 2, with what is wrong."""
    validate = "--validate" in arguments
    named = [argument for argument in arguments if argument != "--validate"]
    if len(named) != 1:
        print(f"usage: make collector DEST={'|'.join(destinations())}", file=sys.stderr)  # noqa: T201
        return 2
    environ = dict(os.environ)
    environ.setdefault(STORAGE, str(cache_folder() / "collector-queues"))
    try:
        options = configuration(named[0], environ)
        program = str(collector(lambda line: print(line, file=sys.stderr)))  # noqa: T201
    except (WrongDestinationError, OSError) as error:
        print(f"collector: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return _become([program, *(["validate"] if validate else []), *options], environ)


def _become(command: list[str], environ: dict[str, str]) -> NoReturn:
    os.execve(command[0], command, environ)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
