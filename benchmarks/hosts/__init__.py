"""ASGI entry modules of the same host, one for each kind of telemetry.

All have the same Django and router. `ours`, `logging_only` and `failing`
contain this layer, and variables configure it. The others build the host
without it, with `benchmarks.hosts.root`.
"""
