"""Logs: the standard library's `logging`, with the trace id in JSON or text lines.

Formatters and Django's ``LOGGING`` do not use OpenTelemetry's SDK.
"""
