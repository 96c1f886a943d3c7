"""Compares the tree with the last release: what an upgrade changes for a host and its operator.

- `released.toml` names the release by its commit, whose wheel is built from git's history.
- `programs/` runs in both versions, so it uses only the public interface.
- What the changelog names in a line headed **Upgrade** since the release may differ.
"""
