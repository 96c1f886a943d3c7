"""`python -m telemetry cost`: what pages cost in spans, bytes and money."""
