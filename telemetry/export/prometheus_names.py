"""Names of metrics and labels that become alike for Prometheus.

The exporter leaves scopes out of series, and replaces what Prometheus allows in no name. Metrics of
two scopes with one name, or of names such as ``a.b`` and ``a_b``, would be one family: with twice
the same series, which Prometheus refuses, or with the labels of the first. The later ones get
another name here.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.sdk.metrics.export import Metric, MetricsData, ScopeMetrics
    from prometheus_client.core import Metric as Family

logger = logging.getLogger("telemetry")

_OTHERS = re.compile("[^A-Za-z0-9]+")


class Names:
    """Gives each metric, label and family a name of its own, the same in each collection.

    Each change is logged once.
    """

    def __init__(self) -> None:
        # By scope and name of a metric, its name; and by name for Prometheus, who has it.
        self._metrics: dict[tuple[str, str], str] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._logged: set[object] = set()

    def distinct(self, data: MetricsData) -> MetricsData:
        """Return metrics whose names, and names of attributes, stay different."""
        return replace(
            data,
            resource_metrics=[
                replace(each, scope_metrics=[self._of_scope(scope) for scope in each.scope_metrics])
                for each in data.resource_metrics
            ],
        )

    def _of_scope(self, scope: ScopeMetrics) -> ScopeMetrics:
        name = scope.scope.name if scope.scope else ""
        return replace(scope, metrics=[self._of_metric(name, metric) for metric in scope.metrics])

    def _of_metric(self, scope: str, metric: Metric) -> Metric:
        name = self._metrics.get((scope, metric.name)) or self._claimed(scope, metric.name)
        data: Any = metric.data
        points = data.data_points
        keys = {key for point in points for key in point.attributes or ()}
        renamed = self._alike(metric.name, keys)
        if renamed:
            points = [replace(p, attributes=_with(p.attributes or {}, renamed)) for p in points]
        if name == metric.name and not renamed:
            return metric
        return replace(metric, name=name, data=replace(data, data_points=points))

    def _claimed(self, scope: str, name: str) -> str:
        found, number = name, 1
        while (alike := _alike(found)) in self._owners:
            number += 1
            found = f"{name}.{scope}" if number == 2 and scope else f"{name}.{number}"
        owner = self._owners.setdefault(_alike(name), (scope, name))
        self._owners.setdefault(alike, (scope, name))
        self._metrics[scope, name] = found
        if found != name:
            self._log(
                (scope, name), f"metric {name} of {scope}", found, f"{owner[1]} of {owner[0]}"
            )
        return found

    def _alike(self, metric: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the new names of the attributes whose name becomes that of another one."""
        taken: dict[str, str] = {}
        renamed = {}
        for key in sorted(keys):
            found, number = key, 1
            while (alike := _alike(found)) in taken:
                number += 1
                found = f"{key}_{number}"
            if found != key:
                renamed[key] = found
                self._log((metric, key), f"attribute {key} of {metric}", found, taken[_alike(key)])
            taken[alike] = key
        return renamed

    def families(self, families: Iterable[Family]) -> Iterator[Family]:
        """Yield families none of whose samples has the name of another family's.

        With a unit or an ending such as ``_total``, other names become alike.
        """
        taken: dict[str, str] = {}
        for family in families:
            own, given, number = _names_of(family), family.name, 1
            while any(name in taken for name in own):
                number += 1
                _rename(family, f"{given}_{number}")
                own = _names_of(family)
            if number > 1:
                self._log(given, f"metric {given}", family.name, f"another {given}")
            taken |= dict.fromkeys(own, family.name)
            yield family

    def _log(self, key: object, what: str, name: str, other: str) -> None:
        if key not in self._logged:
            self._logged.add(key)
            logger.warning("%s is %s for Prometheus: %s has its name", what, name, other)


def _alike(name: str) -> str:
    return _OTHERS.sub("_", name)


def _with(attributes: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    return {renamed.get(key, key): value for key, value in attributes.items()}


def _names_of(family: Family) -> set[str]:
    return {family.name, *(sample.name for sample in family.samples)}


def _rename(family: Family, name: str) -> None:
    before, family.name = family.name, name
    family.samples = [
        sample._replace(name=name + sample.name.removeprefix(before)) for sample in family.samples
    ]
