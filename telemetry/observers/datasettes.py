"""How many Datasettes the process holds: the number that makes sense of the sums over them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

from telemetry.registry.process_metrics import DATASETTES

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter


def observe_instances(meter: Meter) -> None:
    """Have ``meter`` count them, each time it is collected."""
    meter.create_observable_up_down_counter(
        str(DATASETTES), [_observed], DATASETTES.unit, DATASETTES.description
    )


def _observed(_options: CallbackOptions) -> list[Observation]:
    # Datasette's own list, by a private name; nothing is said where there is none, and a host
    # that has not imported Datasette holds none.
    module = sys.modules.get("datasette.telemetry")
    instances = getattr(module, "_live_instances", None)
    return [] if instances is None else [Observation(len(instances()))]
