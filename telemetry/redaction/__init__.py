"""What is taken out before anything leaves: one set of rules for every signal.

`Redactor` holds the rules; the other modules are what it knows, and how spans
and records are put through it. Nothing here imports OpenTelemetry's SDK but
what is named after a signal.
"""
