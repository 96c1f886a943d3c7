"""A host that fails in every way that a host can, each by an exception of its own text."""
