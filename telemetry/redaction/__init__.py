"""Redaction of private data before export: one set of rules for every signal.

`Redactor` applies the rules; the other modules implement them. Nothing here
imports OpenTelemetry's SDK.
"""
