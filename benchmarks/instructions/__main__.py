"""`python -m benchmarks.instructions`: the instructions that telemetry adds to a request.

Needs a C compiler and Debian's `valgrind`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.command import say
from benchmarks.instructions.figures import (
    FILE,
    Details,
    Figures,
    read,
    software,
    where,
    within_reach,
)
from benchmarks.instructions.measure import Measurement
from tests.overhead.reach import reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchmarks.instructions.figures import Added


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help=f"write {FILE.name} anew, as far as within reach"
    )
    options = parser.parse_args(arguments)
    recorded = read()
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        measurement = Measurement(Path(folder), say)
        added = measurement.typical()
        _print(_totals(added, recorded))
        details = measurement.details()
    measured = Figures(added, details, software())
    _print(_details(measured, recorded))
    if not options.write:
        return 0
    kept, above = within_reach(measured, recorded)
    FILE.write_text(kept.text())
    for name in above:
        say(f"{name} is above what telemetry may add, and was not written")
    return 1 if above else 0


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _totals(added: Mapping[str, Added], recorded: Figures) -> Iterator[str]:
    yield "Instructions of a request:"
    yield f"  {'':<8}{'bare':>14}{'added':>14}{'ratio':>8}{'at most':>14}{'recorded':>14}"
    for name, each in added.items():
        before = recorded.cases.get(name)
        yield (
            f"  {name:<8}{each.bare:>14,.0f}{each.added:>14,.0f}{each.ratio:>8.1%}"
            f"{reach(name, each.bare):>14,.0f}"
            f"{'-' if before is None else format(before.added, ',.0f'):>14}"
        )


def _details(measured: Figures, recorded: Figures) -> Iterator[str]:
    for name, details in measured.details.items():
        yield ""
        yield from where(name, recorded.details.get(name, Details()), details)
    yield ""
    yield measured.software


if __name__ == "__main__":
    sys.exit(main())
