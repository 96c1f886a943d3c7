"""The recorded figures, and what has grown since."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import machine, packages
from tests.overhead.reach import GROWTH, NOT_REACHED, TOLERANCES, reach

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

FILE = Path(__file__).with_name("figures.json")
# Functions that a report names.
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Added:
    """Instructions of a case's request in the bare host, and what telemetry adds."""

    bare: float
    added: float

    @property
    def ratio(self) -> float:
        """What is added, as a part of the bare host's."""
        return self.added / self.bare


@dataclass(frozen=True, slots=True)
class Details:
    """Where the instructions of a case are."""

    parts: Mapping[str, float] = field(default_factory=dict)
    """The processor's, by what was turned off to measure it."""
    functions: Mapping[str, int] = field(default_factory=dict)
    """Python's, by function, without those of the bare host."""


@dataclass(frozen=True, slots=True)
class Figures:
    """By case, what is added and where; and what it was measured with."""

    cases: Mapping[str, Added]
    details: Mapping[str, Details]
    software: str

    def text(self) -> str:
        """Return the file's content."""
        document = {
            "software": self.software,
            "cases": {
                name: {key: round(value) for key, value in asdict(each).items()}
                for name, each in self.cases.items()
            },
            "details": {
                name: {
                    "parts": {part: round(value) for part, value in each.parts.items()},
                    "functions": dict(sorted(each.functions.items())),
                }
                for name, each in self.details.items()
            },
        }
        return json.dumps(document, indent=1) + "\n"


def software() -> str:
    """Return what figures depend on, beside the project's own code."""
    return f"{machine()}; {packages()}"


def read(path: Path = FILE) -> Figures:
    """Read recorded figures; none where there is no file."""
    if not path.exists():
        return Figures({}, {}, "")
    document = json.loads(path.read_text())
    return Figures(
        {name: Added(**each) for name, each in document["cases"].items()},
        {name: Details(**each) for name, each in document["details"].items()},
        document["software"],
    )


def problems(
    recorded: Mapping[str, Added],
    measured: Mapping[str, Added],
    not_reached: Collection[str] = NOT_REACHED,
) -> dict[str, str]:
    """Return, by case, what is wrong with a measurement: above the reach, or grown.

    Args:
        recorded: the figures that measurements are compared with.
        measured: the measurements.
        not_reached: cases that may be above the reach.
    """
    found = {}
    for name, now in measured.items():
        tolerance = TOLERANCES[name] * (now.bare + now.added)
        what = f"{name}: telemetry adds {now.added:,.0f} instructions to a request"
        most = reach(name, now.bare)
        before = recorded.get(name)
        wrong = []
        if name in not_reached:
            if now.added <= most - tolerance:
                wrong.append(f"{name} is within its reach of {most:,.0f}: take it from NOT_REACHED")
        elif now.added > most + tolerance:
            wrong.append(f"{what} ({now.ratio:.1%} of the bare host's), wanted at most {most:,.0f}")
        if before is None:
            wrong.append(
                f"{name}: no figure is recorded: run `python -m benchmarks.instructions --write`"
            )
        elif now.added > before.added * (1 + GROWTH) + tolerance:
            wrong.append(
                f"{what}, {now.added / before.added - 1:+.1%}: {before.added:,.0f} are recorded, "
                f"wanted at most {GROWTH:.0%} more, and a tolerance of {tolerance:,.0f}"
            )
        if wrong:
            found[name] = "\n".join(wrong)
    return found


def where(name: str, recorded: Details, measured: Details) -> Iterator[str]:
    """Yield lines that say where a case's instructions have grown."""
    if measured.parts:
        yield f"{name}, instructions by what was turned off to measure it:"
    for part, now in measured.parts.items():
        old = recorded.parts.get(part)
        change = "not recorded" if old is None else f"{now - old:+,.0f}"
        yield f"  {now:>12,.0f}  {change:>14}  {part}"
    yield f"{name}, Python's instructions by function, the largest changes:"
    grown = Counter(measured.functions)
    grown.subtract(recorded.functions)
    for function, more in sorted(grown.items(), key=lambda item: -abs(item[1]))[:_NAMED]:
        if more:
            yield f"  {measured.functions.get(function, 0):>12,.0f}  {more:>+14,.0f}  {function}"


def within_reach(
    measured: Figures, recorded: Figures, not_reached: Collection[str] = NOT_REACHED
) -> tuple[Figures, list[str]]:
    """Return the figures to record, and the cases above the reach, which keep their old ones.

    Args:
        measured: the new figures.
        recorded: the old ones.
        not_reached: cases that are recorded though they are above the reach.
    """
    above = [
        name
        for name, each in measured.cases.items()
        if each.added > reach(name, each.bare) and name not in not_reached
    ]
    kept = [name for name in measured.cases if name not in above]
    return (
        Figures(
            {**recorded.cases, **{name: measured.cases[name] for name in kept}},
            {**recorded.details, **{name: measured.details[name] for name in kept}},
            measured.software,
        ),
        above,
    )
