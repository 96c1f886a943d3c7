"""One ASGI entry module for each way to observe the same host.

Each imports `config.asgi` as it is. Only `ours` finds variables there that ask
for telemetry; to the others it is the bare host, so that all four run the same
Django, router and kept Datasettes.
"""
