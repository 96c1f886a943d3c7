"""`python -m telemetry cost`: estimates spans, bytes and price of pages."""
