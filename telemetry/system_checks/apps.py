"""The application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register


class SystemChecksConfig(AppConfig):
    """Registers the checks."""

    name = "telemetry.system_checks"
    label = "telemetry_system_checks"

    def ready(self) -> None:
        """Once Django is set up."""
        from telemetry.django.checks import check_configuration, check_deployment
        from telemetry.system_checks.host import check_host

        register(check_configuration, "telemetry")
        register(check_host, "telemetry")
        register(check_deployment, "telemetry", Tags.security, deploy=True)
