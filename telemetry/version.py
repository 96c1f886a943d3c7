"""The version, as the instrumentation scopes carry it."""

__version__ = "0.1.0"
