"""What is logged, as lines that lead to their trace: JSON for machines, text for people.

The standard library's `logging` throughout, and nothing of OpenTelemetry's SDK.
"""
