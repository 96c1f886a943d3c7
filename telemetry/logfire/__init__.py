"""Logfire: its manual API on telemetry's providers."""
