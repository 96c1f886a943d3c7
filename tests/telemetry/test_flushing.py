"""Who gave up."""

from __future__ import annotations

from telemetry.flushing import Flush


def test_what_is_late_and_left_something_gave_up() -> None:
    """Though it has returned: the error tracker's flush ends by itself after as long as was given.

    With nothing to wait for, so that only the clock and what is left decide.
    """
    assert Flush([]).run(60, lambda: 2)
    assert Flush([]).run(0, lambda: 0)
    assert not Flush([]).run(0, lambda: 2)
