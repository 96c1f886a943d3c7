"""Compares what the tree does with what the last release does, seen from outside.

Both versions serve the same host and get the same requests. The suite records what each one
sends, prints, answers and writes. Identifiers, times, ports and paths are replaced by stable
names. Every remaining difference fails, unless `wanted.toml` names it with its reason. What a user
notices is in the changelog, too, and `make release` empties both tables.

- `baseline.py` installs the last release in an environment of its own.
- `programs/` runs in both versions, so it uses only the public API of `telemetry`.
- `requests.py` lists the requests, `cases.py` the commands and the start-up errors.
- `recording.py` runs one version and records it, `normalising.py` replaces what varies.
- `comparing.py` finds the differences and applies `wanted.toml`.
- `removed_tests.toml` names each test function that was removed, and what replaces it.
"""
