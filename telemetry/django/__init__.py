"""Django: the instrumentor, the middleware and the system checks."""
