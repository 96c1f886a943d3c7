"""The edge: the outermost ASGI middleware, which traces and measures each request."""
