"""A host whose packages no longer have one of the names of `telemetry.private_api`."""
