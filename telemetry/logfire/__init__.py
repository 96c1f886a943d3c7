"""What only Logfire has: its manual API on our providers, and what its pages show of a span."""
