"""Whether a flush finished."""

from __future__ import annotations

from telemetry.export.flushing import run_all


def test_what_is_late_and_left_something_gave_up() -> None:
    """Though it has returned: the error tracker's flush ends by itself after as long as was given.

    With nothing to wait for, so that only the clock and what is left decide.
    """
    assert run_all([], 60, lambda: 2)
    assert run_all([], 0, lambda: 0)
    assert not run_all([], 0, lambda: 2)
