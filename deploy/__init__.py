"""How the host gets from a commit to its machine: `docs/rollout.md`."""
