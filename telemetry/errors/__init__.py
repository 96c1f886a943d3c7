"""Errors: each failure is reported once, to the error tracker and to the log."""
