"""Addresses of the viewer's own pages. Every other address is one of Datasette's."""

from __future__ import annotations

import re

STATIC = "viewer-static"
_FORM = r"(?P<form>\.json|\.txt)?"
_PATTERNS = {
    "receiver": r"/v1/(?P<signal>traces|metrics|logs)",
    "requests": rf"/(?:requests)?{_FORM}",
    "routes": rf"/routes{_FORM}",
    "statements": rf"/sql{_FORM}",
    "logs": rf"/logs{_FORM}",
    "search": rf"/search{_FORM}",
    "received": rf"/received{_FORM}",
    "trace": rf"/trace/(?P<trace_id>[0-9a-fA-F]{{4,32}}){_FORM}",
}
ROUTES = {name: re.compile(f"^{pattern}$") for name, pattern in _PATTERNS.items()}
"""Patterns of the receiver and the pages. Their groups are the arguments of the view."""
# Of the plugin: summaries of what is stored, and files.
_PLUGIN = re.compile(r"^/-/(otel(/.*)?|static/.*|static-plugins/.*)$")


def is_own(path: str) -> bool:
    """Whether a path is one of the viewer's own pages or files.

    These are listed, and not those of Datasette, which has several spellings of a path
    (`/~74elemetry`) and further databases (`/_memory`).

    Args:
        path: Path as Datasette's router reads it: percent-encoded.
    """
    return (
        path.startswith(f"/{STATIC}/")
        or path == "/favicon.ico"
        or any(pattern.match(path) for pattern in ROUTES.values())
    )


def may_run_sql(path: str) -> bool:
    """Whether a path may be a page of Datasette's that runs any SQL."""
    return not is_own(path) and not _PLUGIN.match(path)
