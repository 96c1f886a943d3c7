"""What is looked at each time metrics are collected: the process, its Datasettes, telemetry."""
