"""The three providers: OpenTelemetry's own, with one door each for what must be adapted."""
