"""An application of Django whose set-up initialises Sentry's SDK."""

from __future__ import annotations

import sys
from typing import Any

from django.apps import AppConfig


class HostConfig(AppConfig):
    """Sets Sentry up, as hosts do that have a place for such calls."""

    name = "tests.telemetry.errors.sentry.sentry_host_app"
    label = "host"

    def ready(self) -> None:
        host: Any = sys.modules["tests.telemetry.errors.sentry.sentry_host"]
        host.initialise("AppConfig.ready")
