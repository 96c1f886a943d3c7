"""Command line of benchmarks that run in rounds and write a page of results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROUNDS = 7


def run_in_rounds(
    name: str,
    description: str | None,
    lines: Callable[[int], Iterable[str]],
    arguments: Sequence[str] | None,
    *,
    least: int = ROUNDS,
) -> int:
    """Print the results of the given number of rounds. With ``--write``, also into ``NAME.md``.

    Args:
        name: the module's name.
        description: for ``--help``.
        lines: makes the lines, given the number of rounds.
        arguments: of the command line.
        least: number of rounds by default, and at least with ``--write``.
    """
    results = Path(__file__).with_name(f"{name.upper()}.md")
    program = f"python -m benchmarks.{name}"
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--rounds", type=int, default=least)
    parser.add_argument("--write", action="store_true", help=f"write {results.name} anew")
    options = parser.parse_args(arguments)
    if options.rounds < (least if options.write else 1):
        parser.error(f"--rounds: wanted at least 1, and {least} with --write")
    text = "\n".join(lines(options.rounds)) + "\n"
    sys.stdout.write(text)
    if options.write:
        results.write_text(
            f"# {name.capitalize()}\n\nPrinted, and written here, by `{program} --write`.\n\n"
            f"```\n{text}```\n"
        )
    return 0


def say(what: str) -> None:
    """Print progress to stderr, separate from the results."""
    print(what, file=sys.stderr, flush=True)
