"""Who is sending: one value for each name, on every signal."""

from __future__ import annotations

from telemetry.export.resource import build_resource
from telemetry.settings import Settings


def test_the_resource_names_service_release_and_environment() -> None:
    """As literals: backends are searched by these."""
    settings = Settings(
        service_name="corkboard",
        release="2026.10",
        environment="production",
        resource_attributes={"team": "civic", "service.name": "overruled"},
    )
    attributes = build_resource(settings).attributes
    assert (
        dict(attributes).items()
        >= {
            "service.name": "corkboard",
            "service.version": "2026.10",
            "deployment.environment.name": "production",
            "team": "civic",
            "telemetry.sdk.language": "python",
        }.items()
    )
    assert attributes["service.instance.id"]
