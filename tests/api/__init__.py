"""The public interface: what it is, and that the examples of its docstrings work."""
