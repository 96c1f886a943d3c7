"""Counts what is sent again: the SDK's exporters retry inside, and tell nobody but their log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable


class Attempts:
    """Tells a payload that is sent again from the next one."""

    def __init__(self, retried: Callable[[], None]) -> None:
        self._retried = retried
        # Held, so that no other can have its identity.
        self._last: object = None

    def begin(self, payload: object) -> None:
        """A payload is about to be sent."""
        if payload is self._last:
            self._retried()
        self._last = payload

    def delivered(self) -> None:
        """It need not be held any longer."""
        self._last = None


class CountingSession(requests.Session):
    """OTLP over HTTP: the exporter gives each attempt the same bytes."""

    def __init__(self, retried: Callable[[], None]) -> None:
        super().__init__()
        self._attempts = Attempts(retried)

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """As any session's, counted."""
        self._attempts.begin(options.get("data"))
        response = super().request(*args, **options)
        if response.ok:
            self._attempts.delivered()
        return response
