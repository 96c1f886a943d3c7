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
    parser = _parser(name, description)
    parser.add_argument("--rounds", type=int, default=least)
    options = parser.parse_args(arguments)
    if options.rounds < (least if options.write else 1):
        parser.error(f"--rounds: wanted at least 1, and {least} with --write")
    _put_out(name, lines(options.rounds), "", write=options.write)
    return 0


def run_once(
    name: str,
    description: str | None,
    lines: Callable[[bool], Iterable[str]],
    arguments: Sequence[str] | None,
    *,
    full: str,
) -> int:
    """Print the results. With ``--write``, also into ``NAME.md``, or ``NAME-FULL.md``.

    Args:
        name: the module's name.
        description: for ``--help``.
        lines: makes the lines, given whether ``--full`` is.
        arguments: of the command line.
        full: describes what the option ``--full`` measures instead.
    """
    parser = _parser(name, description)
    parser.add_argument("--full", action="store_true", help=full)
    options = parser.parse_args(arguments)
    option = " --full" if options.full else ""
    _put_out(name, lines(options.full), option, write=options.write)
    return 0


def _results(name: str, option: str = "") -> Path:
    return Path(__file__).with_name(f"{name}{option.replace(' --', '-')}".upper() + ".md")


def _parser(name: str, description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    help = f"write {_results(name).name} anew"  # noqa: A001
    parser.add_argument("--write", action="store_true", help=help)
    return parser


def _put_out(name: str, lines: Iterable[str], option: str, *, write: bool) -> None:
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if write:
        _results(name, option).write_text(
            f"# {name.capitalize()}\n\nPrinted, and written here, by "
            f"`python -m benchmarks.{name}{option} --write`.\n\n"
            f"```\n{text}```\n"
        )


def say(what: str) -> None:
    """Print progress to stderr, separate from the results."""
    print(what, file=sys.stderr, flush=True)
