"""Site names on metrics, bounded."""

from __future__ import annotations

from telemetry.settings import variables as v

OTHER = "other"


class SiteLabels:
    """The first ``limit`` sites by name, ``other`` for the rest.

    A site once named stays named for the process's life, so that sums never
    break. Two threads that name a site at the same moment may pass the limit
    by one; a lock on every query would cost more than that series.
    """

    def __init__(self, limit: int = v.SITE_LIMIT.default) -> None:
        self.limit = limit
        self._named: dict[str, str] = {}

    def label(self, site: str) -> str:
        """The metric label for a registered site."""
        label = self._named.get(site)
        if label is not None:
            return label
        if len(self._named) >= self.limit:
            return OTHER
        return self._named.setdefault(site, site)
