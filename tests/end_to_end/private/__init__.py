"""A host that repeats what its visitors say in every way that a host can, and who look for it."""
