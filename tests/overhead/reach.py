"""The most that telemetry may add to a request: figures that are written anew never exceed it."""

from __future__ import annotations

# Parts of the bare host's instructions, traces at 100 %, with metrics, log lines and errors.
RATIOS = {"view": 0.08, "row": 0.12, "table": 0.03}
# Instructions for a trivial application, of which a ratio would say nothing: a little less than
# eight parts in a hundred of the small view's 4.6 million, where Django's middleware is added.
EDGE = 350_000

# What repeated runs differ by, as a part of a request's instructions: see `docs/performance.md`.
TOLERANCES = {"edge": 0.01, "view": 0.01, "row": 0.01, "table": 0.005}

NOT_REACHED: frozenset[str] = frozenset()
"""Cases that are above the reach so far. Their recorded figures may not grow either, and one that
comes within the reach fails until it is taken from here."""

GROWTH = 0.1
"""What is added may grow by this part of the recorded figure, beside the tolerance."""


def reach(case: str, bare: float) -> float:
    """Return the instructions that may be added to a case's request.

    Args:
        case: its name.
        bare: instructions of the same request without telemetry.
    """
    return EDGE if case == "edge" else RATIOS[case] * bare
