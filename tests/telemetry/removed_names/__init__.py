"""A host with packages that lack one of the names in `telemetry.private_api`."""
