"""What telemetry adds to a request, in instructions: `make overhead`.

Needs a C compiler and Debian's `valgrind`. What is recorded is in
`benchmarks/instructions/figures.json`.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.hosts.variables import PLANTED
from benchmarks.instructions.figures import Added, Details, problems, read, where
from benchmarks.instructions.measure import Measurement
from tests.overhead.reach import TOLERANCES

if TYPE_CHECKING:
    from pathlib import Path

# Seconds: three minutes on a quiet machine, and many more on one that has much else to do.
pytestmark = [pytest.mark.overhead, pytest.mark.timeout(7200)]
# Turns of a loop, of 200 instructions each: more than a tenth of the ceiling, and the tolerance.
SLOWED = {PLANTED: "1000"}
NOT_KEPT = {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0"}


@pytest.fixture(scope="module")
def measurement(tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    assert shutil.which("valgrind"), "wanted Debian's package valgrind"
    folder: Path = tmp_path_factory.mktemp("overhead")
    return Measurement(folder, lambda what: print(what, file=sys.stderr))


@pytest.fixture(scope="module")
def measured(measurement: Measurement) -> dict[str, Added]:
    return measurement.added()


def test_telemetry_adds_what_is_recorded(
    measurement: Measurement, measured: dict[str, Added]
) -> None:
    """Not above the reach, and a tenth more at most. Otherwise says where."""
    recorded = read()
    found = problems(recorded.cases, measured)
    if found:
        # Servers with the same code differ, by where memory lies. Others show what has grown, too.
        found = problems(recorded.cases, measurement.added(found))
    lines = list(found.values())
    if found:
        for name, details in measurement.details(found).items():
            lines += where(name, recorded.details.get(name, Details()), details)
        lines.append(f"recorded with {recorded.software}")
    assert not found, "\n".join(lines)


def test_a_slowdown_is_found_and_named(
    measurement: Measurement, measured: dict[str, Added]
) -> None:
    """A loop in front of the edge: the guard fails, and names its function first."""
    slowed = measurement.added(["edge"], SLOWED)
    assert "are recorded" in problems(measured, slowed)["edge"]
    [recorded] = measurement.details(["edge"], parts=False).values()
    [now] = measurement.details(["edge"], SLOWED, parts=False).values()
    assert "_planted" in list(where("edge", recorded, now))[1]


def test_a_request_whose_trace_is_not_kept_takes_no_more(
    measurement: Measurement, measured: dict[str, Added]
) -> None:
    """With the sampler `tail`, than one whose span is encoded and sent."""
    kept, [not_kept] = measured["edge"], measurement.added(["edge"], NOT_KEPT).values()
    assert not_kept.added <= kept.added + TOLERANCES["edge"] * (kept.bare + kept.added)
