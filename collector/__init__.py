"""The OpenTelemetry Collector of one machine: its destinations, and how it is installed."""
