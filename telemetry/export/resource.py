"""The OpenTelemetry resource: the service that sends telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource

from telemetry.redaction.redactor import Redactor
from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from telemetry.settings import Settings


def build_resource(settings: Settings) -> Resource:
    """Return the resource of all signals, with service, release and environment, redacted.

    The SDK adds ``service.instance.id``, which differs in each process.
    """
    resource = Resource.create(
        {
            **settings.resource_attributes,
            str(a.SERVICE_NAME): settings.service_name,
            str(a.SERVICE_VERSION): settings.release,
            str(a.DEPLOYMENT_ENVIRONMENT_NAME): settings.environment,
        }
    )
    # Also for Prometheus, and for exporters that are installed.
    attributes = Redactor(settings.redaction).attributes(resource.attributes)
    return Resource(dict(attributes), resource.schema_url)
