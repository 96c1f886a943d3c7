"""The edge: the outermost ASGI application, where requests begin and end."""
