"""The host of the repository with more pages; both versions run it.

It may import only `config`, third parties and the public API of `telemetry`.
"""
