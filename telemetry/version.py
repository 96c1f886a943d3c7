"""The package's version, also that of its instrumentation scopes."""

__version__ = "0.1.0"
