"""Deployment of the host, from a commit to its machine: `docs/rollout.md`."""
