"""Django: its instrumentor, its middleware and its system checks."""
