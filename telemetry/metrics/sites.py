"""Limits the number of sites on metrics."""

from __future__ import annotations

from telemetry.settings import variables as v

OTHER = "other"


class SiteLabels:
    """The names of the first ``limit`` sites, and ``other`` for the rest.

    A site keeps its name until the process ends, so that its counters stay
    monotonic. Two threads that add a site at the same time may exceed the limit
    by one; a lock for every query would cost more than that series.
    """

    def __init__(self, limit: int = v.SITE_LIMIT.default) -> None:
        self.limit = limit
        self.named: dict[str, str] = {}
        """The attribute values of the sites that have their own name, by site."""

    def label(self, site: str) -> str:
        """The attribute value for a registered site."""
        label = self.named.get(site)
        if label is not None:
            return label
        if len(self.named) >= self.limit:
            return OTHER
        return self.named.setdefault(site, site)
