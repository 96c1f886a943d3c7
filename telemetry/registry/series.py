"""How many series a metric can become, at worst, in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from telemetry.registry.names import MetricName

# The SDK's own limit for one instrument; what is beyond is one series more, of which it says so.
SDK_LIMIT = 2000
# Datasette's operations are reads and writes; a site has its minutes, its agendas and the
# internal database; of what fails in them few classes are seen.
_OPERATIONS = 2
_DATABASES = 3
_OUTCOMES = 4


def worst_case(metric: MetricName, *, sites: int) -> int | None:
    """The number of series where all values occur that can; None where the set is open.

    Args:
        metric: of the registry.
        sites: TELEMETRY_SITE_LIMIT. Beyond them there are `other`, and requests without one.
    """
    series = 1
    for attribute in metric.attributes:
        if attribute == a.SITE:
            series *= sites + 2
        elif attribute.values is not None:
            series *= len(attribute.values)
        else:
            return None
    return series


def of_queries(*, sites: int) -> int:
    """Room for `db.client.operation.duration`: by site, database, operation and outcome."""
    return max(SDK_LIMIT, (sites + 2) * _DATABASES * _OPERATIONS * _OUTCOMES)
